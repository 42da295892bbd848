"""Frames that are composed once and shown to the detector many times, mirrored and in other light.

Composing a frame costs as much as a training step on it costs with `quant.quick`. Kept frames cost their memory: 58 kB
for each of 160×120 pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from hw_anon.losses.face_cells import CellTargets
from hw_anon.train.batches import step_generator

__all__ = ["KeptFrames", "keep_frames"]

_CHUNK = 64
_GAIN, _COLOUR = 0.5, 0.15  # logarithms of a frame's brightness and of its channels' go up to these, evenly
_NOISE = 0.02  # largest standard deviation of the noise of a batch


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class KeptFrames:
    """Halved frames and what to answer."""

    halves: Tensor
    """`[N, 3, H, W]` uint8."""
    targets: CellTargets
    """Of the same frames, codes and weights in half precision."""

    def batch(self, count: int, *, seed: int, step: int) -> tuple[Tensor, CellTargets]:
        """Returns the frames of a step, `[count, 3, H, W]` float32 in 0..1, and what to answer; all mirrored or none.

        Args:
            count: frames, drawn with repetition.
            seed: of the run.
            step: its number.
        """
        generator = step_generator(seed, step, "kept frames")
        chosen = torch.randint(len(self.halves), (count,), generator=generator)
        images, targets = self.halves[chosen].float() / 255.0, _chosen(self.targets, chosen)
        if torch.rand((), generator=generator) < 0.5:
            images, targets = images.flip(-1), _mirrored(targets)
        uniform = 2.0 * torch.rand(count, 4, 1, 1, generator=generator) - 1.0
        images = images * (_GAIN * uniform[:, 3:] + _COLOUR * uniform[:, :3]).exp()
        if torch.rand((), generator=generator) < 0.5:
            strength = _NOISE * torch.rand((), generator=generator)
            images = images + strength * torch.randn(images.shape, generator=generator)
        return images.clamp(0.0, 1.0), targets


def keep_frames(compose: Callable[[int], tuple[Tensor, CellTargets]], count: int, *, workers: int = 0) -> KeptFrames:
    """Composes frames.

    Args:
        compose: gives the frame of a number, `[1, 3, H, W]` float32 in 0..1, and what to answer, a batch of one.
        count: how many, numbers 0 to `count - 1`.
        workers: processes; 0: this one.
    """
    loader = DataLoader(
        _Numbered(compose, count),
        batch_size=_CHUNK,
        num_workers=workers,
        collate_fn=_collated,
        prefetch_factor=2 if workers else None,
    )
    parts = list(loader)
    halves = torch.cat([part[0] for part in parts])
    return KeptFrames(halves=halves, targets=_joined([part[1] for part in parts]))


class _Numbered(Dataset[tuple[Tensor, CellTargets]]):
    """Frames by number."""

    def __init__(self, compose: Callable[[int], tuple[Tensor, CellTargets]], count: int) -> None:
        self._compose, self._count = compose, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> tuple[Tensor, CellTargets]:
        return self._compose(number)


def _collated(items: list[tuple[Tensor, CellTargets]]) -> tuple[Tensor, CellTargets]:
    halves = torch.cat([(images * 255.0).round().byte() for images, _ in items])
    return halves, _joined([targets for _, targets in items])


def _joined(targets: list[CellTargets]) -> CellTargets:
    """Returns batches one behind the other; codes and weights as the kept frames have them."""
    return CellTargets(
        scores=torch.cat([part.scores for part in targets]),
        codes=torch.cat([part.codes.half() for part in targets]),
        weights=torch.cat([part.weights.half() for part in targets]),
        counted=torch.cat([part.counted for part in targets]),
    )


def _chosen(targets: CellTargets, index: Tensor) -> CellTargets:
    return CellTargets(
        scores=targets.scores[index],
        codes=targets.codes[index].float(),
        weights=targets.weights[index].float(),
        counted=targets.counted[index],
    )


def _mirrored(targets: CellTargets) -> CellTargets:
    """Returns what to answer to mirrored frames: offsets run from the other side, to within 1/256 of a cell."""
    codes = targets.codes.flip(-1)
    return CellTargets(
        scores=targets.scores.flip(-1),
        codes=torch.cat([1.0 - codes[:, :1], codes[:, 1:]], 1),
        weights=targets.weights.flip(-1),
        counted=targets.counted.flip(-1),
    )
