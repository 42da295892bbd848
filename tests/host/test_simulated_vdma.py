"""The video DMA's writing channel: circular, parked, interrupts, malformed streams, errors, stops, resets."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from host.simulated.dram import Dram
from host.simulated.vdma import DmaError, VdmaS2mm
from hw_anon.core.video_words import TLAST, TUSER, frame_beats

PARK, CR, SR, MASK, VSIZE, HSIZE, STRIDE, ADDRESS = 0x28, 0x30, 0x34, 0x3C, 0xA0, 0xA4, 0xA8, 0xAC
W, H, STORES = 16, 9, 3
LINE = 3 * W
RUN, CIRCULAR, RESET, IRQ = 1, 2, 4, 1 << 12


@pytest.fixture
def dram() -> Dram:
    return Dram(1 << 16)


@pytest.fixture
def vdma(dram: Dram) -> VdmaS2mm:
    channel = VdmaS2mm(dram, frame_stores=STORES)
    _start(channel)
    return channel


def _store(dram: Dram, index: int, *, line: int = LINE, lines: int = H) -> NDArray[np.uint8]:
    return dram.view(_address(dram, index), line * lines).reshape(lines, line)


def _address(dram: Dram, index: int) -> int:
    return dram.window.base + 0x1000 * index


def _start(
    channel: VdmaS2mm, *, control: int = RUN | CIRCULAR | IRQ | 1 << 16, hsize: int = LINE, vsize: int = H
) -> None:
    for index in range(STORES):
        channel.write(ADDRESS + 4 * index, 0x1000_0000 + 0x1000 * index)
    channel.write(CR, control)
    channel.write(STRIDE, hsize)
    channel.write(HSIZE, hsize)
    channel.write(VSIZE, vsize)


def _frame(seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(1, 256, (H, W, 3)).astype(np.uint8)


@pytest.mark.parametrize("pieces", [1, 2, 7, 40])
def test_frames_go_round_the_ring_whole(dram: Dram, vdma: VdmaS2mm, pieces: int) -> None:
    for number in range(5):
        frame = _frame(number)
        for part in np.array_split(frame_beats(frame), pieces):
            vdma.take(part)
        assert np.array_equal(_store(dram, number % STORES), frame.reshape(H, LINE))
        assert vdma.read(PARK) >> 24 == (number + 1) % STORES
        assert vdma.irq and vdma.read(SR) & IRQ
        vdma.write(SR, IRQ)
        assert not vdma.irq
    assert vdma.frames_written == 5


def test_a_parked_channel_stays_in_its_store(dram: Dram, vdma: VdmaS2mm) -> None:
    vdma.write(PARK, 2 << 8)
    vdma.write(CR, RUN)
    for number in range(3):
        vdma.take(frame_beats(_frame(number)))
        assert np.array_equal(_store(dram, 2), _frame(number).reshape(H, LINE))
    assert not dram.bytes[: 2 * 0x1000].any()


def test_the_interrupt_counts_frames(vdma: VdmaS2mm) -> None:
    vdma.write(CR, RUN | CIRCULAR | IRQ | 3 << 16)
    pending = []
    for number in range(6):
        vdma.take(frame_beats(_frame(number)))
        pending.append(vdma.frame_pending)
        vdma.write(SR, IRQ)
    assert pending == [False, False, True, False, False, True]


def test_settings_wait_for_vsize_and_the_next_frame(dram: Dram, vdma: VdmaS2mm) -> None:
    words = frame_beats(_frame(0))
    vdma.take(words[: 3 * W])
    vdma.write(ADDRESS + 4, _address(dram, 7))
    vdma.take(words[3 * W :])
    vdma.take(frame_beats(_frame(1)))
    assert np.array_equal(_store(dram, 1), _frame(1).reshape(H, LINE)), "not before VSIZE is written"
    for number in (2, 3):
        vdma.write(VSIZE, H)
        vdma.take(frame_beats(_frame(number)))
    vdma.take(frame_beats(_frame(4)))
    assert np.array_equal(_store(dram, 7), _frame(4).reshape(H, LINE))


@pytest.mark.parametrize(
    ("damage", "error"),
    [("sof early", DmaError.SOF_EARLY), ("eol early", DmaError.EOL_EARLY), ("eol late", DmaError.EOL_LATE)],
)
@pytest.mark.parametrize("repeat", [False, True])
def test_a_malformed_frame_costs_itself_only(
    dram: Dram, vdma: VdmaS2mm, damage: str, error: DmaError, repeat: bool
) -> None:
    vdma.write(CR, RUN | CIRCULAR | IRQ | 1 << 16 | repeat << 15)
    words = frame_beats(_frame(0))
    if damage == "sof early":
        words = words[: 5 * W]
    elif damage == "eol early":
        words[3 * W + 4] |= TLAST
    else:
        words[4 * W - 1] ^= np.uint32(TLAST)
    vdma.take(words)
    vdma.take(frame_beats(_frame(1)))
    assert vdma.read(SR) & (error | 1 << 14) == error | 1 << 14
    assert np.array_equal(_store(dram, 0 if repeat else 1), _frame(1).reshape(H, LINE))
    vdma.write(SR, error | 1 << 14)
    assert not vdma.read(SR) & (error | 1 << 14) and vdma.frames_written == 1


def test_words_after_a_frame_are_a_late_start(vdma: VdmaS2mm) -> None:
    vdma.take(frame_beats(_frame(0)))
    vdma.take(np.full(5, 7, np.uint32))
    assert vdma.read(SR) & DmaError.SOF_LATE
    vdma.take(frame_beats(_frame(1)))
    assert vdma.frames_written == 2


def test_a_masked_error_is_not_shown(vdma: VdmaS2mm) -> None:
    vdma.write(MASK, 0xF)
    vdma.take(frame_beats(_frame(0))[: 5 * W])
    vdma.take(frame_beats(_frame(1)))
    assert not vdma.read(SR) & DmaError.SOF_EARLY and vdma.frames_written == 1


def test_it_begins_at_a_start_of_frame(dram: Dram, vdma: VdmaS2mm) -> None:
    vdma.take(frame_beats(_frame(0))[50:])
    vdma.take(frame_beats(_frame(1)))
    assert np.array_equal(_store(dram, 0), _frame(1).reshape(H, LINE))
    assert not vdma.read(SR) & 0xFFF0_0000 and not vdma.read(SR) & 0x8FF0


@pytest.mark.parametrize("address", [0, 0xFFFF_FF00, 0x1000_FFF0])
def test_an_address_without_memory_halts(vdma: VdmaS2mm, address: int) -> None:
    vdma.write(ADDRESS, address)
    vdma.write(VSIZE, H)
    vdma.take(frame_beats(_frame(0)))
    assert vdma.read(SR) & (DmaError.DECODE | 1) == DmaError.DECODE | 1
    assert not vdma.ready
    vdma.write(CR, RUN | CIRCULAR)
    assert vdma.read(SR) & 1, "an error keeps it halted"
    vdma.write(CR, RESET)
    _start(vdma)
    vdma.take(frame_beats(_frame(1)))
    assert vdma.frames_written == 1


@pytest.mark.parametrize(("hsize", "vsize"), [(0, H), (LINE, 0)])
def test_sizes_of_zero_halt(dram: Dram, hsize: int, vsize: int) -> None:
    channel = VdmaS2mm(dram, frame_stores=STORES)
    _start(channel, hsize=hsize, vsize=vsize)
    assert channel.read(SR) & (DmaError.INTERNAL | 1) == DmaError.INTERNAL | 1


def test_a_stop_waits_for_the_end_of_the_frame(dram: Dram, vdma: VdmaS2mm) -> None:
    words = frame_beats(_frame(0))
    vdma.take(words[:40])
    vdma.write(CR, CIRCULAR)
    assert not vdma.read(SR) & 1, "a frame is under way"
    vdma.take(words[40:])
    assert vdma.read(SR) & 1 and np.array_equal(_store(dram, 0), _frame(0).reshape(H, LINE))
    assert not vdma.ready


def test_what_comes_while_halted_waits_in_the_line_buffer(vdma: VdmaS2mm) -> None:
    vdma.write(CR, CIRCULAR)
    vdma.take(frame_beats(_frame(0)))
    assert not vdma.frames_written
    _start(vdma)
    assert vdma.frames_written == 1


def test_a_reset_forgets_everything(vdma: VdmaS2mm) -> None:
    vdma.take(frame_beats(_frame(0))[:70])
    vdma.write(CR, RESET)
    assert vdma.read(CR) == 0x0001_0002 and vdma.read(SR) & 1 and vdma.read(VSIZE) == 0
    assert not vdma.read(CR) & RESET, "the reset has ended"


def test_a_stall_ends_with_a_reset_only(vdma: VdmaS2mm) -> None:
    vdma.stall(at_line=4, for_ever=False)
    vdma.take(frame_beats(_frame(0)))
    assert not vdma.ready and not vdma.frames_written
    vdma.write(CR, CIRCULAR)
    assert not vdma.read(SR) & 1, "a stop hangs: software must bound its wait"
    vdma.write(CR, RESET)
    _start(vdma)
    vdma.take(frame_beats(_frame(1)))
    assert vdma.frames_written == 1


def test_a_stall_for_ever_survives_a_reset(vdma: VdmaS2mm) -> None:
    vdma.stall(at_line=0, for_ever=True)
    for number in range(2):
        vdma.take(frame_beats(_frame(number)))
        assert not vdma.ready and not vdma.frames_written
        vdma.write(CR, RESET)
        _start(vdma)


def test_a_torn_frame_is_reported_as_whole(dram: Dram, vdma: VdmaS2mm) -> None:
    vdma.tear_at_line = 5
    vdma.take(frame_beats(_frame(0)))
    assert vdma.frames_written == 1 and vdma.irq
    assert np.array_equal(_store(dram, 0)[:5], _frame(0).reshape(H, LINE)[:5]) and not _store(dram, 0)[5:].any()
    vdma.take(frame_beats(_frame(1)))
    assert np.array_equal(_store(dram, 1), _frame(1).reshape(H, LINE)), "only one frame is torn"


def test_strides_leave_gaps_and_short_strides_overlap(dram: Dram, vdma: VdmaS2mm) -> None:
    vdma.write(STRIDE, LINE + 8)
    vdma.write(VSIZE, H)
    vdma.take(frame_beats(_frame(0)))
    stored = _store(dram, 0, line=LINE + 8)
    assert np.array_equal(stored[:, :LINE], _frame(0).reshape(H, LINE)) and not stored[:, LINE:].any()
    vdma.write(STRIDE, 1)
    vdma.write(VSIZE, H)
    vdma.take(frame_beats(_frame(1)))
    assert np.array_equal(dram.view(_address(dram, 1) + H - 1, LINE), _frame(1)[-1].reshape(-1))


def test_marks_are_where_the_words_say(vdma: VdmaS2mm) -> None:
    words = frame_beats(_frame(0))
    assert words[0] & TUSER and not (words[1:] & TUSER).any()
    assert vdma.read(0x2C) >> 28 == 6, "the version register"
