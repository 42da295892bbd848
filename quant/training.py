"""What the brief trainings of this package share: resumable state, frozen statistics, saved weights."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from hw_anon.core.atomic import atomic_directory, write_bytes_atomically
from hw_anon.core.errors import ConfigError, ContractError
from quant.zoo import METRICS_FILE, RECIPE_FILE, WEIGHTS_FILE

__all__ = ["freeze_batch_norms", "read_checkpoint", "write_checkpoint", "write_trained", "write_weights"]


def read_checkpoint(path: Path, recipe: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns the state of an interrupted run of the same recipe, if there is one.

    Raises:
        ConfigError: if the checkpoint belongs to another recipe.
        ContractError: if it is corrupt.
    """
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True)
        found = state["recipe"]
    except (RuntimeError, KeyError, EOFError, pickle.UnpicklingError) as exc:
        raise ContractError(f"{path} is not a checkpoint ({exc}); delete it to start again") from exc
    if found != dict(recipe):
        raise ConfigError(f"{path} belongs to another recipe, network or data; delete it to start again")
    return state


def write_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Writes a run's state (atomically); it must hold its `recipe`."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    write_bytes_atomically(path, buffer.getvalue())


def freeze_batch_norms(net: nn.Module) -> None:
    """Keeps the statistics of all batch norms as they are, as the chip has them."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def write_weights(net: nn.Module, directory: Path, *, record: Mapping[str, Any], metrics: Mapping[str, Any]) -> None:
    """Writes weights, recipe and metrics into `directory`, which is made anew (atomically)."""
    from safetensors.torch import save

    tensors = {key: value.contiguous() for key, value in net.state_dict().items()}
    write_trained(WEIGHTS_FILE, save(tensors), directory, record=record, metrics=metrics)


def write_trained(
    name: str, content: bytes, directory: Path, *, record: Mapping[str, Any], metrics: Mapping[str, Any]
) -> None:
    """Writes a trained network's file, recipe and metrics into `directory`, which is made anew (atomically)."""
    with atomic_directory(directory) as partial:
        (partial / name).write_bytes(content)
        for document_name, document in ((RECIPE_FILE, record), (METRICS_FILE, metrics)):
            (partial / document_name).write_text(json.dumps(document, indent=2) + "\n")
