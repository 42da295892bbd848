"""Where a command will write, looked at before it works: callbacks of options.

`typer.Option("--out", callback=directory_to_write)` refuses a place at once that could not be written hours later.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from hw_anon.core.errors import ConfigError

__all__ = ["directory_to_write", "file_to_write"]

_Place = TypeVar("_Place", Path, Path | None)


def directory_to_write(path: _Place) -> _Place:
    """Returns the value of an option that names a directory for results; nothing is made yet.

    Raises:
        ConfigError: if there is a file in its place.
    """
    if path is not None:
        if path.exists() and not path.is_dir():
            raise ConfigError(f"{path} is a file, and a directory is to be written there; name another place")
        _require_parents(path)
    return path


def file_to_write(path: _Place) -> _Place:
    """Returns the value of an option that names a file for results; nothing is made yet.

    Raises:
        ConfigError: if there is a directory in its place.
    """
    if path is not None:
        if path.is_dir():
            raise ConfigError(f"{path} is a directory, and a file is to be written; name a file, e.g. in it")
        _require_parents(path)
    return path


def _require_parents(path: Path) -> None:
    """Refuses a place that a file is above of.

    Raises:
        ConfigError: naming the file.
    """
    above = next(parent for parent in path.absolute().parents if parent.exists())
    if not above.is_dir():
        raise ConfigError(f"{path} cannot be written: {above} is a file, not a directory; name another place")
