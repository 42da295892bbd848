"""The driver on a board of models: every frame is the golden one, in DMA memory, and every fault ends."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from host.driver import AnonymizedCamera, CameraSettings
from host.model_board import ModelBoard
from host.simulated.vdma import DmaError
from hw_anon.core.errors import ConfigError, ContractError, DeviceError
from hw_anon.core.frame import Fault
from hw_anon.core.register_access import CameraRegisters
from tests.host.world import BUILD_ID, CONFIG, board_with, golden, scenes, write_design

FAST = CameraSettings(frame_timeout_s=0.01, hardware_timeout_s=0.001, recoveries=2, poll_interval_s=0.0)


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_design(tmp_path_factory.mktemp("designs") / "kv260" / "one")


def opened(design: Path, board: ModelBoard, settings: CameraSettings = FAST) -> AnonymizedCamera:
    return AnonymizedCamera(design, settings, hardware=board)


def test_a_hundred_frames_are_the_golden_ones_where_the_dma_wrote_them(design: Path) -> None:
    raw = scenes(120)
    expected = golden(raw)
    board, _ = board_with(raw)
    with opened(design, board) as camera:
        addresses = camera.buffer_addresses
        stamps = []
        for frame, wanted in zip(camera.frames(), expected, strict=False):
            assert frame.pixels.__array_interface__["data"][0] in addresses
            assert not frame.pixels.flags.writeable and not frame.pixels.flags.owndata
            assert frame.copy().equals(wanted)
            assert frame.lost_before == 0
            stamps.append(frame.timestamp)
            if frame.number == len(expected) - 1:
                break
        health = camera.health
    assert health.frames == 120 and health.lost == 0 and health.recoveries == 0 and health.torn == 0
    assert stamps == sorted(stamps)
    assert sum(len(frame.boxes) for frame in expected) > 60


def test_the_asynchronous_twin_gives_the_same(design: Path) -> None:
    raw = scenes(30, seed=1)
    expected = golden(raw)
    board, _ = board_with(raw)

    async def run() -> int:
        seen = 0
        with opened(design, board) as camera:
            async for frame in camera.frames_async():
                assert frame.copy().equals(expected[frame.number])
                seen += 1
                if seen == len(raw):
                    break
            assert camera.health.lost_interrupts == 0
        return seen

    assert asyncio.run(run()) == 30


def test_a_lost_interrupt_is_noticed_and_made_up_for(design: Path) -> None:
    board, _ = board_with(scenes(3), repeat=True, pause=600_000)
    board.lose_interrupts = True

    async def run() -> int:
        with opened(design, board, CameraSettings(frame_timeout_s=1.0, poll_interval_s=0.0)) as camera:
            frame = await camera.readframe_async()
            frame.release()
            return camera.health.lost_interrupts

    assert asyncio.run(run()) == 1


def test_memory_that_the_program_looks_at_is_never_written_to(design: Path) -> None:
    raw = scenes(40, seed=2)
    expected = golden(raw)
    board, _ = board_with(raw)
    kept: list[tuple[int, np.ndarray]] = []
    with opened(design, board, replace(FAST, held_frames=3)) as camera:
        for frame in camera.frames():
            if len(kept) < 3 and frame.number % 4 == 0:
                kept.append((frame.number, frame.pixels[5:40, ::2]))  # released by frames(), but still looked at
            if frame.number >= 39:
                break
        assert camera.health.held == 4
        del frame
    for number, part in kept:
        assert (part == expected[number].frame[5:40, ::2]).all()


def test_frames_survive_the_camera(design: Path) -> None:
    raw = scenes(3)
    board, _ = board_with(raw)
    with opened(design, board) as camera:
        frame = camera.readframe()
    assert frame.copy().equals(golden(raw)[0])
    assert len(board.live) == 1
    assert board.closed == 1


def test_a_released_frame_is_gone(design: Path) -> None:
    board, _ = board_with(scenes(3))
    with opened(design, board) as camera:
        with camera.readframe() as frame:
            assert frame.pixels.shape == (CONFIG.height, CONFIG.width, 3)
            frame.acquire()
        assert not frame.released
        frame.freebuffer()
        assert frame.released
        frame.release()
        with pytest.raises(DeviceError, match="was released"):
            _ = frame.pixels
        with pytest.raises(DeviceError, match="was released"):
            frame.acquire()


def test_a_program_that_lets_go_of_nothing_is_told_so(design: Path) -> None:
    board, _ = board_with(scenes(40), repeat=True)
    with opened(design, board) as camera:
        held = [camera.readframe() for _ in range(FAST.held_frames + 1)]
        with pytest.raises(DeviceError, match="holds 4 frames and lets go of none"):
            camera.readframe()
        assert camera.health.unowned > 0
        held[0].release()
        assert camera.readframe().number > held[-1].number


def test_a_slow_program_gets_whole_new_frames(design: Path) -> None:
    raw = scenes(100, seed=3)
    expected = golden(raw)
    board, _ = board_with(raw)
    seen = []
    with opened(design, board) as camera:
        while not seen or seen[-1] < 70:
            with camera.readframe() as frame:
                assert frame.copy().equals(expected[frame.number])
                seen.append(frame.number)
            board.sleep(0.005)  # some eight frames
        assert camera.health.late > 0
        assert camera.health.lost == seen[-1] + 1 - len(seen)
    assert seen == sorted(set(seen))


def test_latest_passes_older_frames_over(design: Path) -> None:
    board, _ = board_with(scenes(100))
    with opened(design, board, replace(FAST, latest=True)) as camera:
        first = camera.readframe()
        first.release()
        board.sleep(0.0013)  # two frames
        second = camera.readframe()
        assert camera.health.skipped > 0
        assert second.number == first.number + 1 + camera.health.skipped


def test_black_frames_are_reported_as_such(design: Path) -> None:
    raw = scenes(4)
    raw[1][:] = 0
    raw[1][:16, :16] = raw[1][:16, 32:] = raw[1][32:, :16] = 255  # three faces, one too many
    expected = golden(raw)
    board, _ = board_with(raw)
    assert expected[1].fault is Fault.TOO_MANY_FACES
    with opened(design, board) as camera:
        frames = [camera.readframe() for _ in range(3)]
        assert [frame.black for frame in frames] == [False, True, False]
        assert frames[1].fault is Fault.TOO_MANY_FACES and not frames[1].pixels.any() and frames[1].boxes == ()
        assert camera.health.black == 1


@pytest.mark.parametrize("fault", ["stall", "stall in a frame", "slave", "decode", "internal", "wrong run"])
def test_a_fault_ends_in_recovery(design: Path, fault: str) -> None:
    raw = scenes(60, seed=4)
    expected = golden(raw)
    board, _ = board_with(raw, repeat=True)
    with opened(design, board) as camera:
        camera.readframe().release()
        match fault:
            case "stall":
                board.dma.stall(at_line=0, for_ever=False)
            case "stall in a frame":
                board.dma.stall(at_line=20, for_ever=False)
            case "wrong run":
                board.port.write(0x20, 0)
            case _:
                board.dma.fail(DmaError[fault.upper()])
        before = board.now()
        while camera.health.recoveries == 0:
            camera.readframe().release()
        assert board.now() - before < FAST.longest_wait_s
        while (frame := camera.readframe()).black:
            assert frame.fault in (Fault.OVERRUN, Fault.RESET)
            frame.release()
        assert camera.health.recoveries == 1
        assert any(np.array_equal(frame.pixels, wanted.frame) and frame.boxes == wanted.boxes for wanted in expected)
        assert camera.health.last_reason


def test_no_video_is_an_error_that_says_so_and_later_video_is_seen(design: Path) -> None:
    board, source = board_with(scenes(60), repeat=True)
    source.silent = True
    with opened(design, board) as camera:
        before = board.now()
        with pytest.raises(DeviceError, match="no video reaches the camera"):
            camera.readframe()
        assert board.now() - before < FAST.longest_wait_s
        source.silent = False
        assert camera.readframe().fault is Fault.NONE


def test_a_torn_frame_is_not_handed_out(design: Path) -> None:
    raw = scenes(20, seed=5)
    expected = golden(raw)
    board, _ = board_with(raw)
    numbers = []
    with opened(design, board) as camera:
        for frame in camera.frames():
            assert frame.copy().equals(expected[frame.number])
            numbers.append(frame.number)
            if frame.number == 5:
                board.dma.tear_at_line = 17
            if frame.number >= 15:
                break
        assert camera.health.torn == 1 and camera.health.lost == 1
    assert len(numbers) == 15


@pytest.mark.parametrize("error", ["SOF_EARLY", "EOL_EARLY", "SOF_LATE", "EOL_LATE"])
def test_stream_errors_discard_what_may_be_mixed(design: Path, error: str) -> None:
    raw = scenes(30, seed=6)
    expected = golden(raw)
    board, _ = board_with(raw)
    with opened(design, board) as camera:
        camera.readframe().release()
        board.dma.fail(DmaError[error])
        frame = camera.readframe()
        assert frame.copy().equals(expected[frame.number])
        assert camera.health.stream_errors == 1 and camera.health.recoveries == 0


def test_another_build_is_refused(design: Path) -> None:
    board, _ = board_with(scenes(1), build_id="f" * 32)
    camera = opened(design, board)
    with pytest.raises(DeviceError, match=f"runs build {'f' * 32}, the manifest says {BUILD_ID}"):
        camera.open()
    assert not board.live and board.closed == 1
    assert board.dma.read(0x34) & 1, "the DMA was started for a design that is refused"


def test_a_design_that_changes_while_it_runs_is_refused(design: Path) -> None:
    board, source = board_with(scenes(30), repeat=True)
    with opened(design, board) as camera:
        camera.readframe().release()
        source.silent = True
        board.port._build_id = "e" * 32  # type: ignore[attr-defined]
        board.port.reset()
        with pytest.raises(DeviceError, match="runs build eeee"):
            camera.readframe()


def test_exhausted_memory_is_an_error_and_nothing_is_kept(design: Path) -> None:
    board, _ = board_with(scenes(1), memory_bytes=3 * 16384)
    with pytest.raises(DeviceError, match="contiguous memory"):
        opened(design, board).open()
    assert not board.live


def test_a_dma_that_cannot_be_stopped_keeps_its_memory(design: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from host.driver import capture

    kept: list[object] = []
    monkeypatch.setattr(capture, "_IN_USE", kept)
    board, _ = board_with(scenes(5))
    camera = opened(design, board).open()
    camera.readframe().release()
    monkeypatch.setattr(board.dma, "reset", lambda: None)
    with pytest.raises(DeviceError, match="waited 0.001 s for the reset of the VDMA"):
        camera.close()
    assert len(kept) == len(board.live) == 8
    assert board.closed == 1
    camera.close()


def test_closing_twice_and_using_afterwards(design: Path) -> None:
    board, _ = board_with(scenes(5))
    camera = opened(design, board)
    with pytest.raises(DeviceError, match="is not open"):
        camera.readframe()
    with camera:
        with pytest.raises(DeviceError, match="open already"):
            camera.open()
        camera.readframe().release()
    camera.close()
    assert board.closed == 1 and not board.live
    assert not CameraRegisters(read32=board.port.read, write32=board.port.write).status.running
    with pytest.raises(DeviceError, match="is not open"):
        camera.readframe()


def test_the_threshold_is_set_and_locked(design: Path) -> None:
    board, _ = board_with(scenes(1))
    with opened(design, board, replace(FAST, threshold=90)) as camera:
        assert camera.registers.threshold == 90
        assert camera.registers.status.locked
        assert camera.registers.set_threshold(10) == 90


def test_only_designs_that_are_what_they_say(tmp_path: Path) -> None:
    directory = write_design(tmp_path / "kv260" / "one")
    (directory / "camera.json").write_text("{}")
    with pytest.raises(ContractError, match=r"changed: camera\.json"):
        AnonymizedCamera(directory)


def test_health_is_json(design: Path) -> None:
    board, _ = board_with(scenes(3))
    with opened(design, board) as camera:
        camera.readframe().release()
        assert camera.health.as_json()["frames"] == 1


def test_memory_does_not_grow(design: Path) -> None:
    board, _ = board_with(scenes(20), repeat=True)
    with opened(design, board) as camera:
        for frame in camera.frames():
            if frame.number == 50:
                gc.collect()
                count = len(gc.get_objects())
            if frame.number == 250:
                gc.collect()
                assert len(gc.get_objects()) - count < 50
                break


def test_settings_say_what_is_allowed() -> None:
    with pytest.raises(ConfigError, match="held_frames"):
        CameraSettings(held_frames=0)
    with pytest.raises(ConfigError, match="frame_timeout_s"):
        CameraSettings(frame_timeout_s=0)
