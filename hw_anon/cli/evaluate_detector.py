"""`hw-anon evaluate-detector`."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from hw_anon.console.output import JsonOption, emit_document, note, print_table, status
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
    max_faces: Annotated[
        int,
        typer.Option(
            "--max-faces", min=1, max=15, help="Regions that the camera replaces; a frame with more is black."
        ),
    ] = 4,
    out: Annotated[
        Path, typer.Option("--out", callback=directory_to_write, help="Directory for detector.json.")
    ] = Path("build/evaluation"),
    as_json: JsonOption = False,
) -> None:
    """Measure what the on-chip face detector finds: by size, angle, pose, skin, occlusion and light, with intervals.

    The integer network and the camera's decoder run on composed frames. Recall is given at the threshold, and at the
    threshold that allows 0.1 false boxes a frame; beside it both rules of the decoder (a camera's candidates), at the
    threshold and below it.

    Example: hw-anon evaluate-detector --data build/synthetic --frames 1000 --json
    """
    from hw_anon.cli.pretrain_detector import print_detector_metrics
    from hw_anon.core.atomic import write_text_atomically
    from hw_anon.core.errors import ConfigError
    from hw_anon.data.detector_frames import HARD_FRAMES, FrameSettings
    from hw_anon.data.face_pictures import load_clip_pictures, load_real_pictures
    from hw_anon.data.synthetic.sets import open_clips
    from quant.detector_metrics import cell_metrics, detector_cells
    from quant.detector_rules import measure_rules
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
        cells = detector_cells(model, composed)
        measured = cell_metrics(cells, composed, threshold=threshold)
        rules = measure_rules(cells, composed, threshold=threshold, max_faces=max_faces)
    document = {
        "net": Path(net).name,
        "command": shlex.join(["hw-anon", *sys.argv[1:]]),
        "hard": hard,
        "rendered_pictures": len(rendered),
        "photographs": len(photographs),
        **measured,
        "rules": rules,
    }
    out.mkdir(parents=True, exist_ok=True)
    path = out / "detector.json"
    write_text_atomically(path, json.dumps(document, indent=2) + "\n")
    if as_json:
        emit_document(document)
        return
    print_detector_metrics(net, measured)
    _print_rules(rules, max_faces)
    note(f"json: {path}")


def _print_rules(rules: list[dict[str, Any]], max_faces: int) -> None:
    rows = [
        (
            row["threshold"],
            row["candidates"],
            row["from_16_pixels"]["recall"],
            row["mostly_shown"]["recall"],
            row["false_boxes"],
            row["regions"],
            row["black"],
        )
        for row in rules
    ]
    recalls = ("recall from 16 pixels", "of those mostly shown")
    columns = ("threshold", "candidates", *recalls, "false a frame", "regions a frame", "black frames")
    print_table(f"rules of the decoder, at most {max_faces} regions a frame", columns, rows)
