"""Thresholds as one multiplication: finds the line behind a staircase and proves it exact.

A trained activation's thresholds are evenly spaced up to rounding, so `floor(gain · x + shift)`, clipped, reproduces
them exactly if gain and shift are chosen well. Rounded multiplication, addition and `floor` are monotone, fused or
not, hence checking both sides of every threshold proves the equality for every integer input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Line", "fit_line"]

_SEARCH_STEPS = 100
_GOLDEN = (np.sqrt(5) - 1) / 2


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Line:
    """`clip(floor(gain · x + shift), lowest, highest)` per channel, equal to the thresholds it was fitted to."""

    gain: NDArray[Any]
    """`[C]` positive factors in the floating-point type that was proved."""
    shift: NDArray[Any]
    """`[C]` summands in the same type."""
    lowest: NDArray[np.int64]
    """`[C]` outputs at the smallest reachable input."""
    highest: NDArray[np.int64]
    """`[C]` outputs at the largest reachable input."""


def fit_line(
    thresholds: NDArray[np.int64], low: NDArray[np.int64], high: NDArray[np.int64], *, offset: int, dtype: type
) -> Line | None:
    """Fits and proves a line for all channels.

    Args:
        thresholds: `[C, T]` ascending integers.
        low: `[C]` smallest reachable inputs.
        high: `[C]` largest reachable inputs.
        offset: output below the first threshold.
        dtype: `np.float32` or `np.float64`, in which the line will be evaluated.

    Returns:
        The line, or `None` if some channel's thresholds are on no line within the type's precision.
    """
    reachable = (thresholds > low[:, None]) & (thresholds <= high[:, None])
    steps = np.broadcast_to(np.arange(1, thresholds.shape[1] + 1) + offset, thresholds.shape)
    pitch, start = _narrowest_strip(thresholds.astype(np.float64) - 0.5, steps, reachable)
    # The staircase reaches output k at x = start + pitch · k.
    gain: NDArray[Any] = (1.0 / pitch).astype(dtype)
    shift: NDArray[Any] = (-start / pitch).astype(dtype)
    if not _proved(gain, shift, thresholds, steps, reachable, unit=float(np.finfo(dtype).eps)):
        return None
    return Line(
        gain=gain,
        shift=shift,
        lowest=offset + (thresholds <= low[:, None]).sum(axis=1),
        highest=offset + (thresholds <= high[:, None]).sum(axis=1),
    )


def _narrowest_strip(
    points: NDArray[np.float64], steps: NDArray[np.int64], reachable: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns pitch and start of the line `start + pitch · step` with the smallest largest distance to the points.

    The width of the strip around all points is convex in its slope: golden-section search, all channels at once.
    """

    def strip(pitch: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        residuals = points - pitch[:, None] * steps
        top = np.where(counted, residuals, -np.inf).max(axis=1)
        bottom = np.where(counted, residuals, np.inf).min(axis=1)
        return top - bottom, (top + bottom) / 2

    # A channel that reaches no threshold is constant: any line will do.
    counted = reachable | ~reachable.any(axis=1, keepdims=True)
    few = reachable.sum(axis=1) < 2
    left = np.zeros(len(points))
    gaps = np.where(reachable[:, 1:] & reachable[:, :-1], np.diff(points, axis=1), 0.0)
    right = gaps.max(axis=1, initial=1.0) + 1.0
    for _ in range(_SEARCH_STEPS):
        lower, upper = right - _GOLDEN * (right - left), left + _GOLDEN * (right - left)
        shrink_right = strip(lower)[0] <= strip(upper)[0]
        left, right = np.where(shrink_right, left, lower), np.where(shrink_right, upper, right)
    pitch = np.where(few, 1.0, np.maximum((left + right) / 2, 2.0**-20))
    return pitch, strip(pitch)[1]


def _proved(
    gain: NDArray[Any],
    shift: NDArray[Any],
    thresholds: NDArray[np.int64],
    steps: NDArray[np.int64],
    reachable: NDArray[np.bool_],
    *,
    unit: float,
) -> bool:
    """Whether every reachable threshold is met at its value and not one below, whatever the order of rounding."""
    slope, summand = gain.astype(np.float64)[:, None], shift.astype(np.float64)[:, None]
    at, below = (slope * x + summand for x in (thresholds, thresholds - 1))
    # Rounding of the product and of the sum, at most half a unit each; a whole one leaves room for this check's own.
    slack = unit * (np.abs(slope * thresholds) + slope + np.abs(summand) + np.abs(steps) + 1)
    # Equal thresholds are one jump of several steps: the point below must stay under the first of them.
    first = np.maximum.accumulate(
        np.where(np.diff(thresholds, axis=1, prepend=thresholds[:, :1] - 1) > 0, steps, steps.min()), axis=1
    )
    met = (at - slack >= steps) & (below + slack < first)
    return bool(np.all(met | ~reachable))
