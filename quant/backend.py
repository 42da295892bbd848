"""The software stages of the equivalence chain that need Brevitas or qonnx: `qat` and `qonnx`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from hw_anon.core.backend import require_crops, whole_bytes
from hw_anon.core.contract import MODEL_FILE, NetContract, load_contract
from quant.bn_projection import IntegerNet

__all__ = ["QatBackend", "QonnxBackend"]

_BATCH = 16


class QatBackend:
    """The projected network in torch: the reference of the equivalence chain."""

    name = "qat"

    def __init__(self, net: IntegerNet) -> None:
        self._net = net
        topology = net.topology()
        output = net.net.get_submodule(topology.units[-1].conv)
        self._input_shape = (*topology.input_shape, topology.input_channels(net.net))
        self._output_shape = (*topology.units[-1].out_shape, int(output.out_channels))

    @torch.no_grad()
    def modify(self, crops_u8: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Modifies `[N, S, S, 3 + key]` uint8 crops; returns `[N, S, S, 3]`.

        A face detector's network maps halved frames `[N, H, W, 3]` to cells `[N, H / 8, W / 8, 5]`.

        Raises:
            ContractError: if shape or dtype are not the network's.
        """
        require_crops(crops_u8, self._input_shape, backend=self.name)
        out = np.empty((len(crops_u8), *self._output_shape), np.uint8)
        for start in range(0, len(crops_u8), _BATCH):
            batch = torch.from_numpy(crops_u8[start : start + _BATCH].astype(np.float32))
            out[start : start + _BATCH] = whole_bytes(self._net(batch).numpy(), backend=self.name)
        return out


class QonnxBackend:
    """An exported `model.onnx`, executed node by node by qonnx.

    The graph's batch dimension is widened, which changes no arithmetic: no operator of the family mixes images.
    """

    name = "qonnx"

    def __init__(self, directory: Path, *, batch: int = _BATCH) -> None:
        from qonnx.core.modelwrapper import ModelWrapper
        from qonnx.transformation.change_batchsize import ChangeBatchSize
        from qonnx.transformation.infer_shapes import InferShapes

        self.contract: NetContract = load_contract(directory)
        self._batch = batch
        model = ModelWrapper(str(directory / MODEL_FILE))
        self._model = model.transform(ChangeBatchSize(batch)).transform(InferShapes())

    def modify(self, crops_u8: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Maps `[N, H, W, 3]` uint8 pictures to the network's output, see `QatBackend.modify`.

        Raises:
            ContractError: if shape or dtype are not the network's.
        """
        from qonnx.core.onnx_exec import execute_onnx

        require_crops(crops_u8, self.contract.input.shape[1:], backend=self.name)
        out = np.empty((len(crops_u8), *self.contract.outputs[0].shape[1:]), np.uint8)
        for start in range(0, len(crops_u8), self._batch):
            batch = crops_u8[start : start + self._batch].astype(np.float32)
            padded = np.zeros((self._batch, *batch.shape[1:]), np.float32)
            padded[: len(batch)] = batch
            result = execute_onnx(self._model, {self.contract.input.name: padded})[self.contract.outputs[0].name]
            out[start : start + self._batch] = whole_bytes(result[: len(batch)], backend=self.name)
        return out
