"""Decodes data sets into banks.

Pictures are decoded by several threads (decoders release Python's lock); what a bank holds does not depend on their
number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from hw_anon.core.boxes import Box
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.data.banks import FaceBank, FrameBank
from hw_anon.data.face_labels import FaceLabel, face_regions
from hw_anon.data.samples import ActionClip, ActionSet, IdentitySet

__all__ = ["Progress", "load_face_bank", "load_frame_bank"]

Progress = Callable[[int, int], None]
"""Called with the number of pictures done and the number of all."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def load_face_bank(
    identities: IdentitySet,
    face: Callable[[int], FaceLabel | None],
    size: int,
    *,
    indices: Iterable[int] | None = None,
    threads: int = 1,
    on_progress: Progress | None = None,
) -> FaceBank:
    """Decodes an identity set.

    Args:
        identities: the set.
        face: the face in each picture by its index, e.g. `SyntheticPeople.face`; pictures without one are left out.
        size: side to which the middle square of each picture is resized, bilinear with antialiasing.
        indices: the pictures to load, all by default. People keep their labels in the whole set only if none of them
            loses all pictures; otherwise the labels are numbered anew, in order.
        threads: how many decode at a time.
        on_progress: called after each picture.

    Raises:
        ConfigError: if `size` or `threads` is out of range.
        ContractError: if a picture is damaged, or no picture has a face.
    """
    if size < 1:
        raise ConfigError(f"size = {size}: allowed range is 1 and above (pixels)")
    chosen = range(len(identities)) if indices is None else indices
    wanted = [(index, label) for index in chosen if (label := face(index)) is not None]
    if not wanted:
        raise ContractError(f"{identities.title}: no picture with a face")
    pictures = torch.empty((len(wanted), 3, size, size), dtype=torch.uint8)

    def read(item: tuple[int, FaceLabel]) -> tuple[NDArray[np.uint8], FaceLabel]:
        return _square(identities.picture(item[0]), item[1], size)

    labels = []
    for position, (picture, label) in enumerate(_in_order(read, wanted, threads, on_progress)):
        pictures[position] = torch.from_numpy(picture).permute(2, 0, 1)
        labels.append(label)
    people, inverse = np.unique(identities.labels[[index for index, _ in wanted]], return_inverse=True)
    return FaceBank(
        pictures=pictures,
        boxes=torch.tensor([label.box for label in labels], dtype=torch.float32),
        landmarks=torch.tensor([label.landmarks for label in labels], dtype=torch.float32),
        labels=torch.from_numpy(inverse.astype(np.int64)),
        people=len(people),
    )


