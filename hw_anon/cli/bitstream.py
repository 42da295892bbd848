"""`hw-anon bitstream`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hw_anon.cli.workspace import WorkOption
from hw_anon.console.output import JsonOption, emit_document, note, print_table
from hw_anon.console.places import directory_to_write
from hw_anon.core.errors import ToolError

if TYPE_CHECKING:
    from hls.synth.bitstream import Bitstream
    from hls.synth.project import Project

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("bitstream")(bitstream)


def bitstream(
    camera: Annotated[Path, typer.Argument(help="A finished camera directory.")],
    board: Annotated[str, typer.Option("--board", help="Board, device or part, see: hw-anon boards.")],
    out: Annotated[
        Path, typer.Option("--out", callback=directory_to_write, help="Where <board>/<design id> is made.")
    ] = Path("bitstreams"),
    mode: Annotated[
        str | None, typer.Option("--mode", help="Video mode of the sensor; by default the board's.")
    ] = None,
    factor: Annotated[
        int | None,
        typer.Option("--factor", help="Side of the blocks of samples that become a pixel; by default the largest."),
    ] = None,
    sensor_table: Annotated[
        Path | None, typer.Option("--sensor-table", help="Settings of a MIPI sensor, see docs/bitstreams.md.")
    ] = None,
    repositories: Annotated[
        list[Path] | None,
        typer.Option("--ip-repository", help="Directory with further blocks (PYNQ-Z2: Digilent's); may be repeated."),
    ] = None,
    vivado: Annotated[Path | None, typer.Option("--vivado", help="Vivado's program; found on the search path.")] = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Runs that Vivado starts at a time.")] = 2,
    key: Annotated[Path | None, typer.Option("--key", help="Private key that signs the result.")] = None,
    prepare_only: Annotated[
        bool, typer.Option("--prepare-only", help="Write and check the project, and stop before Vivado.")
    ] = False,
    work: WorkOption = Path("build"),
    as_json: JsonOption = False,
) -> None:
    """Make the bitstream of a camera with Vivado; everything before Vivado is written and checked without it.

    The project (packed camera, block design, constraints, scripts, expected hardware handoff) is written below
    --work. With Vivado it is built; a design that misses its timing or differs from what was expected is refused. What
    is good becomes <out>/<board>/<design id> with bitstream, handoff, reports and manifest.

    Example: hw-anon bitstream build/camera --board pynq-z2 --ip-repository vivado-library --key release.key
    """
    from hls.synth.bitstream import build_bitstream
    from hls.synth.config import VendorConfig, source_budget
    from hls.synth.project import write_project
    from hls.synth.usage import usage_rows
    from hls.synth.vivado import find_vivado
    from hw_anon.core.signature import key_id

    if key is not None:
        key_id(key)  # not after hours of work
    config = VendorConfig(board=board, mode=mode, factor=factor, jobs=jobs, sensor_table=sensor_table)
    project = write_project(camera, config, work / "vendor" / f"{config.chain.board}-{camera.resolve().name}")
    budget = source_budget(project.camera.config, project.fit, config.sensor_mode)
    if budget.needed > budget.available:
        note(f"at the sensor's pace frames with many faces come late, the next one is then black: {budget}")
    document: dict[str, Any] = {
        "project": str(project.directory),
        "checks": dict(project.checks),
        "fit": project.fit.to_dict(),
        "budget": budget.as_json(),
        "estimated": {name: asdict(part) for name, part in project.parts.items()},
    }
    if not prepare_only:
        made = build_bitstream(
            project, _find(find_vivado, vivado, project), out, repositories=repositories or (), key=key,
            on_stage=lambda stage: note(f"· {stage}"),
        )  # fmt: skip
        document |= {"directory": str(made.directory), "design_id": made.manifest.design_id, **made.report.as_json()}
    if as_json:
        emit_document(document)
        return
    print_table(f"Project {project.directory}", ("checked", "result"), list(project.checks.items()))
    rows = usage_rows(project.parts, project.platform.board)
    print_table(
        "Estimated by open synthesis, without the vendor's blocks", ("part", "DSP", "LUT", "BRAM18", "URAM"), rows
    )
    if not prepare_only:
        _print(made)


def _find(find: Any, program: Path | None, project: Project) -> Any:
    """Returns the tool; without it, says what was made and what is missing."""
    try:
        return find(program)
    except ToolError as exc:
        checks = "\n".join(f"  {what}: {result}" for what, result in project.checks.items())
        raise ToolError(
            f"{exc}\nthe project is complete and checked without it, in {project.directory}:\n{checks}\n"
            "missing is what only Vivado makes: synthesis, placement, timing, .bit and .hwh"
        ) from exc


def _print(made: Bitstream) -> None:
    report = made.report
    rows = [
        ("DSP", report.used.dsp),
        ("LUT", report.used.lut),
        ("FF", report.used.ff),
        ("18-Kib block RAM", report.used.bram18),
        ("UltraRAM", report.used.uram),
        ("setup slack, ns", report.timing.setup_slack_ns),
        ("hold slack, ns", report.timing.hold_slack_ns),
        ("power, W (estimated by Vivado)", report.power_w),
    ]
    print_table(f"{made.directory}", ("figure", "value"), rows)
