"""Puts our operators into FINN's tables and takes them out again.

`SpecializeLayers` looks the names up in the RTL package's `custom_op` table; qonnx's `getCustomOp` has a cache of its
own. Integer adds are refused before that by `_elementwise_rtl_possible`, which is therefore wrapped.
"""

from __future__ import annotations

from typing import Any

import finn.custom_op.fpgadataflow.rtl as rtl_package
from finn.transformation.fpgadataflow import specialize_layers
from onnx import NodeProto
from qonnx.custom_op.registry import add_op_to_domain, getCustomOp

from hls.kernels.operators import (
    DuplicateStreams_rtl,
    ElementwiseAdd_rtl,
    StreamingConcat_rtl,
    UpsampleNearestNeighbour_rtl,
    can_add,
)

__all__ = ["register", "unregister"]

_OPERATORS = (DuplicateStreams_rtl, ElementwiseAdd_rtl, StreamingConcat_rtl, UpsampleNearestNeighbour_rtl)
_DOMAIN = rtl_package.__name__
_finn_operators: dict[str, Any] = {}
_finn_elementwise_rtl_possible = specialize_layers._elementwise_rtl_possible


def register() -> None:
    """See `hls.kernels.register`."""
    for operator in _OPERATORS:
        name = operator.__name__
        if rtl_package.custom_op.get(name) is operator:
            continue
        _finn_operators[name] = rtl_package.custom_op.get(name)
        _install(name, operator)
    specialize_layers._elementwise_rtl_possible = _elementwise_rtl_possible


def unregister() -> None:
    """See `hls.kernels.unregister`."""
    for name, operator in _finn_operators.items():
        if operator is None:
            del rtl_package.custom_op[name]
            delattr(rtl_package, name)
        else:
            _install(name, operator)
    _finn_operators.clear()
    specialize_layers._elementwise_rtl_possible = _finn_elementwise_rtl_possible


def _install(name: str, operator: Any) -> None:
    rtl_package.custom_op[name] = operator
    setattr(rtl_package, name, operator)
    add_op_to_domain(_DOMAIN, operator)


def _elementwise_rtl_possible(node: NodeProto, fpgapart: str) -> bool:
    """Says yes to what our add can do, leaves Sub and Mul to FINN, and keeps other adds away from our class."""
    if node.op_type == "ElementwiseAdd":
        return can_add(getCustomOp(node))
    return _finn_elementwise_rtl_possible(node, fpgapart)
