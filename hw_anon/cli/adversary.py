"""`hw-anon adversary`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hw_anon.cli.workspace import WorkOption, Workspace
from hw_anon.console.output import JsonOption, emit_document, note, print_table, progress

if TYPE_CHECKING:
    from host.simulated.adversary import AdversaryReport
    from hw_anon.core.camera import CameraConfig

__all__ = ["register"]

_LEAK_EXIT = 7


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("adversary")(adversary)


def adversary(
    operations: Annotated[int, typer.Option("--operations", min=1, help="Register accesses at least.")] = 100_000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Equal seeds give equal runs.")] = 1,
    camera: Annotated[
        Path | None,
        typer.Option("--camera", help="A built camera with stand-in networks; built if not given.", file_okay=False),
    ] = None,
    stores: Annotated[
        int, typer.Option("--stores", min=1, max=2, help="Frame stores of the camera that is built, or of the model.")
    ] = 1,
    golden: Annotated[
        bool, typer.Option("--golden", help="Attack the golden model: needs no RTL and no simulator.")
    ] = False,
    work: WorkOption = Path("build"),
    as_json: JsonOption = False,
) -> None:
    """Let a hostile host attack a simulated board with all its registers and memory, looking for raw bytes of faces.

    Two boards see pictures that differ in faces only and get the same accesses, targeted and random. Every raw byte of
    a face is marked: none may leave the camera, and nothing but the modifier's output may tell the two boards apart.
    Exit status 7 if something leaked. Without --camera the RTL of a small camera is built, which takes the tools of the
    main environment; the board's environment attacks a camera that was built elsewhere.

    Example: hw-anon adversary --operations 1000000 --seed 1
    """
    from host.simulated.adversary import golden_pair, run_adversary, verilated_pair
    from host.simulated.adversary.marks import STAND_IN_CONFIG

    wanted = replace(STAND_IN_CONFIG, buffers=stores)
    with (
        golden_pair(wanted) if golden else verilated_pair(camera or _built(Workspace(work), wanted)) as (
            name,
            config,
            pair,
        ),
        progress() as bar,
    ):
        task = bar.add_task("register accesses", total=operations)
        report = run_adversary(
            name,
            config,
            pair,
            operations=operations,
            seed=seed,
            on_progress=lambda done: bar.update(task, completed=done),
        )
    _print(report, as_json=as_json)
    if not report.clean:
        raise typer.Exit(_LEAK_EXIT)


def _built(workspace: Workspace, config: CameraConfig) -> Path:
    from hls.fuzz.small_camera import build_small_camera

    directory = workspace.root / "adversary" / ("camera" if config.buffers == 1 else "camera-2-stores")
    return build_small_camera(config, directory, cache_dir=workspace.simulators)


def _print(report: AdversaryReport, *, as_json: bool) -> None:
    for leak in report.seen.leaks:
        note(leak)
    if not report.seen.faces:
        note("no face was replaced in any delivered frame: the run shows nothing; use more operations")
    document = report.document()
    if as_json:
        emit_document(document)
        return
    print_table("Delivered frames", ("frame", "number"), list(document["frames"].items()))
    print_table("Attacks", ("attack", "times"), list(report.attacks.items()))
    figures = [(key, value) for key, value in document.items() if not isinstance(value, dict | list)]
    print_table(f"Attack on the {report.camera}", ("figure", "value"), figures)