def load_frame_bank(
    actions: ActionSet,
    faces: Callable[[ActionClip, int], Sequence[FaceLabel]],
    split: str,
    *,
    every: int = 1,
    clips: Iterable[ActionClip] | None = None,
    min_visible: float = 0.0,
    frame_size: tuple[int, int] | None = None,
    threads: int = 1,
    on_progress: Progress | None = None,
) -> FrameBank:
    """Decodes the labelled frames of one split, all of one size.

    Args:
        actions: the set.
        faces: the faces of each labelled frame, e.g. `SyntheticClips.faces`, or those of the face-box cache.
        split: `train` or `test`.
        every: only each clip's first labelled frame and every so-manieth after it.
        clips: the clips to load, all of the split by default.
        min_visible: faces of which less is visible are not replaced.
        frame_size: rows and columns into which frames are fitted: scaled to fit, upper left, black beside or below
            them. `None`: as they are, which must be of one size.
        threads: how many decode at a time; one where the set has `one_reader`.
        on_progress: called after each frame.

    Raises:
        ConfigError: if an argument is out of range.
        ContractError: if a frame is damaged, the split is empty, or its frames differ in size.
    """
    if every < 1:
        raise ConfigError(f"every = {every}: allowed range is 1 and above (frames)")
    if frame_size is not None and min(frame_size) < 1:
        raise ConfigError(f"frame_size = {frame_size}: allowed range is 1 and above (pixels)")
    kept = actions.of_split(split) if clips is None else tuple(clips)
    positions = {clip: position for position, clip in enumerate(actions.clips)}
    wanted = [(positions[clip], number) for clip in kept for number in clip.frames[::every]]
    if not wanted:
        raise ContractError(f"{actions.title}: no labelled frame in its split {split!r}")

    def read(item: tuple[int, int]) -> _Frame:
        clip = actions.clips[item[0]]
        return _read_frame(actions, clip, item[1], faces(clip, item[1]), min_visible, frame_size)

    def name(position: int) -> str:
        return f"{actions.title}, {actions.clips[wanted[position][0]].name}"

    decoded = _in_order(read, wanted, 1 if actions.one_reader else threads, on_progress)
    frames, labelled = _stacked(decoded, len(wanted), name)
    return FrameBank(
        frames=frames,
        boxes=tuple(frame.boxes for frame in labelled),
        labels=tuple(frame.labels for frame in labelled),
        regions=tuple(frame.regions for frame in labelled),
        clips=torch.tensor([clip for clip, _ in wanted]),
        numbers=torch.tensor([number for _, number in wanted]),
        actions=actions.actions,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    """One decoded frame; the picture `[3, H, W]` uint8, the rest as in `FrameBank`."""

    picture: torch.Tensor
    boxes: torch.Tensor
    labels: torch.Tensor
    regions: tuple[Box, ...]


def _read_frame(
    actions: ActionSet,
    clip: ActionClip,
    number: int,
    faces: Sequence[FaceLabel],
    min_visible: float,
    frame_size: tuple[int, int] | None,
) -> _Frame:
    frame = actions.frame(clip, number)
    picture, boxes = torch.from_numpy(frame.picture).permute(2, 0, 1), torch.from_numpy(frame.boxes)
    rows, columns = picture.shape[1:]
    if frame_size is not None:
        scale = min(frame_size[0] / rows, frame_size[1] / columns)
        size = max(1, round(rows * scale)), max(1, round(columns * scale))
        boxes = boxes * torch.tensor([size[1] / columns, size[0] / rows]).repeat(2)
        faces = [face.moved(scale) for face in faces]
        picture, (rows, columns) = _fitted(_resized(picture, size), frame_size), size
    regions = face_regions(faces, columns, rows, min_visible=min_visible)
    return _Frame(picture, boxes, torch.from_numpy(frame.actions) + 1, regions)


def _stacked(decoded: Iterable[_Frame], count: int, name: Callable[[int], str]) -> tuple[torch.Tensor, list[_Frame]]:
    """Puts the pictures into one tensor; the frames that are returned hold them no more."""
    frames, labelled = torch.empty(0), []
    for position, frame in enumerate(decoded):
        if position == 0:
            frames = torch.empty((count, *frame.picture.shape), dtype=torch.uint8)
        if frame.picture.shape != frames.shape[1:]:
            sizes = f"{frame.picture.shape[2]}×{frame.picture.shape[1]} after {frames.shape[3]}×{frames.shape[2]}"
            raise ContractError(
                f"{name(position)}: a bank holds frames of one size, got {sizes}; fit them into one (frame_size)"
            )
        frames[position] = frame.picture
        labelled.append(replace(frame, picture=torch.empty(0)))
    return frames, labelled


def _resized(picture: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Brings a `[3, H, W]` uint8 picture to another size, bilinear with antialiasing."""
    if picture.shape[1:] == size:
        return picture
    scaled = torch.nn.functional.interpolate(picture[None].float(), size, mode="bilinear", antialias=True)[0]
    return scaled.round().clamp(0, 255).to(torch.uint8)


def _fitted(picture: torch.Tensor, frame_size: tuple[int, int]) -> torch.Tensor:
    """Lays a picture into the upper left of a black frame."""
    frame = torch.zeros((3, *frame_size), dtype=torch.uint8)
    frame[:, : picture.shape[1], : picture.shape[2]] = picture
    return frame


def _square(picture: NDArray[np.uint8], face: FaceLabel, size: int) -> tuple[NDArray[np.uint8], FaceLabel]:
    """Cuts the middle square out and brings it to `size`; the face goes with it."""
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = np.ascontiguousarray(picture[top : top + side, left : left + side])
    scale = size / side
    resized = _resized(torch.from_numpy(square).permute(2, 0, 1), (size, size))
    square = np.ascontiguousarray(resized.permute(1, 2, 0).numpy())
    return square, face.moved(scale, -left * scale, -top * scale)


def _in_order(
    work: Callable[[_Item], _Result], items: Sequence[_Item], threads: int, on_progress: Progress | None
) -> Iterator[_Result]:
    """Yields `work(item)` in the order of `items`; at most a few hundred results wait to be taken."""
    if threads < 1:
        raise ConfigError(f"threads = {threads}: allowed range is 1 and above")
    done = 0
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(items), 256):
            for result in pool.map(work, items[start : start + 256]):
                done += 1
                if on_progress:
                    on_progress(done, len(items))
                yield result
