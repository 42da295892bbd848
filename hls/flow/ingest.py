"""First stages: a QONNX file and its contract become a cleaned graph with known ends."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hw_anon.core.contract import MODEL_FILE, NetContract, load_contract
from hw_anon.core.errors import ContractError

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

__all__ = ["SUPPORTED_OPS", "ingest", "read_model"]

SUPPORTED_OPS = frozenset(
    {
        "Add",
        "BatchNormalization",
        "Constant",
        "Conv",
        "Div",
        "Mul",
        "Quant",
        "Relu",
        "Resize",
        "Transpose",
        "Upsample",
    }
)
"""Operators of a quantised net of the family, as Brevitas exports them."""

_CAUSES = {
    "ConvTranspose": "use nearest upsampling followed by a convolution",
    "LeakyRelu": "use QuantReLU",
    "PRelu": "use QuantReLU",
    "Sigmoid": "end the net in an unsigned 8-bit QuantIdentity",
    "Tanh": "end the net in an unsigned 8-bit QuantIdentity",
    "MaxPool": "use a convolution of stride 2",
    "AveragePool": "use a convolution of stride 2",
    "Concat": "add the branches instead",
    "InstanceNormalization": "use batch normalisation",
    "BipolarQuant": "use at least 2 bits",
}


def read_model(directory: Path) -> tuple[ModelWrapper, NetContract]:
    """Reads `model.onnx` and its contract.

    Args:
        directory: an export directory of `quant.export`.

    Raises:
        ContractError: if a file is missing, truncated or not ONNX, an operator is outside the family, or the
            graph's ends are not what the contract says.
    """
    from google.protobuf.message import DecodeError
    from qonnx.core.modelwrapper import ModelWrapper

    contract = load_contract(directory)
    path = directory / MODEL_FILE
    try:
        model = ModelWrapper(str(path))
    except (DecodeError, ValueError, TypeError) as exc:
        raise ContractError(f"{path} is not an ONNX file ({exc}); export the network again") from exc
    _check_operators(model, path)
    _check_ends(model, contract, path)
    return model, contract


def _check_operators(model: ModelWrapper, path: Path) -> None:
    if not model.graph.node:
        raise ContractError(f"{path} holds an empty graph; export the network again")
    foreign = [node for node in model.graph.node if node.op_type not in SUPPORTED_OPS]
    if foreign:
        lines = [
            f"  {node.op_type} ({node.name or 'unnamed'}): {_CAUSES.get(node.op_type, 'not in the family of nets')}"
            for node in foreign
        ]
        raise ContractError(f"{path} has operators the hardware flow does not build:\n" + "\n".join(lines))


def _check_ends(model: ModelWrapper, contract: NetContract, path: Path) -> None:
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [value.name for value in model.graph.input if value.name not in constants]
    if inputs != [contract.input.name]:
        raise ContractError(f"{path}: graph inputs {inputs}, the contract says [{contract.input.name!r}]")
    outputs = [value.name for value in model.graph.output]
    if outputs != [spec.name for spec in contract.outputs]:
        raise ContractError(f"{path}: graph outputs {outputs}, the contract says {[s.name for s in contract.outputs]}")
    for spec in (contract.input, *contract.outputs):
        shape = tuple(model.get_tensor_shape(spec.name) or ())
        if shape != spec.shape:
            raise ContractError(f"{path}: tensor {spec.name} has shape {shape}, the contract says {spec.shape}")
        if spec.layout != "NHWC":
            raise ContractError(f"{path}: tensor {spec.name} is {spec.layout}, the hardware streams NHWC")
    if contract.input.datatype != "UINT8":
        raise ContractError(f"{path}: input datatype {contract.input.datatype}; images enter as UINT8")


def ingest(model: ModelWrapper, contract: NetContract) -> ModelWrapper:
    """Cleans the exported graph and states the input's datatype and layout."""
    import qonnx.core.data_layout as layouts
    from qonnx.core.datatype import DataType
    from qonnx.util.cleanup import cleanup_model

    model.set_tensor_layout(contract.input.name, layouts.NHWC)
    model = cleanup_model(model)
    model.set_tensor_datatype(model.graph.input[0].name, DataType[contract.input.datatype])
    return model
