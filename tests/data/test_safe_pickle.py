"""Pickles: arrays and containers come through, code does not."""

from __future__ import annotations

import collections
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hw_anon.core.errors import ContractError
from hw_anon.data.safe_pickle import load_pickle
from tests.data.trees import write_file

CONTENT = {
    "array": np.arange(6, dtype=np.float32).reshape(2, 3),
    "number": np.int64(5),
    "flag": np.bool_(True),
    "empty": np.zeros((0, 7)),
    "text": np.array(["a", "bc"]),
    "objects": np.array([[1, 2], "x"], dtype=object),
    "set": {1, 2},
    "frozen": frozenset({3}),
    "list": [None, True, 1.5, "é", b"\xff\x00", (1,)],
}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_numbers_and_containers_come_through(tmp_path: Path, protocol: int) -> None:
    loaded: Any = load_pickle(write_file(tmp_path / "a.pkl", pickle.dumps(CONTENT, protocol)))
    assert loaded.keys() == CONTENT.keys()
    for key, value in CONTENT.items():
        assert type(loaded[key]) is type(value)
        if isinstance(value, np.ndarray):
            assert loaded[key].dtype == value.dtype
            assert loaded[key].tolist() == value.tolist()
        else:
            assert loaded[key] == value


def test_a_pickle_of_python_2_is_latin1(tmp_path: Path) -> None:
    # What Python 2 and numpy 1.9 wrote for {'caf\xe9': array([1, 2], dtype=uint8), 's': set([7])}.
    data = (
        b"(dp0\nS'caf\\xe9'\np1\ncnumpy.core.multiarray\n_reconstruct\np2\n(cnumpy\nndarray\np3\n(I0\ntp4\nS'b'\np5\n"
        b"tp6\nRp7\n(I1\n(I2\ntp8\ncnumpy\ndtype\np9\n(S'u1'\np10\nI0\nI1\ntp11\nRp12\n(I3\nS'|'\np13\nNNNI-1\nI-1\n"
        b"I0\ntp14\nbI00\nS'\\x01\\x02'\np15\ntp16\nbsS's'\nc__builtin__\nset\n((lI7\natRs."
    )
    loaded: Any = load_pickle(write_file(tmp_path / "a.pkl", data))
    assert list(loaded) == ["café", "s"]
    assert loaded["café"].tolist() == [1, 2]
    assert loaded["s"] == {7}


class Runs:
    """Calls something when it is unpickled."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize(
    ("function", "name"),
    [
        (os.system, "system"),
        (eval, "builtins.eval|__builtin__.eval"),
        (exec, "exec"),
        (getattr, "getattr"),
        (__import__, "__import__"),
        (open, "open"),
        (np.load, "load"),
        (np.fromfile, "fromfile"),
        (np.ndarray.tofile, "getattr|tofile"),
        (collections.OrderedDict, "OrderedDict"),
        (bytearray, "bytearray"),
        (pickle.loads, "loads"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_nothing_else_is_called(tmp_path: Path, function: Callable[..., Any], name: str, protocol: int) -> None:
    target = tmp_path / "ran"
    data = pickle.dumps({"annot": Runs(function, f"touch {target}")}, protocol)
    with pytest.raises(ContractError, match=rf"a\.pkl: wants .*({name}).*refused without loading it"):
        load_pickle(write_file(tmp_path / "a.pkl", data))
    assert not target.exists()


def test_the_same_pickle_runs_code_without_the_protection(tmp_path: Path) -> None:
    target = tmp_path / "ran"
    pickle.loads(pickle.dumps(Runs(os.system, f"touch {target}")))
    assert target.exists()


@pytest.mark.parametrize(
    "data",
    [
        b"cnumpy\nndarray.tofile\n.",
        b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93.",
        b"\x80\x04\x8c\x08builtins\x8c\rset.__class__\x93.",
        b"cnumpy\nload\n.",
        b"csafe\nthing\n.",
        b"ccopy_reg\n_reconstructor\n.",
    ],
)
def test_attributes_of_what_is_admitted_are_not(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ContractError, match="refused without loading it"):
        load_pickle(write_file(tmp_path / "a.pkl", data))


def test_bytes_in_other_encodings_are_refused(tmp_path: Path) -> None:
    data = b"c_codecs\nencode\n(Vabc\nVrot13\ntR."
    with pytest.raises(ContractError, match="bytes in the encoding 'rot13'"):
        load_pickle(write_file(tmp_path / "a.pkl", data))


def test_damaged_pickles_are_refused(tmp_path: Path) -> None:
    data = pickle.dumps(CONTENT, 2)
    for keep in range(0, len(data) - 1, 7):
        with pytest.raises(ContractError, match=r"a\.pkl: not a readable pickle"):
            load_pickle(write_file(tmp_path / "a.pkl", data[:keep]))
    generator = np.random.default_rng(0)
    for _ in range(300):
        broken = bytearray(data)
        broken[generator.integers(len(data))] = generator.integers(256)
        try:
            load_pickle(write_file(tmp_path / "a.pkl", bytes(broken)))
        except ContractError:
            continue  # anything else would be an error without a name


@pytest.mark.parametrize("data", [b"", b"<html>", b"\x80\x05\x95\xff\xff\xff\xff\xff\xff\xff\x7f", b"Pid\n."])
def test_what_is_no_pickle_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ContractError, match=r"a\.pkl: "):
        load_pickle(write_file(tmp_path / "a.pkl", data))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"none\.pkl: does not exist"):
        load_pickle(tmp_path / "none.pkl")
