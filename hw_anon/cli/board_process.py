"""The driver in the board's environment, started from this one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hw_anon.core.errors import ToolError

if TYPE_CHECKING:
    from hw_anon.core.remote_camera import RemoteCamera

__all__ = ["BoardPythonOption", "board_python", "find_board_python", "served_camera"]

BoardPythonOption = Annotated[
    Path | None,
    typer.Option("--board-python", help="Python that has the board extra (pynq); .venv-board/bin/python if none."),
]
"""The `--board-python` option."""

_DEFAULT = Path(".venv-board/bin/python")


def find_board_python(given: Path | None) -> Path | None:
    """Returns the Python of the board's environment, `None` if there is none; `given` as in `board_python`."""
    return next((place for place in _places(given) if place.is_file()), None)


def board_python(given: Path | None) -> Path:
    """Returns the Python of the board's environment.

    Args:
        given: what the user named; the environment that the Makefile makes, here or beside the sources, if nothing.

    Raises:
        ToolError: if there is none.
    """
    if (found := find_board_python(given)) is not None:
        return found
    first = _places(given)[0]
    raise ToolError(
        f"{first} {'is no program' if first.exists() else 'does not exist'}: the driver needs an environment with the "
        "board extra (pynq); `make demo` makes it, or name its Python with --board-python"
    )


def _places(given: Path | None) -> list[Path]:
    return [given] if given is not None else [_DEFAULT, Path(__file__).resolve().parents[2] / _DEFAULT]


def served_camera(python: Path, arguments: Sequence[str]) -> RemoteCamera:
    """Returns the driver in a process of the board's environment, not started yet.

    Args:
        python: the environment's Python.
        arguments: those of `host.served`.
    """
    import hw_anon
    from hw_anon.core.remote_camera import RemoteCamera

    root = str(Path(hw_anon.__file__).resolve().parents[1])
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    return RemoteCamera([str(python), "-m", "host.served", *arguments], environment={"PYTHONPATH": path})
