"""Reading pickled annotations without running what is in them.

A pickle is a program: loading one from the internet with `pickle.load` runs its author's code. Here only numpy arrays,
numpy numbers and Python's own containers may be made; anything else is refused by name before it is called.
"""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hw_anon.core.errors import ContractError
from hw_anon.data.samples import require_file

__all__ = ["load_pickle"]

_CONTAINERS: dict[str, type] = {kind.__name__: kind for kind in (complex, dict, frozenset, list, set, tuple)}


def load_pickle(path: Path) -> object:
    """Reads a pickle of arrays, numbers, text and containers; Python 2 strings are taken as Latin-1.

    Raises:
        ContractError: if it is missing, cut off, damaged, or asks for anything else to be made.
    """
    require_file(path, "a pickle file")
    try:
        return _Reader(io.BytesIO(path.read_bytes()), path).load()
    except ContractError:
        raise
    except MemoryError as exc:
        raise ContractError(f"{path}: asks for more memory than there is; it is damaged") from exc
    except (
        pickle.UnpicklingError,
        ArithmeticError,
        AssertionError,
        AttributeError,
        EOFError,
        LookupError,
        OSError,
        RecursionError,
        TypeError,
        ValueError,
        struct.error,
    ) as exc:
        raise ContractError(f"{path}: not a readable pickle ({type(exc).__name__}: {exc})") from exc


class _Reader(pickle.Unpickler):
    def __init__(self, stream: io.BytesIO, path: Path) -> None:
        super().__init__(stream, encoding="latin1")
        self._path = path

    def find_class(self, module: str, name: str) -> object:
        """Returns what may be made; `module` and `name` are compared whole, so nothing is looked up in them."""
        module = "builtins" if module == "__builtin__" else module
        if module == "builtins" and name in _CONTAINERS:
            return _CONTAINERS[name]
        if (module, name) in _ADMITTED:
            return _ADMITTED[module, name]
        raise ContractError(
            f"{self._path}: wants {module}.{name}, which no annotation needs; refused without loading it"
        )


def _latin1_bytes(text: str, encoding: str) -> bytes:
    """Stands for `_codecs.encode`, by which Python 3 writes bytes into pickles that Python 2 can read."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"bytes in the encoding {encoding!r}")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    """Stands for `bytes`, by which Python 3 writes empty bytes for Python 2; with a number it would fill the memory."""
    return b""


def _admitted() -> dict[tuple[str, str], object]:
    """What arrays and numpy numbers are rebuilt with, under the names that numpy 1 and 2 write."""
    reconstruct: Callable[..., object] = np.ndarray(0).__reduce__()[0]  # type: ignore[assignment]
    scalar: Callable[..., object] = np.float64(0).__reduce__()[0]  # type: ignore[assignment]
    from_buffer: Callable[..., object] = np.ndarray(1).__reduce_ex__(5)[0]  # type: ignore[assignment]
    names: dict[tuple[str, str], object] = {
        ("builtins", "bytes"): _no_bytes,
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("_codecs", "encode"): _latin1_bytes,
    }
    for package in ("numpy.core", "numpy._core"):
        names[f"{package}.multiarray", "_reconstruct"] = reconstruct
        names[f"{package}.multiarray", "scalar"] = scalar
        names[f"{package}.numeric", "_frombuffer"] = from_buffer
    return names


_ADMITTED = _admitted()
