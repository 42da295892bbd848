"""Options of `hw-anon train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hw_anon.console.places import directory_to_write

__all__ = [
    "ClipsOption",
    "DeviceOption",
    "EveryOption",
    "FaceBoxesOption",
    "FrameSizeOption",
    "HeldOutOption",
    "MaxPeopleOption",
    "MaxPicturesOption",
    "MinutesOption",
    "OutOption",
    "PeopleOption",
    "PortraitSizeOption",
    "RecipeNameOption",
    "ResumeOption",
    "SeedOption",
    "SettingsOption",
    "SkipMissingOption",
    "ThreadsOption",
]

OutOption = Annotated[
    Path, typer.Option("--out", callback=directory_to_write, help="Directory for checkpoint, log and results.")
]
RecipeNameOption = Annotated[
    str, typer.Option("--recipe", help="paper, edge, chip-s, chip-m, chip-s-keyed, smoke, or a file of settings.")
]
SettingsOption = Annotated[
    list[str] | None, typer.Option("--set", help="Change one setting of the recipe, e.g. game.faces=32.")
]
SeedOption = Annotated[int, typer.Option("--seed", help="Seed of everything random.")]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint in --out.")]
DeviceOption = Annotated[str, typer.Option("--device", help="Torch device: auto, cpu, cuda, cuda:1, …")]
MinutesOption = Annotated[
    float | None, typer.Option("--minutes", help="Stop cleanly after this time; --resume goes on.")
]
PortraitSizeOption = Annotated[int, typer.Option("--portrait-size", help="Side of portraits in memory, pixels.")]
EveryOption = Annotated[int, typer.Option("--every", help="Use every so-manieth labelled frame of a clip.")]
ThreadsOption = Annotated[int, typer.Option("--threads", help="Threads that decode pictures.")]
PeopleOption = Annotated[
    str,
    typer.Option(
        "--people",
        "--faces",
        help="Pictures of known people: a directory made by hw-anon synthesise, casia:PATH (folders or .rec), "
        "folder:DIR (a folder for each person), att.",
    ),
]
ClipsOption = Annotated[
    str,
    typer.Option(
        "--clips",
        help="Clips of actions: a directory made by hw-anon synthesise, daly:DIR, jhmdb:DIR, videos:DIR (videos and "
        "labels.csv).",
    ),
]
FaceBoxesOption = Annotated[
    Path | None,
    typer.Option(
        "--face-boxes",
        callback=directory_to_write,
        help="Cache of the faces found in photographs and videos; below --work if not given.",
    ),
]
FrameSizeOption = Annotated[
    str | None,
    typer.Option("--frame-size", help="Columns x rows into which frames are fitted, for videos of several sizes."),
]
MaxPeopleOption = Annotated[
    int | None, typer.Option("--max-people", min=4, help="Only so many people of the set, those held out among them.")
]
MaxPicturesOption = Annotated[
    int | None, typer.Option("--max-pictures", min=1, help="Only the first so many pictures of each person.")
]
HeldOutOption = Annotated[
    float, typer.Option("--held-out", help="Share of the people of photographs that is kept for measuring.")
]
SkipMissingOption = Annotated[bool, typer.Option("--skip-missing", help="Leave out videos of DALY that are not there.")]
