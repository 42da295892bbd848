"""The simulated board under real, unmodified pynq: frames, cache, memory, clocks, interrupts, faults."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from host.simulated.adversary.marks import STAND_IN_CONFIG, detect, modify, twin_pictures
from host.simulated.faults import OtherBuild
from host.simulated.model import ModelCamera
from host.simulated.source import VideoSource
from host.simulated.vdma import DmaError
from hw_anon.core.board_frame import pack_board_frame, unpack_board_frame
from hw_anon.core.camera_model import CameraModel
from hw_anon.core.errors import ConfigError, DeviceError
from hw_anon.core.frame import Fault
from hw_anon.core.platform import get_platform
from hw_anon.core.register_access import CameraRegisters
from hw_anon.core.video_words import frame_beats, video_beats

pytestmark = pytest.mark.board

CONFIG = STAND_IN_CONFIG
W, H = CONFIG.width, CONFIG.height
TIMEOUT_S = 30.0
CR, SR, VSIZE, HSIZE, STRIDE, ADDRESS, PARK = 0x30, 0x34, 0xA0, 0xA4, 0xA8, 0xAC, 0x28


def _pictures(count: int, seed: int = 0) -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(seed)
    return [twin_pictures(rng, CONFIG, faces=int(rng.integers(0, 4)))[0] for _ in range(count)]


def _golden(pictures: list[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    model = CameraModel(CONFIG, detect=detect, modify=modify)
    model.running = True
    for picture in pictures:
        model.feed(video_beats(frame_beats(picture)))
    return [pack_board_frame(frame, max_faces=CONFIG.max_faces) for frame in model.take()]


@pytest.fixture(autouse=True)
def event_loop_of_its_own() -> Iterator[None]:
    """Gives each test the default event loop that pynq wants, and that `asyncio.run` takes away."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture
def bitstream(tmp_path: Path) -> Path:
    pytest.importorskip("pynq")
    from host.simulated.launch import write_overlay

    return write_overlay(get_platform("kv260"), tmp_path / "overlay")


def _activate(source: VideoSource | None = None, **settings: Any) -> Any:
    from host.simulated.launch import activate

    camera = ModelCamera(CONFIG, detect=detect, modify=modify, build_id="0f" * 16)
    return activate(camera=settings.pop("camera", camera), source=source, **settings)


def _overlay(bitstream: Path) -> Any:
    import pynq

    return pynq.Overlay(str(bitstream))


class Ring:
    """The least driver of the DMA: buffers in a ring, waits that end."""

    def __init__(self, overlay: Any, *, cacheable: bool = True) -> None:
        import pynq

        self.dma, self.camera = overlay.axi_vdma_0.mmio, overlay.camera_0.mmio
        self.buffers = [pynq.allocate((H + 1, W, 3), "u1", cacheable=cacheable) for _ in range(4)]
        self.next = 0

    def start(self) -> None:
        self.dma.write(CR, 4)
        for index, buffer in enumerate(self.buffers):
            self.dma.write(ADDRESS + 4 * index, buffer.physical_address)
        self.dma.write(CR, 0x0001_1003)
        for offset, value in ((STRIDE, 3 * W), (HSIZE, 3 * W), (VSIZE, H + 1)):
            self.dma.write(offset, value)
        self.next = 0
        CameraRegisters(read32=self.camera.read, write32=self.camera.write).start()

    def wait(self, timeout_s: float = TIMEOUT_S) -> None:
        end = time.monotonic() + timeout_s
        while not self.dma.read(SR) & 0x1000:
            if time.monotonic() > end:
                raise TimeoutError
            time.sleep(0.0005)

    def take(self, timeout_s: float = TIMEOUT_S, *, invalidate: bool = True) -> NDArray[np.uint8]:
        self.wait(timeout_s)
        buffer, self.next = self.buffers[self.next], (self.next + 1) % 4
        if invalidate:
            buffer.invalidate()
        frame = np.array(buffer)
        self.dma.write(SR, 0x1000)
        return frame


def test_a_hundred_frames_equal_the_golden_model(bitstream: Path) -> None:
    pictures = _pictures(100)
    with _activate(VideoSource(pictures)) as device:
        ring = Ring(_overlay(bitstream))
        ring.start()
        for expected in _golden(pictures):
            assert np.array_equal(ring.take(), expected)
        assert device.board.source.exhausted and device.downloads == [str(bitstream)]


def test_boards_can_follow_one_another(bitstream: Path) -> None:
    for seed in range(3):
        pictures = _pictures(3, seed)
        with _activate(VideoSource(pictures)):
            ring = Ring(_overlay(bitstream))
            ring.start()
            assert all(np.array_equal(ring.take(), expected) for expected in _golden(pictures))


