"""`hw-anon pretrain-detector`."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hw_anon.cli.workspace import WorkOption, Workspace
from hw_anon.console.output import JsonOption, emit_document, note, print_table, progress, status
from hw_anon.console.places import directory_to_write

if TYPE_CHECKING:
    from hw_anon.data.face_pictures import FacePicture
    from hw_anon.data.synthetic.sets import SyntheticClips
    from quant.face_detector import FaceDetector
    from quant.train_detector import DetectorRecipe

__all__ = ["print_detector_metrics", "register"]

DEFAULT_WORK = Path("build")
"""Working directory unless --work says another."""


class _OutOfTimeError(Exception):
    """The run's time is over."""


_THRESHOLD = 128  # as a camera is built, see CameraConfig


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("pretrain-detector")(pretrain_detector)


def pretrain_detector(
    data: Annotated[Path, typer.Option("--data", help="A synthetic set, made by hw-anon synthesise.")],
    net: Annotated[str, typer.Option("--net", help="Name of a face detector.")] = "detector-s",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            callback=directory_to_write,
            help="Directory for the weights; below the working directory if not given.",
        ),
    ] = None,
    steps: Annotated[int, typer.Option("--steps", help="Optimiser steps.")] = 2000,
    batch: Annotated[int, typer.Option("--batch", help="Frames a step.")] = 16,
    learning_rate: Annotated[float, typer.Option("--learning-rate", help="Peak learning rate.")] = 0.004,
    pictures: Annotated[
        int, typer.Option("--pictures", help="Pictures of the set to compose frames of, at most.")
    ] = 2000,
    frames: Annotated[int, typer.Option("--frames", help="Frames for the measurement at the end.")] = 500,
    hard: Annotated[
        bool, typer.Option("--hard", help="Many faces turned, narrow, half hidden, dark or bright: for long runs.")
    ] = False,
    real: Annotated[
        list[Path] | None,
        typer.Option("--real", help="Folder of real pictures, labelled by the teacher detectors; repeatable."),
    ] = None,
    real_share: Annotated[
        float,
        typer.Option("--real-share", min=0, max=0.9, help="Repeat real pictures until they are this part of all."),
    ] = 0.0,
    portraits: Annotated[int, typer.Option("--portraits", help="Portraits of the set beside its frames.")] = 0,
    plain: Annotated[float, typer.Option("--plain", help="Share of plain frames among hard ones.")] = 0.0,
    kept: Annotated[
        int, typer.Option("--kept", help="Compose so many frames once and show them again; 0: new ones every step.")
    ] = 0,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Compiled steps in bfloat16: for CPUs that multiply it; needs a C++ compiler."),
    ] = False,
    frozen_share: Annotated[
        float,
        typer.Option("--frozen-share", help="Last share of the steps with batch norms frozen, as the chip has them."),
    ] = 0.2,
    start: Annotated[
        str | None, typer.Option("--start", help="Weights to start from: name of a shipped network, or a directory.")
    ] = None,
    workers: Annotated[int, typer.Option("--workers", help="Processes that compose frames beside the training.")] = 0,
    minutes: Annotated[
        float | None, typer.Option("--minutes", help="Stop after this time; the same command goes on.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of weights and frames.")] = 1,
    device: Annotated[str, typer.Option("--device", help="Torch device, e.g. cpu or cuda.")] = "cpu",
    work: WorkOption = DEFAULT_WORK,
    as_json: JsonOption = False,
) -> None:
    """Train the on-chip face detector on frames composed of a synthetic set: weights to try a camera with.

    Frames hold people of the set's training clips at every size, place and angle. Recall and false boxes are measured
    on frames of the test clips' people, through the integer network and the decoder of the camera. An interrupted run
    goes on from its checkpoint when the same command is given again.

    Example: hw-anon pretrain-detector --data data/people --steps 2000 --out build/weights/detector-s

    At length: hw-anon pretrain-detector --data data/people --hard --steps 20000 --batch 32 --workers 14 --device cuda
    """
    from hw_anon.data.face_pictures import load_clip_pictures, repeated
    from hw_anon.data.synthetic.sets import open_clips
    from quant.train_detector import DetectorRecipe, save_detector, validation_frames

    recipe = DetectorRecipe(
        net=net,
        steps=steps,
        batch=batch,
        learning_rate=learning_rate,
        frozen_share=frozen_share,
        checkpoint_every=100 if steps <= 10_000 else 500,
        hard=hard,
        plain=plain,
        kept=kept,
        quick=quick,
        start=start,
        workers=workers,
        seed=seed,
        device=device,
    )
    workspace = Workspace(work)
    deadline = math.inf if minutes is None else time.monotonic() + 60 * minutes
    clips = open_clips(data)
    with status("reading pictures"):
        test = load_clip_pictures(clips, "test", most=pictures)
        rendered, photographs = _training_pictures(clips, real or [], pictures, portraits)
        shown = repeated(photographs, beside=len(rendered), share=real_share)
    model = _train(recipe, [*rendered, *shown], workspace.root / "cache" / f"pretrain-{net}.pt", deadline)
    if model is None:
        return
    directory = out or workspace.root / "weights" / net
    with status("measuring"):
        metrics = save_detector(
            model,
            recipe,
            directory,
            frames=validation_frames(recipe.frames, test, frames),
            data=_provenance(clips, len(rendered), len(test)) | {"photographs": len(photographs)},
            threshold=_THRESHOLD,
        )
    _tell(net, directory, metrics, as_json=as_json)


