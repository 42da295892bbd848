"""Outputs appear whole or not at all: written under a temporary name, then moved into place."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hw_anon.core.errors import ConfigError

__all__ = ["atomic_directory", "write_bytes_atomically", "write_text_atomically"]


def write_bytes_atomically(path: Path, data: bytes) -> None:
    """Writes `data` to `path`; a reader sees the old file or the new one, never a part.

    Raises:
        OSError: if the disk is full or the directory cannot be written; the old file is untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_text_atomically(path: Path, text: str) -> None:
    """Writes UTF-8 `text` to `path` as `write_bytes_atomically` does."""
    write_bytes_atomically(path, text.encode())


@contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """Yields an empty directory that becomes `path` when the block ends without an exception.

    An earlier `path` is replaced only then; after an exception (an interrupt too) it is untouched and the
    temporary directory is removed.

    Raises:
        ConfigError: if `path` is a file, or a directory in which nothing has the name of what is to be there: it is no
            earlier output, and is left alone.
        OSError: if the disk is full or the directory cannot be written.
    """
    if path.exists() and not path.is_dir():
        raise ConfigError(f"{path} is a file, and a directory is to be written there; name another place")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.partial-"))
    try:
        yield temporary
        temporary.chmod(0o755)
        _require_earlier(path, temporary)
        _swap(temporary, path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _require_earlier(path: Path, fresh: Path) -> None:
    """Refuses to replace what is not an earlier output.

    Raises:
        ConfigError: if `path` has content, but nothing of a name that `fresh` has too.
    """
    old = {entry.name for entry in path.iterdir()} if path.exists() else set()
    new = {entry.name for entry in fresh.iterdir()}
    if old and new and not old & new:
        raise ConfigError(
            f"{path} is not replaced: it holds {min(old)}, and nothing of what is to be written there "
            f"({min(new)}, …); name another directory"
        )


def _swap(fresh: Path, path: Path) -> None:
    """Moves `fresh` to `path`; if that fails, what was there before is back in its place."""
    if not path.exists():
        fresh.replace(path)
        return
    retired = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.old-"))
    old = retired / path.name
    try:
        path.replace(old)
        fresh.replace(path)
    except BaseException:
        if old.exists() and not path.exists():
            old.replace(path)
        raise
    finally:
        if path.exists():
            shutil.rmtree(retired, ignore_errors=True)
