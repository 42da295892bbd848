"""`hw-anon fuzz`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hw_anon.cli.workspace import WorkOption, Workspace
from hw_anon.console.output import JsonOption, emit_document, note, print_table, progress

if TYPE_CHECKING:
    from hls.fuzz.run import FuzzReport

__all__ = ["register"]

_SHOWN_FAILURES = 20


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("fuzz")(fuzz)


def fuzz(
    frames: Annotated[int, typer.Option("--frames", min=1, help="Frames to send at least.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Equal seeds give equal runs.")] = 1,
    stores: Annotated[int, typer.Option("--stores", min=1, max=2, help="Frame stores of the camera.")] = 1,
    only_batch: Annotated[
        int | None, typer.Option("--only-batch", min=0, help="Run this batch only: replays a failure.")
    ] = None,
    work: WorkOption = Path("build"),
    as_json: JsonOption = False,
) -> None:
    """Send every fault through a small simulated camera, at random, and compare with its golden model.

    Faults of the video, of both accelerators, of the sink and of the software; pictures, metadata and registers are
    compared, and raw pixels of faces are counted by a marker of their own. Exit status 7 if anything is wrong, 8 if the
    camera hung; each failure is printed with the command that replays it.

    Example: hw-anon fuzz --frames 10000 --seed 1 --stores 2
    """
    from hls.fuzz.bench import CameraBench
    from hls.fuzz.run import fuzz as run_fuzzer
    from hls.fuzz.run import fuzz_config
    from hls.sim.errors import DeadlockError, SimulationError

    bench = CameraBench(fuzz_config(stores), Workspace(work).simulators, optimisation="-O1")
    with progress() as bar:
        task = bar.add_task("fuzzed frames", total=None if only_batch is not None else frames)
        report = run_fuzzer(
            bench,
            frames=frames,
            seed=seed,
            only_batch=only_batch,
            on_progress=lambda done: bar.update(task, completed=done),
        )
    _print(report, as_json=as_json)
    if not report.clean:
        only_hangs = not (report.raw_face_pixels or report.mismatches)
        raise typer.Exit(DeadlockError.exit_code if only_hangs else SimulationError.exit_code)


def _print(report: FuzzReport, *, as_json: bool) -> None:
    for failure in report.failures[:_SHOWN_FAILURES]:
        note(failure)
    if as_json:
        emit_document(report.document())
        return
    rows = [(name, each.frames, each.correct, each.black) for name, each in sorted(report.outcomes.items())]
    print_table("Frames by fault", ("fault", "delivered", "correct picture", "black, right code"), rows)
    figures = ("frames", "delivered", "black", "raw_face_pixels", "hangs", "mismatches", "batches", "seconds")
    print_table(
        f"Camera with {report.stores} frame store{'s' * (report.stores > 1)}, seed {report.seed}",
        ("figure", "value"),
        [(name, getattr(report, name)) for name in figures],
    )
