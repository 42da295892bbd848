"""Strokes: smooth noise, blending and shading of colours in place, display values to light."""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["blend", "dim", "noise", "to_light"]

Map = NDArray[np.float32]


@numba.njit(cache=True, error_model="numpy")
def _stretch(grid: Map, out: Map) -> None:
    """Fills `out` by smooth interpolation in `grid`."""
    rows, columns = out.shape
    high, wide = grid.shape[0] - 1, grid.shape[1] - 1
    for r in range(rows):
        y = r * high / rows
        iy = int(y)
        fy = y - iy
        fy = fy * fy * (3 - 2 * fy)
        for c in range(columns):
            x = c * wide / columns
            ix = int(x)
            fx = x - ix
            fx = fx * fx * (3 - 2 * fx)
            upper = grid[iy, ix] * (1 - fx) + grid[iy, ix + 1] * fx
            lower = grid[iy + 1, ix] * (1 - fx) + grid[iy + 1, ix + 1] * fx
            out[r, c] = upper * (1 - fy) + lower * fy


def noise(rng: np.random.Generator, shape: tuple[int, int], size: float, stretch: float = 1.0) -> Map:
    """Returns smooth noise around 0 with spots of `size` texels, `stretch` times as high as wide."""
    rows = max(1, math.ceil(shape[0] / (size * stretch)))
    columns = max(1, math.ceil(shape[1] / size))
    out = np.empty(shape, np.float32)
    _stretch(rng.standard_normal((rows + 1, columns + 1), np.float32), out)
    return out


@numba.njit(cache=True, error_model="numpy")
def _mix(colour: Map, share: Map, target: Map) -> None:
    """Moves `[h, w, 3]` towards colours `[1 or h, 1 or w, 3]` by `[h, w]` shares, in place."""
    for y in range(colour.shape[0]):
        for x in range(colour.shape[1]):
            part = share[y, x]
            if part == 0:
                continue
            ty, tx = min(y, target.shape[0] - 1), min(x, target.shape[1] - 1)
            for c in range(3):
                colour[y, x, c] += part * (target[ty, tx, c] - colour[y, x, c])


@numba.njit(cache=True, error_model="numpy")
def _dim(colour: Map, share: Map, tint: Map) -> None:
    """Multiplies `[h, w, 3]` by 1 + share · tint, in place; `share` is `[h, w]`, `tint` `[3]`."""
    for y in range(colour.shape[0]):
        for x in range(colour.shape[1]):
            for c in range(3):
                colour[y, x, c] *= 1 + share[y, x] * tint[c]


@numba.njit(cache=True, error_model="numpy")
def to_light(colour: Map) -> None:
    """Turns display values into light, nearly as sRGB does, in place."""
    for y in range(colour.shape[0]):
        for x in range(colour.shape[1]):
            for c in range(3):
                value = min(max(colour[y, x, c], 0.01), 1.0)
                colour[y, x, c] = value * value * (0.76 + 0.24 * value)


def blend(
    colour: Map, share: Map | NDArray[np.float64], target: Map | NDArray[np.float64] | tuple[float, float, float]
) -> None:
    """Moves `[h, w, 3]` towards one colour or `[h, w, 3]` colours by `[h, w]` shares, in place."""
    wanted = np.asarray(target, np.float32)
    _mix(colour, np.asarray(share, np.float32), wanted if wanted.ndim == 3 else wanted[None, None])


def dim(colour: Map, share: Map | NDArray[np.float64], tint: Map | float = 1.0) -> None:
    """Multiplies `[h, w, 3]` by 1 + share · tint, in place."""
    _dim(colour, np.asarray(share, np.float32), np.broadcast_to(np.asarray(tint, np.float32), (3,)).copy())
