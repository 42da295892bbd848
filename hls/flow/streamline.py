"""Float scales leave the graph: QONNX → an integer graph of Im2Col, MatMul, MultiThreshold, Add and Resize.

Every stage keeps the graph executable, and its output bytes are the same before and after (tests/equivalence).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hw_anon.core.errors import ContractError

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.base import Transformation

__all__ = [
    "apply_all",
    "convert_quantisers",
    "lower_convolutions",
    "refuse_float_leftovers",
    "streamline",
    "tidy",
]

_MAX_ROUNDS = 24
_INTEGER_OPS = frozenset({"Im2Col", "MatMul", "MultiThreshold", "Add", "Resize", "Upsample"})
_LEFTOVER_CAUSES = {
    "Mul": "a scale could not be absorbed: the two branches of a residual add need identical scales, "
    "activation scales must be scalars, and the join's output scale must be the trunk's",
    "Div": "a scale could not be absorbed: activation scales must be scalars",
    "Sub": "a zero point is not zero: use symmetric quantisers",
    "Quant": "a quantiser was not converted: use QuantReLU or QuantIdentity with 2 to 8 bits and zero point 0",
    "BatchNormalization": "batch normalisation must stand between a convolution and a quantiser",
    "Conv": "a convolution's input or weights are not quantised",
    "Transpose": "the layout did not settle on NHWC; an operator between two convolutions is not elementwise",
    "Relu": "a ReLU without a quantiser behind it: use QuantReLU",
}


def apply_all(model: ModelWrapper, *transformations: Transformation) -> ModelWrapper:
    """Applies transformations in order."""
    for transformation in transformations:
        model = model.transform(transformation)
    return model


def tidy(model: ModelWrapper) -> ModelWrapper:
    """Infers shapes, layouts and datatypes, sorts the graph and drops what is unused."""
    from qonnx.transformation.general import RemoveUnusedTensors, SortGraph
    from qonnx.transformation.infer_data_layouts import InferDataLayouts
    from qonnx.transformation.infer_datatypes import InferDataTypes
    from qonnx.transformation.infer_shapes import InferShapes

    return apply_all(model, InferShapes(), InferDataLayouts(), InferDataTypes(), RemoveUnusedTensors(), SortGraph())


def _until_stable(model: ModelWrapper, *transformations: Transformation) -> ModelWrapper:
    """Repeats transformations until the operator sequence no longer changes."""
    for _ in range(_MAX_ROUNDS):
        before = [node.op_type for node in model.graph.node]
        model = apply_all(model, *transformations)
        if before == [node.op_type for node in model.graph.node]:
            return model
    raise ContractError(
        f"the graph does not settle after {_MAX_ROUNDS} rounds of {type(transformations[0]).__name__}; "
        "it is outside the family of nets of quant/modifier.py"
    )


def convert_quantisers(model: ModelWrapper) -> ModelWrapper:
    """Turns Brevitas quantisers into MultiThresholds and folds quantised weights into constants."""
    from finn.transformation.qonnx.convert_qonnx_to_finn import ConvertQONNXtoFINN
    from qonnx.transformation.fold_constants import FoldConstants
    from qonnx.transformation.general import (
        GiveReadableTensorNames,
        GiveUniqueNodeNames,
        RemoveStaticGraphInputs,
    )
    from qonnx.transformation.infer_datatypes import InferDataTypes
    from qonnx.transformation.infer_shapes import InferShapes

    return apply_all(
        model,
        ConvertQONNXtoFINN(),
        InferShapes(),
        FoldConstants(),
        GiveUniqueNodeNames(),
        GiveReadableTensorNames(),
        InferDataTypes(),
        RemoveStaticGraphInputs(),
    )


def streamline(model: ModelWrapper) -> ModelWrapper:
    """Moves scales forward past forks and joins until the thresholds have absorbed them all."""
    from finn.transformation.streamline import Streamline
    from finn.transformation.streamline.reorder import MoveLinearPastEltwiseAdd, MoveLinearPastFork

    model = model.transform(Streamline())
    return _until_stable(model, MoveLinearPastFork(), MoveLinearPastEltwiseAdd(), Streamline())


def lower_convolutions(model: ModelWrapper) -> ModelWrapper:
    """Lowers convolutions to Im2Col and MatMul, settles the layout on NHWC and rounds thresholds to integers."""
    from finn.transformation.streamline import Streamline
    from finn.transformation.streamline.absorb import AbsorbTransposeIntoMultiThreshold
    from finn.transformation.streamline.collapse_repeated import CollapseRepeatedTranspose
    from finn.transformation.streamline.remove import RemoveIdentityTranspose
    from finn.transformation.streamline.reorder import (
        MakeScaleResizeNHWC,
        MoveTransposePastFork,
        MoveTransposePastJoinAdd,
    )
    from finn.transformation.streamline.round_thresholds import RoundAndClipThresholds
    from qonnx.transformation.infer_data_layouts import InferDataLayouts
    from qonnx.transformation.infer_datatypes import InferDataTypes
    from qonnx.transformation.infer_shapes import InferShapes
    from qonnx.transformation.lower_convs_to_matmul import LowerConvsToMatMul

    model = _until_stable(
        model.transform(LowerConvsToMatMul()),
        CollapseRepeatedTranspose(),
        RemoveIdentityTranspose(),
        AbsorbTransposeIntoMultiThreshold(),
        MoveTransposePastFork(),
        MoveTransposePastJoinAdd(),
        MakeScaleResizeNHWC(),
        InferShapes(),
        InferDataLayouts(),
        InferDataTypes(),
    )
    return tidy(apply_all(model, Streamline(), RoundAndClipThresholds()))


def refuse_float_leftovers(model: ModelWrapper) -> ModelWrapper:
    """Checks that only integer operators remain.

    Raises:
        ContractError: naming each leftover node and the likely cause on the model's side.
    """
    left = [node for node in model.graph.node if node.op_type not in _INTEGER_OPS]
    if left:
        lines = [
            f"  {node.op_type} ({node.name}): {_LEFTOVER_CAUSES.get(node.op_type, 'no integer form is known')}"
            for node in left
        ]
        raise ContractError("nodes that are not integer operators remain after streamlining:\n" + "\n".join(lines))
    return model
