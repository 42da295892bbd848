"""`hw-anon demo`: what it refuses, before it builds anything."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from hw_anon.cli import main

CapFd = pytest.CaptureFixture[str]


def _refused(capfd: CapFd, *arguments: str, python: str = sys.executable) -> tuple[int, str]:
    code = main(["demo", *arguments, "--board-python", python, "--json"])
    out, err = capfd.readouterr()
    assert "Traceback" not in err
    return code, str(json.loads(out)["error"]["message"])


@pytest.mark.parametrize(
    ("kind", "code", "says"),
    [
        ("missing", 2, "does not exist; give a picture, a folder of pictures or a video file"),
        ("empty folder", 3, "holds no picture"),
        ("broken video", 3, "not a readable video"),
        ("broken picture", 3, "not a readable picture"),
    ],
)
def test_what_cannot_be_read_is_refused_before_anything_is_built(
    kind: str, code: int, says: str, tmp_path: Path, capfd: CapFd
) -> None:
    pytest.importorskip("av", reason="missing: av")
    pytest.importorskip("PIL", reason="missing: pillow")
    names = {"missing": "no.mp4", "empty folder": "none", "broken video": "video.mp4", "broken picture": "face.png"}
    path = tmp_path / names[kind]
    if kind == "empty folder":
        path.mkdir()
        (path / "notes.txt").write_text("no picture")
    elif kind != "missing":
        path.write_bytes(b"neither a video nor a picture")
    work = tmp_path / "work"
    found, message = _refused(capfd, str(path), "--work", str(work), "--out", str(tmp_path / "out"))
    assert found == code
    assert says in message and names[kind] in message
    assert not work.exists() and not (tmp_path / "out").exists()


def test_a_camera_that_does_not_exist_is_refused(tmp_path: Path, capfd: CapFd) -> None:
    code, message = _refused(capfd, "--camera", str(tmp_path / "no.toml"), "--out", str(tmp_path / "out"))
    assert code in (2, 3)
    assert "no.toml" in message
    assert not (tmp_path / "out").exists()


def test_a_missing_board_environment_is_named_before_anything_is_built(tmp_path: Path, capfd: CapFd) -> None:
    code, message = _refused(capfd, "--out", str(tmp_path / "out"), python=str(tmp_path / "python"))
    assert code == 4
    assert "make demo" in message and "--board-python" in message
    assert not (tmp_path / "out").exists()


def test_damaged_results_are_refused_before_anything_is_built(tmp_path: Path, capfd: CapFd) -> None:
    (tmp_path / "assurance").mkdir()
    (tmp_path / "assurance" / "prove.json").write_text("{}")
    code, message = _refused(capfd, "--results", str(tmp_path), "--out", str(tmp_path / "out"))
    assert code == 3
    assert "prove.json" in message
    assert not (tmp_path / "out").exists()


def test_a_detector_that_does_not_exist_is_refused(tmp_path: Path, capfd: CapFd) -> None:
    pytest.importorskip("torch", reason="missing: torch")
    code, message = _refused(
        capfd,
        "--detector",
        str(tmp_path / "no.safetensors"),
        "--results",
        str(tmp_path),
        "--out",
        str(tmp_path / "out"),
    )
    assert code == 3
    assert "no.safetensors" in message
