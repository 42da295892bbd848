"""The stream interface: arrays to beats and back, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hls.interface import INTERFACE_FILE, DesignInterface, StreamPort
from hw_anon.core.errors import ContractError


@st.composite
def ports(draw: st.DrawFn) -> StreamPort:
    """A port of any width: single kernels have exact tdata, stitched designs whole bytes."""
    bits, per_beat = draw(st.integers(1, 33)), draw(st.integers(1, 9))
    used = bits * per_beat
    return StreamPort(
        name="s_axis",
        element_bits=bits,
        elements_per_beat=per_beat,
        signed=draw(st.booleans()),
        shape=(draw(st.integers(1, 3)), draw(st.integers(1, 3)), per_beat * draw(st.integers(1, 3))),
        tdata_bits=draw(st.sampled_from([used, -(-used // 8) * 8, -(-used // 8) * 8 + 8])),
    )


def port(**changed: Any) -> StreamPort:
    """An RGB pixel port of a 4×4 picture."""
    values = {"element_bits": 8, "elements_per_beat": 3, "signed": False, "shape": (4, 4, 3), "tdata_bits": 24}
    return StreamPort(name="s_axis", **{**values, **changed})


def limits(stream: StreamPort) -> tuple[int, int]:
    """Smallest and largest value of an element."""
    if stream.signed:
        return -(1 << (stream.element_bits - 1)), (1 << (stream.element_bits - 1)) - 1
    return 0, (1 << stream.element_bits) - 1


def reference_pack(stream: StreamPort, values: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Python's big integers: element 0 in the least significant bits, bytes in little-endian order."""
    mask = (1 << stream.element_bits) - 1
    rows = []
    for beat in values.reshape(-1, stream.elements_per_beat):
        word = sum((int(v) & mask) << (i * stream.element_bits) for i, v in enumerate(beat))
        rows.append(list(word.to_bytes(stream.tdata_bytes, "little")))
    return np.array(rows, np.uint8)


@given(ports(), st.integers(1, 3), st.integers(0, 2**32 - 1))
@settings(max_examples=150, deadline=None)
def test_pack_is_the_documented_layout_and_unpack_undoes_it(stream: StreamPort, images: int, seed: int) -> None:
    low, high = limits(stream)
    values = np.random.default_rng(seed).integers(low, high, (images, *stream.shape), endpoint=True)
    values.reshape(-1)[0], values.reshape(-1)[-1] = low, high
    beats = stream.pack(values)
    assert beats.dtype == np.uint8
    assert beats.shape == (images * stream.beats, stream.tdata_bytes)
    assert (beats == reference_pack(stream, values)).all()
    unpacked = stream.unpack(beats)
    assert unpacked.dtype == np.int64
    assert unpacked.shape == values.shape
    assert (unpacked == values).all()


@given(ports(), st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_unpack_ignores_padding_bits(stream: StreamPort, seed: int) -> None:
    """A design may drive anything on the bits above the payload."""
    low, high = limits(stream)
    values = np.random.default_rng(seed).integers(low, high, (1, *stream.shape), endpoint=True)
    bits = np.unpackbits(stream.pack(values), axis=1, bitorder="little")
    bits[:, stream.element_bits * stream.elements_per_beat :] = 1
    assert (stream.unpack(np.packbits(bits, axis=1, bitorder="little")) == values).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.float32])
def test_pixels_take_the_fast_path_to_the_same_bytes(dtype: type[np.generic]) -> None:
    values = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3))
    assert (port().pack(values.astype(dtype)) == reference_pack(port(), values)).all()


def test_signed_bytes_take_the_fast_path_to_the_same_bytes() -> None:
    stream = port(signed=True)
    values = np.random.default_rng(0).integers(-128, 128, (2, 4, 4, 3))
    assert (stream.pack(values) == reference_pack(stream, values)).all()
    assert (stream.unpack(stream.pack(values)) == values).all()


def test_no_images_give_no_beats() -> None:
    assert port().pack(np.zeros((0, 4, 4, 3), np.uint8)).shape == (0, 3)


@pytest.mark.parametrize("shape", [(4, 4, 3), (1, 4, 3, 4), (1, 3, 4, 4), (1, 48)])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ContractError, match="stream s_axis: expected"):
        port().pack(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    ("signed", "bits", "value"), [(False, 4, 16), (False, 4, -1), (True, 4, 8), (True, 4, -9), (False, 8, 256)]
)
def test_values_that_do_not_fit_are_refused(signed: bool, bits: int, value: int) -> None:
    stream = port(signed=signed, element_bits=bits)
    values = np.zeros((1, 4, 4, 3), np.int64)
    values[0, 2, 1, 0] = value
    with pytest.raises(ContractError, match=r"values outside \["):
        stream.pack(values)


def test_beats_and_bytes() -> None:
    stream = port(element_bits=4, elements_per_beat=3, tdata_bits=12)
    assert (stream.beats, stream.tdata_bytes) == (16, 2)


DESIGN = DesignInterface(
    top="top", inputs=(port(),), outputs=(port(has_tlast=True, signed=True),), monitors=("mon_fifo0",)
)


def test_interface_round_trip(tmp_path: Path) -> None:
    DESIGN.save(tmp_path)
    assert DesignInterface.load(tmp_path) == DESIGN


def test_interface_file_is_deterministic(tmp_path: Path) -> None:
    first = DESIGN.save(tmp_path).read_bytes()
    assert DESIGN.save(tmp_path).read_bytes() == first


@pytest.mark.parametrize("text", ["", "[]", "null", '{"top": "top"}', '{"top": "t", "inputs": 3}'])
def test_malformed_interfaces_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / INTERFACE_FILE).write_text(text)
    with pytest.raises(ContractError, match=r"interface\.json is missing or not a design interface"):
        DesignInterface.load(tmp_path)


def test_a_missing_interface_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="is missing or not"):
        DesignInterface.load(tmp_path)


@pytest.mark.parametrize("change", [{"elements": 3}, {"shape": 5}, {"shape": None}])
def test_ports_with_other_fields_are_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    path = DESIGN.save(tmp_path)
    raw = json.loads(path.read_text())
    raw["inputs"][0].update(change)
    path.write_text(json.dumps(raw))
    with pytest.raises(ContractError, match="is missing or not a design interface"):
        DesignInterface.load(tmp_path)


@pytest.mark.parametrize(
    "sizes",
    [{"elements_per_beat": 5}, {"tdata_bits": 7}, {"element_bits": 0}, {"shape": (0, 4)}],
    ids=["ragged", "narrow", "no-bits", "empty"],
)
def test_contradicting_sizes_are_refused(sizes: dict[str, Any]) -> None:
    whole: dict[str, Any] = {"element_bits": 4, "elements_per_beat": 2, "shape": (3, 4), "tdata_bits": 8}
    assert StreamPort(name="s", signed=True, **whole).beats == 6
    with pytest.raises(ContractError, match="stream s"):
        StreamPort(name="s", signed=True, **{**whole, **sizes})


def test_signals_take_the_spelling_of_their_module() -> None:
    sizes: dict[str, Any] = {"element_bits": 8, "elements_per_beat": 1, "shape": (2,), "tdata_bits": 8, "signed": False}
    assert StreamPort(name="s_axis", **sizes).signal("tdata") == "s_axis_tdata"
    assert StreamPort(name="in0_V", uppercase=True, **sizes).signal("tdata") == "in0_V_TDATA"
