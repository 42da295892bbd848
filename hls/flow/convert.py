"""The integer graph becomes a graph of hardware layers with minimal datatypes and readable names."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from hls.flow.streamline import apply_all, tidy
from hw_anon.core.errors import ContractError

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

__all__ = ["HARDWARE_DOMAIN", "minimise_datatypes", "name_nodes", "refuse_software_leftovers", "to_hardware_layers"]

HARDWARE_DOMAIN = "finn.custom_op.fpgadataflow"
_MIN_WEIGHT_BITS = 2

_LEFTOVER_CAUSES = {
    "MatMul": "its weights or inputs are not integers, or its output is not an integer type",
    "MultiThreshold": "its scale or bias is not the identity: the quantiser's scale was not absorbed",
    "Add": "the branches' datatypes are not integers: both sides of a residual add need the same scale",
    "Resize": "only nearest upsampling by an integer factor is built",
    "Im2Col": "its padding or kernel is not one the sliding window unit builds",
}


def to_hardware_layers(model: ModelWrapper) -> ModelWrapper:
    """Maps every integer operator to a hardware layer; thresholds stay layers of their own."""
    from finn.transformation.fpgadataflow.convert_to_hw.conv_inp_gen import InferConvInpGen
    from finn.transformation.fpgadataflow.convert_to_hw.duplicate_streams import InferDuplicateStreamsLayer
    from finn.transformation.fpgadataflow.convert_to_hw.elementwise_binary_operation import (
        InferElementwiseBinaryOperation,
    )
    from finn.transformation.fpgadataflow.convert_to_hw.fm_padding import InferFMPadding
    from finn.transformation.fpgadataflow.convert_to_hw.quantized_matrix_vector_activation import (
        InferQuantizedMatrixVectorActivation,
    )
    from finn.transformation.fpgadataflow.convert_to_hw.thresholding import InferThresholdingLayer
    from finn.transformation.fpgadataflow.convert_to_hw.upsample import InferUpsample

    # Thresholds first: a matrix-vector unit with embedded thresholds exists only in HLS.
    for infer in (
        InferThresholdingLayer(),
        InferQuantizedMatrixVectorActivation(),
        InferFMPadding(),
        InferConvInpGen(),
        InferUpsample(),
        InferElementwiseBinaryOperation(),
        InferDuplicateStreamsLayer(),
    ):
        model = tidy(model.transform(infer))
    return model


def refuse_software_leftovers(model: ModelWrapper) -> ModelWrapper:
    """Checks that every node is a hardware layer.

    Raises:
        ContractError: naming each other node and the likely cause on the model's side.
    """
    left = [node for node in model.graph.node if not node.domain.startswith(HARDWARE_DOMAIN)]
    if left:
        lines = [
            f"  {node.op_type} ({node.name}): {_LEFTOVER_CAUSES.get(node.op_type, 'no hardware layer is known')}"
            for node in left
        ]
        raise ContractError("nodes that are not hardware layers remain:\n" + "\n".join(lines))
    return model


def minimise_datatypes(model: ModelWrapper) -> ModelWrapper:
    """Gives weights, accumulators and thresholds the narrowest types that hold their values."""
    from finn.transformation.fpgadataflow.minimize_accumulator_width import MinimizeAccumulatorWidth
    from finn.transformation.streamline.round_thresholds import RoundAndClipThresholds
    from qonnx.transformation.infer_datatypes import InferDataTypes

    model = _exact_sums(_narrow_weights(model).transform(MinimizeAccumulatorWidth()))
    return apply_all(model, InferDataTypes(), RoundAndClipThresholds(), InferDataTypes())


def _exact_sums(model: ModelWrapper) -> ModelWrapper:
    """Gives every addition the smallest type that holds all sums.

    By FINN's own rule (see `sum_datatype`) the thresholds behind it could be clipped to a range that the sum leaves.
    """
    from qonnx.custom_op.registry import getCustomOp

    from hls.kernels.datatypes import sum_datatype

    for node in model.graph.node:
        if not node.op_type.startswith("ElementwiseAdd"):
            continue
        datatype = sum_datatype([model.get_tensor_datatype(name) for name in node.input])
        getCustomOp(node).set_nodeattr("out_dtype", datatype.name)
        model.set_tensor_datatype(node.output[0], datatype)
    return model


def _narrow_weights(model: ModelWrapper) -> ModelWrapper:
    """Sets each weight type to the fewest bits that hold it in *narrow* range, [-(2^(n-1) - 1), 2^(n-1) - 1].

    FINN's own pass also takes types whose lowest value is used: on a DSP48E1 that costs a packing lane, and the
    RTL matrix-vector unit is refused altogether.
    """
    from qonnx.core.datatype import DataType
    from qonnx.custom_op.registry import getCustomOp

    for node in model.graph.node:
        if not node.op_type.startswith("MVAU"):
            continue
        weights = model.get_initializer(node.input[1])
        largest = int(np.abs(weights).max())
        bits = max(_MIN_WEIGHT_BITS, largest.bit_length() + 1)
        datatype = DataType[f"INT{bits}"]
        getCustomOp(node).set_nodeattr("weightDataType", datatype.name)
        model.set_tensor_datatype(node.input[1], datatype)
    return model


_PREFIX = {
    "FMPadding": "pad",
    "ConvolutionInputGenerator": "swg",
    "MVAU": "mvu",
    "Thresholding": "thr",
    "DuplicateStreams": "fork",
    "ElementwiseAdd": "add",
    "UpsampleNearestNeighbour": "up",
}


def name_nodes(model: ModelWrapper) -> ModelWrapper:
    """Names nodes by their place: `conv3_pad`, `conv3_swg`, `conv3_mvu`, `conv3_thr`, `res0_fork`, `res0_add`, `up1`.

    Instance names of the RTL, rows of reports and FIFO names all derive from these.
    """
    convolutions = 0
    counts: Counter[str] = Counter()
    for node in model.graph.node:
        kind = _PREFIX[node.op_type.removesuffix("_rtl").removesuffix("_hls")]
        if kind in ("pad", "swg", "mvu"):
            producer = model.find_producer(node.input[0])
            if producer is not None and producer.op_type.startswith(("FMPadding", "ConvolutionInputGenerator")):
                node.name = f"{producer.name.rsplit('_', 1)[0]}_{kind}"
            else:
                node.name = f"conv{convolutions}_{kind}"
                convolutions += 1
        elif kind == "thr":
            producer = model.find_producer(node.input[0])
            base = producer.name.rsplit("_", 1)[0] if producer is not None else "input"
            node.name = f"{base}_thr"
        elif kind == "fork":
            node.name = f"res{counts[kind]}_fork"
        elif kind == "add":
            node.name = f"res{counts[kind]}_add"
        else:
            node.name = f"{kind}{counts[kind]}"
        counts[kind] += 1
    _refuse_duplicate_names(model)
    return model


def _refuse_duplicate_names(model: ModelWrapper) -> None:
    repeated = [name for name, count in Counter(node.name for node in model.graph.node).items() if count > 1]
    assert not repeated, f"node names are not unique: {repeated}"
