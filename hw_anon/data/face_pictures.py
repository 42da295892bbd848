"""Pictures with their faces, of synthetic sets and of folders: what frames for a face detector are composed of."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.errors import ContractError
from hw_anon.data.face_boxes import FaceFinder, Finder
from hw_anon.data.face_labels import FaceLabel, found_labels
from hw_anon.data.images import image_files, read_picture
from hw_anon.data.samples import require_directory
from hw_anon.data.synthetic.plan import SPLITS, Split
from hw_anon.data.synthetic.sets import SyntheticClips, open_people

__all__ = ["FacePicture", "load_clip_pictures", "load_portrait_pictures", "load_real_pictures", "repeated"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FacePicture:
    """A picture with at most one face in it."""

    pixels: NDArray[np.uint8]
    """`[H, W, 3]` uint8 RGB."""
    face: FaceLabel | None
    """The face; `None` where nothing of it is visible."""
    others: tuple[FaceLabel, ...] = ()
    """Further faces; a picture with such is only a background."""
    skin: float | None = None
    """How light the skin is, L* of 0 to 100, where it is known."""


def load_clip_pictures(clips: SyntheticClips, split: str, *, most: int, seed: int = 0) -> tuple[FacePicture, ...]:
    """Returns frames of a split's clips, different clips first.

    Args:
        clips: the set.
        split: `train` or `test`.
        most: pictures at most.
        seed: chooses them.

    Raises:
        ContractError: if the split has none, or a picture is damaged.
    """
    return tuple(_pictures(clips, split, most, seed))


def _pictures(clips: SyntheticClips, split: str, most: int, seed: int) -> Iterator[FacePicture]:
    rng = np.random.default_rng(seed)
    chosen = [clip for clip in clips.clips if clip.split == split]
    if not chosen:
        raise ContractError(f"{clips.title}: no clips of the split {split!r}")
    skins = _skins(clips)
    orders = [(clip, rng.permutation(list(clip.frames))) for clip in chosen]
    turns = max(len(order) for _, order in orders)
    places = [(clip, int(order[turn])) for turn in range(turns) for clip, order in orders if turn < len(order)]
    for clip, number in places[:most]:
        faces = clips.faces(clip, number)
        skin = skins.get(clips.performer(clip))
        yield FacePicture(pixels=clips.picture(clip, number), face=faces[0] if faces else None, skin=skin)


def load_portrait_pictures(directory: Path, split: Split, *, most: int, seed: int = 0) -> tuple[FacePicture, ...]:
    """Returns portraits of a synthetic set with their faces: larger and sharper ones than frames of clips have.

    Args:
        directory: the set.
        split: `train` or `test`.
        most: portraits at most, those without a visible face left out; 0: the set needs none.
        seed: chooses them.

    Raises:
        ContractError: if the set has no portraits, or one is damaged.
    """
    if most < 1:
        return ()
    people = open_people(directory, split)
    order = np.random.default_rng(seed).permutation(len(people))[:most].tolist()
    faces = ((index, people.face(index)) for index in order)
    return tuple(FacePicture(pixels=people.picture(index), face=face) for index, face in faces if face is not None)


def repeated(pictures: Sequence[FacePicture], *, beside: int, share: float) -> tuple[FacePicture, ...]:
    """Returns pictures so often that they are at least a share of themselves and `beside` others; once at least."""
    wanted = share / (1.0 - share) * beside
    return tuple(pictures) * max(1, math.ceil(wanted / max(len(pictures), 1)))


def _skins(clips: SyntheticClips) -> dict[str, float]:
    """Returns how light the skin of each person of a set is; empty for a set without portraits."""
    skins: dict[str, float] = {}
    for split in SPLITS:
        try:
            people = open_people(clips.directory, split)
        except ContractError:
            continue
        skins |= {name: people.traits(identity).skin for identity, name in enumerate(people.identities)}
    return skins


def load_real_pictures(directory: Path, *, most: int = 2000, finder: Finder | None = None) -> tuple[FacePicture, ...]:
    """Returns pictures of a folder, folders below it included, with the faces that the teacher finds in them.

    The teacher is the paper's: a detector of high recall and a second opinion (`FaceFinder`). Pictures with one face
    can be laid over others, pictures with several are backgrounds.

    Args:
        directory: the folder.
        most: pictures at most.
        finder: another teacher.

    Raises:
        ContractError: if the folder is missing or holds no picture, or a picture is damaged.
        ToolError: if the teacher's packages are not installed.
    """
    require_directory(directory, "a folder of pictures")
    folders = [directory, *(path for path in directory.rglob("*") if path.is_dir())]
    files = sorted(file for folder in folders for file in image_files(folder))
    if not files:
        raise ContractError(f"{directory}: holds no picture")
    teacher = finder or FaceFinder()
    pictures = []
    for file in files[:most]:
        pixels = read_picture(file)
        faces = found_labels(teacher.find(pixels))
        pictures.append(FacePicture(pixels=pixels, face=faces[0] if faces else None, others=faces[1:]))
    return tuple(pictures)
