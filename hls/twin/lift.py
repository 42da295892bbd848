"""Lifts a FINN hardware graph, abstract or specialised, into a twin program.

Only a node's arithmetic is read; folding, memories and implementation style do not matter. FIFOs, width converters
and forks only move data and leave nothing behind. An operator without a rule here is an error that names it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, helper

from hls.twin.analysis import analyse
from hls.twin.fuse import fuse
from hls.twin.operations import Add, Concat, MatMul, Operation, Pad, Threshold, Upsample, Window, integer_range
from hls.twin.program import TwinProgram
from hw_anon.core.contract import TensorSpec
from hw_anon.core.errors import ContractError

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

__all__ = ["SUPPORTED_OPERATORS", "lift"]


def lift(model: ModelWrapper) -> TwinProgram:
    """Returns the twin program of a hardware graph.

    Args:
        model: graph of hardware nodes only, before or after `SpecializeLayers`, folding and FIFO insertion, with one
            input. It is not changed.

    Raises:
        ContractError: if a node is of no supported operator, uses an option the twin does not have (each named), or
            a value could leave the datatype that the graph declares for it.
    """
    lifter = _Lifter(model)
    for node in model.graph.node:
        lifter.add(node)
    program = fuse(lifter.program())
    analyse(program)
    return program


class _Lifter:
    """Walks a graph in order and collects operations; `aliases` maps moved tensors to where their data comes from."""

    def __init__(self, model: ModelWrapper) -> None:
        self.model = model
        self.aliases: dict[str, str] = {}
        self.operations: list[Operation] = []

    def program(self) -> TwinProgram:
        """Returns what was collected, unfused."""
        graph = self.model.graph
        inputs = [tensor.name for tensor in graph.input if self.model.get_initializer(tensor.name) is None]
        if len(inputs) != 1:
            raise ContractError(f"the twin runs graphs with one input, this one has {len(inputs)}: {inputs}")
        outputs = tuple(tensor.name for tensor in graph.output)
        return TwinProgram(
            input=self._spec(inputs[0]),
            outputs=tuple(self._spec(name) for name in outputs),
            output_tensors=tuple(self.source(name) for name in outputs),
            operations=tuple(self.operations),
        )

    def add(self, node: NodeProto) -> None:
        """Lifts one node.

        Raises:
            ContractError: if its operator is not supported.
        """
        rule = _RULES.get(_base_operator(node.op_type))
        if rule is None:
            supported = ", ".join(SUPPORTED_OPERATORS)
            raise ContractError(f"{node.name}: the twin has no operator {node.op_type}; it knows {supported}")
        rule(self, node, {item.name: helper.get_attribute_value(item) for item in node.attribute})

    def source(self, tensor: str) -> str:
        """Returns the tensor that holds the data of `tensor`."""
        return self.aliases.get(tensor, tensor)

    def parameter(self, node: NodeProto, index: int, what: str) -> NDArray[Any]:
        """Returns a constant operand.

        Raises:
            ContractError: if it is missing or computed at run time.
        """
        value = self.model.get_initializer(node.input[index]) if len(node.input) > index else None
        if value is None:
            raise ContractError(f"{node.name} ({node.op_type}): {what} must be constants of the graph")
        return np.asarray(value)

    def _spec(self, name: str) -> TensorSpec:
        shape = self.model.get_tensor_shape(name)
        if not shape:
            raise ContractError(f"tensor {name} has no shape; run InferShapes on the graph first")
        datatype = self.model.get_tensor_datatype(name).name
        integer_range(datatype)
        layout = "NHWC" if len(shape) == 4 else "NC"
        return TensorSpec(name=name, shape=tuple(int(extent) for extent in shape), datatype=datatype, layout=layout)


Attributes = dict[str, Any]


def _base_operator(op_type: str) -> str:
    for suffix in ("_rtl", "_hls"):
        op_type = op_type.removesuffix(suffix)
    return op_type


def _datatype(attributes: Attributes, name: str) -> str:
    return bytes(attributes[name]).decode()


def _pair(values: Any) -> tuple[int, int]:
    first, second = (int(value) for value in values)
    return first, second


def _refuse(node: NodeProto, attributes: Attributes, name: str) -> None:
    """Refuses a node whose flag `name` is set."""
    if attributes.get(name, 0):
        raise ContractError(f"{node.name} ({node.op_type}): the twin does not support {name}={attributes[name]}")


def _move(lifter: _Lifter, node: NodeProto, attributes: Attributes) -> None:
    if list(attributes.get("inShape", [])) != list(attributes.get("outShape", [])):
        raise ContractError(f"{node.name} ({node.op_type}): the twin does not support width converters that reshape")
    for output in node.output:
        lifter.aliases[output] = lifter.source(node.input[0])


def _pad(lifter: _Lifter, node: NodeProto, attributes: Attributes) -> None:
    top, left, bottom, right = (int(value) for value in attributes.get("Padding", (1, 1, 1, 1)))
    lifter.operations.append(
        Pad(
            node=node.name,
            inputs=(lifter.source(node.input[0]),),
            output=node.output[0],
            datatype=_datatype(attributes, "inputDataType"),
            padding=(top, left, bottom, right),
        )
    )


def _window(lifter: _Lifter, node: NodeProto, attributes: Attributes) -> None:
    _refuse(node, attributes, "depthwise")
    _refuse(node, attributes, "dynamic_mode")
    lifter.operations.append(
        Window(
            node=node.name,
            inputs=(lifter.source(node.input[0]),),
            output=node.output[0],
            datatype=_datatype(attributes, "outputDataType"),
            kernel=_pair(attributes["ConvKernelDim"]),
            stride=_pair(attributes.get("Stride", (1, 1))),
            dilation=_pair(attributes.get("Dilation", (1, 1))),
        )
    )


def _matmul(lifter: _Lifter, node: NodeProto, attributes: Attributes) -> None:
    _refuse(node, attributes, "binaryXnorMode")
    for name in ("inputDataType", "weightDataType", "outputDataType"):
        integer_range(_datatype(attributes, name))
    activated = not attributes.get("noActivation", 0)
    accumulators = f"{node.output[0]}.accumulators" if activated else node.output[0]
    datatype = bytes(attributes.get("accDataType", b"INT32")).decode()
    lifter.operations.append(
        MatMul(
            node=node.name,
            inputs=(lifter.source(node.input[0]),),
            output=accumulators,
            datatype=datatype if activated else _datatype(attributes, "outputDataType"),
            weight=_integers(node, lifter.parameter(node, 1, "weights"), "weights"),
        )
    )
    if activated:
        _append_threshold(lifter, node, attributes, accumulators, 2)


def _threshold(lifter: _Lifter, node: NodeProto, attributes: Attributes) -> None:
    _append_threshold(lifter, node, attributes, lifter.source(node.input[0]), 1)


def _append_threshold(lifter: _Lifter, node: NodeProto, attributes: Attributes, source: str, parameter: int) -> None:
    values = lifter.parameter(node, parameter, "thresholds").astype(np.float64)
    # For an integer x, x >= t is x >= ceil(t), and the number of thresholds reached does not depend on their order.
    thresholds = np.sort(np.ceil(values).astype(np.int64), axis=1)
    lifter.operations.append(
        Threshold(
            node=node.name,
            inputs=(source,),
            output=node.output[0],
            datatype=_datatype(attributes, "outputDataType"),
            thresholds=thresholds,
            offset=int(attributes.get("ActVal", 0)),
        )
    )


def _integers(node: NodeProto, values: NDArray[Any], what: str) -> NDArray[np.int64]:
    integers = np.rint(values).astype(np.int64)
    if not np.array_equal(integers, values):
        raise ContractError(f"{node.name} ({node.op_type}): {what} are not integers")
    return integers


def _add(lifter: _Lifter, node: NodeProto, attributes: Attributes) -> None:
    for style, tensor in zip(("lhs_style", "rhs_style"), node.input, strict=True):
        if lifter.model.get_initializer(tensor) is not None or attributes.get(style, b"input") != b"input":
            raise ContractError(f"{node.name} ({node.op_type}): the twin adds two streams, {tensor} is a constant")
    inputs = tuple(lifter.source(name) for name in node.input)
    datatype = _datatype(attributes, "out_dtype")
    lifter.operations.append(Add(node=node.name, inputs=inputs, output=node.output[0], datatype=datatype))


def _concat(lifter: _Lifter, node: NodeProto, _attributes: Attributes) -> None:
    inputs = tuple(lifter.source(name) for name in node.input)
    datatype = lifter.model.get_tensor_datatype(node.output[0]).name
    lifter.operations.append(Concat(node=node.name, inputs=inputs, output=node.output[0], datatype=datatype))


def _upsample(lifter: _Lifter, node: NodeProto, attributes: Attributes) -> None:
    scale = []
    for size_out, size_in in (("HO", "HI"), ("WO", "WI")):
        factor, remainder = divmod(int(attributes[size_out]), int(attributes[size_in]))
        if remainder:
            raise ContractError(f"{node.name} ({node.op_type}): {size_out} is not a multiple of {size_in}")
        scale.append(factor)
    lifter.operations.append(
        Upsample(
            node=node.name,
            inputs=(lifter.source(node.input[0]),),
            output=node.output[0],
            datatype=_datatype(attributes, "inputDataType"),
            scale=(scale[0], scale[1]),
        )
    )


_RULES: dict[str, Callable[[_Lifter, NodeProto, Attributes], None]] = {
    "ConvolutionInputGenerator": _window,
    "DuplicateStreams": _move,
    "ElementwiseAdd": _add,
    "FMPadding": _pad,
    "MVAU": _matmul,
    "StreamingConcat": _concat,
    "StreamingDataWidthConverter": _move,
    "StreamingFIFO": _move,
    "Thresholding": _threshold,
    "UpsampleNearestNeighbour": _upsample,
}

SUPPORTED_OPERATORS = tuple(_RULES)
"""Operators of a hardware graph that the twin knows, without the `_rtl` or `_hls` of their specialised forms."""
