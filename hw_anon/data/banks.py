"""Whole data sets in memory as tensors, so that a training step never waits for a disk or a decoder.

A `FaceBank` holds pictures of known people with the face in each, a `FrameBank` the labelled frames of clips. Pictures
are decoded by several threads (decoders release Python's lock); what a bank holds does not depend on their number.
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
from hw_anon.data.face_labels import FaceLabel, face_regions
from hw_anon.data.samples import ActionClip, ActionSet, IdentitySet

__all__ = ["FaceBank", "FrameBank", "Progress", "load_face_bank", "load_frame_bank"]

Progress = Callable[[int, int], None]
"""Called with the number of pictures done and the number of all."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FaceBank:
    """Pictures of known people, one face in each."""

    pictures: torch.Tensor
    """`[N, 3, P, P]` uint8 RGB."""
    boxes: torch.Tensor
    """`[N, 4]` float32: left, top, right, bottom of the face, pixel edges."""
    landmarks: torch.Tensor
    """`[N, 5, 2]` float32 (x, y), whole numbers are pixel centres; what is on the left in the picture first."""
    labels: torch.Tensor
    """`[N]` int64: the person of each picture, 0 to `people - 1`."""
    people: int
    """How many people there are."""

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device | str) -> FaceBank:
        """Returns the bank on another device."""
        return FaceBank(
            pictures=self.pictures.to(device),
            boxes=self.boxes.to(device),
            landmarks=self.landmarks.to(device),
            labels=self.labels.to(device),
            people=self.people,
        )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FrameBank:
    """The labelled frames of clips."""

    frames: torch.Tensor
    """`[N, 3, H, W]` uint8 RGB."""
    boxes: tuple[torch.Tensor, ...]
    """`[n, 4]` float32 for each frame: left, top, right, bottom of each action in pixels."""
    labels: tuple[torch.Tensor, ...]
    """`[n]` int64 for each frame: *1 + action*, as torchvision's detectors take them (0 is the background)."""
    regions: tuple[tuple[Box, ...], ...]
    """The parts of each frame that an anonymiser replaces; none where no face is visible."""
    clips: torch.Tensor
    """`[N]` int64: index of each frame's clip in `ActionSet.clips`."""
    numbers: torch.Tensor
    """`[N]` int64: number of each frame in its clip, from 1."""
    actions: tuple[str, ...]
    """Names of the actions."""

    def __len__(self) -> int:
        return len(self.frames)

    def to(self, device: torch.device | str) -> FrameBank:
        """Returns the bank with frames, boxes and labels on another device."""
        return replace(
            self,
            frames=self.frames.to(device),
            boxes=tuple(boxes.to(device) for boxes in self.boxes),
            labels=tuple(labels.to(device) for labels in self.labels),
        )

    def subset(self, indices: Sequence[int]) -> FrameBank:
        """Returns the bank of some frames, in the order given."""
        index = torch.as_tensor(list(indices), dtype=torch.int64)
        return replace(
            self,
            frames=self.frames[index.to(self.frames.device)],
            boxes=tuple(self.boxes[i] for i in index.tolist()),
            labels=tuple(self.labels[i] for i in index.tolist()),
            regions=tuple(self.regions[i] for i in index.tolist()),
            clips=self.clips[index],
            numbers=self.numbers[index],
        )


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
        threads: how many decode at a time.
        on_progress: called after each frame.

    Raises:
        ConfigError: if an argument is out of range.
        ContractError: if a frame is damaged, the split is empty, or its frames differ in size.
    """
    if every < 1:
        raise ConfigError(f"every = {every}: allowed range is 1 and above (frames)")
    of_split = actions.of_split(split)
    kept = of_split if clips is None else tuple(clips)
    positions = {clip: position for position, clip in enumerate(actions.clips)}
    wanted = [(positions[clip], number) for clip in kept for number in clip.frames[::every]]
    if not wanted:
        raise ContractError(f"{actions.title}: no labelled frame in its split {split!r}")

    def read(item: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, tuple[Box, ...]]:
        clip, number = actions.clips[item[0]], item[1]
        frame = actions.frame(clip, number)
        height, width = frame.picture.shape[:2]
        regions = face_regions(faces(clip, number), width, height, min_visible=min_visible)
        picture = torch.from_numpy(frame.picture).permute(2, 0, 1)
        return picture, torch.from_numpy(frame.boxes), torch.from_numpy(frame.actions) + 1, regions

    frames, boxes, labels, replaced = torch.empty(0), [], [], []
    for position, (picture, box, label, regions) in enumerate(_in_order(read, wanted, threads, on_progress)):
        if position == 0:
            frames = torch.empty((len(wanted), *picture.shape), dtype=torch.uint8)
        if picture.shape != frames.shape[1:]:
            name = actions.clips[wanted[position][0]].name
            sizes = f"{picture.shape[2]}×{picture.shape[1]} after {frames.shape[3]}×{frames.shape[2]}"
            raise ContractError(f"{actions.title}, {name}: a bank holds frames of one size, got {sizes}")
        frames[position] = picture
        boxes.append(box)
        labels.append(label)
        replaced.append(regions)
    return FrameBank(
        frames=frames,
        boxes=tuple(boxes),
        labels=tuple(labels),
        regions=tuple(replaced),
        clips=torch.tensor([clip for clip, _ in wanted]),
        numbers=torch.tensor([number for _, number in wanted]),
        actions=actions.actions,
    )


def _square(picture: NDArray[np.uint8], face: FaceLabel, size: int) -> tuple[NDArray[np.uint8], FaceLabel]:
    """Cuts the middle square out and brings it to `size`; the face goes with it."""
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = np.ascontiguousarray(picture[top : top + side, left : left + side])
    scale = size / side
    if side != size:
        resized = torch.nn.functional.interpolate(
            torch.from_numpy(square).permute(2, 0, 1)[None].float(), (size, size), mode="bilinear", antialias=True
        )[0]
        square = resized.round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy()
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
