"""Frames and fault codes: a frame with a fault is black."""

from __future__ import annotations

import numpy as np
import pytest

from hw_anon.core.boxes import Box
from hw_anon.core.errors import ContractError
from hw_anon.core.frame import AnonymisedFrame, Fault, black_frame, check_frame

GREY = np.full((16, 24, 3), 7, np.uint8)
BOX = Box(x=0, y=0, width=8, height=8)


def test_fault_codes_are_stable_and_fit_the_metadata_beat() -> None:
    """The numbers are part of the hardware's interface; a change must be deliberate."""
    assert [fault.value for fault in Fault] == list(range(14))
    assert Fault.NONE == 0
    assert Fault.TOO_MANY_FACES == 7
    assert max(Fault) < 32, "one sticky register holds a bit for each"


@pytest.mark.parametrize(
    "frame",
    [
        GREY.astype(np.int16),
        GREY[..., 0],
        GREY[..., :2],
        GREY[:7],
        np.zeros((16, 4097, 3), np.uint8),
        GREY.tolist(),
    ],
    ids=["dtype", "grey", "two channels", "too low", "too wide", "list"],
)
def test_check_frame_refuses(frame: np.ndarray) -> None:
    with pytest.raises(ContractError, match="frame is"):
        check_frame(frame)


def test_black_frame_is_black_and_says_why() -> None:
    frame = black_frame(16, 24, Fault.SHORT_LINE, number=9)
    assert frame.frame.shape == (16, 24, 3)
    assert not frame.frame.any()
    assert (frame.number, frame.boxes, frame.fault) == (9, (), Fault.SHORT_LINE)


def test_black_frame_needs_a_reason() -> None:
    with pytest.raises(ContractError, match="needs a fault code"):
        black_frame(16, 24, Fault.NONE)


@pytest.mark.parametrize(("pixels", "boxes"), [(GREY, ()), (np.zeros_like(GREY), (BOX,))])
def test_a_fault_never_carries_pixels_or_boxes(pixels: np.ndarray, boxes: tuple[Box, ...]) -> None:
    with pytest.raises(ContractError, match="MODIFIER_TIMEOUT but is not black"):
        AnonymisedFrame(frame=pixels, boxes=boxes, fault=Fault.MODIFIER_TIMEOUT)


def test_equals_compares_pixels_and_metadata() -> None:
    frame = AnonymisedFrame(frame=GREY, number=1, boxes=(BOX,))
    other = GREY.copy()
    other[3, 4, 1] += 1
    assert frame.equals(AnonymisedFrame(frame=GREY.copy(), number=1, boxes=(BOX,)))
    assert not frame.equals(AnonymisedFrame(frame=other, number=1, boxes=(BOX,)))
    assert not frame.equals(AnonymisedFrame(frame=GREY, number=2, boxes=(BOX,)))
    assert not frame.equals(AnonymisedFrame(frame=GREY, number=1))
    assert not frame.equals(AnonymisedFrame(frame=GREY[:8], number=1, boxes=(BOX,)))
