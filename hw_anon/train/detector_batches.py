"""Batches of frames for an action detector: shuffled, augmented, at the size that the detector sees.

What a batch holds is a function of seed and step alone, so an interrupted training goes on with the same batches.

Augmentation moves whole frames: mirrored, zoomed and shifted about the middle, brighter or darker; boxes go with them.
A box of which less than a quarter stays inside is dropped. Resampling is bilinear, as in the detector itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as nnf
from torch import Tensor

from hw_anon.core.config import Config, require_range
from hw_anon.data.banks import FrameBank
from hw_anon.nets.action import ActionTarget, DetectorConfig
from hw_anon.train.batches import Shuffled, step_generator

__all__ = ["Augmentation", "FrameBatches", "seen_size"]

_KEPT = 0.25


@dataclass(frozen=True, kw_only=True, slots=True)
class Augmentation(Config):
    """How far the frames of a batch are changed; all ranges are symmetric and uniform."""

    mirror: float = 0.5
    """Share of mirrored frames."""
    zoom: float = 0.1
    """Largest relative change of scale."""
    shift: float = 0.05
    """Largest shift in parts of the frame's side."""
    brightness: float = 0.2
    """Largest relative change of all values."""

    def __post_init__(self) -> None:
        require_range(self, "mirror", 0, 1)
        require_range(self, "zoom", 0, 0.5)
        require_range(self, "shift", 0, 0.5)
        require_range(self, "brightness", 0, 0.9)


@dataclass(frozen=True, slots=True, eq=False)
class _Moves:
    """How each frame of a batch is changed, `[B]` float32 each."""

    side: Tensor  # -1 mirrored, 1 not
    zoom: Tensor
    right: Tensor  # shift in half sides
    down: Tensor
    gain: Tensor


class FrameBatches:
    """Training batches of a bank; frames lie on the training device, boxes on the CPU, where they are few and small."""

    def __init__(
        self,
        bank: FrameBank,
        detector: DetectorConfig,
        augmentation: Augmentation,
        *,
        batch: int,
        seed: int,
        device: torch.device,
    ) -> None:
        """Moves the frames to the device.

        Args:
            bank: the frames.
            detector: says how large the detector sees them.
            augmentation: how far they are changed.
            batch: frames in a batch.
            seed: seed of order and augmentation.
            device: where the frames are.
        """
        self._frames = bank.frames.to(device)
        self._boxes = [boxes.float().cpu() for boxes in bank.boxes]
        self._labels = [labels.cpu() - 1 for labels in bank.labels]
        self._augmentation = augmentation
        self._shuffled = Shuffled(len(bank), batch, seed)
        self._size = seen_size(detector, *bank.frames.shape[2:])
        self.steps_per_epoch = len(bank) / batch
        """Batches in which every frame comes once."""

    def batch(self, step: int) -> tuple[Tensor, list[ActionTarget]]:
        """Returns the batch of a step.

        Args:
            step: from 0.

        Returns:
            Frames `[B, 3, h, w]` float32, 0..1, at the detector's size, and their targets on the CPU.
        """
        index = self._shuffled(step)
        moves = self._moves(step_generator(self._shuffled.seed, step, "augmentation"))
        frames = _moved_frames(self._frames[index.to(self._frames.device)], moves, self._size)
        height, width = self._frames.shape[2:]
        scale = torch.tensor([width, height, width, height], dtype=torch.float32)
        target_scale = torch.tensor([self._size[1], self._size[0]] * 2, dtype=torch.float32)
        targets = []
        for row, i in enumerate(index.tolist()):
            boxes, kept = _moved_boxes(self._boxes[i] / scale, moves, row)
            targets.append(ActionTarget(boxes=boxes[kept] * target_scale, labels=self._labels[i][kept]))
        return frames, targets

    def _moves(self, generator: torch.Generator) -> _Moves:
        a, n = self._augmentation, self._shuffled.batch
        uniform = torch.rand(5, n, generator=generator)
        spread = 2 * uniform - 1
        return _Moves(
            torch.where(uniform[0] < a.mirror, -1.0, 1.0),
            1 + a.zoom * spread[1],
            2 * a.shift * spread[2],
            2 * a.shift * spread[3],
            1 + a.brightness * spread[4],
        )


def seen_size(detector: DetectorConfig, height: int, width: int) -> tuple[int, int]:
    """Returns height and width to which the detector resizes a frame, as torchvision computes them."""
    scale = min(detector.min_size / min(height, width), detector.max_size / max(height, width))
    return math.floor(height * scale), math.floor(width * scale)


def _moved_frames(frames: Tensor, moves: _Moves, size: tuple[int, int]) -> Tensor:
    """Resamples `[B, 3, H, W]` uint8 frames to `[B, 3, *size]` float32, 0..1; the border is repeated outside."""
    theta = torch.zeros(len(frames), 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = moves.side / moves.zoom, 1 / moves.zoom
    theta[:, 0, 2], theta[:, 1, 2] = -moves.right, -moves.down
    grid = nnf.affine_grid(theta.to(frames.device), [len(frames), 3, *size], align_corners=False)
    picked = nnf.grid_sample(frames.float() / 255, grid, padding_mode="border", align_corners=False)
    return (picked * moves.gain.to(frames.device)[:, None, None, None]).clamp(0, 1)


def _moved_boxes(boxes: Tensor, moves: _Moves, row: int) -> tuple[Tensor, Tensor]:
    """Moves boxes (parts of the frame) with their frame; returns them clipped, and which of them to keep."""
    side, zoom = moves.side[row], moves.zoom[row]
    x = (2 * boxes[:, 0::2] - 1 + moves.right[row]) * side * zoom
    y = (2 * boxes[:, 1::2] - 1 + moves.down[row]) * zoom
    x = x.sort(dim=1).values  # a mirrored box has its edges exchanged
    whole = (x[:, 1] - x[:, 0]) * (y[:, 1] - y[:, 0])
    x, y = x.clamp(-1, 1), y.clamp(-1, 1)
    inside = (x[:, 1] - x[:, 0]) * (y[:, 1] - y[:, 0])
    moved = torch.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], dim=1)
    return (moved + 1) / 2, inside > _KEPT * whole
