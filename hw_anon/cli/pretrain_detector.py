"""`hw-anon pretrain-detector`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hw_anon.cli.output import JsonOption, emit_document, note, print_table, progress, status
from hw_anon.cli.workspace import WorkOption, Workspace

if TYPE_CHECKING:
    from hw_anon.data.synthetic.sets import SyntheticClips

__all__ = ["register"]

DEFAULT_WORK = Path("build")
"""Working directory unless --work says another."""
_THRESHOLD = 128  # as a camera is built, see CameraConfig


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("pretrain-detector")(pretrain_detector)


def pretrain_detector(
    data: Annotated[Path, typer.Option("--data", help="A synthetic set, made by hw-anon synthesise.")],
    net: Annotated[str, typer.Option("--net", help="Name of a face detector.")] = "detector-s",
    out: Annotated[
        Path | None, typer.Option("--out", help="Directory for the weights; below the working directory if not given.")
    ] = None,
    steps: Annotated[int, typer.Option("--steps", help="Optimiser steps.")] = 2000,
    batch: Annotated[int, typer.Option("--batch", help="Frames a step.")] = 16,
    learning_rate: Annotated[float, typer.Option("--learning-rate", help="Peak learning rate.")] = 0.004,
    pictures: Annotated[
        int, typer.Option("--pictures", help="Pictures of the set to compose frames of, at most.")
    ] = 2000,
    frames: Annotated[int, typer.Option("--frames", help="Frames for the measurement at the end.")] = 500,
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
    """
    from hw_anon.data.detector_frames import load_clip_pictures
    from hw_anon.data.synthetic.sets import open_clips
    from quant.train_detector import DetectorRecipe, save_detector, train_face_detector, validation_frames

    recipe = DetectorRecipe(net=net, steps=steps, batch=batch, learning_rate=learning_rate, seed=seed, device=device)
    workspace = Workspace(work)
    clips = open_clips(data)
    with status("reading pictures"):
        train, test = (load_clip_pictures(clips, split, most=pictures) for split in ("train", "test"))
    with progress() as bar:
        task = bar.add_task(f"training {net}", total=steps)

        def advance(step: int, loss: float) -> None:
            bar.update(task, completed=step, description=f"training {net}, loss {loss:.3f}")

        checkpoint = workspace.root / "cache" / f"pretrain-{net}.pt"
        model = train_face_detector(recipe, train, checkpoint=checkpoint, on_step=advance)
    directory = out or workspace.root / "weights" / net
    with status("measuring"):
        metrics = save_detector(
            model,
            recipe,
            directory,
            frames=validation_frames(recipe, test, frames),
            data=_provenance(clips, len(train), len(test)),
            threshold=_THRESHOLD,
        )
    if as_json:
        emit_document({"directory": str(directory), "metrics": metrics})
        return
    _print(net, metrics["validation"])
    note(f"weights: {directory}")


def _provenance(clips: SyntheticClips, train: int, test: int) -> dict[str, Any]:
    from hw_anon.data.synthetic.sets import read_recipe

    made = read_recipe(clips.directory)
    note = "frames of synthetic people, made by hw-anon synthesise; the people of train and test are others"
    pictures = {"train_pictures": train, "test_pictures": test}
    return {"set": note, "generator": made["generator"], "settings": made["settings"], **pictures}


def _print(net: str, validation: dict[str, Any]) -> None:
    rows = [
        (f"faces of height {name}", entry["faces"], entry["recall"]) for name, entry in validation["by_height"].items()
    ]
    rows += [("all faces", validation["faces"], validation["recall"])]
    title = f"{net} as the chip computes it: {validation['false_boxes']} false boxes a frame"
    print_table(title, ("faces", "number", "recall"), rows)
