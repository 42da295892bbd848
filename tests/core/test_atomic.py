"""Atomic outputs: whole or not at all, on a full disk and after an interrupt."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from hw_anon.core.atomic import atomic_directory, write_bytes_atomically, write_text_atomically
from hw_anon.core.errors import ConfigError


def no_space(*_: object) -> NoReturn:
    """A disk that is full."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def names(directory: Path) -> list[str]:
    """Everything in a directory, hidden files too."""
    return sorted(path.name for path in directory.iterdir())


def test_writes_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "file.txt"
    write_text_atomically(path, "größer")
    assert path.read_bytes() == "größer".encode()
    write_bytes_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644, "others may read it, unlike a temporary file"
    assert names(path.parent) == ["file.txt"]


def _full_at_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", no_space)


def _full_at_write(monkeypatch: pytest.MonkeyPatch) -> None:
    class FullDisk(io.FileIO):
        def write(self, data: object) -> int:
            return super().write(b"half") and no_space()

    monkeypatch.setattr(os, "fdopen", lambda handle, mode: io.BufferedWriter(FullDisk(handle, mode)))


def _full_at_rename(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "replace", no_space)


@pytest.mark.parametrize("fill", [_full_at_fsync, _full_at_write, _full_at_rename])
@pytest.mark.parametrize("old", [None, b"old"])
def test_a_full_disk_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fill: Callable[[pytest.MonkeyPatch], None], old: bytes | None
) -> None:
    path = tmp_path / "file"
    if old is not None:
        path.write_bytes(old)
    with monkeypatch.context() as patch:
        fill(patch)
        with pytest.raises(OSError, match="No space left"):
            write_bytes_atomically(path, b"new" * 10_000)
    assert names(tmp_path) == ([] if old is None else ["file"]), "no half-written file, not even a hidden one"
    if old is not None:
        assert path.read_bytes() == old


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: int) -> NoReturn:
        raise KeyboardInterrupt

    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_bytes_atomically(path, b"new")
    assert (path.read_bytes(), names(tmp_path)) == (b"old", ["file"])


def test_directory_appears_whole_and_replaces_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "out" / "build"
    with atomic_directory(target) as directory:
        (directory / "first").write_text("1")
        assert not target.exists(), "nothing to be seen before the end"
    assert names(target) == ["first"]
    with atomic_directory(target) as directory:
        assert names(directory) == []
        for name in ("first", "second"):
            (directory / name).write_text("2")
        assert names(target) == ["first"], "the old one stays until the end"
    assert names(target) == ["first", "second"]
    assert (target / "first").read_text() == "2"
    assert names(tmp_path / "out") == ["build"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o755


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, OSError, ValueError])
@pytest.mark.parametrize("old", [False, True])
def test_an_interrupted_directory_leaves_the_old_one(tmp_path: Path, error: type[BaseException], old: bool) -> None:
    target = tmp_path / "build"
    if old:
        target.mkdir()
        (target / "kept").write_text("old")
    with pytest.raises(error), atomic_directory(target) as directory:
        (directory / "kept").write_text("half")
        raise error
    assert names(tmp_path) == (["build"] if old else [])
    if old:
        assert (target / "kept").read_text() == "old"


@pytest.mark.parametrize("failing_rename", [1, 2])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
def test_a_failing_swap_leaves_the_old_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing_rename: int, error: BaseException
) -> None:
    """The swap is two renames; whichever fails, the old build is still (or again) in its place."""
    target = tmp_path / "build"
    target.mkdir()
    (target / "kept").write_text("old")
    replace, calls = Path.replace, []

    def flaky(self: Path, other: Path) -> Path:
        calls.append(self)
        if len(calls) == failing_rename:
            raise error
        return replace(self, other)

    monkeypatch.setattr(Path, "replace", flaky)
    with pytest.raises(type(error)), atomic_directory(target) as directory:
        (directory / "kept").write_text("new")
    assert names(tmp_path) == ["build"]
    assert (target / "kept").read_text() == "old"


def test_what_is_no_earlier_output_is_not_replaced(tmp_path: Path) -> None:
    mine, file, empty = tmp_path / "pictures", tmp_path / "notes.txt", tmp_path / "empty"
    mine.mkdir()
    (mine / "holiday.jpg").write_text("dear to me")
    file.write_text("notes")
    empty.mkdir()
    with pytest.raises(ConfigError, match=r"it holds holiday.jpg.*manifest.json"), atomic_directory(mine) as directory:
        (directory / "manifest.json").write_text("new")
    with pytest.raises(ConfigError, match="is a file"), atomic_directory(file):
        pytest.fail("the work is not begun")
    with atomic_directory(empty) as directory:
        (directory / "manifest.json").write_text("new")
    assert names(tmp_path) == ["empty", "notes.txt", "pictures"]
    assert (names(mine), file.read_text(), names(empty)) == (["holiday.jpg"], "notes", ["manifest.json"])
