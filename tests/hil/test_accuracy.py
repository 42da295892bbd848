"""Hardware in the loop: frames through sensor, camera, DMA and driver are the golden model's, byte for byte.

pytest -m hil --device sim                          the golden model on the simulated board
pytest -m hil --device sim --camera build/camera    the Verilated design of a camera directory
pytest -m hil --device board --design DIR           a real board: what its sensor sees is not known, so that
numbers, faults, regions and the driver's own checks are looked at
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from host.backend import CameraBackend, open_backend
from host.driver import AnonymizedCamera, CameraSettings
from host.driver.overlay import PynqHardware
from host.driver.recorder import RunRecorder
from host.driver.replay import replay
from hw_anon.core.camera_directory import CAMERA_FILE
from hw_anon.core.errors import ContractError
from hw_anon.core.frame import Fault
from hw_anon.core.verilated_camera import VerilatedCamera
from tests.host.stand_in_rtl import STAND_IN_CONFIG, golden_frames, pictures, require_equal
from tests.host.world import golden, scenes

pytestmark = [pytest.mark.hil, pytest.mark.board]


def _frames(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--hil-frames"))


@pytest.fixture
def device(request: pytest.FixtureRequest) -> str:
    return str(request.config.getoption("--device"))


@pytest.fixture
def camera_directory(request: pytest.FixtureRequest) -> Path | None:
    chosen = request.config.getoption("--camera")
    return Path(chosen) if chosen else None


def test_frames_equal_the_golden_model(
    request: pytest.FixtureRequest, device: str, camera_directory: Path | None, tmp_path: Path
) -> None:
    if device != "sim" or camera_directory is not None:
        pytest.skip("the golden model's own camera on the simulated board only")
    raw = scenes(_frames(request))
    with open_backend("sim", work=tmp_path) as backend:
        assert backend.name == "sim"
        for frame, wanted in zip(raw, golden(raw), strict=True):
            assert backend.anonymise(frame).equals(wanted)
        assert backend.camera.health.recoveries == 0
        with pytest.raises(ContractError, match="takes frames of"):
            backend.anonymise(np.zeros((16, 16, 3), np.uint8))


def test_the_verilated_design_delivers_what_it_is_shown(
    request: pytest.FixtureRequest, device: str, camera_directory: Path | None, tmp_path: Path
) -> None:
    if device != "sim" or camera_directory is None:
        pytest.skip("needs --device sim --camera DIR")
    networks = json.loads((camera_directory / CAMERA_FILE).read_text())["networks"]
    if networks["detector"]["name"] == "stand-in":
        _stand_ins(camera_directory, _frames(request), tmp_path)
        return
    with open_backend("sim", work=tmp_path, camera=camera_directory) as backend:
        _shown(backend, _frames(request))


def _stand_ins(directory: Path, count: int, work: Path) -> None:
    """The RTL of `hls.fuzz.small_camera` through pynq: every frame is the golden one."""
    from host.simulated.source import VideoSource
    from host.simulation import simulated_camera

    number = str(json.loads((directory / CAMERA_FILE).read_text())["build_id"])
    raw = pictures(count)
    with (
        simulated_camera(
            work=work,
            source=VideoSource(raw),
            config=STAND_IN_CONFIG,
            port=VerilatedCamera.open(directory),
            number=number,
        ) as simulated,
        AnonymizedCamera(simulated.design, CameraSettings(frame_timeout_s=60.0)) as camera,
    ):
        require_equal(camera, golden_frames(raw))


def _shown(backend: CameraBackend, count: int) -> None:
    """Outside of the regions a frame is what was shown, inside it is not."""
    rng = np.random.default_rng(0)
    for number in range(count):
        frame = rng.integers(0, 256, backend.frame_shape).astype(np.uint8)
        result = backend.anonymise(frame)
        assert result.number == number
        if result.fault is not Fault.NONE:
            assert not result.frame.any()
            continue
        kept = np.ones(frame.shape[:2], bool)
        for box in result.boxes:
            kept[box.y : box.bottom, box.x : box.right] = False
            part = slice(box.y, box.bottom), slice(box.x, box.right)
            assert (result.frame[part] != frame[part]).any()
        assert (result.frame[kept] == frame[kept]).all()


def test_a_board_delivers_and_its_run_repeats_without_it(
    request: pytest.FixtureRequest, device: str, tmp_path: Path
) -> None:
    if device != "board":
        pytest.skip("needs --device board")
    settings = CameraSettings()
    chosen = request.config.getoption("--design")
    probe = AnonymizedCamera(Path(chosen) if chosen else None, settings)
    recorder = RunRecorder(PynqHardware.load(probe.design), tmp_path / "run")
    with AnonymizedCamera(probe.design, settings, hardware=recorder) as camera:
        last = -1
        for _ in range(_frames(request)):
            with camera.readframe() as frame:
                assert frame.number > last
                assert not (frame.black and frame.pixels.any())
                last = frame.number
                recorder.deliver(frame)
    recorder.finish(build_id=camera.description.build_id, settings=settings)
    assert len(replay(tmp_path / "run", probe.design).outputs) == _frames(request)


def test_a_simulated_run_repeats_without_the_board(device: str, tmp_path: Path) -> None:
    from host.simulated.source import VideoSource
    from host.simulation import simulated_camera

    if device != "sim":
        pytest.skip("needs --device sim")
    raw, settings = scenes(12), CameraSettings()
    with simulated_camera(work=tmp_path, source=VideoSource(raw)) as simulated:
        probe = AnonymizedCamera(simulated.design, settings)
        recorder = RunRecorder(PynqHardware.load(probe.design), tmp_path / "run")
        with AnonymizedCamera(probe.design, settings, hardware=recorder) as camera:
            for frame in raw:
                recorder.show(frame)
                with camera.readframe() as delivered:
                    recorder.deliver(delivered)
    recorder.finish(build_id=probe.description.build_id, settings=settings)
    assert len(replay(tmp_path / "run", probe.design).outputs) == 12
