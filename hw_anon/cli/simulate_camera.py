"""`hw-anon simulate --camera`: frames through a whole simulated camera, compared with its golden model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hw_anon.cli.camera import open_camera
from hw_anon.console.output import emit_document, note, print_table, progress
from hw_anon.core.errors import HwAnonError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from hls.camera.equality import EqualityReport
    from hw_anon.cli.workspace import Workspace
    from hw_anon.core.camera_directory import CameraDirectory
    from hw_anon.data.face_frames import FacePatch

__all__ = ["face_patches", "simulate_camera"]

_REAL_PEOPLE, _RENDERED_PEOPLE = 8, 4


def simulate_camera(
    camera: Path,
    *,
    frames: int,
    seed: int,
    stall_per_mille: int,
    portrait_only: bool,
    threshold: int | None,
    largest_face: float | None,
    workspace: Workspace,
    as_json: bool,
) -> None:
    """Runs the command.

    Args:
        camera: camera directory, or the configuration of one, which is built first.
        frames: how many; the numbers of faces go down from MAX_FACES to 0, then MAX_FACES + 1, and again.
        seed: of the frames.
        stall_per_mille: in how many of 1000 cycles the sink takes nothing.
        portrait_only: no other faces than scikit-image's portrait.
        threshold: of the detector; the built-in one if not given.
        largest_face: height of the largest face pasted, in pixels; 200 if not given.
        workspace: where networks, caches and downloads are.
        as_json: print one JSON document.

    Raises:
        HwAnonError: if a byte or a register differs, after the report.
    """
    from hls.camera.equality import compare_frames

    made = open_camera(camera, workspace)
    with progress() as bar:
        task = bar.add_task("simulated frames", total=frames)
        pictures = _pictures(made, frames, seed, portrait_only, workspace, threshold, largest_face)
        report = compare_frames(
            made,
            pictures,
            stall_per_mille=stall_per_mille,
            threshold=threshold,
            on_frame=lambda row: bar.advance(task),
        )
    if as_json:
        emit_document(report.as_json(made))
    else:
        _print(report, made)
    if not report.clean:
        raise HwAnonError(
            f"the simulated camera differs from its golden model: {report.differing_bytes} bytes, "
            f"registers: {', '.join(report.registers_differ) or 'none'}"
        )


def _pictures(
    made: CameraDirectory,
    frames: int,
    seed: int,
    portrait_only: bool,
    workspace: Workspace,
    threshold: int | None,
    largest_face: float | None,
) -> Iterator[NDArray[np.uint8]]:
    from hls.camera.equality import faces_found
    from hls.camera.golden import load_golden
    from hw_anon.data.face_frames import LARGEST, frames_with

    golden, config = load_golden(made, threshold=threshold), made.config
    counts = [(config.max_faces - index) % (config.max_faces + 2) for index in range(frames)]
    return frames_with(
        counts,
        face_patches(portrait_only, seed, workspace),
        lambda picture: faces_found(golden, picture),
        width=config.width,
        height=config.height,
        seed=seed,
        largest=largest_face or LARGEST,
    )


def face_patches(portrait_only: bool, seed: int, workspace: Workspace) -> list[FacePatch]:
    """Returns real faces and rendered ones; with `portrait_only` one that may be published."""
    from hw_anon.data.crops import load_faces
    from hw_anon.data.face_frames import att_patches, portrait_patch, rendered_patches

    patches = [portrait_patch()]
    if portrait_only:
        return patches
    faces, origin = load_faces(workspace.downloads)
    note(origin)
    real = att_patches(faces, _REAL_PEOPLE, seed) if faces is not None else []
    return [*patches, *real, *rendered_patches(_RENDERED_PEOPLE, seed)]


def _print(report: EqualityReport, made: CameraDirectory) -> None:
    from hls.camera.borders import BORDERS, describe_borders

    stages = ("detect", "decode", "modify", "paste", "in to out")
    columns = ("frame", "faces", "fault", "sides", "at l t r b", *stages, "differing")
    rows: list[tuple[Any, ...]] = [
        (
            row.number,
            row.faces,
            row.fault.name,
            "–".join(map(str, row.sides)) if row.sides else "",
            " ".join(str(row.borders[border]) for border in BORDERS),
            *(f"{getattr(row.cycles, stage):,}" for stage in ("detect", "decode", "modify", "paste", "latency")),
            row.differing_bytes,
        )
        for row in report.frames
    ]
    print_table(f"Simulated camera {made.build_id}, cycles", columns, rows)
    note(describe_borders(report.borders()))
    note(f"{report.differing_bytes} differing bytes in {len(rows)} frames; {report.cycles:,} cycles")
