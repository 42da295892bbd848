"""What commands print: one JSON document or a table on standard output, progress on standard error."""

from __future__ import annotations

import ctypes
import json
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

__all__ = [
    "JsonOption",
    "command_line",
    "document_pending",
    "emit_document",
    "note",
    "print_table",
    "progress",
    "reserved_stdout",
    "status",
]

JsonOption = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON document on standard output, everything else on standard error."),
]
"""The `--json` option that every command has: `def command(as_json: JsonOption = False)`."""

_PLAIN_WIDTH = 160
"""Columns of a table that is not printed on a terminal."""


def command_line() -> str:
    """Returns the command that this process was started with, as it can be typed again: results carry it."""
    return shlex.join(["hw-anon", *sys.argv[1:]])


@dataclass(slots=True)
class _Reserved:
    """Standard output while it is kept for the JSON document."""

    stream: TextIO
    written: bool = False


_reserved: ContextVar[_Reserved | None] = ContextVar("reserved", default=None)


@contextmanager
def reserved_stdout() -> Iterator[None]:
    """Keeps standard output for `emit_document`; all else that is printed there goes to standard error.

    It works on the file descriptor, so that it also catches what compiled code (a simulator, a solver) prints.
    """
    sys.stdout.flush()
    saved = os.dup(1)
    os.dup2(2, 1)
    stream = os.fdopen(os.dup(saved), "w", encoding="utf-8")
    token = _reserved.set(_Reserved(stream))
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _reserved.reset(token)
        stream.close()
        sys.stdout.flush()
        ctypes.CDLL(None).fflush(None)  # what compiled code printed and still buffers
        os.dup2(saved, 1)
        os.close(saved)


def emit_document(document: Mapping[str, Any] | Sequence[Any]) -> None:
    """Prints the command's JSON document: call it exactly once, when `--json` was given.

    Raises:
        TypeError: if the document holds something that JSON has no form for.
        ValueError: if it holds NaN or an infinity, which JSON has no form for either.
    """
    reserved = _reserved.get()
    stream = reserved.stream if reserved else sys.stdout
    stream.write(json.dumps(document, indent=2, allow_nan=False) + "\n")
    stream.flush()
    if reserved:
        reserved.written = True


def document_pending() -> bool:
    """Returns whether standard output is kept for a document that has not been printed yet."""
    reserved = _reserved.get()
    return reserved is not None and not reserved.written


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Prints a table on standard output; numbers are aligned to the right, whole ones get thousands separators."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for index, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int | float) for row in rows)
        table.add_column(column, justify="right" if numeric else "left")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    Console(width=None if sys.stdout.isatty() else _PLAIN_WIDTH).print(table)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def note(message: str) -> None:
    """Prints one line for the user on standard error."""
    _error_console().print(message, markup=False, highlight=False)


@contextmanager
def status(message: str) -> Iterator[None]:
    """Shows a spinner with `message` on standard error while the block runs; one plain line if it is no terminal."""
    console = _error_console()
    if console.is_terminal:
        with console.status(message):
            yield
    else:
        note(f"{message} …")
        yield


def progress() -> Progress:
    """Returns a progress display on standard error (a context manager, see `rich.progress.Progress`)."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=_error_console(),
        transient=True,
    )


def _error_console() -> Console:
    return Console(stderr=True)
