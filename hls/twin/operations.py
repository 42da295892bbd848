"""The twin's operations: typed, exact integer arithmetic on named NHWC tensors.

Every operation carries the datatype that the hardware declares for its output, so
that `hls.twin.analysis` can prove that no value ever leaves it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.errors import ContractError

__all__ = [
    "OPERATIONS",
    "Add",
    "Concat",
    "Conv",
    "MatMul",
    "Operation",
    "Pad",
    "Threshold",
    "Upsample",
    "Window",
    "integer_range",
]

_DATATYPE = re.compile(r"(U?)INT([1-9][0-9]?)")


def integer_range(datatype: str) -> tuple[int, int]:
    """Returns the smallest and largest value of a qonnx integer datatype, e.g. `(0, 15)` for `UINT4`.

    Raises:
        ContractError: if the datatype is not `BINARY`, `INT<n>` or `UINT<n>` (BIPOLAR and floats are not twinned).
    """
    if datatype == "BINARY":
        return 0, 1
    match = _DATATYPE.fullmatch(datatype)
    if match is None:
        raise ContractError(f"datatype {datatype!r} is not an integer the twin knows (INT<n>, UINT<n>, BINARY)")
    bits = int(match.group(2))
    return (0, (1 << bits) - 1) if match.group(1) else (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Operation:
    """One operation; subclasses add their parameters."""

    node: str
    """Name of the graph node it stands for, used in messages."""
    inputs: tuple[str, ...]
    """Names of the tensors read."""
    output: str
    """Name of the tensor written."""
    datatype: str
    """Datatype that the hardware declares for the output."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Pad(Operation):
    """Zero padding of the two spatial axes."""

    padding: tuple[int, int, int, int]
    """Rows and columns added: top, left, bottom, right."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Window(Operation):
    """Sliding windows: `[N, H, W, C]` to `[N, OH, OW, kh·kw·C]`, the last axis ordered (ky, kx, channel)."""

    kernel: tuple[int, int]
    """Window height and width."""
    stride: tuple[int, int]
    """Steps between windows, vertical and horizontal."""
    dilation: tuple[int, int]
    """Distance between the taps of a window, vertical and horizontal."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class MatMul(Operation):
    """Multiplies the last axis by a matrix."""

    weight: NDArray[np.int64]
    """`[in, out]`."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Conv(Operation):
    """Pad, Window and MatMul in one: a two-dimensional convolution."""

    weight: NDArray[np.int64]
    """`[kh, kw, in, out]`."""
    padding: tuple[int, int, int, int]
    """Zero rows and columns around the input: top, left, bottom, right."""
    stride: tuple[int, int]
    """Steps between windows, vertical and horizontal."""
    dilation: tuple[int, int]
    """Distance between the taps of a window, vertical and horizontal."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Threshold(Operation):
    """`offset` plus the number of thresholds that the value reaches, per channel of the last axis."""

    thresholds: NDArray[np.int64]
    """`[C, T]` or `[1, T]` (all channels alike), ascending along T; equal neighbours are a step of two."""
    offset: int
    """Output below the first threshold."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Add(Operation):
    """Sum of two tensors of one shape."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Concat(Operation):
    """Concatenation along the channels."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Upsample(Operation):
    """Nearest-neighbour upsampling: every pixel becomes a `scale` block of copies."""

    scale: tuple[int, int]
    """Copies, vertical and horizontal."""


OPERATIONS: dict[str, type[Operation]] = {
    cls.__name__: cls for cls in (Pad, Window, MatMul, Conv, Threshold, Add, Concat, Upsample)
}
"""Every concrete operation by its name in a saved program."""
