"""`hw-anon read-actions`."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from hw_anon.cli.detector_jobs import DetectorJob, Progress, job_method, method_frames
from hw_anon.cli.detector_options import (
    ClipsOption,
    DetectorOption,
    EveryOption,
    MethodOption,
    ModifierOption,
    NameOption,
    NetsOption,
    OutOption,
    WorkersOption,
)
from hw_anon.cli.method_options import AnonymiserOption, CropSideOption, DeviceOption, OnnxValuesOption
from hw_anon.cli.train_detector import check_files, check_networks, method_jobs, method_names, sized_detector
from hw_anon.console.output import JsonOption, command_line, emit_document, note, print_table, progress

if TYPE_CHECKING:
    from hw_anon.evaluate.reading import ReadingResult
    from hw_anon.train.windows import NamedWindows, WindowRecipe

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("read-actions")(read_actions)


def read_actions(
    clips: ClipsOption,
    method: MethodOption = None,
    modifier: ModifierOption = None,
    net: NetsOption = None,
    anonymiser: AnonymiserOption = None,
    onnx_values: OnnxValuesOption = None,
    name: NameOption = None,
    out: OutOption = Path("build/results"),
    detector: DetectorOption = "edge",
    epochs: float = typer.Option(4.0, "--epochs", help="How often every face is seen."),
    every: EveryOption = 2,
    crop_side: CropSideOption = 256,
    workers: WorkersOption = 1,
    seed: int = typer.Option(0, "--seed", help="Seed of the reader's weights and of the order."),
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Measure which near-face actions a network from random weights reads in faces behind a method.

    The action detectors of `train-detector` begin with weights that a modifier may have been trained with; this reader
    met nobody. It is the feature pyramid of such a detector under one linear layer, and learns from windows of 96x96
    pixels around modified faces. Writes reading/METHOD.json.

    Example: hw-anon read-actions --clips build/synthetic --method original --method blur-8 --net modifier-s
    """
    from hw_anon.train.windows import WindowRecipe

    recipe = sized_detector(clips, detector, seed=seed)
    base = DetectorJob(
        clips=clips,
        out=out,
        recipe=replace(recipe, windows=WindowRecipe(epochs=epochs)),
        command=command_line(),
        name=name,
        crop_side=crop_side,
        onnx_values=onnx_values,
        every=every,
        device=device,
        workers=workers,
    )
    names = method_names(method or [], bool(modifier or net or anonymiser))
    check_networks(net or [])
    check_files(base, modifier or [], trains_clear=False)
    results = []
    with progress() as display:
        for job in method_jobs(base, names, modifier or [], net or [], anonymiser or []):
            task = display.add_task(str(job.method or job.modifier or job.net or job.anonymiser))

            def advance(what: str, done: int, total: int, task: Any = task) -> None:
                display.update(task, description=what, completed=done, total=total)

            results.append(_read(job, advance))
            display.remove_task(task)
    if as_json:
        emit_document([result.as_json() for result in results])
        return
    print_table("near-face actions that a network from random weights names, %", _COLUMNS, [*map(_row, results)])
    note(f"results: {out / 'reading'}")


_COLUMNS = ("method", "named", "faces", "clips")


def _read(job: DetectorJob, report: Progress) -> ReadingResult:
    """Trains a reader behind one method, measures it and writes what it read."""
    import json

    import torch

    from hw_anon.core.atomic import write_text_atomically
    from hw_anon.data.synthetic.sets import open_clips
    from hw_anon.evaluate.float_backend import pick_device
    from hw_anon.evaluate.reading import ReadingResult, share_named
    from hw_anon.nets.action import ActionDetector
    from hw_anon.train.detector import learning_rate_factor
    from hw_anon.train.windows import learn_windows, name_windows

    lesson = job.recipe.windows
    assert lesson is not None, "a reader has a lesson"
    seed, clips, (method, movable) = job.recipe.seed, open_clips(job.clips), job_method(job)
    frames = partial(method_frames, job, method, clips, report=report, movable=movable)
    torch.manual_seed(seed)
    detector = ActionDetector(job.recipe.detector).to(pick_device(job.device))

    def on_step(done: int, total: int, loss: float) -> None:
        report(f"learning to read, loss {loss:.3f}", done, total)

    learned = learn_windows(detector, lesson, frames("train")[1], seed=seed, rate=learning_rate_factor, on_step=on_step)
    found = name_windows(detector.eval(), learned.classifier, lesson, frames("test")[1], clips.near_face)
    right = found.named == found.actions
    result = ReadingResult(
        method=method.backend.name,
        seed=method.seed,
        reader_seed=seed,
        dataset=clips.title,
        named=share_named(found.clips.numpy(), right.numpy(), seed=seed),
        by_action={clips.actions[i]: float(right[found.actions == i].float().mean()) for i in _actions(found)},
        clips=len(found.clips.unique()),
        command=job.command,
        training=_training(job, lesson, learned.loss),
    )
    text = json.dumps(result.as_json(), indent=2) + "\n"
    write_text_atomically(job.out / "reading" / f"{result.title}.json", text)
    return result


def _actions(found: NamedWindows) -> list[int]:
    actions: list[int] = found.actions.unique().tolist()
    return actions


def _training(job: DetectorJob, lesson: WindowRecipe, loss: float) -> dict[str, Any]:
    return {
        "recipe": lesson.to_dict(),
        "detector": job.recipe.detector.to_dict(),
        "every": job.every,
        "final_loss": round(loss, 4),
    }


def _row(result: ReadingResult) -> tuple[Any, ...]:
    named = result.named
    shares = f"{100 * named.value:.1f} [{100 * named.low:.1f}, {100 * named.high:.1f}]"
    return (result.title, shares, named.n, result.clips)
