"""Executes a graph of the flow in FINN's own Python semantics: the chain's `hardware_graph` link."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.errors import ContractError

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

__all__ = ["GraphBackend", "check_crops", "execute"]


def execute(model: ModelWrapper, values: NDArray[np.generic]) -> NDArray[np.int64]:
    """Runs one image through a graph of any stage, specialised or not.

    Args:
        model: graph with one input and one output.
        values: `[1, H, W, C]` integers in the input's datatype.

    Returns:
        The output tensor as int64, in the graph's shape.
    """
    from finn.core.onnx_exec import execute_onnx

    name_in, name_out = model.graph.input[0].name, model.graph.output[0].name
    out = np.asarray(execute_onnx(model, {name_in: values.astype(np.float32)})[name_out])
    rounded = np.rint(out)
    if not np.array_equal(rounded, out):
        raise ContractError("the graph's output is not integer: streamlining left a float scale behind")
    return rounded.astype(np.int64)


def check_crops(crops_u8: NDArray[np.uint8], shape: tuple[int, ...]) -> None:
    """Checks a batch of crops against a network's input.

    Raises:
        ContractError: if dtype is not uint8 or the shape is not `[N, *shape]`.
    """
    if crops_u8.dtype != np.uint8 or crops_u8.shape[1:] != shape:
        raise ContractError(
            f"crops must be uint8 of shape [N, {', '.join(map(str, shape))}], "
            f"got {crops_u8.dtype} of shape {list(crops_u8.shape)}"
        )


class GraphBackend:
    """A face modifier executed on the hardware graph, node by node, in FINN's Python semantics (slow)."""

    def __init__(self, model: ModelWrapper, *, name: str = "hardware_graph") -> None:
        """Prepares `model` (specialised nodes are executed as their abstract layers)."""
        from finn.util.verification import despecialize_model

        self._model = despecialize_model(model)
        self._shape = tuple(model.get_tensor_shape(model.graph.input[0].name))[1:]
        self._name = name

    @property
    def name(self) -> str:
        """Backend name in reports."""
        return self._name

    def modify(self, crops_u8: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Modifies `[N, H, W, 3]` uint8 crops; see `ModifierBackend.modify`."""
        check_crops(crops_u8, self._shape)
        outputs = [execute(self._model, crop[None])[0] for crop in crops_u8]
        return np.stack(outputs).astype(np.uint8) if outputs else np.empty_like(crops_u8)
