"""Whole data sets in memory as tensors, so that a training step never waits for a disk or a decoder.

A `FaceBank` holds pictures of known people with the face in each, a `FrameBank` the labelled frames of clips;
`bank_loading` fills them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from hw_anon.core.boxes import Box
from hw_anon.core.hashing import sha256_bytes

__all__ = ["FaceBank", "FrameBank"]

_HASHED = 64


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

    def content_hash(self) -> str:
        """Returns the SHA-256 of everything in the bank."""
        tensors = (self.pictures, self.boxes, self.landmarks, self.labels)
        return sha256_bytes("\n".join(map(_tensor_hash, tensors)).encode())


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

    def content_hash(self) -> str:
        """Returns the SHA-256 of frames, boxes, labels and names; of neither regions nor clips."""
        parts = [_tensor_hash(self.frames)]
        for boxes, labels in zip(self.boxes, self.labels, strict=True):
            parts.append(f"{boxes.tolist()} {labels.tolist()}")
        return sha256_bytes("\n".join([*parts, *self.actions]).encode())

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


def _tensor_hash(tensor: torch.Tensor) -> str:
    parts = [sha256_bytes(chunk.cpu().numpy().tobytes()) for chunk in tensor.split(_HASHED)]
    return "\n".join(parts)
