"""`hw-anon build`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hw_anon.cli.workspace import NetOption, WorkOption, Workspace
from hw_anon.console.output import JsonOption, emit_document, note, print_table

if TYPE_CHECKING:
    from hls.flow.finished import FinishedBuild

__all__ = ["BoardOption", "ClockOption", "RateOption", "register", "report_rows"]

BoardOption = Annotated[str, typer.Option("--board", help="Board, device or part, see: hw-anon boards.")]
"""The `--board` option."""
RateOption = Annotated[float, typer.Option("--faces-per-s", help="Throughput to build for, in faces per second.")]
"""The `--faces-per-s` option."""
ClockOption = Annotated[
    float | None, typer.Option("--clk-mhz", help="Accelerator clock in MHz; the board's default if not given.")
]
"""The `--clk-mhz` option."""

DEFAULT_WORK = Path("build")
"""Working directory unless --work says another."""


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("build")(build)


def build(
    net: NetOption = "modifier-s",
    board: BoardOption = "pynq-z2",
    faces_per_s: RateOption = 120.0,
    clk_mhz: ClockOption = None,
    work: WorkOption = DEFAULT_WORK,
    force: Annotated[
        bool, typer.Option("--force", help="Build even if an intact build of the same inputs is there.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Build the RTL accelerator of a network: QONNX, folding, FIFO sizing, RTL, simulator, proof runs, report.

    The build directory holds the RTL, the compiled simulator, the software twin, report.json and index.html; its
    manifest is written last, so that half a build is never taken for one. An intact build of the same inputs and
    tools is reused. No vendor tool is needed.

    Example: hw-anon build --net modifier-s --board pynq-z2 --faces-per-s 120
    """
    from hls.flow.config import BuildConfig

    config = BuildConfig(board=board, faces_per_s=faces_per_s, clk_mhz=clk_mhz)
    finished = Workspace(work).built(net, config, on_stage=note_stage, force=force)
    document = {"directory": str(finished.directory), "design_id": finished.manifest.design_id, **finished.report}
    if as_json:
        emit_document(document)
        return
    print_table(f"{net} on {board}", ("figure", "value"), report_rows(finished))
    if finished.report["faces_per_s"] < faces_per_s:
        note(f"the simulated interval misses the {faces_per_s:g} faces/s asked for: ask for a little more")
    note(f"report: {finished.directory / 'index.html'}")


def note_stage(name: str) -> None:
    """Prints the stage that begins."""
    note(f"· {name}")


def report_rows(finished: FinishedBuild) -> list[tuple[str, Any]]:
    """Returns the main figures of a build as table rows."""
    report = finished.report
    return [
        ("design id", finished.manifest.design_id),
        ("interval in RTL, cycles per face", report["interval_cycles_rtl"]),
        ("slowest layer's ideal, cycles", report["interval_cycles_ideal"]),
        (f"faces per second at {report['clock_mhz']:g} MHz", report["faces_per_s"]),
        ("DSP (estimated)", report["dsp"]),
        ("LUT (estimated)", report["lut"]),
        ("18-Kib block RAM (estimated)", report["bram18"]),
        ("DSP efficiency", report["dsp_efficiency"]),
        ("FIFO sizing, s", report["fifo_sizing_s"]),
        ("build, s", report["build_s"]),
        ("simulated kcycles per s", report["simulated_kcycles_per_s"]),
    ]
