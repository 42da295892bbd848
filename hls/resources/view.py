"""A hardware node as the resource model and the folding see it: an operator, its attributes and its bit widths.

Views need neither FINN nor the weights, so thousands of foldings of a node can be weighed in a moment.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hw_anon.core.errors import ConfigError

__all__ = ["NodeView", "view_model", "view_node"]

Attribute = int | str | tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeView:
    """One node of a hardware graph.

    `attributes` carries FINN's names (`PE`, `SIMD`, `MW`, `ConvKernelDim`, …); attributes that FINN computes from
    tensors stand in the fields.
    """

    name: str
    """Node name."""
    op: str
    """Operator with its backend, e.g. `MVAU_rtl`."""
    attributes: Mapping[str, Attribute]
    """FINN's attributes of the node."""
    input_bits: int
    """Bits of one element of input 0."""
    output_bits: int
    """Bits of one element of output 0."""
    other_bits: int = 0
    """Bits of one element of input 1: a weight, a threshold or the second operand; 0 if there is none."""
    vectors: int = 1
    """Pixels of the output (innermost axis left out), the batch of one image."""
    channels: int = 1
    """Elements of the output's innermost axis."""
    narrow: bool = False
    """Whether no weight is the most negative number of its type (`MVAU_rtl` packs lanes more densely then)."""
    signed: bool = False
    """Whether input 0 is two's complement."""
    threshold_rows: int = 1
    """Rows of the threshold matrix: 1 if all channels share their thresholds."""

    def integer(self, name: str, default: int | None = None) -> int:
        """Returns an integer attribute.

        Raises:
            ConfigError: if it is absent and there is no default.
        """
        value = self.attributes.get(name, default)
        if isinstance(value, int):
            return value
        raise ConfigError(f"node {self.name} ({self.op}): integer attribute {name} is missing or {value!r}")

    def pair(self, name: str) -> tuple[int, int]:
        """Returns an attribute of two integers (height, width).

        Raises:
            ConfigError: if it is absent or something else.
        """
        value = self.attributes.get(name)
        if isinstance(value, tuple) and len(value) == 2:
            return value
        raise ConfigError(f"node {self.name} ({self.op}): attribute {name} must be two integers, is {value!r}")

    def text(self, name: str, default: str) -> str:
        """Returns a string attribute."""
        value = self.attributes.get(name, default)
        return str(value)

    def change(self, **attributes: Attribute) -> NodeView:
        """Returns a copy with some attributes replaced."""
        return replace(self, attributes={**self.attributes, **attributes})


def _decode(attribute: Any) -> Attribute:
    """Turns an ONNX attribute into Python."""
    from onnx import AttributeProto

    if attribute.type == AttributeProto.INT:
        return int(attribute.i)
    if attribute.type == AttributeProto.INTS:
        return tuple(int(x) for x in attribute.ints)
    if attribute.type == AttributeProto.STRING:
        return str(attribute.s.decode())
    if attribute.type == AttributeProto.FLOAT:
        return int(attribute.f)
    return str(attribute)


def view_node(model: Any, node: Any) -> NodeView:
    """Views one node of a FINN hardware graph.

    Args:
        model: `qonnx.core.modelwrapper.ModelWrapper`.
        node: `onnx.NodeProto` of that model.
    """
    output_shape = model.get_tensor_shape(node.output[0])
    source = model.get_tensor_datatype(node.input[0])
    other_bits, narrow, rows = 0, False, 1
    if len(node.input) > 1:
        other = model.get_tensor_datatype(node.input[1])
        other_bits = int(other.bitwidth())
        values = model.get_initializer(node.input[1])
        if values is not None:
            narrow = bool(np.min(values) != other.min())
            rows = int(values.shape[0])
    return NodeView(
        name=node.name,
        op=node.op_type,
        attributes={attribute.name: _decode(attribute) for attribute in node.attribute},
        input_bits=int(source.bitwidth()),
        output_bits=int(model.get_tensor_datatype(node.output[0]).bitwidth()),
        other_bits=other_bits,
        vectors=math.prod(output_shape[:-1]),
        channels=int(output_shape[-1]),
        narrow=narrow,
        signed=bool(source.signed()),
        threshold_rows=rows,
    )


def view_model(model: Any) -> list[NodeView]:
    """Views every node of a FINN hardware graph, in graph order."""
    return [view_node(model, node) for node in model.graph.node]
