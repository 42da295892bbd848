"""Options of `hw-anon synthesise`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hw_anon.console.places import directory_to_write

__all__ = [
    "CheckOption",
    "ClipsOption",
    "FpsOption",
    "FramesOption",
    "JpegQualityOption",
    "OutOption",
    "PeopleOption",
    "PictureFormatOption",
    "PicturesOption",
    "PortraitSizeOption",
    "SeedOption",
    "SizeOption",
    "TestClipsOption",
    "TestPeopleOption",
    "WorkersOption",
]

OutOption = Annotated[
    Path,
    typer.Option("--out", callback=directory_to_write, help="Directory of the set; an unfinished one is completed."),
]
PeopleOption = Annotated[int, typer.Option("--people", help="People in all.")]
TestPeopleOption = Annotated[
    int | None, typer.Option("--test-people", help="Of them in the test split; a quarter if not given.")
]
PicturesOption = Annotated[
    int, typer.Option("--pictures-per-person", help="Head-and-shoulders pictures of each person.")
]
ClipsOption = Annotated[int, typer.Option("--clips", help="Clips of actions in all.")]
TestClipsOption = Annotated[
    int | None, typer.Option("--test-clips", help="Of them in the test split; a quarter if not given.")
]
FramesOption = Annotated[int, typer.Option("--frames-per-clip", help="Frames of each clip.")]
FpsOption = Annotated[float, typer.Option("--fps", help="Frames a second.")]
SizeOption = Annotated[int, typer.Option("--size", help="Side of a frame in pixels.")]
PortraitSizeOption = Annotated[int, typer.Option("--portrait-size", help="Side of a portrait in pixels.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Seed of the whole set.")]
PictureFormatOption = Annotated[str, typer.Option("--picture-format", help="jpeg or png.")]
JpegQualityOption = Annotated[int, typer.Option("--jpeg-quality", help="Quality of JPEG pictures.")]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", min=1, help="Processes that draw; one for each core if not given.")
]
CheckOption = Annotated[
    bool,
    typer.Option("--check", help="Measure the set as well: three face detectors and a face recogniser look at it."),
]
