"""FINN hardware nodes of one operator each, side by side in one graph, and what they compute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

__all__ = ["Node", "dwc", "mvau", "side_by_side", "thresholding"]

_DOMAIN = "finn.custom_op.fpgadataflow"


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """One node to generate, and its function in numpy."""

    op_type: str
    """FINN operator."""
    attributes: dict[str, Any]
    """Its attributes."""
    shapes: tuple[tuple[int, ...], tuple[int, ...]]
    """Input and output shape with batch 1."""
    datatypes: tuple[str, str]
    """Input and output datatype."""
    function: Callable[[NDArray[np.int64]], NDArray[np.int64]]
    """What the node makes of `[N, *shape]` integers."""
    constant: NDArray[np.float32] | None = None
    """Weights or thresholds."""
    constant_datatype: str = ""
    """Datatype of the constant."""


def mvau(
    weights: NDArray[np.int64], *, pe: int, simd: int, inputs: str, weight_type: str, outputs: str, vectors: int = 6
) -> Node:
    """Returns a matrix-vector unit; `weights` is `[inputs, outputs]`."""
    mw, mh = weights.shape
    attributes = {
        **{"MW": mw, "MH": mh, "SIMD": simd, "PE": pe, "ActVal": 0, "binaryXnorMode": 0, "noActivation": 1},
        **{"inputDataType": inputs, "weightDataType": weight_type, "outputDataType": outputs},
        **{"numInputVectors": [1, vectors], "mem_mode": "internal_decoupled", "resType": "dsp"},
    }
    return Node(
        op_type="MVAU",
        attributes=attributes,
        shapes=((1, vectors, mw), (1, vectors, mh)),
        datatypes=(inputs, outputs),
        function=lambda x: x @ weights,
        constant=weights.astype(np.float32),
        constant_datatype=weight_type,
    )


def thresholding(
    thresholds: NDArray[np.int64], *, pe: int, inputs: str, outputs: str, bias: int = 0, vectors: int = 9
) -> Node:
    """Returns a thresholding; `thresholds` is `[channels, steps]`, ascending."""
    channels, steps = thresholds.shape
    attributes = {
        **{"NumChannels": channels, "PE": pe, "numSteps": steps, "ActVal": bias, "numInputVectors": [1, vectors]},
        **{"inputDataType": inputs, "weightDataType": inputs, "outputDataType": outputs},
    }
    return Node(
        op_type="Thresholding",
        attributes=attributes,
        shapes=((1, vectors, channels), (1, vectors, channels)),
        datatypes=(inputs, outputs),
        function=lambda x: (x[..., None] >= thresholds).sum(-1) + bias,
        constant=thresholds.astype(np.float32),
        constant_datatype=inputs,
    )


def dwc(elements: int, *, in_width: int, out_width: int, datatype: str) -> Node:
    """Returns a width converter of a vector of `elements`."""
    shape = (1, elements)
    attributes = {
        **{"inShape": list(shape), "outShape": list(shape), "inWidth": in_width, "outWidth": out_width},
        "dataType": datatype,
    }
    return Node(
        op_type="StreamingDataWidthConverter",
        attributes=attributes,
        shapes=(shape, shape),
        datatypes=(datatype, datatype),
        function=lambda x: x,
    )


def side_by_side(nodes: list[Node], part: str, work_dir: Path) -> ModelWrapper:
    """Returns one graph of unconnected nodes with an input and an output each, specialised, HDL generated.

    Args:
        nodes: the nodes; node k's tensors are `x<k>` and `y<k>`.
        part: vendor part number.
        work_dir: directory for generated code.
    """
    from onnx import TensorProto, helper
    from qonnx.core.datatype import DataType
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.general import GiveUniqueNodeNames
    from qonnx.util.basic import qonnx_make_model

    from hls.flow.boot import boot

    boot(work_dir)
    from finn.transformation.fpgadataflow.specialize_layers import SpecializeLayers

    from hls.stitch import generate_hdl

    def info(name: str, shape: tuple[int, ...]) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))

    graph = helper.make_graph(
        nodes=[
            helper.make_node(
                node.op_type,
                [f"x{k}"] + ([f"w{k}"] if node.constant is not None else []),
                [f"y{k}"],
                domain=_DOMAIN,
                backend="fpgadataflow",
                preferred_impl_style="rtl",
                **node.attributes,
            )
            for k, node in enumerate(nodes)
        ],
        name="side_by_side",
        inputs=[info(f"x{k}", node.shapes[0]) for k, node in enumerate(nodes)],
        outputs=[info(f"y{k}", node.shapes[1]) for k, node in enumerate(nodes)],
    )
    model = ModelWrapper(qonnx_make_model(graph))
    for k, node in enumerate(nodes):
        model.set_tensor_datatype(f"x{k}", DataType[node.datatypes[0]])
        model.set_tensor_datatype(f"y{k}", DataType[node.datatypes[1]])
        if node.constant is not None:
            model.set_initializer(f"w{k}", node.constant)
            model.set_tensor_datatype(f"w{k}", DataType[node.constant_datatype])
    model = model.transform(SpecializeLayers(part)).transform(GiveUniqueNodeNames())
    return generate_hdl(model, part, 10.0, work_dir / "hdl")
