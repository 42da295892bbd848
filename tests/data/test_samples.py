"""The common interface: order, lists, boxes."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hw_anon.core.boxes import Box
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.data.samples import ActionBox, ActionClip, ActionSet, natural_key, read_lines
from tests.data.trees import picture


def test_names_are_sorted_as_people_sort_them() -> None:
    names = ["a", "s1", "s2", "s2.5", "s02", "s10", "s10b", "t", "1", "10", "2", "Ümit", "s٣"]
    ordered = sorted(names, key=natural_key)
    for seed in range(5):
        assert sorted(random.Random(seed).sample(names, len(names)), key=natural_key) == ordered
    assert len({natural_key(name) for name in names}) == len(names)
    assert [n for n in ordered if n.startswith("s1") or n == "s2"] == ["s1", "s2", "s10", "s10b"]
    assert [n for n in ordered if n.isdecimal()] == ["1", "2", "10"]


def test_text_lists_of_other_systems_are_read(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xef\xbb\xbfa b\r\nJos\xc3\xa9\r\n\r\n  \n")
    assert read_lines(path) == ["a b", "José"]


def test_a_line_in_another_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"fine\nJos\xe9\t1\t2\n")
    with pytest.raises(ContractError, match=r"list\.txt:2: is not UTF-8"):
        read_lines(path)


@pytest.mark.parametrize(
    "edges", [(0.5, 0, 0.5, 1), (0, 0.9, 1, 0.1), (-0.1, 0, 1, 1), (0, 0, 1, 1.01), (float("nan"), 0, 1, 1)]
)
def test_impossible_boxes_are_refused(edges: tuple[float, float, float, float]) -> None:
    with pytest.raises(ConfigError, match="expected 0 ≤ left < right ≤ 1"):
        ActionBox(left=edges[0], top=edges[1], right=edges[2], bottom=edges[3], action=0)


def test_a_relative_box_in_pixels() -> None:
    box = ActionBox(left=0.25, top=0.1, right=0.5, bottom=0.999, action=2)
    assert box.pixels(320, 240) == pytest.approx((80, 24, 160, 239.76))
    assert box.box(320, 240) == Box(x=80, y=24, width=80, height=216)


def test_pixels_survive_the_way_through_parts_of_the_frame() -> None:
    for left in range(300):
        box = ActionBox(left=left / 301, top=0, right=(left + 1) / 301, bottom=1, action=0)
        assert box.box(301, 7) == Box(x=left, y=0, width=1, height=7)


class OneClip(ActionSet):
    """A clip of two frames, the second without anybody."""

    def __init__(self) -> None:
        clip = ActionClip(name="a", split="test", frames=(1, 2))
        super().__init__(title="one", actions=("drink", "iron"), clips=[clip])

    def boxes(self, clip: ActionClip, number: int) -> tuple[ActionBox, ...]:
        return (ActionBox(left=0.25, top=0.5, right=1, bottom=1, action=1),) if number == 1 else ()

    def picture(self, clip: ActionClip, number: int) -> NDArray[np.uint8]:
        return picture(number)

    def content_hash(self, clip: ActionClip) -> str:
        return "0"


def test_a_labelled_frame_is_in_pixels_and_may_be_empty() -> None:
    one = OneClip()
    frame = one.frame(one.clips[0], 1)
    assert (frame.boxes.dtype, frame.actions.dtype) == (np.float32, np.int64)
    assert frame.boxes.tolist() == [[4, 6, 16, 12]]
    assert frame.actions.tolist() == [1]
    assert one.frame(one.clips[0], 2).boxes.shape == (0, 4)


def test_splits_have_two_names() -> None:
    one = OneClip()
    assert (one.of_split("train"), one.of_split("test")) == ((), one.clips)
    with pytest.raises(ConfigError, match="split 'val'"):
        one.of_split("val")
