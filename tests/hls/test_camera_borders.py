"""Regions at borders and in corners are counted where they are."""

from __future__ import annotations

import pytest

from hls.camera.borders import BORDERS, CORNERS, border_counts, border_sums, describe_borders
from hw_anon.core.boxes import Box

WIDTH, HEIGHT = 320, 240


@pytest.mark.parametrize(
    ("box", "places"),
    [
        ((0, 50, 20, 20), {"left"}),
        ((50, 0, 20, 20), {"top"}),
        ((300, 50, 20, 20), {"right"}),
        ((50, 220, 20, 20), {"bottom"}),
        ((0, 0, 20, 20), {"left", "top", "left top"}),
        ((300, 0, 20, 20), {"right", "top", "right top"}),
        ((0, 220, 20, 20), {"left", "bottom", "left bottom"}),
        ((300, 220, 20, 20), {"right", "bottom", "right bottom"}),
        ((1, 1, 318, 238), set()),
        ((0, 50, 320, 20), {"left", "right"}),
        ((0, 0, 320, 240), {*BORDERS, *CORNERS}),
    ],
)
def test_a_region_counts_where_it_touches(box: tuple[int, int, int, int], places: set[str]) -> None:
    x, y, width, height = box
    counts = border_counts([Box(x=x, y=y, width=width, height=height)], WIDTH, HEIGHT)
    assert {place for place, count in counts.items() if count} == places
    assert set(counts.values()) <= {0, 1}


def test_regions_and_frames_add_up_and_what_is_missing_is_said() -> None:
    left, corner = Box(x=0, y=50, width=9, height=9), Box(x=0, y=0, width=9, height=9)
    first, second = border_counts([left, corner], WIDTH, HEIGHT), border_counts([left], WIDTH, HEIGHT)
    sums = border_sums([first, second, border_counts([], WIDTH, HEIGHT)])
    assert (sums["left"], sums["top"], sums["left top"], sums["right"]) == (3, 1, 1, 0)
    text = describe_borders(sums)
    assert "left 3, top 1, right 0, bottom 0" in text
    assert "none at: right, bottom, right top, left bottom, right bottom" in text
    assert "none at" not in describe_borders(dict.fromkeys(sums, 1))
