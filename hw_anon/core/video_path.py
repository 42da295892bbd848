"""The integer golden model of the video path: crop, paste, downscale, and the whole way of one frame.

The RTL in `hls/rtl/video` equals these functions bit for bit, and training uses the same sample positions, so this
docstring is the specification.

**Resampling one axis of `n` source pixels to `m` target pixels** (`axis_samples`). Pixels are areas: target pixel `i`
has its centre at `(i + 1/2) · n/m - 1/2` source pixels (half-pixel centres). So a crop of S×S pixels is copied
unchanged, crop and paste are mirror images of one another without a shift, and a region's borders are treated alike on
both sides. (Corner-aligned sampling would need a division by `m - 1` and stretch every region by a pixel.)
Positions are signed 32-bit numbers with 18 fraction bits (`POSITION_BITS`; 13 integer bits, sides up to 4096):

    step       = ((n << 18) + (m >> 1)) / m      one division per axis and region, rounded half up, never per pixel
    position_0 = (step >> 1) - (1 << 17) + (1 << 9)
    position_i = position_{i-1} + step           one DDA accumulator: one addition per target pixel
    index      = position_i >> 18                arithmetic shift: floor, -1 at the least
    weight     = (position_i >> 10) & 255        8-bit weight (`WEIGHT_BITS`) of the right neighbour
    left       = clamp(index,     0, n - 1)
    right      = clamp(index + 1, 0, n - 1)      neighbours are clamped to the *region*, not to the frame

The `1 << 9` rounds the position to the nearest 1/256 pixel, half up; folding it into the start lets the carry run into
the index, so a weight needs 8 bits and never becomes 256. 18 fraction bits keep the accumulated error of the rounded
step below `m / 2^19` pixels (0.0013 at 640), less than the weight's own 1/512, in a 32-bit adder.

**Bilinear value** (`resample`), for each channel, with `wx` and `wy` the weights of the two axes:

    top    = p[upper, left] * (256 - wx) + p[upper, right] * wx        16 bits, exact
    bottom = p[lower, left] * (256 - wx) + p[lower, right] * wx        16 bits, exact
    value  = (top * (256 - wy) + bottom * wy + (1 << 15)) >> 16        24 bits, the only rounding: half up

Nothing is rounded in between, so rows first or columns first is the same. The result lies between the smallest and the
largest of the four pixels, a constant stays constant, and the distance to bilinear interpolation in real numbers is at
most `0.5 + 255 · ((1/512 + m_x / 2^19) + (1/512 + m_y / 2^19))`: 1.74 at 240×240, under 2.2 LSB at 640×640.

**Order.** All crops of a frame are taken from the raw frame, before the first paste; pastes follow in the order of the
box list, so where two regions overlap the later one is on top. Thus the result depends neither on the latency of the
modifier nor on how many crops it holds in flight.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.boxes import MAX_SIDE, MIN_REGION, Box
from hw_anon.core.errors import ContractError, DeviceError
from hw_anon.core.frame import AnonymisedFrame, Fault, black_frame, check_frame

__all__ = [
    "POSITION_BITS",
    "WEIGHT_BITS",
    "AxisSamples",
    "anonymise",
    "axis_samples",
    "axis_step",
    "crop_resize",
    "downscale",
    "paste",
    "resample",
]

POSITION_BITS = 18
"""Fraction bits of a sample position."""
WEIGHT_BITS = 8
"""Bits of an interpolation weight."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class AxisSamples:
    """Where the target pixels of one axis take their values from."""

    left: NDArray[np.int32]
    """`[m]` index of the left (upper) neighbour, 0 to n-1."""
    right: NDArray[np.int32]
    """`[m]` index of the right (lower) neighbour, `left` or `left + 1`."""
    weight: NDArray[np.int32]
    """`[m]` weight of the right neighbour in 1/256, 0 to 255; the left one has `256 - weight`."""


def axis_step(source: int, target: int) -> int:
    """Returns the accumulator's step `((source << 18) + (target >> 1)) / target`, in 2^-18 pixels.

    Args:
        source: source pixels, 1 to `MAX_SIDE`.
        target: target pixels, 1 to `MAX_SIDE`.

    Raises:
        ContractError: if a side is out of range.
    """
    for name, side in (("source", source), ("target", target)):
        if not 1 <= side <= MAX_SIDE:
            raise ContractError(f"{name} side is {side} pixels; 1 to {MAX_SIDE} are allowed")
    return ((source << POSITION_BITS) + (target >> 1)) // target


def axis_samples(source: int, target: int) -> AxisSamples:
    """Returns the neighbours and weights of one axis, as specified at the top of this module.

    Args:
        source: source pixels, 1 to `MAX_SIDE`.
        target: target pixels, 1 to `MAX_SIDE`.

    Raises:
        ContractError: if a side is out of range.
    """
    step = axis_step(source, target)
    start = (step >> 1) - (1 << (POSITION_BITS - 1)) + (1 << (POSITION_BITS - WEIGHT_BITS - 1))
    position = start + step * np.arange(target, dtype=np.int64)
    assert -(1 << 31) <= position[0] <= position[-1] < 1 << 31, "positions fit the 32-bit accumulator"
    index = position >> POSITION_BITS
    return AxisSamples(
        left=np.clip(index, 0, source - 1).astype(np.int32),
        right=np.clip(index + 1, 0, source - 1).astype(np.int32),
        weight=((position >> (POSITION_BITS - WEIGHT_BITS)) & ((1 << WEIGHT_BITS) - 1)).astype(np.int32),
    )


