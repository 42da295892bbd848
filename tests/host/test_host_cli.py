"""`hw-anon-host`: events, recordings, the self-test and the page, on the driver with a board of models."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("aiohttp", reason="missing: aiohttp")
pytest.importorskip("av", reason="missing: av")
pytest.importorskip("onnxruntime", reason="missing: onnxruntime")

from host import opening
from host.cli import main
from host.driver import AnonymizedCamera, CameraSettings
from host.frames import Snapshot
from host.opening import CameraSource, open_source
from host.recording import Recorder, Recording
from host.selftest import check_camera
from hw_anon.core.errors import ConfigError
from hw_anon.core.manifest import Manifest, build_id
from hw_anon.core.signature import generate_key, key_id, sign_manifest
from tests.host.scripted import drinking, until
from tests.host.tiny_detector import write_tiny_detector
from tests.host.world import BUILD_ID, CONFIG, board_with, golden, scenes, write_design

FAST = CameraSettings(frame_timeout_s=0.01, hardware_timeout_s=0.001, recoveries=2, poll_interval_s=0.0)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Two seconds of the tiny detector's drinking person."""
    recorder = Recorder(tmp_path / "anonymised.mp4", fps=20, origin="a test")
    for number in (number for number in range(44) if number % 10 != 9):
        recorder.take(drinking(number))
    recorder.finish()
    return tmp_path / "anonymised.mp4"


@pytest.fixture
def detector(tmp_path: Path) -> Path:
    write_tiny_detector(tmp_path / "detector")
    return tmp_path / "detector"


class Ending:
    """Knows how many frames there are, as `SensorVideo` does."""

    def __init__(self, total: int) -> None:
        self.total = total


@contextmanager
def camera_of_models(directory: Path, frames: int) -> Iterator[CameraSource]:
    board, _ = board_with(scenes(frames))
    design = write_design(directory / "design")
    with AnonymizedCamera(design, FAST, hardware=board) as camera:
        yield CameraSource(camera, Ending(frames))  # type: ignore[arg-type]