def test_pynqs_own_channel_reads_frames_by_interrupt(bitstream: Path) -> None:
    from pynq.lib.video import VideoMode

    pictures = _pictures(40)
    golden = _golden(pictures)

    async def read(count: int) -> list[int]:
        overlay = _overlay(bitstream)
        channel = overlay.axi_vdma_0.readchannel
        channel.mode = VideoMode(W, H + 1, 24)
        channel.start()
        overlay.camera_0.write(0x20, 1)
        numbers: list[int] = []
        for _ in range(count + 4):
            frame = await asyncio.wait_for(channel.readframe_async(), TIMEOUT_S)
            if np.asarray(frame).any():
                numbers.append(unpack_board_frame(np.asarray(frame))[1].number)
                assert np.array_equal(frame, golden[numbers[-1]])
            frame.freebuffer()
        channel.stop()
        return numbers

    with _activate(VideoSource(pictures)):
        numbers = asyncio.run(read(10))
    # it guesses the buffer from the DMA's position: one not written yet at the start, a frame skipped on a busy machine
    assert len(numbers) >= 10 and numbers == sorted(set(numbers))


def test_a_forgotten_invalidate_shows_stale_data(bitstream: Path) -> None:
    pictures = _pictures(2)
    with _activate(VideoSource(pictures)):
        ring = Ring(_overlay(bitstream))
        ring.start()
        assert (ring.take(invalidate=False) == 0xCD).all()
        assert np.array_equal(ring.take(), _golden(pictures)[1])


@pytest.mark.parametrize("how", ["no cache", "not cacheable"])
def test_without_a_cache_there_is_nothing_stale(bitstream: Path, how: str) -> None:
    pictures = _pictures(1)
    with _activate(VideoSource(pictures), cache=how == "not cacheable"):
        ring = Ring(_overlay(bitstream), cacheable=how == "no cache")
        ring.start()
        assert np.array_equal(ring.take(invalidate=False), _golden(pictures)[0])


def test_flush_hands_over_what_software_wrote(bitstream: Path) -> None:
    import pynq

    with _activate() as device:
        _overlay(bitstream)
        buffer = pynq.allocate((100,), "u1", cacheable=True)
        buffer[:] = 7
        memory = device.board.dram.view(buffer.physical_address, 100)
        assert not memory.any()
        buffer[50:].flush()
        assert (memory[50:] == 7).all() and not memory[:50].any()


def test_memory_runs_out_and_comes_back(bitstream: Path) -> None:
    import pynq

    with _activate(memory_bytes=1 << 16) as device:
        _overlay(bitstream)
        first = pynq.allocate((1 << 15,), "u1")
        second = pynq.allocate((1 << 15,), "u1")
        with pytest.raises(RuntimeError, match="allocate"):
            pynq.allocate((1,), "u1")
        view = first[:4]
        first.freebuffer()
        first.freebuffer()
        assert (view == 0xDD).all(), "what still uses a freed buffer sees that"
        assert device.default_memory.used_bytes == 1 << 15
        second.freebuffer()
        assert pynq.allocate((1 << 16,), "u1").physical_address == device.board.dram.window.base


def test_registers_do_not_answer_before_the_design_is_loaded(bitstream: Path) -> None:
    import pynq

    with _activate() as device:
        camera = pynq.MMIO(device.board.platform.camera.window.base, 0x1000, device=device)
        with pytest.raises(DeviceError, match="nothing answers"):
            camera.read(0)
        overlay = _overlay(bitstream)
        assert camera.read(0) == 0x4E41_5748
        assert overlay.camera_0.register_map.GEOMETRY.WIDTH == W
        with pytest.raises(DeviceError, match="nothing answers at 0x50000000"):
            pynq.MMIO(0x5000_0000, 4).read(0)


def test_clocks_are_the_boards(bitstream: Path) -> None:
    import pynq

    with _activate():
        _overlay(bitstream)
        assert pynq.Clocks.fclk0_mhz == pytest.approx(100.0, abs=0.01)
        pynq.Clocks.fclk0_mhz = 50.0
        assert pynq.Clocks.fclk0_mhz == pytest.approx(50.0, abs=0.01)


def test_pynq_4_cannot_load_a_design_for_a_zynq_7000(tmp_path: Path) -> None:
    """The simulated board does not hide it: pynq 4.0.0 finds no clock frequency in a Zynq-7000's handoff."""
    import pynq

    from host.simulated.launch import write_overlay

    platform = get_platform("pynq-z2")
    with _activate(platform=platform) as device:
        bitstream = str(write_overlay(platform, tmp_path))
        with pytest.raises(TypeError):
            pynq.Overlay(bitstream)
        overlay = pynq.Overlay(bitstream, download=False)
        pynq.Bitstream.download(overlay, overlay.parser)
        assert overlay.camera_0.read(0) == 0x4E41_5748
        assert pynq.Clocks.fclk0_mhz == pytest.approx(100.0)
        assert device.board.loaded


@pytest.fixture
def running(bitstream: Path) -> Iterator[tuple[Any, Ring, list[NDArray[np.uint8]]]]:
    """A board that runs, its ring, and what the golden model makes of its frames."""
    pictures = _pictures(12)
    with _activate(VideoSource(pictures)) as device:
        ring = Ring(_overlay(bitstream))
        ring.start()
        yield device, ring, _golden(pictures)