def resample(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Resamples a whole image by fixed-point bilinear interpolation.

    Args:
        image: `[H, W, C]` uint8.
        height: rows of the result.
        width: columns of the result.

    Returns:
        `[height, width, C]` uint8.

    Raises:
        ContractError: if a side is out of range.
    """
    rows, columns = axis_samples(image.shape[0], height), axis_samples(image.shape[1], width)
    one, half = np.int32(1 << WEIGHT_BITS), np.int32(1 << (2 * WEIGHT_BITS - 1))
    pixels = image.astype(np.int32)
    wx = columns.weight[:, None]
    across: NDArray[np.int32] = pixels[:, columns.left] * (one - wx) + pixels[:, columns.right] * wx
    wy = rows.weight[:, None, None]
    value: NDArray[np.int32] = across[rows.left] * (one - wy) + across[rows.right] * wy + half
    return (value >> (2 * WEIGHT_BITS)).astype(np.uint8)


def _require_region(region: Box, frame: NDArray[np.uint8]) -> None:
    height, width = frame.shape[:2]
    if min(region.width, region.height) < MIN_REGION or not region.inside(width, height):
        raise ContractError(f"{region} is smaller than {MIN_REGION} pixels a side or not inside {width}×{height}")


def crop_resize(frame: NDArray[np.uint8], region: Box, size: int) -> NDArray[np.uint8]:
    """Cuts a region out of a frame and resamples it to the modifier's input size.

    Args:
        frame: `[H, W, 3]` uint8.
        region: the region, `MIN_REGION` pixels a side or more, inside the frame.
        size: side of the crop, S.

    Returns:
        `[S, S, 3]` uint8, a function of the region's pixels alone.

    Raises:
        ContractError: if the frame, the region or the size is out of range.
    """
    check_frame(frame)
    _require_region(region, frame)
    return resample(frame[region.rows, region.columns], size, size)


def paste(frame: NDArray[np.uint8], region: Box, crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Replaces a region of a frame by a resampled crop.

    Args:
        frame: `[H, W, 3]` uint8; not changed.
        region: the region, `MIN_REGION` pixels a side or more, inside the frame.
        crop: `[S, S, 3]` uint8.

    Returns:
        `[H, W, 3]` uint8: every byte of the region depends on `crop` alone (P1), all others are the frame's.

    Raises:
        ContractError: if the frame, the region or the crop is not as described.
    """
    check_frame(frame)
    _require_region(region, frame)
    if crop.dtype != np.uint8 or crop.ndim != 3 or crop.shape[0] != crop.shape[1] or crop.shape[2] != 3:
        raise ContractError(f"crop is {crop.dtype} {list(crop.shape)}; expected uint8 [S, S, 3]")
    result = frame.copy()
    result[region.rows, region.columns] = resample(crop, region.height, region.width)
    return result


def downscale(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Halves a frame by a 2×2 box filter, the face detector's input: `(a + b + c + d + 2) >> 2`, half up.

    Args:
        frame: `[H, W, 3]` uint8 with even sides.

    Returns:
        `[H/2, W/2, 3]` uint8.

    Raises:
        ContractError: if the frame is not as described.
    """
    check_frame(frame)
    height, width = frame.shape[:2]
    if height % 2 or width % 2:
        raise ContractError(f"frame is {width}×{height} pixels; the 2×2 box filter needs even sides")
    quads = frame.reshape(height // 2, 2, width // 2, 2, 3)
    sums: NDArray[np.uint16] = quads.sum(axis=(1, 3), dtype=np.uint16)
    return ((sums + np.uint16(2)) >> 2).astype(np.uint8)


def anonymise(
    frame: NDArray[np.uint8],
    regions: Sequence[Box],
    modify: Callable[[NDArray[np.uint8]], NDArray[np.uint8]],
    *,
    size: int,
    max_faces: int,
    number: int = 0,
) -> AnonymisedFrame:
    """Replaces every face of a frame: the paper's `v' = v - r_v + M(r_v)`, failing closed.

    Args:
        frame: `[H, W, 3]` uint8 raw frame; not changed.
        regions: the regions to replace, as `face_region` makes them, in paste order.
        modify: the modifier, `[N, S, S, 3]` uint8 to the same shape, e.g. a backend's `modify`; not called without
            a region. A `DeviceError` it raises is an accelerator that never answered.
        size: side of the modifier's input, S.
        max_faces: regions that the design can replace in a frame.
        number: frame number.

    Returns:
        The anonymised frame; a black one with its fault if there are too many regions, a region is not inside the
        frame, or the modifier fails or answers with another shape or dtype.

    Raises:
        ContractError: if the frame itself is not a frame.
    """
    check_frame(frame)
    height, width = frame.shape[:2]

    def black(fault: Fault) -> AnonymisedFrame:
        return black_frame(height, width, fault, number=number)

    if len(regions) > max_faces:
        return black(Fault.TOO_MANY_FACES)
    if any(min(r.width, r.height) < MIN_REGION or not r.inside(width, height) for r in regions):
        return black(Fault.INVALID_REGION)
    result = frame.copy()
    if regions:
        crops = np.stack([crop_resize(frame, region, size) for region in regions])
        try:
            modified = modify(crops)
        except DeviceError:
            return black(Fault.MODIFIER_TIMEOUT)
        if modified.shape != crops.shape or modified.dtype != np.uint8:
            return black(Fault.MODIFIER_LENGTH)
        for region, crop in zip(regions, modified, strict=True):
            result = paste(result, region, crop)
    return AnonymisedFrame(frame=result, number=number, boxes=tuple(regions), fault=Fault.NONE)
