"""`hw-anon explore`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hw_anon.cli.workspace import WorkOption, Workspace
from hw_anon.console.output import JsonOption, emit_document, note, print_table, progress, status
from hw_anon.console.places import directory_to_write
from hw_anon.core.boards import BOARDS, Board, get_board
from hw_anon.core.errors import ConfigError

if TYPE_CHECKING:
    from hls.folding.point import DesignPoint

__all__ = ["register"]

_COLUMNS = ("device", "faces/s", "cycles/face", "DSP", "LUT", "FF", "BRAM18", "DSP efficiency", "fits", "exceeds")


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("explore")(explore)


def explore(
    net: Annotated[str | None, typer.Option("--net", help="Name of a network whose weights are shipped.")] = None,
    model: Annotated[
        Path | None, typer.Option("--model", help="Directory of an exported network (model.onnx, contract.json).")
    ] = None,
    board: Annotated[
        list[str] | None,
        typer.Option("--board", help="Board to fold for; may be given several times. All if not given."),
    ] = None,
    faces: Annotated[
        list[float] | None, typer.Option("--faces-per-s", help="Target rate; may be given several times.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", callback=directory_to_write, help="Directory for explore.csv, explore.json and explore.png."
        ),
    ] = None,
    work: WorkOption = Path("build"),
    as_json: JsonOption = False,
) -> None:
    """Show how fast a network can be on each board, and what that takes.

    Every row is a folding that no other one beats in throughput, DSP, LUT and block RAM at once. Amounts are
    estimates before synthesis and leave out FIFOs.

    Example: hw-anon explore --net modifier-s --board pynq-z2 --out build/explore
    """
    if (net is None) == (model is None):
        raise ConfigError("give exactly one of --net (a shipped network) and --model (a directory)")
    boards = [get_board(name) for name in board] if board else list(BOARDS.values())
    workspace = Workspace(work)
    directory = model if model is not None else workspace.exported(str(net))
    name = net or directory.name
    points = _points(directory, boards, faces or None, workspace)
    files = {}
    if out is not None:
        from hls.folding.explore import write_points

        files = {kind: str(path) for kind, path in write_points(points, out, net=name).items()}
    if as_json:
        from hls.resources import calibration_errors

        emit_document(
            {
                "net": name,
                "estimate_errors": calibration_errors(),
                "points": [asdict(point) for point in points],
                "files": files,
            }
        )
        return
    rows = [_row(point) for point in points]
    print_table(f"{name}: estimated, without FIFOs", _COLUMNS, rows)
    for kind, path in files.items():
        note(f"{kind}: {path}")


def _row(point: DesignPoint) -> tuple[object, ...]:
    """One line of the table, in the order of `_COLUMNS`."""
    rate = round(point.faces_per_s, 1) if point.faces_per_s < 1000 else round(point.faces_per_s)
    amounts = point.dsp, point.lut, point.ff, point.bram18
    efficiency = f"{point.dsp_efficiency:.0%}"
    return point.device, rate, point.interval_cycles, *amounts, efficiency, point.fits, point.limits


def _points(
    directory: Path, boards: list[Board], targets: list[float] | None, workspace: Workspace
) -> list[DesignPoint]:
    """Compiles the network and explores it."""
    from hls.flow.pipeline import compile_graph
    from hls.folding.explore import pareto

    with status("compiling the network to hardware layers"):
        graph = compile_graph(directory, boards[0], work_dir=workspace.finn)
    with progress() as display:
        task = display.add_task("folding", total=None)

        def advance(name: str, done: int, total: int) -> None:
            display.update(task, description=f"folding for {name}", completed=done, total=total)

        return pareto(graph.specialised, boards, targets, on_point=advance)
