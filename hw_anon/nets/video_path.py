"""The differentiable video path: crop, resize, modify, paste, with gradients from the frame's loss back to M.

The same positions and weights as the integer golden model (`hw_anon.core.video_path.axis_samples`), gathered for all
boxes of a batch at once. All sums are exact in float32 (they need 24 bits), so with `rounding` the result *equals* the
golden model's bytes; rounding passes gradients straight through. Without it nothing is rounded, the whole is smooth,
and each resampling differs from the golden model by at most half an LSB; crop and paste together by at most one.

A frame without boxes passes unmodified (note 1 on Algorithm 1). Failing closed is the camera's duty, not training's: a
box that does not lie inside its frame is an error here.

Shapes: B frames, K boxes in all (frame by frame, in paste order), H×W pixels a frame, S×S a crop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hw_anon.core.boxes import MAX_SIDE, MIN_REGION, Box
from hw_anon.core.errors import ContractError
from hw_anon.core.video_path import WEIGHT_BITS, AxisSamples, axis_samples

__all__ = ["anonymise_frames", "crop_regions", "paste_regions"]

_ONE = float(1 << WEIGHT_BITS)
_cached_samples = lru_cache(maxsize=4096)(axis_samples)
Index = NDArray[np.int64]


class _RoundHalfUp(torch.autograd.Function):
    """floor(x + 1/2) with the gradient of the identity."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return torch.floor(x + 0.5)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return grads[0]


def _to_levels(images: Tensor, rounding: bool) -> Tensor:
    """Returns images as byte levels 0..255, channels last: `[N, 3, H, W]` to `[N, H, W, 3]`; whole if `rounding`."""
    x = images if images.dtype == torch.float64 else images.float()
    levels = (x * 255.0).clamp(0.0, 255.0).permute(0, 2, 3, 1)
    return _RoundHalfUp.apply(levels) if rounding else levels


def _bilinear(levels: Tensor, image: Tensor, rows: Sequence[Tensor], columns: Sequence[Tensor]) -> Tensor:
    """Returns interpolated levels `[..., 3]` at index tensors `(low, high, weight of high in 1/256)` per axis."""
    (upper, lower, wy), (left, right, wx) = rows, columns
    wx, wy = wx[..., None].to(levels.dtype), wy[..., None].to(levels.dtype)
    top = levels[image, upper, left] * (_ONE - wx) + levels[image, upper, right] * wx
    bottom = levels[image, lower, left] * (_ONE - wx) + levels[image, lower, right] * wx
    return (top * (_ONE - wy) + bottom * wy) / (_ONE * _ONE)


def _check(frames: Tensor, regions: Sequence[Sequence[Box]]) -> list[tuple[int, Box]]:
    """Returns all (frame, box) pairs in order, once everything fits."""
    if frames.ndim != 4 or frames.shape[1] != 3 or not frames.is_floating_point():
        raise ContractError(f"frames are {frames.dtype} {list(frames.shape)}; expected float [B, 3, H, W]")
    if len(regions) != len(frames):
        raise ContractError(f"{len(regions)} lists of regions for {len(frames)} frames")
    height, width = frames.shape[2:]
    pairs = [(i, region) for i, listed in enumerate(regions) for region in listed]
    for i, region in pairs:
        if min(region.width, region.height) < MIN_REGION or not region.inside(width, height):
            raise ContractError(
                f"frame {i}: {region} is smaller than {MIN_REGION} pixels a side or not inside {width}×{height}"
            )
    return pairs


def _stacked(samples: Sequence[AxisSamples], offsets: Sequence[int]) -> tuple[Index, Index, Index]:
    """Returns low, high and weight, each `[K, S]`, of samples of equal length, moved by each box's offset."""
    shift = np.asarray(offsets, dtype=np.int64)[:, None]
    low, high, weight = (np.stack([getattr(s, name) for s in samples]) for name in ("left", "right", "weight"))
    return low + shift, high + shift, weight.astype(np.int64)


def crop_regions(frames: Tensor, regions: Sequence[Sequence[Box]], size: int, *, rounding: bool = True) -> Tensor:
    """Cuts all regions out of a batch of frames and resamples them to the modifier's input size.

    Args:
        frames: `[B, 3, H, W]` float RGB, 0..1.
        regions: for each frame its regions, `MIN_REGION` pixels a side or more, inside the frame.
        size: side of a crop, S.
        rounding: whether crops are rounded to bytes, as the chip's are.

    Returns:
        `[K, 3, S, S]` 0..1, frame by frame; float32, or float64 for float64 frames.

    Raises:
        ContractError: if frames, regions or size are not as described.
    """
    pairs = _check(frames, regions)
    if not 1 <= size <= MAX_SIDE:
        raise ContractError(f"size is {size} pixels; 1 to {MAX_SIDE} are allowed")
    levels = _to_levels(frames, rounding)
    if not pairs:
        return levels.new_zeros(0, 3, size, size)
    boxes = [box for _, box in pairs]
    rows = _stacked([_cached_samples(box.height, size) for box in boxes], [box.y for box in boxes])
    columns = _stacked([_cached_samples(box.width, size) for box in boxes], [box.x for box in boxes])
    device = frames.device
    image = torch.tensor([i for i, _ in pairs], device=device)[:, None, None]
    crops = _bilinear(
        levels,
        image,
        [torch.from_numpy(a).to(device)[:, :, None] for a in rows],
        [torch.from_numpy(a).to(device)[:, None, :] for a in columns],
    )
    if rounding:
        crops = _RoundHalfUp.apply(crops)
    return crops.permute(0, 3, 1, 2) / 255.0


