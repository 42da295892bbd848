"""The driver behind a pipe: real pynq on the simulated board, in a process of its own."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from host.stand_ins import bright_faces, inverted
from hw_anon.core.camera_model import CameraModel
from hw_anon.core.errors import ConfigError, ContractError, DeviceError
from hw_anon.core.frame import Fault
from hw_anon.core.manifest import Manifest, build_id
from hw_anon.core.network_answers import AnswerBook
from hw_anon.core.remote_camera import RemoteCamera
from hw_anon.core.video_words import TLAST, frame_beats, video_beats
from tests.host.world import CONFIG, golden, scenes

pytestmark = pytest.mark.board

ROOT = Path(__file__).parents[2]


def _served(*arguments: str) -> RemoteCamera:
    command = [sys.executable, "-m", "host.served", *arguments]
    return RemoteCamera(command, environment={"PYTHONPATH": str(ROOT)}, timeout_s=120.0)


def test_frames_of_another_process_equal_the_golden_model() -> None:
    raw = scenes(5)
    with _served("sim") as camera:
        assert (camera.description.backend, camera.description.board) == ("sim", "kv260")
        for frame, wanted in zip(raw, golden(raw), strict=True):
            assert camera.anonymise(frame).equals(wanted)
        with pytest.raises(ContractError, match="takes frames of"):
            camera.anonymise(np.zeros((16, 16, 3), np.uint8))


def test_what_goes_wrong_there_is_raised_here(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"manifest\.json"), _served("sim", "--camera", str(tmp_path)):
        pass
    with pytest.raises(DeviceError, match="show="), _served("board"):
        pass


def test_a_broken_frame_and_what_was_counted() -> None:
    raw = scenes(3)
    model = CameraModel(CONFIG, detect=bright_faces, modify=inverted)
    model.running = True
    with _served("sim") as camera:
        for number, frame in enumerate(raw):
            words = frame_beats(frame)[: 5 * CONFIG.width + 3 if number == 1 else None].copy()
            words[-1] |= TLAST
            model.feed(video_beats(words))
            (expected,) = model.take()
            delivery = camera.deliver_words(words)
            assert delivery.frame.equals(expected)
            assert delivery.began is None and delivery.times is None
        state = camera.state()
    assert state.counters == asdict(model.counters)
    assert state.faults == frozenset({Fault.SHORT_LINE}) == frozenset(model.faults)
    assert state.health["frames"] == 3 and state.health["black"] == 1 and state.health["recoveries"] == 0


def test_noted_answers_stand_in_for_the_networks(tmp_path: Path) -> None:
    """The model of a camera directory, without its RTL: what its networks answer comes from a file."""
    book, path, directory = AnswerBook(), tmp_path / "answers.npz", tmp_path / "camera"
    model = CameraModel(CONFIG, detect=book.noted_detector(bright_faces), modify=book.noted_modifier(inverted))
    model.running = True
    raw = scenes(4)
    expected = []
    for frame in raw:
        model.feed(video_beats(frame_beats(frame)))
        expected += model.take()
    book.save(path)
    directory.mkdir()
    networks = {role: {"net": "stand-in", "design_id": "0" * 16} for role in ("detector", "modifier")}
    identity = {"camera": CONFIG.to_dict(), "networks": networks}
    number = build_id({}, {}, identity)
    (directory / "camera.json").write_text(json.dumps({"build_id": number, **identity}))
    Manifest.create(directory, inputs={}, tools={}, config=identity).save(directory)
    with _served("sim", "--camera", str(directory), "--answers", str(path)) as camera:
        assert camera.description.build_id == number
        for frame, wanted in zip(raw, expected, strict=True):
            assert camera.anonymise(frame).equals(wanted)
        unknown = camera.anonymise(scenes(1, seed=9)[0])
    assert unknown.fault is Fault.DETECTOR_TIMEOUT


def test_answers_without_a_camera_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="name its directory"), _served("sim", "--answers", str(tmp_path / "a.npz")):
        pass
