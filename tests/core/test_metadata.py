"""The metadata beat: its bytes, and the refusal of what is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw_anon.core.boxes import Box
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.frame import AnonymisedFrame, Fault, black_frame
from hw_anon.core.metadata import MOST_FACES, Metadata, metadata_bits, pack_metadata, unpack_metadata

SIDES = st.integers(1, 4096)
BOXES = st.builds(Box, x=st.integers(0, 4095), y=st.integers(0, 4095), width=SIDES, height=SIDES)


def test_the_beat_is_the_documented_bytes() -> None:
    box = Box(x=0x0102, y=0x0304, width=0x0506, height=0x0708)
    beat = pack_metadata(Metadata(number=0xA1B2C3D4, boxes=(box,)), max_faces=2)
    assert beat.tobytes().hex() == "d4c3b2a1" + "00" + "01" + "01" + "00" + "0201040306050807" + "00" * 8
    fault = pack_metadata(Metadata(number=1, fault=Fault.RESET), max_faces=1)
    assert fault.tobytes().hex() == "01000000" + "0d" + "00" + "01" + "00" + "00" * 8


@pytest.mark.parametrize(("faces", "bits"), [(1, 128), (4, 320), (8, 576)])
def test_width(faces: int, bits: int) -> None:
    assert metadata_bits(faces) == bits
    assert 8 * len(pack_metadata(Metadata(number=0), max_faces=faces)) == bits


@pytest.mark.parametrize("faces", [0, MOST_FACES + 1])
def test_width_out_of_range(faces: int) -> None:
    with pytest.raises(ConfigError, match=f"max_faces = {faces}"):
        metadata_bits(faces)


@given(st.integers(0, 2**32 - 1), st.lists(BOXES, max_size=4), st.integers(0, 4))
def test_round_trip(number: int, boxes: list[Box], room: int) -> None:
    metadata = Metadata(number=number, boxes=tuple(boxes))
    beat = pack_metadata(metadata, max_faces=max(1, len(boxes) + room))
    assert unpack_metadata(beat) == unpack_metadata(beat.tobytes()) == metadata


@pytest.mark.parametrize("fault", [f for f in Fault if f is not Fault.NONE])
def test_every_fault_travels(fault: Fault) -> None:
    assert fault < 32, "a fault's code is a bit number of the 32-bit fault register"
    metadata = Metadata.of(black_frame(8, 8, fault, number=7))
    assert unpack_metadata(pack_metadata(metadata, max_faces=4)) == metadata


def test_of_a_picture() -> None:
    box = Box(x=0, y=0, width=8, height=8)
    frame = AnonymisedFrame(frame=np.ones((8, 8, 3), np.uint8), number=3, boxes=(box,))
    assert Metadata.of(frame) == Metadata(number=3, boxes=(box,))


def test_refuses_what_cannot_be_said() -> None:
    box = Box(x=0, y=0, width=8, height=8)
    with pytest.raises(ContractError, match="holds 1"):
        pack_metadata(Metadata(number=0, boxes=(box, box)), max_faces=1)
    with pytest.raises(ContractError, match="16-bit"):
        pack_metadata(Metadata(number=0, boxes=(Box(x=-1, y=0, width=8, height=8),)), max_faces=1)
    with pytest.raises(ContractError, match="frame number"):
        Metadata(number=1 << 32)
    with pytest.raises(ContractError, match="P2"):
        Metadata(number=1, boxes=(box,), fault=Fault.OVERRUN)


@pytest.mark.parametrize(
    ("position", "value", "message"),
    [
        (6, 2, "format 2"),
        (4, 14, "fault code 14"),
        (5, 3, "3 boxes"),
        (4, 1, "P2"),
        (12, 0, "empty box"),
        (17, 1, "damaged"),
    ],
)
def test_damage_is_noticed(position: int, value: int, message: str) -> None:
    beat = pack_metadata(Metadata(number=5, boxes=(Box(x=1, y=2, width=9, height=8),)), max_faces=2)
    beat[position] = value
    with pytest.raises(ContractError, match=message):
        unpack_metadata(beat)


@pytest.mark.parametrize("size", [0, 8, 17])
def test_a_beat_of_other_size_is_refused(size: int) -> None:
    with pytest.raises(ContractError, match="whole number"):
        unpack_metadata(bytes(size))
