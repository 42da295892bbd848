"""Counts the regions at each border and in each corner of a frame, where crop and paste have their special cases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from hw_anon.core.boxes import Box

__all__ = ["BORDERS", "CORNERS", "border_counts", "border_sums", "describe_borders"]

BORDERS: Final = ("left", "top", "right", "bottom")
"""The borders of a frame."""
CORNERS: Final = ("left top", "right top", "left bottom", "right bottom")
"""The corners: a region in one touches both of its borders."""


def border_counts(regions: Iterable[Box], width: int, height: int) -> dict[str, int]:
    """Returns how many regions touch each border, and how many each corner; a region may count at several.

    Args:
        regions: boxes inside the frame.
        width: columns of the frame.
        height: rows of the frame.
    """
    counts = dict.fromkeys((*BORDERS, *CORNERS), 0)
    for region in regions:
        touched = {
            "left": region.x == 0,
            "top": region.y == 0,
            "right": region.right == width,
            "bottom": region.bottom == height,
        }
        for place in counts:
            counts[place] += all(touched[border] for border in place.split())
    return counts


def border_sums(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Returns the sums over frames of what `border_counts` returned of each."""
    sums = dict.fromkeys((*BORDERS, *CORNERS), 0)
    for frame in counts:
        for place in sums:
            sums[place] += frame[place]
    return sums


def describe_borders(sums: Mapping[str, int]) -> str:
    """Returns the sums in words."""
    borders, corners = (", ".join(f"{place} {sums[place]}" for place in places) for places in (BORDERS, CORNERS))
    missing = [place for place in (*BORDERS, *CORNERS) if not sums[place]]
    hint = f"; none at: {', '.join(missing)} (more --frames or another --seed)" if missing else ""
    return f"replaced regions at the borders: {borders}; in the corners: {corners}{hint}"
