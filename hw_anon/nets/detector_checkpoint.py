"""Checkpoints of trained action detectors: one safetensors file with the detector's size and the names of its actions.

The metadata has `architecture` ("faster_rcnn"), `config` (a `DetectorConfig`) and `actions`; training adds the method
whose frames the detector saw, the recipe, the seed and the hash of the data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.nets.action import ActionDetector, DetectorConfig
from hw_anon.nets.checkpoint import FORMAT, read_network, write_tensors

__all__ = ["load_detector", "read_detector_file", "save_detector"]

_ARCHITECTURE = "faster_rcnn"


def save_detector(path: Path, detector: ActionDetector, actions: Sequence[str], metadata: Mapping[str, Any]) -> None:
    """Writes a detector.

    Args:
        path: the file, usually `detector.safetensors`.
        detector: the detector.
        actions: names of its classes.
        metadata: further JSON values.

    Raises:
        ConfigError: if the names are not as many as the detector's classes.
        OSError: if the file cannot be written.
    """
    if len(actions) != detector.config.classes:
        raise ConfigError(f"{len(actions)} names for the {detector.config.classes} classes of a detector")
    described = {
        **metadata,
        "format": FORMAT,
        "architecture": _ARCHITECTURE,
        "config": detector.config.to_dict(),
        "actions": list(actions),
    }
    write_tensors(path, detector.state_dict(), described)


def load_detector(path: Path) -> tuple[ActionDetector, tuple[str, ...], dict[str, Any]]:
    """Reads a detector.

    Args:
        path: a file that `save_detector` wrote.

    Returns:
        The detector on the CPU in evaluation mode, the names of its actions, and the metadata.

    Raises:
        ContractError: if the file is missing or damaged, or holds another network.
    """
    tensors, metadata = read_detector_file(path)
    try:
        config = DetectorConfig.from_dict(metadata.get("config", {}), where="config")
        detector = _filled(config, tensors)
    except (ConfigError, ContractError, RuntimeError) as exc:
        raise ContractError(f"{path}: tensors and config do not fit: {exc}") from exc
    actions = metadata.get("actions")
    if not isinstance(actions, list) or len(actions) != config.classes:
        raise ContractError(f"{path}: {actions!r} does not name its {config.classes} classes")
    return detector.eval(), tuple(map(str, actions)), metadata


def read_detector_file(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Returns tensors as they are in the file (16-bit ones perhaps) and metadata.

    Raises:
        ContractError: if the file is missing or damaged, or holds another network.
    """
    return read_network(path, _ARCHITECTURE)


def _filled(config: DetectorConfig, tensors: Mapping[str, Tensor]) -> ActionDetector:
    """Builds a detector with the given weights; frozen norms are in them, so no others are needed."""
    body = "rcnn.backbone.body."
    own = {name.removeprefix(body): tensor for name, tensor in tensors.items() if name.startswith(body)}
    detector = ActionDetector(config, own if config.norm == "frozen" else None)
    detector.load_state_dict(dict(tensors))
    return detector
