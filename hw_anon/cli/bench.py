"""`hw-anon bench`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hw_anon.cli.board_process import BoardPythonOption, find_board_python
from hw_anon.cli.workspace import NetOption, WorkOption, Workspace
from hw_anon.console.output import JsonOption, emit_document, note, print_table, status
from hw_anon.console.places import file_to_write
from hw_anon.core.atomic import write_text_atomically
from hw_anon.core.config import suggest
from hw_anon.core.errors import ConfigError

if TYPE_CHECKING:
    from hw_anon.cli.bench_setup import Line, Measured

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("bench")(bench)


def bench(
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            help="build, twin, folding, simulation, camera, driver, deface or detector (repeatable); all if none.",
        ),
    ] = None,
    net: NetOption = "modifier-s",
    camera: Annotated[
        list[Path] | None,
        typer.Option(
            "--camera", help="Configuration of a camera, or its directory (repeatable); the shipped ones if none."
        ),
    ] = None,
    detector: Annotated[
        Path | None,
        typer.Option(
            "--detector",
            help="Exported action detector, see: hw-anon export-detector; the one among the weights if none.",
        ),
    ] = None,
    board_python: BoardPythonOption = None,
    out: Annotated[Path, typer.Option("--out", callback=file_to_write, help="File for the figures.")] = Path(
        "build/bench.json"
    ),
    work: WorkOption = Path("build"),
    as_json: JsonOption = False,
) -> None:
    """Measure what the README says of speed and size, each beside a peer of the same run where there is one.

    Network: build, twin against FINN's Python, folding against FINN's, simulation. Camera: cycles of frames with the
    most faces and with none, in RTL, beside the budget. Driver: its own time for a frame, in the board's environment.
    Twin of the camera and driver: processor time of a frame beside the anonymiser deface, over the same frames. Action
    detector: its time for a frame. Networks, cameras and the detector's export are made first if they are not there.
    Speeds depend on the machine, ratios are of one run, cycles are exact. What cannot be measured here is listed with
    the reason.

    Example: hw-anon bench --only twin --only folding
    """
    import hls.camera
    from hw_anon.cli.bench_setup import Bench
    from hw_anon.cli.bench_suite import ENTRIES

    names = _chosen(only or [], tuple(ENTRIES))
    setup = Bench(
        net=net,
        workspace=Workspace(work),
        cameras=tuple(camera or sorted((Path(hls.camera.__file__).parent / "configs").glob("*.toml"), reverse=True)),
        detector=detector,
        board_python=find_board_python(board_python),
    )
    parts: dict[str, Measured] = {}
    for name in names:
        with status(f"measuring: {name}"):
            parts[name] = ENTRIES[name](setup)
    document = _document(net, parts)
    write_text_atomically(out, json.dumps(document, indent=2, sort_keys=True) + "\n")
    if as_json:
        emit_document(document)
        return
    rows = [_row(line) for part in parts.values() for line in part.lines]
    print_table(f"Benchmark of {net}", ("what", "here", "peer", "peer's", "ratio"), rows)
    for name, part in parts.items():
        if part.missing:
            note(f"not measured: {name}: {part.missing}")
    note(f"figures: {out}")


def _chosen(asked: Sequence[str], known: Iterable[str]) -> list[str]:
    """Returns the entries asked for, in their own order; all if none.

    Raises:
        ConfigError: if one does not exist.
    """
    names = list(known)
    for name in asked:
        if name not in names:
            raise ConfigError(f"there is no benchmark {name!r}; {suggest(name, names)}")
    return [name for name in names if name in asked] if asked else names


def _document(net: str, parts: dict[str, Measured]) -> dict[str, Any]:
    measured = {name: part.figures for name, part in parts.items() if not part.missing}
    missing = {name: part.missing for name, part in parts.items() if part.missing}
    return {"net": net, **measured, "missing": missing}


def _row(line: Line) -> tuple[str, str, str, str, str]:
    peer = "" if line.peer_value is None else _number(line.peer_value)
    return line.what, _number(line.value), line.peer, peer, "" if line.ratio is None else f"{line.ratio:g} ×"


def _number(value: float) -> str:
    return f"{value:,}"
