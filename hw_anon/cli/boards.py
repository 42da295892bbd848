"""`hw-anon boards`."""

from __future__ import annotations

from dataclasses import asdict

import typer

from hw_anon.console.output import JsonOption, emit_document, print_table
from hw_anon.core.boards import BOARDS

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("boards")(boards)


def boards(as_json: JsonOption = False) -> None:
    """List the supported boards and what their programmable logic holds.

    Wherever a command takes --board, it accepts the name, the device or the full part number.

    Example: hw-anon boards --json
    """
    if as_json:
        emit_document({"boards": [asdict(board) for board in BOARDS.values()]})
        return
    columns = ("board", "device", "part", "DSP", "LUT", "FF", "BRAM18", "URAM", "MHz")
    rows = [(b.name, b.device, b.part, b.dsp, b.lut, b.ff, b.bram18, b.uram, b.clk_mhz) for b in BOARDS.values()]
    print_table("Boards", columns, rows)
