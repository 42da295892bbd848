"""Checkpoints of trained modifiers: one safetensors file that says what it holds, how it was made and with whose help.

The metadata is one JSON document under the key `hw_anon`. It always has `architecture` ("johnson") and `config` (a
`JohnsonConfig`); training adds the recipe, the seed, the hash of the data and `judges_seen`: the recognisers that D
started from, which can be no judges of record.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from hw_anon.core.atomic import write_bytes_atomically
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.nets.modifier import JohnsonConfig, JohnsonModifier

__all__ = ["FORMAT", "load_modifier", "read_network", "read_tensors", "save_modifier", "write_tensors"]

FORMAT = 1
"""Version of the metadata's layout."""
_KEY = "hw_anon"
_ARCHITECTURE = "johnson"


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """Writes tensors and a JSON document into one safetensors file, whole or not at all.

    Args:
        path: the file.
        tensors: by name; moved to the CPU.
        metadata: JSON values.

    Raises:
        OSError: if the file cannot be written.
        TypeError: if the metadata holds what JSON has no form for.
    """
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    write_bytes_atomically(path, save(plain, {_KEY: json.dumps(dict(metadata), sort_keys=True)}))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Reads what `write_tensors` wrote; tensors are on the CPU.

    Raises:
        ConfigError: if the path is a directory's.
        ContractError: if the file is missing, is no safetensors file or lacks the document.
    """
    if path.is_dir():
        inside = sorted(path.glob("*.safetensors"))
        remedy = f"name {' or '.join(map(str, inside))}" if inside else "and no .safetensors file is in it: name one"
        raise ConfigError(f"{path} is a directory, {remedy}")
    try:
        with safe_open(str(path), framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
            metadata = json.loads((file.metadata() or {})[_KEY])
    except FileNotFoundError as exc:
        raise ContractError(f"{path}: does not exist; expected a checkpoint") from exc
    except (OSError, SafetensorError, KeyError, ValueError) as exc:
        raise ContractError(f"{path}: not a checkpoint of this project ({exc})") from exc
    if not isinstance(metadata, dict):
        raise ContractError(f"{path}: its metadata is no table")
    return tensors, metadata


def read_network(path: Path, architecture: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Reads what `write_tensors` wrote of a network.

    Args:
        path: the file.
        architecture: what its metadata must say under `architecture`, in this layout.

    Raises:
        ConfigError: if the path is a directory's.
        ContractError: if the file is missing or damaged, or holds another network.
    """
    tensors, metadata = read_tensors(path)
    if metadata.get("format") != FORMAT or metadata.get("architecture") != architecture:
        raise ContractError(
            f"{path}: architecture {metadata.get('architecture')!r}, format {metadata.get('format')!r}; "
            f"expected {architecture!r}, {FORMAT}"
        )
    return tensors, metadata


def save_modifier(path: Path, net: JohnsonModifier, metadata: Mapping[str, Any]) -> None:
    """Writes a modifier.

    Args:
        path: the file, usually `modifier.safetensors`.
        net: the modifier.
        metadata: further JSON values, e.g. recipe, seed, `judges_seen`, the data's hash; `format`, `architecture` and
            `config` are added.

    Raises:
        OSError: if the file cannot be written.
    """
    described = {
        **metadata,
        "format": FORMAT,
        "architecture": _ARCHITECTURE,
        "config": net.config.to_dict(),
    }
    write_tensors(path, net.state_dict(), described)


def load_modifier(path: Path) -> tuple[JohnsonModifier, dict[str, Any]]:
    """Reads a modifier.

    Args:
        path: a file that `save_modifier` wrote.

    Returns:
        The network on the CPU in evaluation mode, and its metadata.

    Raises:
        ContractError: if the file is missing or damaged, or holds another network.
    """
    tensors, metadata = read_network(path, _ARCHITECTURE)
    try:
        net = JohnsonModifier(JohnsonConfig.from_dict(metadata.get("config", {}), where="config"))
        net.load_state_dict(tensors)
    except (ConfigError, RuntimeError) as exc:
        raise ContractError(f"{path}: tensors and config do not fit: {exc}") from exc
    return net.eval(), metadata
