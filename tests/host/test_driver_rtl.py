"""The driver over the camera's real RTL in Verilator, without pynq: equality with the golden model, and recovery.

The same through pynq: `pytest -m hil --device sim --camera DIR` in the board's environment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from host.driver import AnonymizedCamera, CameraSettings
from host.model_board import ModelBoard
from host.simulated.vdma import DmaError
from hw_anon.core.errors import DeviceError
from hw_anon.core.verilated_camera import VerilatedCamera
from hw_anon.core.video_words import frame_beats
from tests.host.stand_in_rtl import STAND_IN_CONFIG, golden_frames, pictures, require_equal
from tests.host.world import write_design

pytestmark = [pytest.mark.sim, pytest.mark.slow]

SETTINGS = CameraSettings(frame_timeout_s=0.02, hardware_timeout_s=0.005, recoveries=2, poll_interval_s=0.0)
PAUSE = 30_000


@pytest.fixture(scope="module")
def small_camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from hls.fuzz.small_camera import build_small_camera

    root = tmp_path_factory.mktemp("small")
    return build_small_camera(STAND_IN_CONFIG, root / "camera", cache_dir=root / "cache")


@pytest.fixture
def port(small_camera: Path) -> Iterator[VerilatedCamera]:
    with VerilatedCamera.open(small_camera) as camera:
        yield camera


@pytest.fixture
def design(tmp_path: Path, port: VerilatedCamera) -> Path:
    build_id = "".join(f"{port.read(0x10 + 4 * word):08x}" for word in (3, 2, 1, 0))
    return write_design(tmp_path / "design", STAND_IN_CONFIG, build_id=build_id)


def source_of(port: VerilatedCamera, frames: list[np.ndarray], *, repeat: bool) -> Callable[[], np.ndarray | None]:
    """Returns a sensor that sends frames to a camera that runs, with pauses."""
    state = {"sent": 0, "due": 0}

    def send() -> np.ndarray | None:
        exhausted = state["sent"] >= len(frames) and not repeat
        if exhausted or port.cycle < state["due"] or not port.read(0x24) & 1:
            return None
        state["due"] = port.cycle + PAUSE
        state["sent"] += 1
        return frame_beats(frames[(state["sent"] - 1) % len(frames)])

    return send


def test_a_hundred_frames_of_the_rtl_are_the_golden_ones(port: VerilatedCamera, design: Path) -> None:
    raw = pictures(120)
    board = ModelBoard(port, clk_hz=1e7, source=source_of(port, raw, repeat=False))
    with AnonymizedCamera(design, SETTINGS, hardware=board) as camera:
        require_equal(camera, golden_frames(raw))


@pytest.mark.parametrize("fault", ["stall", "stall in a frame", "slave", "torn", "camera stopped"])
def test_faults_around_the_rtl_end_in_golden_frames_again(port: VerilatedCamera, design: Path, fault: str) -> None:
    raw = pictures(6, seed=1)
    expected = golden_frames(raw)
    board = ModelBoard(port, clk_hz=1e7, source=source_of(port, raw, repeat=True))
    with AnonymizedCamera(design, SETTINGS, hardware=board) as camera:
        camera.readframe().release()
        match fault:
            case "stall":
                board.dma.stall(at_line=0, for_ever=False)
            case "stall in a frame":
                board.dma.stall(at_line=20, for_ever=False)
            case "torn":
                board.dma.tear_at_line = 9
            case "camera stopped":
                port.write(0x20, 0)
            case _:
                board.dma.fail(DmaError[fault.upper()])
        before = board.now()
        for _ in range(12):
            with camera.readframe() as frame:
                assert not (frame.black and frame.pixels.any())
                if not frame.black:
                    assert any(np.array_equal(frame.pixels, wanted.frame) for wanted in expected)
        assert board.now() - before < SETTINGS.longest_wait_s
        assert camera.health.torn == 1 if fault == "torn" else camera.health.recoveries == 1


def test_a_dma_that_never_comes_back_is_an_error_in_time(port: VerilatedCamera, design: Path) -> None:
    board = ModelBoard(port, clk_hz=1e7, source=source_of(port, pictures(6), repeat=True))
    with AnonymizedCamera(design, SETTINGS, hardware=board) as camera:
        camera.readframe().release()
        board.dma.stall(at_line=0, for_ever=True)
        before = board.now()
        with pytest.raises(DeviceError, match="no frame after 2 restarts"):
            while True:
                camera.readframe().release()
        assert board.now() - before < SETTINGS.longest_wait_s