def _tell(net: str, directory: Path, metrics: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        emit_document({"directory": str(directory), "metrics": metrics})
        return
    print_detector_metrics(net, metrics["validation"])
    note(f"weights: {directory}")


def _training_pictures(
    clips: SyntheticClips, real: Sequence[Path], most: int, portraits: int
) -> tuple[list[FacePicture], list[FacePicture]]:
    """Returns the pictures of the set's training people, and the real ones.

    Args:
        clips: the set.
        real: folders of real pictures.
        most: of the clips' pictures, and of each folder's, at most.
        portraits: how many portraits of the set at most.
    """
    from hw_anon.data.face_pictures import load_clip_pictures, load_portrait_pictures, load_real_pictures

    rendered = [
        *load_clip_pictures(clips, "train", most=most),
        *load_portrait_pictures(clips.directory, "train", most=portraits),
    ]
    return rendered, [picture for folder in real for picture in load_real_pictures(folder, most=most)]


def _train(
    recipe: DetectorRecipe, pictures: Sequence[FacePicture], checkpoint: Path, deadline: float
) -> FaceDetector | None:
    """Trains a detector, or goes on with it; returns `None` if the deadline (monotonic clock) came before the end."""
    from quant.train_detector import train_face_detector

    with progress() as bar:
        task = bar.add_task(f"training {recipe.net}", total=recipe.steps)

        def advance(step: int, loss: float) -> None:
            bar.update(task, completed=step, description=f"training {recipe.net}, loss {loss:.3f}")
            if time.monotonic() > deadline and step % recipe.checkpoint_every == 0:
                raise _OutOfTimeError

        try:
            return train_face_detector(recipe, pictures, checkpoint=checkpoint, on_step=advance)
        except _OutOfTimeError:
            note(f"stopped; the same command goes on from {checkpoint}")
            return None


def _provenance(clips: SyntheticClips, train: int, test: int) -> dict[str, Any]:
    from hw_anon.data.synthetic.sets import read_recipe

    made = read_recipe(clips.directory)
    note = "frames of synthetic people, made by hw-anon synthesise; the people of train and test are others"
    pictures = {"train_pictures": train, "test_pictures": test}
    return {"set": note, "generator": made["generator"], "settings": made["settings"], **pictures}


def print_detector_metrics(net: str, validation: dict[str, Any]) -> None:
    """Prints what a detector finds, class by class."""
    titles = {"by_height": "of height", "by_turn": "turned by", "by_yaw": "looking aside by", "by_skin": "of skin"}
    titles |= {"by_shown": "shown to", "by_thing": "behind", "by_light": "of grey level"}
    rows = [("all", validation["faces"], validation["recall"], _interval(validation["recall_interval"]))]
    for table, title in titles.items():
        for name, entry in validation.get(table, {}).items():
            rows.append((f"{title} {name}", entry["faces"], entry["recall"], _interval(entry["interval"])))
    title = f"{net} as the chip computes it: {validation['false_boxes']} false boxes a frame"
    print_table(title, ("faces", "number", "recall", "95 % interval"), rows)
    allowed = validation["allowance"]
    if allowed:
        faces = allowed["from_16_pixels"]
        found = f"{faces['recall']} {_interval(faces['interval'])} of {faces['faces']} faces from 16 pixels"
        note(f"threshold {allowed['threshold']}: {allowed['false_boxes']} false boxes a frame, recall {found}")


def _interval(ends: list[float] | None) -> str:
    return "" if ends is None else f"[{ends[0]}, {ends[1]}]"
