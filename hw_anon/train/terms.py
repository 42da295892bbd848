"""What M minimises beside equation (4): faces of frames, things before faces, and the power-up key.

Each is an addition of this project with a weight in `Objective` that is 0 in the paper.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from hw_anon.core.boxes import Box
from hw_anon.nets.action import ActionDetector
from hw_anon.train.batches import FaceBatch, FrameBatch

__all__ = ["feature_distance", "key_terms", "lost_features", "occluded_l1", "region_mask"]


def occluded_l1(modified: Tensor, faces: FaceBatch) -> Tensor:
    """Returns the mean L1 between M(f) and f over what lies before faces, `[]`; 0 where nothing does.

    Args:
        modified: `[N, 3, S, S]` M(f).
        faces: f with its cover.
    """
    if faces.cover is None:
        return modified.new_zeros(())
    difference = (modified - faces.images).abs() * faces.cover
    return difference.sum() / (3.0 * faces.cover.sum()).clamp_min(1.0)


def region_mask(regions: Sequence[Sequence[Box]], height: int, width: int, device: torch.device) -> Tensor:
    """Returns `[B, 1, H, W]` float32: 1 in the regions that are replaced."""
    mask = torch.zeros(len(regions), 1, height, width)
    for index, listed in enumerate(regions):
        for box in listed:
            mask[index, 0, box.rows, box.columns] = 1.0
    return mask.to(device)


def feature_distance(modified: Sequence[Tensor], clear: Sequence[Tensor], mask: Tensor) -> Tensor:
    """Returns how far features lie apart where faces are, relative to their own size; the mean over levels.

    Args:
        modified: `[B, C, h, w]` A's features of v' for each level.
        clear: the same of v; no gradients pass here.
        mask: `[B, 1, H, W]` the regions.

    Returns:
        `[]`: 0 for equal features, about 1 for unrelated ones.
    """
    parts = []
    for changed, original in zip(modified, clear, strict=True):
        own = F.adaptive_max_pool2d(mask, changed.shape[2:])
        size = (original.detach().abs() * own).sum().clamp_min(1e-6)
        parts.append(((changed - original.detach()).abs() * own).sum() / size)
    return torch.stack(parts).mean()


def lost_features(detector: ActionDetector, batch: FrameBatch, shown: Tensor) -> Tensor:
    """Returns the `feature_distance` between A's features of v' and of v where faces are, `[]`.

    Args:
        detector: A.
        batch: v and its regions.
        shown: `[B, 3, H, W]` v'.
    """
    with torch.no_grad():
        clear = detector.features(batch.frames)
    height, width = batch.frames.shape[2:]
    mask = region_mask(batch.regions, height, width, batch.frames.device)
    return feature_distance(detector.features(shown), clear, mask)


def key_terms(features: Tensor, other: Tensor, mate: Tensor, margin: float) -> tuple[Tensor, Tensor]:
    """Returns what M minimises of keys, each `[]`.

    Args:
        features: `[N, E]` D's features of M(f) under a key.
        other: `[N, E]` of M(f) under another key.
        mate: `[N, E]` of another picture of the same person under the first key.
        margin: cosines between keys below it count as this value.

    Returns:
        The mean cosine between keys, and 1 minus the mean cosine within a key.
    """
    apart = F.cosine_similarity(features, other, dim=1).clamp_min(margin).mean()
    stable = 1.0 - F.cosine_similarity(features, mate, dim=1).mean()
    return apart, stable
