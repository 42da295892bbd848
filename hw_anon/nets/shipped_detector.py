"""Action detectors among the package's weights: `hw_anon/weights/action-<n>/`, and `action-chip` for the chip's frames.

| file | content |
|---|---|
| `detector.safetensors` | the weights, 16-bit floats: half the size; `load_detector` gives 32-bit ones again |
| `recipe.json` | what the checkpoint says about its training |
| `metrics.json` | what was measured with it: a result of `hw-anon train-detector` |
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import hw_anon
from hw_anon.core.atomic import atomic_directory
from hw_anon.core.errors import ContractError
from hw_anon.nets.checkpoint import write_tensors
from hw_anon.nets.detector_checkpoint import load_detector, read_detector_file

__all__ = ["ShippedDetector", "find_shipped", "ship_detector"]

CHECKPOINT_FILE, RECIPE_FILE, METRICS_FILE = "detector.safetensors", "recipe.json", "metrics.json"
_WEIGHTS = Path(hw_anon.__file__).parent / "weights"
_PATTERN = "action-*"
_CHIP = "action-chip"


@dataclass(frozen=True, kw_only=True, slots=True)
class ShippedDetector:
    """A detector's weights and what is known of them."""

    name: str
    """Its name."""
    checkpoint: Path
    """Its weights."""
    metrics: dict[str, Any] | None
    """What was measured with it; `None` if nothing is noted."""

    @classmethod
    def at(cls, path: Path) -> ShippedDetector:
        """Returns the detector of a directory of weights, or of a checkpoint.

        Raises:
            ContractError: if it is neither, or its metrics are damaged.
        """
        checkpoint = path / CHECKPOINT_FILE if path.is_dir() else path
        if not checkpoint.is_file():
            raise ContractError(f"{checkpoint} does not exist: expected an action detector of hw-anon train-detector")
        return cls(name=checkpoint.parent.name, checkpoint=checkpoint, metrics=_metrics(checkpoint.parent))


def find_shipped(weights: Path = _WEIGHTS) -> ShippedDetector | None:
    """Returns the action detector that a camera needs; `None` if there is none among the package's weights.

    That is the one that learned on frames behind the chip's modifier, or else the first.

    Args:
        weights: directory of the weights.
    """
    found = (path.parent for path in weights.glob(f"{_PATTERN}/{CHECKPOINT_FILE}"))
    places = sorted(found, key=lambda place: (place.name != _CHIP, place.name))
    return ShippedDetector.at(places[0]) if places else None


def ship_detector(checkpoint: Path, directory: Path, *, result: Path | None = None) -> ShippedDetector:
    """Writes a directory of weights; an earlier one is replaced.

    Args:
        checkpoint: a trained detector.
        directory: usually `hw_anon/weights/action-<n>`.
        result: what was measured with it, `action/<method>.json` of a results directory.

    Raises:
        ContractError: if a file is missing or damaged, or a weight is too large for 16 bits.
    """
    load_detector(checkpoint)  # refuses what is none
    tensors, metadata = read_detector_file(checkpoint)
    halves = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    if not all(bool(torch.isfinite(tensor).all()) for tensor in halves.values()):
        raise ContractError(f"{checkpoint}: a weight has no 16-bit form; it cannot be shipped")
    measured = None if result is None else _document(result)
    with atomic_directory(directory) as partial:
        write_tensors(partial / CHECKPOINT_FILE, halves, metadata)
        texts = {RECIPE_FILE: metadata, **({METRICS_FILE: measured} if measured is not None else {})}
        for name, content in texts.items():
            (partial / name).write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return ShippedDetector.at(directory)


def _metrics(directory: Path) -> dict[str, Any] | None:
    path = directory / METRICS_FILE
    return _document(path) if path.is_file() else None


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise ContractError(f"{path}: not a JSON document ({exc})") from exc
    if not isinstance(document, dict):
        raise ContractError(f"{path}: expected a table")
    return document
