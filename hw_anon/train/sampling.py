"""Which anchors and proposals A's losses see: drawn for each frame by itself, from a seed of its own.

torchvision draws them from the global generator, so that a frame's loss depends on the rest of the batch and on the
device. Here it does not: spread over several processes, a batch has the same losses. Only the mean needs care, because
torchvision divides by the number of samples of the whole batch, which can differ between processes: `sample_counts`
says how many there were, and `weigh_losses` makes the mean over processes that of the joined batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from hw_anon.core.errors import ContractError
from hw_anon.losses.detection import DETECTION_LOSSES

__all__ = ["FrameSampler", "install_samplers", "sample_counts", "seed_frames", "weigh_losses"]


class FrameSampler:
    """Draws a fixed number of positive and negative candidates in each frame; in place of torchvision's sampler."""

    def __init__(self, count: int, positive_share: float) -> None:
        """Describes the draw.

        Args:
            count: candidates drawn in a frame.
            positive_share: largest part of them that is positive, 0 to 1.
        """
        self.count = count
        self.most_positive = int(count * positive_share)
        self.seeds: Sequence[int] = ()
        """One seed for each frame of the next batch."""
        self.drawn = 0
        """Candidates drawn in the last batch."""

    def __call__(self, matched: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Draws in each frame.

        Args:
            matched: for each frame `[N]`: 1 or more for positive candidates, 0 for negative, negative numbers for those
                to be ignored.

        Returns:
            Masks `[N]` of the drawn positive and negative candidates, for each frame.

        Raises:
            ContractError: if there is not one seed for each frame.
        """
        if len(self.seeds) != len(matched):
            raise ContractError(f"{len(self.seeds)} seeds for {len(matched)} frames: call seed_frames first")
        self.drawn = 0
        masks: tuple[list[Tensor], list[Tensor]] = ([], [])
        for seed, labels in zip(self.seeds, matched, strict=True):
            generator = torch.Generator().manual_seed(seed)
            positive, negative = (torch.where(wanted)[0] for wanted in (labels >= 1, labels == 0))
            most = min(len(positive), self.most_positive)
            for chosen, many, side in zip((positive, negative), (most, self.count - most), masks, strict=True):
                order = torch.randperm(len(chosen), generator=generator)[:many].to(chosen.device)
                mask = torch.zeros_like(labels, dtype=torch.uint8)
                mask[chosen[order]] = 1
                side.append(mask)
                self.drawn += len(order)
        return masks


def install_samplers(detector: Any) -> None:
    """Gives an `ActionDetector` samplers of this kind, with the numbers of the ones that it has.

    Args:
        detector: an `ActionDetector`, or what has its `rcnn`.
    """
    for part in (detector.rcnn.rpn, detector.rcnn.roi_heads):
        old = part.fg_bg_sampler
        if not isinstance(old, FrameSampler):
            part.fg_bg_sampler = FrameSampler(old.batch_size_per_image, old.positive_fraction)


def seed_frames(detector: Any, seeds: Sequence[int]) -> None:
    """Sets the seeds of the next batch's frames; call it before each `forward`."""
    detector.rcnn.rpn.fg_bg_sampler.seeds = tuple(seeds)
    detector.rcnn.roi_heads.fg_bg_sampler.seeds = tuple(seed ^ 1 for seed in seeds)


def sample_counts(detector: Any) -> Tensor:
    """Returns how many anchors and how many proposals the last batch's losses saw, `[2]` float64."""
    samplers = (detector.rcnn.rpn.fg_bg_sampler, detector.rcnn.roi_heads.fg_bg_sampler)
    return torch.tensor([float(sampler.drawn) for sampler in samplers], dtype=torch.float64)


def weigh_losses(losses: dict[str, Tensor], own: Tensor, mean: Tensor) -> dict[str, Tensor]:
    """Returns losses whose mean over all processes is the joined batch's.

    Args:
        losses: the four of `DETECTION_LOSSES` on this process's frames.
        own: `[2]` its `sample_counts`.
        mean: `[2]` their mean over all processes.
    """
    rpn, box = (own / mean.clamp_min(1.0)).tolist()
    return {name: losses[name] * (rpn if name in DETECTION_LOSSES[:2] else box) for name in DETECTION_LOSSES}