def test_a_stalled_dma_recovers_with_a_reset(running: tuple[Any, Ring, list[NDArray[np.uint8]]]) -> None:
    device, ring, golden = running
    assert np.array_equal(ring.take(), golden[0])
    device.board.faults.stall_dma(at_line=7)
    with pytest.raises(TimeoutError):
        for _ in range(2):  # one may be through already
            ring.take(1.0)
    assert device.board.vdma.frames_written <= 2
    ring.start()
    first, second = ring.take(), ring.take()
    number = unpack_board_frame(first)[1].number
    assert 1 <= number <= 3 and np.array_equal(first, golden[number]) and np.array_equal(second, golden[number + 1])


def test_a_dma_error_halts_until_a_reset(running: tuple[Any, Ring, list[NDArray[np.uint8]]]) -> None:
    device, ring, golden = running
    ring.take()
    device.board.faults.dma_error(DmaError.SLAVE)
    assert ring.dma.read(SR) & (DmaError.SLAVE | 1) == DmaError.SLAVE | 1
    ring.start()
    board_frame = ring.take()
    assert np.array_equal(board_frame, golden[unpack_board_frame(board_frame)[1].number])


def test_a_torn_frame_keeps_old_lines(running: tuple[Any, Ring, list[NDArray[np.uint8]]]) -> None:
    device, ring, golden = running
    for expected in golden[:4]:
        assert np.array_equal(ring.take(), expected)
    with device.board.lock:
        ahead = device.board.vdma.frames_written
        device.board.faults.tear_frame(at_line=9)
    taken = [ring.take() for _ in range(3)]
    torn = taken[ahead - 4]
    assert np.array_equal(torn[:9], golden[ahead][:9]) and np.array_equal(torn[9:], golden[ahead - 4][9:])
    assert unpack_board_frame(torn)[1].number == ahead - 4, "the number tells"


def test_a_lost_interrupt_is_not_heard(bitstream: Path) -> None:
    async def wait(overlay: Any, timeout_s: float) -> bool:
        try:
            await asyncio.wait_for(overlay.axi_vdma_0.s2mm_introut.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    async def both(device: Any) -> tuple[bool, bool]:
        overlay = _overlay(bitstream)
        device.board.faults.lose_interrupts(1)
        ring = Ring(overlay)
        ring.start()
        lost = await wait(overlay, 0.5)
        pending = bool(ring.dma.read(SR) & 0x1000)
        return lost, pending

    with _activate(VideoSource(_pictures(3))) as device:
        assert asyncio.run(both(device)) == (False, True), "the frame is there, and nobody was told"


def test_malformed_frames_come_out_black(bitstream: Path) -> None:
    good = frame_beats(_pictures(1)[0])
    with _activate(VideoSource([good, good[:500], good])):
        ring = Ring(_overlay(bitstream))
        ring.start()
        faults = [unpack_board_frame(ring.take())[1].fault for _ in range(3)]
    assert faults[0] is faults[2] is not Fault.SHORT_FRAME and faults[1] in (Fault.SHORT_FRAME, Fault.SOURCE_TIMEOUT)


def test_another_build_says_so(bitstream: Path) -> None:
    camera = OtherBuild(ModelCamera(CONFIG, detect=detect, modify=modify, build_id="0f" * 16), "ab" * 16)
    with _activate(camera=camera):
        mmio = _overlay(bitstream).camera_0.mmio
        registers = CameraRegisters(read32=mmio.read, write32=mmio.write)
        assert registers.build_id == "ab" * 16 and registers.geometry.width == W
        with pytest.raises(DeviceError, match="runs build"):
            registers.require(build_id="0f" * 16)


def test_a_source_with_a_rate_does_not_wait_for_software(bitstream: Path) -> None:
    pictures = _pictures(30)
    with _activate(VideoSource(pictures, frames_per_s=5000.0)) as device:
        ring = Ring(_overlay(bitstream))
        ring.start()
        end = time.monotonic() + TIMEOUT_S
        while not device.board.source.exhausted and time.monotonic() < end:
            time.sleep(0.01)
        ring.wait()
        registers = CameraRegisters(read32=ring.camera.read, write32=ring.camera.write)
        assert device.board.source.exhausted and registers.counters.frames_in > 4


def test_a_source_refuses_what_makes_no_sense() -> None:
    with pytest.raises(ConfigError, match="must be positive"):
        VideoSource(frames_per_s=0)
    with pytest.raises(ConfigError, match="needs frames_per_s"):
        VideoSource(wall_clock=True)


def test_the_wall_clock_holds_simulated_time_back(bitstream: Path) -> None:
    started = time.monotonic()
    with _activate(VideoSource(itertools.cycle(_pictures(6)), frames_per_s=20.0, wall_clock=True)) as device:
        ring = Ring(_overlay(bitstream))
        ring.start()
        for _ in range(6):
            ring.take()
            assert device.board.source.sent <= 20 * (time.monotonic() - started) + 1
