"""Frames in the board's memory: picture and metadata in one transfer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw_anon.core.board_frame import pack_board_frame, require_metadata_line, unpack_board_frame
from hw_anon.core.boxes import Box
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.frame import AnonymisedFrame, Fault, black_frame
from hw_anon.core.metadata import Metadata

BOX = Box(x=0x0102, y=0x0304, width=0x0506, height=0x0708)


def _frame(width: int = 16, height: int = 8, *, seed: int = 0, boxes: tuple[Box, ...] = (BOX,)) -> AnonymisedFrame:
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    return AnonymisedFrame(frame=picture, number=0xA1B2C3D4, boxes=boxes)


def test_the_line_is_the_documented_bytes() -> None:
    frame = _frame()
    packed = pack_board_frame(frame, max_faces=4)
    assert packed.shape == (9, 16, 3)
    np.testing.assert_array_equal(packed[:8], frame.frame)
    assert packed[8].tobytes().hex() == "d4c3b2a1" + "00" + "01" + "01" + "00" + "0201040306050807" + "00" * 32
    assert packed[8, 0].tolist() == [0xD4, 0xC3, 0xB2], "the first pixel of the line, red first"


@given(st.integers(14, 40), st.integers(8, 20), st.integers(0, 4), st.integers(0, 99))
def test_round_trip(width: int, height: int, faces: int, seed: int) -> None:
    frame = _frame(width, height, seed=seed, boxes=(BOX,) * faces)
    packed = pack_board_frame(frame, max_faces=4)
    picture, metadata = unpack_board_frame(packed)
    assert metadata == Metadata.of(frame)
    assert picture.base is not None
    assert np.shares_memory(picture, packed)
    np.testing.assert_array_equal(picture, frame.frame)


def test_a_black_frame_travels_with_its_fault() -> None:
    packed = pack_board_frame(black_frame(8, 16, Fault.OVERRUN, number=7), max_faces=4)
    picture, metadata = unpack_board_frame(packed)
    assert metadata == Metadata(number=7, fault=Fault.OVERRUN)
    assert not picture.any()


def test_a_line_too_short_for_the_metadata_is_refused() -> None:
    require_metadata_line(14, 4)
    with pytest.raises(ConfigError, match="at least 14 pixels"):
        require_metadata_line(13, 4)
    with pytest.raises(ConfigError, match="take 72 bytes and a line of 16 pixels has 48"):
        pack_board_frame(_frame(), max_faces=8)


@pytest.mark.parametrize(
    ("shape", "message"), [((9, 16), r"got \[9, 16\]"), ((9, 16, 4), "uint8"), ((8, 16, 3), "16×7 pixels")]
)
def test_other_shapes_are_refused(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        unpack_board_frame(np.zeros(shape, np.uint8))


def test_a_frame_that_has_not_arrived_is_noticed() -> None:
    packed = pack_board_frame(_frame(), max_faces=4)
    torn = packed.copy()
    torn[8] = 0
    with pytest.raises(ContractError, match="format 0"):
        unpack_board_frame(torn)
    shifted = np.roll(packed.reshape(-1), 3).reshape(packed.shape)
    with pytest.raises(ContractError, match="metadata"):
        unpack_board_frame(shifted)


def test_bytes_after_the_metadata_are_noticed() -> None:
    packed = pack_board_frame(_frame(15), max_faces=4)
    packed[8, 14, 2] = 1  # byte 44 of 45: no part of a whole word
    with pytest.raises(ContractError, match="end with zeros"):
        unpack_board_frame(packed)
    packed[8, 14, 2], packed[8, 12, 0] = 0, 1
    with pytest.raises(ContractError, match="damaged"):
        unpack_board_frame(packed)
