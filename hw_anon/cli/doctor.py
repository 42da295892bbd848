"""`hw-anon doctor`."""

from __future__ import annotations

from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from hw_anon.cli.checks import ROOMS, Check, check_rooms
from hw_anon.console.output import JsonOption, emit_document, note, print_table
from hw_anon.core.errors import ToolError

__all__ = ["register"]

RoomName = Enum("RoomName", {name: name for name in ROOMS}, type=str)  # type: ignore[misc]  # choices of an option


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("doctor")(doctor)


def doctor(
    room: Annotated[
        list[RoomName] | None,
        typer.Option(help="A room that must be ready (repeatable); the exit status is 4 if it is not."),
    ] = None,
    directory: Annotated[Path, typer.Option(help="Where builds will be written.")] = Path("build"),
    as_json: JsonOption = False,
) -> None:
    """Look for everything hw-anon needs, and say what to install where something is missing.

    The rooms are [bold]quant[/bold] (train and export networks), [bold]hls[/bold] (compile and simulate them) and
    [bold]host[/bold] (drive a board). No environment serves all three: pynq needs an older numpy than FINN+, hence
    the two environments .venv and .venv-board that `make` maintains. Without --room all three are shown and the exit
    status is 0.

    Example: hw-anon doctor --room hls
    """
    required = [str(r.value) for r in room or []]
    checks = check_rooms(required or ROOMS, directory)
    if as_json:
        emit_document({"checks": [asdict(c) for c in checks], "ready": _ready(checks)})
    else:
        _print(checks)
    missing = [c for c in checks if not c.ok]
    if required and missing:
        raise typer.Exit(ToolError.exit_code)


def _ready(checks: list[Check]) -> dict[str, bool]:
    base = all(c.ok for c in checks if c.room == "base")
    rooms = dict.fromkeys(c.room for c in checks if c.room != "base")
    return {room: base and all(c.ok for c in checks if c.room == room) for room in rooms}


def _print(checks: list[Check]) -> None:
    rows = [(c.room, c.name, "ok" if c.ok else "NO", c.found) for c in checks]
    print_table("Tools and packages", ("room", "needs", "ok", "found"), rows)
    for check in checks:
        if not check.ok:
            note(f"{check.room}: {check.name}: {check.remedy}")
    for room, ready in _ready(checks).items():
        note(f"{room}: {'ready' if ready else 'not ready'}")
