"""What a run hands on: the players as checkpoints, and beside them recipe, figures and where all of it came from."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import nn

from hw_anon import __version__
from hw_anon.core.atomic import write_text_atomically
from hw_anon.nets.checkpoint import save_modifier
from hw_anon.nets.detector_checkpoint import save_detector
from hw_anon.nets.modifier import JohnsonModifier
from hw_anon.train.loop import Training
from hw_anon.train.players import save_classifier

__all__ = ["DETECTOR_FILE", "METRICS_FILE", "MODIFIER_FILE", "RECIPE_FILE", "SaveModifier", "write_outputs"]

MODIFIER_FILE = "modifier.safetensors"
"""M."""
DETECTOR_FILE = "detector.safetensors"
"""A."""
METRICS_FILE = "metrics.json"
"""Figures and provenance."""
RECIPE_FILE = "recipe.json"
"""The recipe, which `TrainRecipe.from_file` reads."""

SaveModifier = Callable[[Path, nn.Module, Mapping[str, Any]], None]
"""Writes a modifier into a run's directory, with its provenance."""


def write_outputs(
    training: Training, *, command: str, data: Mapping[str, Any], save: SaveModifier | None = None
) -> dict[str, Any]:
    """Writes the players with their provenance into the run's directory.

    Args:
        training: the run, finished or stopped.
        command: the command line that made it.
        data: where the data came from, JSON values.
        save: writes an M that is no `JohnsonModifier`.

    Returns:
        What `metrics.json` holds.

    Raises:
        OSError: if a file cannot be written.
    """
    directory, recipe, players = training.directory, training.recipe, training.table.players
    provenance: dict[str, Any] = {
        "recipe": recipe.to_dict(),
        "recipe_name": recipe.name,
        "recipe_hash": recipe.content_hash(),
        "seed": training.seed,
        "judges_seen": list(recipe.judges_seen),
        "steps": training.step,
        "steps_planned": training.schedule.total,
        "finished": training.step == training.schedule.total,
        "data": {"name": training.data.name, **data},
        "versions": _versions(),
    }
    if save is not None:
        save(directory, players.modifier, provenance)
    elif isinstance(players.modifier, JohnsonModifier):
        save_modifier(directory / MODIFIER_FILE, players.modifier, provenance)
    save_detector(directory / DETECTOR_FILE, players.detector, training.data.frames.actions, provenance)
    for i, classifier in enumerate(players.classifiers):
        save_classifier(directory / f"classifier{i}.safetensors", classifier, provenance)
    metrics = {
        "command": command,
        "device": _device_name(training.table.device),
        "processes": training.table.world.size,
        **{name: value for name, value in provenance.items() if name != "recipe"},
        "training_faces": len(training.data.faces),
        "training_people": training.data.faces.people,
        "training_frames": len(training.data.frames),
        "validation": training.measure(),
    }
    for name, document in ((RECIPE_FILE, recipe.to_dict()), (METRICS_FILE, metrics)):
        write_text_atomically(directory / name, json.dumps(document, indent=2) + "\n")
    return metrics


def _versions() -> dict[str, str]:
    return {
        "hw_anon": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
    }


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
