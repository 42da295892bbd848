"""The state of a run in one safetensors file: players, optimisers, step. No pickle is read or written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.nets.checkpoint import FORMAT, read_tensors, write_tensors
from hw_anon.train.steps import Table

__all__ = ["load_state", "save_state"]

_ARCHITECTURE = "training"


def save_state(path: Path, table: Table, *, step: int, key: str, notes: Mapping[str, Any]) -> None:
    """Writes the state of a run, whole or not at all.

    Args:
        path: the file.
        table: players and optimisers.
        step: the next step.
        key: what the run is: recipe, seed and data; only the same run goes on from the file.
        notes: further JSON values, given back by `load_state`.

    Raises:
        OSError: if the file cannot be written.
    """
    tensors: dict[str, Tensor] = {}
    for name, module in table.players.modules().items():
        tensors |= {f"player/{name}/{entry}": tensor for entry, tensor in module.state_dict().items()}
        optimiser = table.optimisers.get(name)
        for i, values in (optimiser.state_dict()["state"] if optimiser else {}).items():
            tensors |= {f"adam/{name}/{i}/{entry}": torch.as_tensor(value) for entry, value in values.items()}
    metadata = {
        "format": FORMAT,
        "architecture": _ARCHITECTURE,
        "key": key,
        "step": step,
        "updates": [classifier.updates for classifier in table.players.classifiers],
        "notes": dict(notes),
    }
    write_tensors(path, tensors, metadata)


def load_state(path: Path, table: Table, *, key: str) -> tuple[int, dict[str, Any]]:
    """Puts players and optimisers into the state of a file.

    Args:
        path: a file that `save_state` wrote.
        table: players and optimisers of the same recipe.
        key: as it was written.

    Returns:
        The next step, and the notes.

    Raises:
        ConfigError: if the file belongs to another run.
        ContractError: if it is missing or damaged.
    """
    tensors, metadata = read_tensors(path)
    if metadata.get("format") != FORMAT or metadata.get("architecture") != _ARCHITECTURE:
        raise ContractError(f"{path}: holds {metadata.get('architecture')!r}; expected the state of a training run")
    if metadata["key"] != key:
        raise ConfigError(f"{path}: belongs to another recipe, seed or data; choose another directory, or delete it")
    try:
        for name, module in table.players.modules().items():
            module.load_state_dict(_below(tensors, f"player/{name}/"))
            if name not in table.optimisers:
                continue
            optimiser = table.renew_optimiser(name)  # quantised layers put new parameters in place on loading
            state: dict[int, dict[str, Tensor]] = {}
            for entry, tensor in _below(tensors, f"adam/{name}/").items():
                number, _, kind = entry.partition("/")
                state.setdefault(int(number), {})[kind] = tensor
            optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
        for classifier, updates in zip(table.players.classifiers, metadata["updates"], strict=True):
            classifier.updates = int(updates)
        return int(metadata["step"]), dict(metadata["notes"])
    except (RuntimeError, ValueError, KeyError, TypeError) as exc:
        raise ContractError(f"{path}: damaged: {exc}") from exc


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