def test_run_writes_events_and_says_how_fast_it_was(
    recording: Path, detector: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ["run", "--detector", str(detector), "--recording", str(recording), "--threads", "1"]
    assert main(arguments) == 0
    out, err = capfd.readouterr()
    events = [json.loads(line) for line in out.splitlines()]
    assert [events[0]["event"], events[-1]["event"]] == ["start", "end"]
    assert {event["action"] for event in events} == {"drinking"}
    assert "40 frames from recording of a test, 0 withheld" in err
    assert "40 analysed with 1 threads, 0 not" in err
    assert main([*arguments, "--events", str(tmp_path / "events.jsonl"), "--frames", "20"]) == 0
    assert json.loads((tmp_path / "events.jsonl").read_text().splitlines()[0]) == events[0]
    assert capfd.readouterr().out == ""


def test_the_driver_s_frames_end_with_the_video(tmp_path: Path) -> None:
    with camera_of_models(tmp_path, 6) as source:
        frames = [frame.copy() for frame in source.frames()]
        assert source.counters()["frames"] == 6
        assert BUILD_ID not in source.describe()
    assert all(ours.equals(theirs) for ours, theirs in zip(frames, golden(scenes(6)), strict=True))


def test_the_self_test_passes_on_a_sound_camera_and_names_what_is_wrong(tmp_path: Path) -> None:
    with camera_of_models(tmp_path, 8) as source:
        findings = check_camera(source, frames=3)
        assert all(finding.ok for finding in findings), findings
        assert BUILD_ID in next(finding.found for finding in findings if finding.name == "build id")
    with camera_of_models(tmp_path / "silent", 1) as source:
        findings = check_camera(source, frames=3)  # one frame, then nothing: the driver gives up in bounded time
        assert "frames" in [finding.name for finding in findings if not finding.ok]


def test_check_is_a_table_or_json_and_fails_with_the_device_s_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    frames = 8

    @contextmanager
    def on_models(*args: Any, **options: Any) -> Iterator[CameraSource]:
        with camera_of_models(tmp_path / str(frames), frames) as source:
            yield source

    monkeypatch.setattr(opening, "open_source", on_models)
    assert main(["check", "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["passed"]
    assert [finding["name"] for finding in document["findings"]][:3] == ["design", "signature", "build id"]
    frames = 2
    assert main(["check"]) == 5
    out, err = capfd.readouterr()
    assert "NO" in out
    assert "not in order: frames" in err


def test_record_writes_what_the_camera_delivers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def on_models(*args: Any, **options: Any) -> Iterator[CameraSource]:
        with camera_of_models(tmp_path, 6) as source:
            yield source

    monkeypatch.setattr(opening, "open_source", on_models)
    assert main(["record", str(tmp_path / "out.mkv"), "--video", "raw.mp4", "--simulated", "camera", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["frames"] == 6
    frames = list(Recording(tmp_path / "out.mkv").frames())
    wanted = golden(scenes(6))
    for frame, delivered in zip(frames, wanted, strict=True):
        assert frame.pixels.shape == (CONFIG.height, CONFIG.width, 3)
        assert float(np.abs(frame.pixels.mean() - delivered.frame.mean())) < 8


def test_live_shows_a_recording_at_its_own_pace(
    recording: Path, detector: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    status: list[int] = []
    arguments = ["live", "--detector", str(detector), "--recording", str(recording), "--port", "8097", "--threads", "1"]

    def look() -> None:
        def answered() -> bool:
            try:
                with urllib.request.urlopen("http://127.0.0.1:8097/state", timeout=2) as answer:
                    state = json.loads(answer.read())
            except OSError:
                return False
            return bool(state["camera"]["frames"] > 3)

        until(answered)
        status.append(200)

    visitor = threading.Thread(target=look)
    visitor.start()
    assert main(arguments) == 0
    visitor.join()
    assert status == [200]
    assert "http://127.0.0.1:8097/ shows recording of a test" in capfd.readouterr().err


def write_camera_directory(directory: Path) -> Path:
    """Writes a camera directory that is whole, but for its simulator."""
    directory.mkdir()
    document = {
        "camera": CONFIG.to_dict(),
        "build_id": build_id({}, {}, CONFIG.to_dict()),
        "networks": {"detector": {"name": "stand-in"}, "modifier": {"name": "stand-in"}},
    }
    (directory / "camera.json").write_text(json.dumps(document))
    Manifest.create(directory, inputs={}, tools={}, config=CONFIG.to_dict()).save(directory)
    return directory


def test_check_says_who_signed_the_design_and_refuses_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("cryptography")
    board, _ = board_with(scenes(8), repeat=True)
    monkeypatch.setattr(AnonymizedCamera, "_load", lambda camera: board)
    design = write_design(tmp_path / "design")
    public, other = (generate_key(tmp_path / name) for name in ("maker", "other"))
    wanted = ["check", "--design", str(design), "--json", "--require-signature"]
    assert main([*wanted, str(public)]) == 3
    assert "is not signed" in capfd.readouterr().err
    sign_manifest(design, tmp_path / "maker")
    assert main([*wanted, str(other)]) == 3
    assert "trusted is" in capfd.readouterr().err
    assert main([*wanted, str(public)]) == 0
    findings = {finding["name"]: finding["found"] for finding in json.loads(capfd.readouterr().out)["findings"]}
    assert findings["signature"] == f"by key {key_id(public)}"
    assert main(wanted[:-1]) == 0
    findings = {finding["name"]: finding["found"] for finding in json.loads(capfd.readouterr().out)["findings"]}
    assert findings["signature"].startswith("none demanded")


def test_a_camera_to_simulate_is_signed_as_well(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("cryptography")
    camera, public = write_camera_directory(tmp_path / "camera"), generate_key(tmp_path / "maker")
    record = ["record", str(tmp_path / "out.mp4"), "--simulated", str(camera), "--video", str(tmp_path / "none.mp4")]
    wanted = [*record, "--require-signature", str(public)]
    assert main(wanted) == 3
    assert "is not signed" in capfd.readouterr().err
    sign_manifest(camera, tmp_path / "maker")
    assert main(wanted) == 3
    assert "none.mp4: cannot be read as video" in capfd.readouterr().err, "the signature was accepted"
    manifest = camera / "manifest.json"
    manifest.write_text(manifest.read_text() + "\n")
    assert main(wanted) == 3
    assert "is not what key" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--host", "0.0.0.0"], 2, "--token-file"),
        (["--certificate", "cert.pem"], 2, "go together"),
        (["--certificate", "cert.pem", "--key", "key.pem"], 2, "cert.pem and key.pem are no certificate"),
        (["--simulated", "camera"], 2, "go together"),
        (["--recording", "a.mp4", "--design", "b"], 2, "exclude each other"),
        (["--recording", "nothing.mp4"], 3, "cannot be read"),
        (["--recording", "a.mp4", "--require-signature", "key.pub"], 2, "nobody signs a --recording"),
    ],
)
def test_wrong_options_of_live(options: list[str], code: int, message: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["live", *options]) == code
    assert message in capfd.readouterr().err


def test_one_place_at_a_time(tmp_path: Path) -> None:
    with pytest.raises(ConfigError), open_source(None, video=tmp_path / "raw.mp4"):
        pass


def test_a_snapshot_is_a_frame_as_well() -> None:
    Snapshot(pixels=np.zeros((8, 8, 3), np.uint8)).release()
