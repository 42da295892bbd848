"""`hw-anon ship-detector`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hw_anon.console.output import JsonOption, emit_document, note
from hw_anon.console.places import directory_to_write

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("ship-detector")(ship_detector)


def ship_detector(
    checkpoint: Annotated[Path, typer.Argument(help="A detector that hw-anon train-detector made.")],
    out: Annotated[
        Path,
        typer.Option("--out", callback=directory_to_write, help="Directory to write, e.g. hw_anon/weights/action-0."),
    ],
    result: Annotated[
        Path | None, typer.Option("--result", help="What was measured with it: action/METHOD.json of the results.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Put an action detector among the weights: 16-bit floats, its recipe, and what was measured with it.

    The demonstration exports `hw_anon/weights/action-chip`, or else the first of `action-*`, to ONNX for its camera.

    Example: hw-anon ship-detector build/results/detectors/original/detector.safetensors --out hw_anon/weights/action-0
    """
    from hw_anon.nets.shipped_detector import ship_detector as ship

    shipped = ship(checkpoint, out, result=result)
    size = shipped.checkpoint.stat().st_size
    if as_json:
        emit_document({"directory": str(out), "bytes": size, "measured": shipped.metrics is not None})
    else:
        note(f"{shipped.name}: {shipped.checkpoint}, {size:,} bytes")
