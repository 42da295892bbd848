"""`hw-anon evaluate-detector`."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from hw_anon.console.output import JsonOption, emit_document, note, status
from hw_anon.console.places import directory_to_write

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("evaluate-detector")(evaluate_detector)


def evaluate_detector(
    data: Annotated[
        Path | None, typer.Option("--data", help="A synthetic set, made by hw-anon synthesise: its test people.")
    ] = None,
    real: Annotated[
        list[Path] | None,
        typer.Option("--real", help="Folder of real pictures, labelled by the teacher detectors; repeatable."),
    ] = None,
    net: Annotated[str, typer.Option("--net", help="Name of a face detector, or a directory with weights.")] = (
        "detector-s"
    ),
    frames: Annotated[int, typer.Option("--frames", min=1, help="Frames to compose.")] = 1000,
    pictures: Annotated[int, typer.Option("--pictures", min=1, help="Pictures to compose them of, at most.")] = 2000,
    hard: Annotated[
        bool, typer.Option("--hard/--plain", help="Many faces turned, narrow, half hidden, dark or bright, or few.")
    ] = True,
    threshold: Annotated[
        int, typer.Option("--threshold", min=1, max=255, help="Score from which a cell is a face.")
    ] = 128,
    out: Annotated[
        Path, typer.Option("--out", callback=directory_to_write, help="Directory for detector.json.")
    ] = Path("build/evaluation"),
    as_json: JsonOption = False,
) -> None:
    """Measure what the on-chip face detector finds: by size, angle, pose, skin, occlusion and light, with intervals.

    The integer network and the camera's decoder run on composed frames. Recall is given at the threshold, and at the
    threshold that allows 0.1 false boxes a frame.

    Example: hw-anon evaluate-detector --data build/synthetic --frames 1000 --json
    """
    from hw_anon.cli.pretrain_detector import print_detector_metrics
    from hw_anon.core.atomic import write_text_atomically
    from hw_anon.core.errors import ConfigError
    from hw_anon.data.detector_frames import HARD_FRAMES, FrameSettings
    from hw_anon.data.face_pictures import load_clip_pictures, load_real_pictures
    from hw_anon.data.synthetic.sets import open_clips
    from quant.detector_metrics import detector_metrics
    from quant.train_detector import validation_frames
    from quant.zoo import load_detector

    if data is None and not real:
        raise ConfigError("give --data (a synthetic set) or --real (a folder of pictures), or both")
    model = load_detector(net)
    with status("reading pictures"):
        rendered = load_clip_pictures(open_clips(data), "test", most=pictures) if data is not None else ()
        photographs = [picture for folder in real or [] for picture in load_real_pictures(folder, most=pictures)]
    height, width = model.config.input_shape
    with status(f"composing {frames} frames"):
        settings = replace(HARD_FRAMES if hard else FrameSettings(), width=2 * width, height=2 * height)
        composed = validation_frames(settings, [*rendered, *photographs], frames)
    with status("measuring"):
        measured = detector_metrics(model, composed, threshold=threshold)
    document = {
        "net": Path(net).name,
        "command": shlex.join(["hw-anon", *sys.argv[1:]]),
        "hard": hard,
        "rendered_pictures": len(rendered),
        "photographs": len(photographs),
        **measured,
    }
    out.mkdir(parents=True, exist_ok=True)
    path = out / "detector.json"
    write_text_atomically(path, json.dumps(document, indent=2) + "\n")
    if as_json:
        emit_document(document)
        return
    print_detector_metrics(net, measured)
    note(f"json: {path}")
