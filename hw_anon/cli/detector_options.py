"""Options of `hw-anon train-detector`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hw_anon.console.places import directory_to_write

__all__ = [
    "BatchOption",
    "ClearDetectorOption",
    "ClipsOption",
    "DetectorOption",
    "EpochsOption",
    "EveryOption",
    "FaceFramesOption",
    "ImagenetOption",
    "JobsOption",
    "LearningRateOption",
    "MethodOption",
    "MinutesOption",
    "ModifierOption",
    "NameOption",
    "NetsOption",
    "OutOption",
    "SeedOption",
    "WarmStartOption",
    "WindowEpochsOption",
    "WorkersOption",
]

ClipsOption = Annotated[Path, typer.Option("--clips", help="Directory of a set made by hw-anon synthesise.")]
MethodOption = Annotated[
    list[str] | None,
    typer.Option("--method", "--methods", help="A baseline (original, blur-8, mask, …) or all; repeatable."),
]
ModifierOption = Annotated[
    list[Path] | None, typer.Option("--modifier", help="A trained modifier's checkpoint; repeatable.")
]
NetsOption = Annotated[
    list[str] | None,
    typer.Option("--net", help="A network of the chip, as integers: name or directory of weights; repeatable."),
]
NameOption = Annotated[str | None, typer.Option("--name", help="Name of the trained modifiers in results.")]
OutOption = Annotated[Path, typer.Option("--out", callback=directory_to_write, help="Results directory.")]
DetectorOption = Annotated[
    str, typer.Option("--detector", help="Size of the network: smoke, edge, or paper (needs --imagenet).")
]
EpochsOption = Annotated[float, typer.Option("--epochs", help="How often every training frame is seen.")]
WindowEpochsOption = Annotated[
    float,
    typer.Option(
        "--window-epochs",
        min=0,
        help="From random weights, a first lesson on windows around faces: how often each is seen; 0: none.",
    ),
]
BatchOption = Annotated[int, typer.Option("--batch", help="Frames a step.")]
LearningRateOption = Annotated[float, typer.Option("--learning-rate", help="Peak learning rate.")]
MinutesOption = Annotated[
    float | None, typer.Option("--minutes", help="Longest training of one detector; the schedule shrinks to fit.")
]
SeedOption = Annotated[
    int | None, typer.Option("--seed", min=0, help="Seed of the detector; given, it is part of the result's name.")
]
EveryOption = Annotated[int, typer.Option("--every", min=1, help="Train on every so-manieth frame of a clip.")]
FaceFramesOption = Annotated[
    int, typer.Option("--face-frames", min=0, help="Most test frames in which faces are looked for.")
]
WarmStartOption = Annotated[
    Path | None, typer.Option("--warm-start", help="Detector that every method begins with; else random weights.")
]
ClearDetectorOption = Annotated[
    Path | None, typer.Option("--clear-detector", help="Detector trained on clear frames; else that of --out.")
]
ImagenetOption = Annotated[
    Path | None, typer.Option("--imagenet", help="ImageNet weights of the backbone (torchvision's checkpoint).")
]
JobsOption = Annotated[int, typer.Option("--jobs", min=1, help="Methods trained at a time, each in a process.")]
WorkersOption = Annotated[
    int, typer.Option("--workers", min=1, help="Processes of each method that modify frames, threads that decode.")
]
