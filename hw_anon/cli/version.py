"""`hw-anon version`."""

from __future__ import annotations

import platform

import numpy
import typer

from hw_anon import __version__
from hw_anon.console.output import JsonOption, emit_document

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("version")(version)


def version(as_json: JsonOption = False) -> None:
    """Print the version of hw-anon, Python and numpy.

    Put it into a bug report, together with the output of `hw-anon doctor`.

    Example: hw-anon version --json
    """
    document = {"hw_anon": __version__, "python": platform.python_version(), "numpy": numpy.__version__}
    if as_json:
        emit_document(document)
    else:
        print("\n".join(f"{name} {number}" for name, number in document.items()))
