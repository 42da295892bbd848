"""Export of a network to QONNX with its contract: all that the compiler gets to see."""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from hw_anon.core.atomic import atomic_directory
from hw_anon.core.backend import Link, compare_outputs
from hw_anon.core.contract import MODEL_FILE, NetContract, TensorSpec
from hw_anon.core.hashing import sha256_bytes, sha256_file
from quant.backend import QatBackend, QonnxBackend
from quant.bn_projection import IntegerNet, project
from quant.rules import require, require_projected
from quant.topology import Topology
from quant.violations import Violation, refuse

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

__all__ = ["OPSET", "export_net", "integer_net", "verify_export", "weights_sha256"]

OPSET = 18
"""ONNX operator set of the exported model."""
_FREE_OPERATORS = {"Relu", "Resize", "Transpose"}  # their number follows from the layers' kinds


def integer_net(net: nn.Module) -> IntegerNet:
    """Checks a trained network and returns its projected integer copy, which computes what the hardware will.

    Raises:
        ConfigError: listing every rule that the network breaks.
    """
    require(net)
    integer = project(net)
    require_projected(integer)
    return integer


def export_net(net: nn.Module, name: str, directory: Path) -> NetContract:
    """Writes `directory` with `model.onnx` and `contract.json`; equal networks give equal bytes.

    Args:
        net: a network in evaluation mode that declares its topology and its role, `modifier` (which is taken if it
            declares none) or `face_detector`; it is not changed.
        name: name written into the contract.
        directory: made anew; an earlier one is replaced only when the export is complete.

    Returns:
        The contract.

    Raises:
        ConfigError: if the network breaks a rule of `quant.rules`.
        OSError: if the directory cannot be written.
    """
    integer = integer_net(net)
    topology = integer.topology()
    model = _qonnx_model(integer, topology)
    refuse(list(_graph_violations(model, topology)))
    config = getattr(net, "config", None)
    with atomic_directory(directory) as partial:
        path = partial / MODEL_FILE
        path.write_bytes(model.model.SerializeToString(deterministic=True))
        contract = NetContract(
            name=name,
            role=getattr(net, "role", "modifier"),
            input=_end(model, model.graph.input[0].name),
            outputs=tuple(_end(model, out.name) for out in model.graph.output),
            model_sha256=sha256_file(path),
            weights_sha256=weights_sha256(net),
            macs_per_inference=topology.macs(integer.net),
            config={} if config is None else config.as_json(),
        )
        contract.save(partial)
    return contract


def verify_export(net: nn.Module, directory: Path, crops_u8: NDArray[np.uint8]) -> Link:
    """Compares the exported model, executed by qonnx, with the network in torch.

    Args:
        net: the network that was exported.
        directory: the export.
        crops_u8: `[N, H, W, 3]` uint8.

    Raises:
        ContractError: if the export is corrupt or the crops have another shape.
    """
    reference = QatBackend(integer_net(net))
    candidate = QonnxBackend(directory)
    return compare_outputs(reference.name, candidate.name, reference.modify(crops_u8), candidate.modify(crops_u8))


def weights_sha256(net: nn.Module) -> str:
    """Returns the SHA-256 of the network's parameters and buffers in safetensors form."""
    from safetensors.torch import save

    return sha256_bytes(save({key: value.contiguous() for key, value in net.state_dict().items()}))


def _qonnx_model(integer: IntegerNet, topology: Topology) -> ModelWrapper:
    """Traces the network and returns a cleaned-up QONNX model without a trace of this machine."""
    from brevitas.export import export_qonnx
    from qonnx.core.data_layout import NHWC
    from qonnx.core.datatype import DataType
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.util.cleanup import cleanup_model

    with tempfile.TemporaryDirectory() as scratch, _silence():
        path = Path(scratch) / MODEL_FILE
        export_qonnx(
            integer,
            args=torch.zeros(1, *topology.input_shape, topology.input_channels(integer.net)),
            export_path=str(path),
            opset_version=OPSET,
            dynamo=False,  # the dynamo exporter drops the quantisers of residual sums
        )
        model = cleanup_model(ModelWrapper(str(path)))
    for value, layout in ((model.graph.input[0], NHWC), (model.graph.output[0], NHWC)):
        model.set_tensor_datatype(value.name, DataType["UINT8"])
        model.set_tensor_layout(value.name, layout)
    _strip(model.model)
    return model


def _graph_violations(model: ModelWrapper, topology: Topology) -> Iterator[Violation]:
    """Yields operations that `forward` computes outside the declared layers, where module rules cannot see them."""
    units, joins = len(topology.units), len(topology.joins)
    declared = {"Conv": units, "BatchNormalization": units, "Add": joins, "Quant": 2 * units + joins}
    found = Counter(node.op_type for node in model.graph.node)
    for kind in sorted((found.keys() | declared.keys()) - _FREE_OPERATORS):
        if found[kind] != declared.get(kind, 0):
            yield Violation(
                layer="forward",
                rule="undeclared-operation",
                found=f"{found[kind]} × {kind} in the graph, {declared.get(kind, 0)} declared",
                remedy="compute with the declared layers alone",
            )
    for node in model.get_nodes_by_op_type("Resize"):
        mode = next((attribute.s.decode() for attribute in node.attribute if attribute.name == "mode"), "nearest")
        if mode != "nearest":
            yield Violation(
                layer=node.name, rule="upsampling", found=f"mode {mode}", remedy="use nearest upsampling (nn.Upsample)"
            )


def _strip(proto: Any) -> None:
    """Removes what depends on the machine or the run: documentation strings, stack traces, metadata."""
    proto.doc_string = ""
    proto.graph.doc_string = ""
    proto.graph.name = "net"
    del proto.metadata_props[:]
    for node in proto.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for value in (*proto.graph.value_info, *proto.graph.input, *proto.graph.output, *proto.graph.initializer):
        value.doc_string = ""


def _end(model: ModelWrapper, name: str) -> TensorSpec:
    return TensorSpec(
        name=name, shape=tuple(model.get_tensor_shape(name)), datatype=model.get_tensor_datatype(name).name
    )


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keeps the exporter's warnings, prints and log lines away from the user."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
