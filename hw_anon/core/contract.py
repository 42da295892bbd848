"""The contract file that travels with an exported network from `quant` to `hls`.

`quant` writes `model.onnx` (QONNX) and `contract.json` into one directory; `hls` reads nothing else. The contract
states the shapes, datatypes and layout at the network's ends and the hash of the model, so that a model that
was swapped, truncated or exported with other ends is refused before it costs a build.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hw_anon.core.atomic import write_text_atomically
from hw_anon.core.errors import ContractError
from hw_anon.core.hashing import sha256_file

__all__ = ["CONTRACT_FILE", "CONTRACT_VERSION", "MODEL_FILE", "NetContract", "TensorSpec", "load_contract"]

CONTRACT_VERSION = 1
CONTRACT_FILE = "contract.json"
MODEL_FILE = "model.onnx"


@dataclass(frozen=True, kw_only=True, slots=True)
class TensorSpec:
    """One end of a network."""

    name: str
    """Tensor name in the ONNX graph."""
    shape: tuple[int, ...]
    """Shape with a leading batch of 1, in `layout` order."""
    datatype: str
    """qonnx datatype name, e.g. `UINT8`."""
    layout: str = "NHWC"
    """Axis order; the hardware streams NHWC."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NetContract:
    """What a network promises at its ends, and which bytes it is."""

    name: str
    """Name of the network, e.g. `modifier-s`."""
    role: str
    """`modifier` or `face_detector`."""
    input: TensorSpec
    """The input tensor: image bytes."""
    outputs: tuple[TensorSpec, ...]
    """The output tensors, in graph order."""
    model_sha256: str
    """SHA-256 of `model.onnx`."""
    weights_sha256: str
    """SHA-256 of the weights the model was exported from."""
    macs_per_inference: int
    """Multiply-accumulate operations of one inference."""
    config: dict[str, Any] = field(default_factory=dict)
    """The network's own configuration, for the record."""
    version: int = CONTRACT_VERSION
    """Format version of this file."""

    def save(self, directory: Path) -> Path:
        """Writes `contract.json` into `directory` (atomically) and returns its path."""
        path = directory / CONTRACT_FILE
        write_text_atomically(path, json.dumps(asdict(self), indent=2, sort_keys=True) + "\n")
        return path


def _tensor(raw: dict[str, Any]) -> TensorSpec:
    return TensorSpec(
        name=str(raw["name"]),
        shape=tuple(int(n) for n in raw["shape"]),
        datatype=str(raw["datatype"]),
        layout=str(raw["layout"]),
    )


def load_contract(directory: Path) -> NetContract:
    """Reads and checks the contract in `directory`, and the hash of the model beside it.

    Raises:
        ContractError: if a file is missing or corrupt, the format version is another one, or the model's hash
            is not the contract's.
    """
    path, model = directory / CONTRACT_FILE, directory / MODEL_FILE
    for needed in (path, model):
        if not needed.is_file():
            raise ContractError(f"{needed} is missing; export the network again (hw-anon export)")
    try:
        raw = json.loads(path.read_text())
        if raw["version"] != CONTRACT_VERSION:
            raise ContractError(
                f"{path} has format version {raw['version']}, this release reads {CONTRACT_VERSION}; export again"
            )
        contract = NetContract(
            name=str(raw["name"]),
            role=str(raw["role"]),
            input=_tensor(raw["input"]),
            outputs=tuple(_tensor(o) for o in raw["outputs"]),
            model_sha256=str(raw["model_sha256"]),
            weights_sha256=str(raw["weights_sha256"]),
            macs_per_inference=int(raw["macs_per_inference"]),
            config=dict(raw["config"]),
            version=int(raw["version"]),
        )
    except (ValueError, KeyError, TypeError) as exc:
        raise ContractError(f"{path} is not a contract file ({exc!r}); export the network again") from exc
    actual = sha256_file(model)
    if actual != contract.model_sha256:
        raise ContractError(
            f"{model} has SHA-256 {actual[:12]}…, its contract says {contract.model_sha256[:12]}…: "
            "the model was changed or truncated after the export; export it again"
        )
    return contract
