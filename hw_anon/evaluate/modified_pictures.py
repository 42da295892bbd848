"""What a modifier makes of the pictures of an identity set: crop, modify, paste, as on the camera.

A whole camera and an anonymiser of whole frames get the pictures, and replace what they find.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.backend import ModifierBackend
from hw_anon.core.boxes import Box
from hw_anon.core.errors import ContractError
from hw_anon.core.video_path import crop_resize, paste
from hw_anon.data.modified_frames import FrameBackend
from hw_anon.evaluate.camera_frames import CameraFrames
from hw_anon.evaluate.faces import IdentityFaces
from hw_anon.evaluate.power_ups import PoweredModifier

__all__ = ["Progress", "apply_modifier", "modified_regions", "region_crops", "replayed"]

Progress = Callable[[str, int, int], None]
"""Called with what is done, how much of it is done, and how much there is."""

_BATCH = 16


def region_crops(faces: IdentityFaces, crop_side: int, indices: Sequence[int] | None = None) -> NDArray[np.uint8]:
    """Returns `[N, S, S, 3]` uint8: the region of each picture (or of those asked for) as the modifier sees it."""
    chosen = range(len(faces)) if indices is None else indices
    return np.stack([crop_resize(faces.pictures[i], faces.regions[i], crop_side) for i in chosen])


def _modify_crops(backend: ModifierBackend, crops_u8: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Runs a modifier on `[N, S, S, 3]` uint8 crops, a few at a time.

    Raises:
        ContractError: if it answers with another shape or dtype.
    """
    out = np.empty_like(crops_u8)
    for start in range(0, len(crops_u8), _BATCH):
        batch = crops_u8[start : start + _BATCH]
        modified = backend.modify(batch)
        if modified.shape != batch.shape or modified.dtype != np.uint8:
            raise ContractError(f"{backend.name} answered {modified.dtype} {list(modified.shape)} to {batch.shape}")
        out[start : start + _BATCH] = modified
    return out


def modified_regions(
    backend: ModifierBackend,
    faces: IdentityFaces,
    crop_side: int,
    indices: Sequence[int] | None = None,
    *,
    mirrored: bool = False,
) -> NDArray[np.uint8]:
    """Returns `[N, S, S, 3]` uint8: regions as the modifier leaves them; what attackers train on.

    Args:
        backend: the modifier.
        faces: whose.
        crop_side: side of the crops.
        indices: which pictures; all if not given.
        mirrored: whether the pictures are mirrored before.

    Raises:
        ContractError: if the modifier answers with another shape or dtype.
    """
    step = -1 if mirrored else 1
    if not isinstance(backend, FrameBackend):
        crops = region_crops(faces, crop_side, indices)[:, :, ::step]
        return _modify_crops(backend, np.ascontiguousarray(crops))
    out = []
    for index in range(len(faces)) if indices is None else indices:
        picture, region = faces.pictures[index][:, ::step], faces.regions[index]
        if mirrored:
            left = picture.shape[1] - region.right
            region = Box(x=left, y=region.y, width=region.width, height=region.height)
        modified = backend.modify_frame(np.ascontiguousarray(picture), [region])
        out.append(crop_resize(modified, region, crop_side))
    return np.stack(out)


def apply_modifier(
    backend: ModifierBackend,
    faces: IdentityFaces,
    *,
    crop_side: int,
    known_pictures: int = 0,
    replay: int = 0,
    on_progress: Progress | None = None,
) -> list[NDArray[np.uint8]]:
    """Returns every picture with its region replaced by the modified crop; of what takes frames, what that replaced.

    Args:
        backend: the modifier.
        faces: the identity set.
        crop_side: side of the square crops that the modifier takes.
        known_pictures: keyed modifiers: each person's first so many pictures are modified under power-ups that the
            attacker knows, see `PoweredModifier.plan`.
        replay: keyed modifiers: which time they are modified.
        on_progress: of what takes frames, which may take seconds: called with what is done, how many pictures are
            done, and how many there are.

    Raises:
        ContractError: if the modifier answers with another shape or dtype.
    """
    if isinstance(backend, CameraFrames):
        return backend.modify_pictures(faces, on_progress=on_progress)
    if isinstance(backend, FrameBackend):
        return _modify_frames(backend, faces, on_progress)
    plan = np.zeros(len(faces), np.int64)
    if isinstance(backend, PoweredModifier):
        plan = backend.plan(faces.people, known_pictures, replay=replay)
    out: dict[int, NDArray[np.uint8]] = {}
    for power_up in np.unique(plan).tolist():
        powered = backend.at(power_up) if isinstance(backend, PoweredModifier) else backend
        chosen = np.flatnonzero(plan == power_up).tolist()
        for start in range(0, len(chosen), _BATCH):
            indices = chosen[start : start + _BATCH]
            modified = _modify_crops(powered, region_crops(faces, crop_side, indices))
            out |= {i: paste(faces.pictures[i], faces.regions[i], m) for i, m in zip(indices, modified, strict=True)}
    return [out[i] for i in range(len(faces))]


def _modify_frames(backend: FrameBackend, faces: IdentityFaces, on_progress: Progress | None) -> list[Any]:
    pictures = []
    for picture, region in zip(faces.pictures, faces.regions, strict=True):
        pictures.append(backend.modify_frame(picture, [region]))
        if on_progress:
            on_progress("frames", len(pictures), len(faces))
    return pictures


def replayed(
    backend: ModifierBackend, faces: IdentityFaces, *, crop_side: int, known_pictures: int
) -> list[list[NDArray[np.uint8]]]:
    """Returns the pictures again for each further time that an attacker has the known ones modified; mostly none.

    Args:
        backend: the modifier; only keyed ones are worth it, see `PoweredModifier.replays`.
        faces: the identity set.
        crop_side: side of the square crops that the modifier takes.
        known_pictures: how many of each person's pictures the attacker knows.
    """
    times = range(1, backend.replays) if isinstance(backend, PoweredModifier) else ()
    return [
        apply_modifier(backend, faces, crop_side=crop_side, known_pictures=known_pictures, replay=time)
        for time in times
    ]
