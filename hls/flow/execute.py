"""Executes a graph of the flow in FINN's own Python semantics: the chain's `hardware_graph` link."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.backend import require_crops, whole_bytes
from hw_anon.core.errors import ContractError

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

__all__ = ["GraphBackend", "execute"]


def execute(model: ModelWrapper, values: NDArray[np.generic]) -> NDArray[np.int64]:
    """Runs one image through a graph of any stage, specialised or not.

    Args:
        model: graph with one input and one output.
        values: `[1, H, W, C]` integers in the input's datatype.

    Returns:
        The output tensor as int64, in the graph's shape.

    Raises:
        ContractError: if the output is not integer.
    """
    from finn.core.onnx_exec import execute_onnx

    name_in, name_out = model.graph.input[0].name, model.graph.output[0].name
    out = np.asarray(execute_onnx(model, {name_in: values.astype(np.float32)})[name_out])
    rounded = np.rint(out)
    if not np.array_equal(rounded, out):
        raise ContractError("the graph's output is not integer: streamlining left a float scale behind")
    return rounded.astype(np.int64)


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
        """Modifies `[N, H, W, 3]` uint8 crops; see `ModifierBackend.modify`.

        Raises:
            ContractError: if shape or dtype are not the network's, or its output is not 8-bit.
        """
        require_crops(crops_u8, self._shape, backend=self._name)
        outputs = [execute(self._model, crop[None])[0] for crop in crops_u8]
        return whole_bytes(np.stack(outputs), backend=self._name) if outputs else np.empty_like(crops_u8)
