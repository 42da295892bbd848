"""`hw-anon demo`: what it reads, what it shows, and how it refuses; the camera is a tiny one with stand-in networks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hw_anon.cli import main

CapFd = pytest.CaptureFixture[str]


def _refused(capfd: CapFd, *arguments: str) -> tuple[int, str]:
    code = main(["demo", *arguments, "--json"])
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
