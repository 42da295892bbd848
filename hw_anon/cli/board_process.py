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

__all__ = ["BoardPythonOption", "board_python", "served_camera"]

BoardPythonOption = Annotated[
    Path | None,
    typer.Option("--board-python", help="Python that has the board extra (pynq); .venv-board/bin/python if none."),
]
"""The `--board-python` option."""

_DEFAULT = Path(".venv-board/bin/python")


def board_python(given: Path | None) -> Path:
    """Returns the Python of the board's environment.

    Args:
        given: what the user named; the environment that the Makefile makes, here or beside the sources, if nothing.

    Raises:
        ToolError: if there is none.
    """
    sources = Path(__file__).resolve().parents[2]
    places = [given] if given is not None else [_DEFAULT, sources / _DEFAULT]
    for place in places:
        if place.is_file():
            return place
    wrong = "is no program" if places[0].exists() else "does not exist"
    raise ToolError(
        f"{places[0]} {wrong}: the driver needs an environment with the board extra (pynq); `make demo` makes "
        "it, or name its Python with --board-python"
    )


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
