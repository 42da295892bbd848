"""Datatypes that hold results exactly; needs qonnx, not FINN."""

from __future__ import annotations

from collections.abc import Sequence

from qonnx.core.datatype import BaseDataType, DataType

__all__ = ["sum_datatype"]


def sum_datatype(terms: Sequence[BaseDataType]) -> BaseDataType:
    """Returns the smallest integer type that holds every sum of one value of each type.

    FINN's own rule depends on the order of the operands and gives INT4 + UINT4 five bits, which cannot hold 7 + 15.

    Args:
        terms: integer types of the operands.
    """
    low, high = int(sum(term.min() for term in terms)), int(sum(term.max() for term in terms))
    bits = max((-low - 1).bit_length() if low < 0 else 0, high.bit_length())
    return DataType[f"INT{bits + 1}" if low < 0 else f"UINT{bits}"]
