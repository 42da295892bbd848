"""`hw-anon gallery`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hw_anon.cli.method_options import (
    AnonymiserOption,
    BackendOption,
    BaselinesOption,
    CropSideOption,
    DeviceOption,
    ModifierOption,
    OnnxValuesOption,
)
from hw_anon.cli.workspace import NetOption, WorkOption, Workspace
from hw_anon.console.output import JsonOption, command_line, emit_document, note, status
from hw_anon.console.places import directory_to_write

if TYPE_CHECKING:
    from hw_anon.core.boxes import Box
    from hw_anon.data.samples import ActionClip
    from hw_anon.evaluate.float_backend import Method
    from hw_anon.evaluate.gallery import Gallery, GalleryMethod

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("gallery")(gallery)


def gallery(
    results: Annotated[
        Path, typer.Option("--results", callback=directory_to_write, help="Results directory: gets galleries/*.")
    ],
    backend: BackendOption = None,
    baselines: BaselinesOption = False,
    modifier: ModifierOption = None,
    anonymiser: AnonymiserOption = None,
    onnx_values: OnnxValuesOption = None,
    dataset: Annotated[
        str | None, typer.Option("--set", help="Identity set to show: att, lfw:DIR, folder:DIR, synthetic:DIR.")
    ] = None,
    clips: Annotated[
        Path | None, typer.Option("--clips", help="Set of synthetic clips to show, made by hw-anon synthesise.")
    ] = None,
    crop_side: CropSideOption = 256,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Which people and clips are shown.")] = 0,
    device: DeviceOption = "auto",
    net: NetOption = "modifier-s",
    work: WorkOption = Path("build"),
    as_json: JsonOption = False,
) -> None:
    """Make the pictures of the report: faces before and after, one person often, actions, frames of one clip.

    Rows are methods, as in the paper's Figures 3, 5 and 6. Who is shown follows from the seed. `hw-anon report` shows
    every gallery that it finds in the results directory.

    Example: hw-anon gallery --results build/results --backend blur-8 --backend mask --set att
    """
    from hw_anon.cli.methods import foreign_methods
    from hw_anon.core.errors import ConfigError
    from hw_anon.data.synthetic.sets import open_clips
    from hw_anon.evaluate.gallery_files import write_gallery
    from hw_anon.evaluate.identity_sets import parse_identity_set

    if dataset is None and clips is None:
        raise ConfigError("there is nothing to show: give --set or --clips or both")
    if dataset is not None:
        parse_identity_set(dataset)  # refused now, not when all methods are built
    if clips is not None:
        open_clips(clips)
    workspace = Workspace(work)
    foreign = foreign_methods(anonymiser or [], crop_side=crop_side, values=onnx_values)
    methods = _methods(backend or [], baselines, modifier or [], foreign, net, workspace, crop_side, seed, device)
    made = [] if dataset is None else _faces(dataset, methods, workspace, seed)
    made += [] if clips is None else _actions(clips, methods, seed)
    paths = [write_gallery(each, results / "galleries") for each in made]
    if as_json:
        emit_document({"galleries": [str(path) for path in paths]})
        return
    for path in paths:
        note(f"gallery: {path}")


def _faces(dataset: str, methods: list[GalleryMethod], workspace: Workspace, seed: int) -> list[Gallery]:
    from hw_anon.evaluate.gallery_sets import face_galleries
    from hw_anon.evaluate.identity_sets import SetOptions, open_identity_set

    with status(f"finding the faces of {dataset}"):
        cache = workspace.root / "cache" / "faces"
        options = SetOptions(seed=seed)
        faces = open_identity_set(dataset, downloads=workspace.downloads, cache=cache, options=options).faces
    return list(face_galleries(faces, methods, seed=seed, command=command_line()))


def _actions(clips: Path, methods: list[GalleryMethod], seed: int) -> list[Gallery]:
    from hw_anon.data.face_labels import face_regions
    from hw_anon.data.synthetic.sets import open_clips
    from hw_anon.evaluate.gallery_sets import action_galleries

    shown = open_clips(clips)

    def regions(clip: ActionClip, number: int, width: int, height: int) -> tuple[Box, ...]:
        return face_regions(shown.faces(clip, number), width, height)

    return list(action_galleries(shown, regions, methods, seed=seed, command=command_line()))


def _methods(
    backend: list[str],
    baselines: bool,
    modifier: list[str],
    foreign: list[Method],
    net: str,
    workspace: Workspace,
    crop_side: int,
    seed: int,
    device: str,
) -> list[GalleryMethod]:
    """Returns the methods asked for, all baselines if none; of several seeds of one method, the first."""
    from hls.flow.config import BuildConfig
    from hw_anon.cli.methods import MethodMaker, backend_names, trained_methods
    from hw_anon.evaluate.gallery import GalleryMethod

    names = backend_names(backend, baselines=baselines, others=bool(modifier or foreign))
    maker = MethodMaker(net=net, config=BuildConfig(), workspace=workspace, crop_side=crop_side, seed=seed, seen=())
    made = [*(method for name in names for method in maker.make(name)), *trained_methods(modifier, device=device)]
    made += foreign
    first = {(method.backend.name, method.seed is None): method for method in reversed(made)}
    kept = [method for method in made if method in first.values()]
    return [GalleryMethod(backend=method.backend, crop_side=method.crop_side) for method in kept]
