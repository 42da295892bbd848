"""Boxes and the face's region: exact integer arithmetic."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw_anon.core.boxes import MAX_SIDE, MIN_REGION, Box, face_region
from hw_anon.core.errors import ConfigError

SIDES = st.integers(1, 700)
BOXES = st.builds(Box, x=st.integers(-300, 900), y=st.integers(-300, 900), width=SIDES, height=SIDES)
FRAMES = st.tuples(st.integers(MIN_REGION, 640), st.integers(MIN_REGION, 480))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"width": 0}, "Box.width = 0: allowed range is 1 and above"),
        ({"height": -3}, "Box.height = -3: allowed range is 1 and above"),
        ({"x": 1.5}, "Box.x = 1.5: expected an int"),
        ({"y": True}, "Box.y = True: expected an int"),
    ],
)
def test_rejects_what_is_no_box(changed: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        Box(**{"x": 0, "y": 0, "width": 4, "height": 4, **changed})


@pytest.mark.parametrize(
    ("side", "margin"), [(1, 1), (3, 1), (4, 2), (10, 4), (20, 7), (100, 31), (256, 77), (257, 78), (480, 145)]
)
def test_margin_is_the_documented_integer(side: int, margin: int) -> None:
    enlarged = Box(x=50, y=60, width=side, height=2 * side).enlarged()
    assert (enlarged.x, enlarged.width) == (50 - margin, side + 2 * margin)
    assert margin == (77 * side + 255) >> 8


@given(BOXES)
def test_enlarged_covers_at_least_1_6_times_and_little_more(box: Box) -> None:
    enlarged = box.enlarged()
    for old, new in ((box.width, enlarged.width), (box.height, enlarged.height)):
        assert 10 * new >= 16 * old, "never less than 1.6 times: a privacy property"
        assert new <= 1.602 * old + 2
    assert 2 * enlarged.x + enlarged.width == 2 * box.x + box.width, "same centre"
    assert 2 * enlarged.y + enlarged.height == 2 * box.y + box.height


@given(BOXES, BOXES)
def test_iou_counts_pixels(one: Box, other: Box) -> None:
    columns = len(set(range(one.x, one.right)) & set(range(other.x, other.right)))
    rows = len(set(range(one.y, one.bottom)) & set(range(other.y, other.bottom)))
    shared = columns * rows
    assert one.iou(other) == pytest.approx(shared / (one.area + other.area - shared))
    assert one.iou(other) == other.iou(one)
    assert one.iou(one) == 1.0


@given(BOXES, FRAMES)
def test_face_region_is_usable_and_covers_the_enlarged_box(box: Box, frame: tuple[int, int]) -> None:
    region = face_region(box, *frame)
    visible = box.enlarged().clipped(*frame)
    assert (region is None) == (visible is None)
    if region is None or visible is None:
        return
    assert region.inside(*frame)
    assert min(region.width, region.height) >= MIN_REGION
    assert region.intersection(visible) == visible, "nothing of the enlarged box stays uncovered"
    assert region.width == max(visible.width, MIN_REGION)
    assert region.height == max(visible.height, MIN_REGION)


def test_face_region_at_the_corners() -> None:
    assert face_region(Box(x=-2, y=-2, width=5, height=5), 320, 240) == Box(x=0, y=0, width=8, height=8)
    assert face_region(Box(x=317, y=237, width=5, height=5), 320, 240) == Box(x=312, y=232, width=8, height=8)
    assert face_region(Box(x=100, y=50, width=40, height=60), 320, 240) == Box(x=87, y=31, width=66, height=98)
    assert face_region(Box(x=900, y=900, width=4, height=4), 320, 240) is None


@pytest.mark.parametrize("side", [0, MIN_REGION - 1, MAX_SIDE + 1])
def test_face_region_rejects_frames_out_of_range(side: int) -> None:
    with pytest.raises(ConfigError, match=f"frame_width = {side}: allowed range is 8 to 4096"):
        face_region(Box(x=0, y=0, width=4, height=4), side, 240)
