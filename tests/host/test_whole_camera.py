"""The unmodified driver and the commands on real pynq, around the RTL of a small camera."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("av", reason="missing: av")
pytest.importorskip("onnxruntime", reason="missing: onnxruntime")

import av

from host.backend import open_backend
from host.cli import main
from host.recording import Recording
from hw_anon.core.box_decode import CELL
from hw_anon.core.camera_directory import CameraDirectory
from hw_anon.core.signature import generate_key, key_id, sign_manifest
from tests.host.stand_in_rtl import STAND_IN_CONFIG, golden_frames, pictures
from tests.host.tiny_detector import HEIGHT, WIDTH, write_tiny_detector

pytestmark = pytest.mark.board

CapFd = pytest.CaptureFixture[str]
_SCENES = 300
"""Frames of the video: enough for an action's smoothed score to rise, however fast the machine simulates."""


def write_video(path: Path, frames: Sequence[NDArray[np.uint8]]) -> Path:
    """Writes frames that come back byte for byte."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = STAND_IN_CONFIG.width, STAND_IN_CONFIG.height, "bgr0"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def person_with_a_face() -> NDArray[np.uint8]:
    """A red rectangle, which the tiny detector takes for a drinking person, with one face for the stand-in network."""
    frame = np.full((HEIGHT, WIDTH, 3), 20, np.uint8)
    frame[8:40, 20:44, 0] = 230
    for row in range(0, HEIGHT, CELL):
        for column in range(0, WIDTH, CELL):
            frame[row : row + 2, column : column + 4] = 20  # where the stand-in looks for a face
    frame[CELL : CELL + 2, 2 * CELL : 2 * CELL + 2] = (120, 128, 128)
    frame[CELL : CELL + 2, 2 * CELL + 2 : 2 * CELL + 4, :2] = 16
    return frame


def test_frames_through_pynq_and_driver_are_those_of_the_golden_model(whole_camera: Path) -> None:
    raw = pictures(12, seed=3)
    with open_backend("sim", camera=whole_camera) as backend:
        assert backend.name == "sim"
        for frame, wanted in zip(raw, golden_frames(raw), strict=True):
            assert backend.anonymise(frame).equals(wanted)
        health = backend.camera.health
        assert (health.frames, health.lost, health.torn, health.recoveries) == (12, 0, 0, 0)


def test_from_a_video_file_to_events_in_one_command(whole_camera: Path, tmp_path: Path, capfd: CapFd) -> None:
    video = write_video(tmp_path / "person.mkv", [person_with_a_face()] * _SCENES)
    write_tiny_detector(tmp_path / "detector")
    source = ["--simulated", str(whole_camera), "--video", str(video)]
    assert main(["run", "--detector", str(tmp_path / "detector"), *source, "--threads", "1"]) == 0
    out, err = capfd.readouterr()
    events = [json.loads(line) for line in out.splitlines()]
    assert [(event["event"], event["action"]) for event in (events[0], events[-1])] == [
        ("start", "drinking"),
        ("end", "drinking"),
    ]
    design = CameraDirectory.load(whole_camera).manifest.design_id
    assert f"{_SCENES} frames from simulated kv260 · {WIDTH}×{HEIGHT} · design {design}, 0 withheld" in err


def test_the_self_test_of_a_signed_camera_passes(whole_camera: Path, tmp_path: Path, capfd: CapFd) -> None:
    pytest.importorskip("cryptography")
    camera = Path(shutil.copytree(whole_camera, tmp_path / "camera"))
    public = generate_key(tmp_path / "maker")
    sign_manifest(camera, tmp_path / "maker")
    video = write_video(tmp_path / "marked.mkv", [person_with_a_face()] * 8)  # none with a fault, however many are seen
    write_tiny_detector(tmp_path / "detector")
    options = ["--detector", str(tmp_path / "detector"), "--require-signature", str(public), "--json"]
    assert main(["check", "--simulated", str(camera), "--video", str(video), *options]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["passed"]
    found = {finding["name"]: finding["found"] for finding in document["findings"]}
    made = CameraDirectory.load(camera)
    assert found["signature"] == f"by key {key_id(public)}"
    assert made.manifest.design_id in found["design"] and made.build_id in found["build id"]


def test_a_recording_shows_what_the_golden_model_delivers(whole_camera: Path, tmp_path: Path, capfd: CapFd) -> None:
    raw = [person_with_a_face(), np.full((HEIGHT, WIDTH, 3), 20, np.uint8)] * 2
    video, out = write_video(tmp_path / "two.mkv", raw), tmp_path / "out.mkv"
    assert main(["record", str(out), "--simulated", str(whole_camera), "--video", str(video), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["frames"] == 4
    wanted = golden_frames(raw)
    for count, frame in enumerate(Recording(out).frames()):
        distances = [float(np.abs(frame.pixels.astype(int) - golden.frame).mean()) for golden in wanted]
        assert np.argmin(distances) % 2 == count % 2 and min(distances) < 6, "H.264 is near the one of the two"