def _paste_plan(pairs: Sequence[tuple[int, Box]], shape: tuple[int, int, int], size: int) -> Index:
    """Returns `[10, P]`: for each replaced pixel its frame, y, x, its crop, and the rows' and columns' samples.

    Where regions overlap, a pixel belongs to the last one only, as after pasting in order.
    """
    owner = np.full(shape, -1, dtype=np.int64)
    for k, (i, box) in enumerate(pairs):
        owner[i, box.rows, box.columns] = k
    parts = []
    for k, (i, box) in enumerate(pairs):
        y, x = np.nonzero(owner[i, box.rows, box.columns] == k)
        rows, columns = _cached_samples(size, box.height), _cached_samples(size, box.width)
        across = [a[index] for s, index in ((rows, y), (columns, x)) for a in (s.left, s.right, s.weight)]
        parts.append(np.stack([np.full_like(y, i), y + box.y, x + box.x, np.full_like(y, k), *across]))
    return np.concatenate(parts, axis=1).astype(np.int64)


def paste_regions(frames: Tensor, regions: Sequence[Sequence[Box]], crops: Tensor, *, rounding: bool = True) -> Tensor:
    """Replaces all regions of a batch of frames by resampled crops.

    Args:
        frames: `[B, 3, H, W]` float RGB, 0..1; not changed.
        regions: for each frame its regions in paste order: where two overlap, the later one is on top.
        crops: `[K, 3, S, S]` 0..1, frame by frame; values outside 0..1 are clipped.
        rounding: whether crops and pasted pixels are rounded to bytes, as the chip's are.

    Returns:
        `[B, 3, H, W]` 0..1; pixels of a region depend on its crop alone, all others are the frame's.

    Raises:
        ContractError: if frames, regions or crops are not as described.
    """
    pairs = _check(frames, regions)
    if crops.ndim != 4 or crops.shape[:2] != (len(pairs), 3) or crops.shape[2] != crops.shape[3]:
        raise ContractError(f"crops are {list(crops.shape)}; expected [{len(pairs)}, 3, S, S]")
    batch, _, height, width = frames.shape
    base = (frames if frames.dtype == torch.float64 else frames.float()).permute(0, 2, 3, 1)
    if not pairs:
        return base.permute(0, 3, 1, 2)
    plan = torch.from_numpy(_paste_plan(pairs, (batch, height, width), crops.shape[3])).to(frames.device)
    values = _bilinear(_to_levels(crops, rounding), plan[3], plan[4:7].unbind(), plan[7:10].unbind())
    if rounding:
        values = _RoundHalfUp.apply(values)
    pasted = base.index_put((plan[0], plan[1], plan[2]), values.to(base.dtype) / 255.0)
    return pasted.permute(0, 3, 1, 2)


def anonymise_frames(
    frames: Tensor,
    regions: Sequence[Sequence[Box]],
    modify: Callable[[Tensor], Tensor],
    *,
    size: int,
    rounding: bool = True,
) -> Tensor:
    """Replaces every face of a batch of frames: the paper's `v' = v - r_v + M(r_v)`, differentiable in M.

    All crops are taken from the raw frames, before the first paste.

    Args:
        frames: `[B, 3, H, W]` float RGB, 0..1.
        regions: for each frame its regions in paste order, as `face_region` makes them; none leaves it unmodified.
        modify: the modifier, `[K, 3, S, S]` 0..1 to the same shape; not called without a region.
        size: side of the modifier's input, S.
        rounding: whether crops, modified crops and pasted pixels are rounded to bytes, as the chip's are.

    Returns:
        `[B, 3, H, W]` 0..1.

    Raises:
        ContractError: if the inputs are not as described or the modifier answers with another shape.
    """
    crops = crop_regions(frames, regions, size, rounding=rounding)
    if len(crops) == 0:
        return paste_regions(frames, regions, crops, rounding=rounding)
    modified = modify(crops)
    if modified.shape != crops.shape:
        raise ContractError(f"the modifier answered with {list(modified.shape)}; expected {list(crops.shape)}")
    return paste_regions(frames, regions, modified, rounding=rounding)
