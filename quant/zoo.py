"""Named networks with their weights, and random members of the family for tests."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from hw_anon.core.errors import ConfigError, ContractError
from quant.face_detector import FaceDetector, FaceDetectorConfig
from quant.modifier import Modifier, ModifierConfig

__all__ = [
    "DETECTORS",
    "ENLARGED",
    "METRICS_FILE",
    "NETS",
    "RECIPE_FILE",
    "WEIGHTS_FILE",
    "autoencoder_of",
    "detector_config",
    "is_directory_of_weights",
    "load_detector",
    "load_net",
    "load_network",
    "net_config",
    "net_metrics",
    "net_record",
    "network_config",
    "random_config",
    "random_detector",
    "random_net",
    "weights_directory",
]

WEIGHTS_FILE = "weights.safetensors"
RECIPE_FILE = "recipe.json"
METRICS_FILE = "metrics.json"
_WEIGHTS = Path(__file__).parent / "weights"
_RANDOM_STREAM = 0x6D6F64  # keeps the draws apart from other uses of the same seed

NETS: dict[str, ModifierConfig] = {
    # The network of the compiler's bars: 48 MMAC.
    "modifier-s": ModifierConfig(),
    # The largest that is meant for a board: 107 MMAC.
    "modifier-m": ModifierConfig(widths=(16, 32, 64), blocks=3),
    # The same network, taught to reproduce faces: what others start from, and what shows whether a byte goes wrong.
    "autoencoder-s": ModifierConfig(),
    # For tests: 3.7 MMAC, 32×32 pixels.
    "modifier-xs": ModifierConfig(input_size=32, widths=(8, 16, 24), blocks=1),
}
"""Named modifiers; `load_net` adds the weights."""

DETECTORS: dict[str, FaceDetectorConfig] = {
    # For frames of 320×240: 55 MMAC. A cell sees 119 pixels of the halved frame, more than a face of 200 in the frame.
    "detector-s": FaceDetectorConfig(),
}
"""Named face detectors; `load_detector` adds the weights."""

ENLARGED: dict[str, tuple[str, int, int]] = {
    # For frames of 640×480: 218 MMAC.
    "detector-s-vga": ("detector-s", 320, 240),
}
"""Face detectors with the weights of another one, for larger frames: its name, columns and rows of the halved frame."""


def _trained(name: str) -> str:
    """Returns under which name a shipped network's weights lie."""
    return ENLARGED[name][0] if name in ENLARGED else name


_AUTOENCODERS = {"modifier-s": "autoencoder-s"}


def autoencoder_of(name: str) -> str:
    """Returns which shipped network of the same configuration reproduces faces; itself if it learned nothing else."""
    return _AUTOENCODERS.get(name, name)


def net_config(name: str) -> ModifierConfig:
    """Returns the modifier's configuration called `name`.

    Raises:
        ConfigError: if there is none; the message lists the known ones.
    """
    try:
        return NETS[name]
    except KeyError:
        raise ConfigError(f"unknown network {name!r}; known networks: {', '.join(NETS)}") from None


def is_directory_of_weights(name: str) -> bool:
    """Returns whether a network is given as a directory that training wrote, not by the name of a shipped one."""
    return name not in (*NETS, *DETECTORS, *ENLARGED) and (Path(name) / WEIGHTS_FILE).is_file()


def weights_directory(name: str) -> Path:
    """Returns the directory with the weights of a network, shipped or given as a directory.

    Raises:
        ConfigError: if there is neither.
    """
    if is_directory_of_weights(name):
        return Path(name)
    known = [*NETS, *DETECTORS, *ENLARGED]
    if name not in known:
        raise ConfigError(f"{name!r}: neither a directory with {WEIGHTS_FILE} nor one of {', '.join(known)}")
    return _WEIGHTS / _trained(name)


def network_config(name: str) -> ModifierConfig:
    """Returns the configuration of a modifier given by name, or by a directory with weights.

    Raises:
        ConfigError: if there is no such network, or the directory's record is of another kind.
        ContractError: if the directory's record is missing or damaged.
    """
    if not is_directory_of_weights(name):
        return net_config(name)
    return ModifierConfig.from_json(dict(net_record(name).get("config", {})))


def net_record(name: str, *, weights_dir: Path | None = None) -> dict[str, Any]:
    """Returns what was noted when a network's weights were made: recipe, data, `judges_seen`.

    Raises:
        ContractError: if the file is missing or corrupt.
    """
    directory = Path(name) if is_directory_of_weights(name) else (weights_dir or _WEIGHTS) / _trained(name)
    return _read_json(directory / RECIPE_FILE)


def load_net(name: str, *, weights_dir: Path | None = None) -> Modifier:
    """Returns a network with its weights, in evaluation mode.

    Args:
        name: a key of `NETS`, or a directory that holds weights and recipe.
        weights_dir: directory holding `<name>/weights.safetensors`; the packaged one by default.

    Raises:
        ConfigError: if the name is unknown.
        ContractError: if the weights are missing, corrupt or those of another configuration.
    """
    net = Modifier(network_config(name))
    _load_weights(net, name, weights_dir, command="pretrain")
    return net.eval()


def detector_config(name: str) -> FaceDetectorConfig:
    """Returns the face detector's configuration called `name`.

    Raises:
        ConfigError: if there is none; the message lists the known ones.
    """
    if name in ENLARGED:
        base, width, height = ENLARGED[name]
        return replace(DETECTORS[base], input_width=width, input_height=height)
    try:
        return DETECTORS[name]
    except KeyError:
        known = ", ".join([*DETECTORS, *ENLARGED])
        raise ConfigError(f"unknown face detector {name!r}; known detectors: {known}") from None


def load_detector(name: str, *, weights_dir: Path | None = None) -> FaceDetector:
    """Returns a face detector with its weights, see `load_net`."""
    given = is_directory_of_weights(name)
    net = FaceDetector(FaceDetectorConfig.from_json(net_record(name)["config"]) if given else detector_config(name))
    _load_weights(net, _trained(name), weights_dir, command="pretrain-detector")
    return net.eval()


def load_network(name: str, *, weights_dir: Path | None = None) -> Modifier | FaceDetector:
    """Returns a modifier or face detector with its weights, see `load_net`."""
    if is_directory_of_weights(name):
        return load_detector(name) if "input_height" in net_record(name).get("config", {}) else load_net(name)
    if name in DETECTORS or name in ENLARGED:
        return load_detector(name, weights_dir=weights_dir)
    if name not in NETS:
        raise ConfigError(f"unknown network {name!r}; known networks: {', '.join([*NETS, *DETECTORS, *ENLARGED])}")
    return load_net(name, weights_dir=weights_dir)


def _load_weights(net: nn.Module, name: str, weights_dir: Path | None, *, command: str) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = (Path(name) if is_directory_of_weights(name) else (weights_dir or _WEIGHTS) / name) / WEIGHTS_FILE
    if not path.is_file():
        raise ContractError(f"{path} is missing; make it with: hw-anon {command} --net {name}")
    try:
        net.load_state_dict(load_file(path))
    except (SafetensorError, RuntimeError, OSError) as exc:
        raise ContractError(f"{path} does not hold the weights of {name}: {exc}") from exc


def net_metrics(name: str, *, weights_dir: Path | None = None) -> dict[str, Any]:
    """Returns what was measured of a named network's weights.

    Raises:
        ConfigError: if the name is unknown.
        ContractError: if the file is missing or corrupt.
    """
    if name not in DETECTORS and name not in ENLARGED:
        net_config(name)
    return _read_json((weights_dir or _WEIGHTS) / _trained(name) / METRICS_FILE)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError) as exc:
        raise ContractError(f"{path} is missing or corrupt: {exc}") from exc


def random_config(rng: np.random.Generator) -> ModifierConfig:
    """Draws a member of the family: every size and precision that the compiler supports.

    Widths go from 3 to 24 and sizes from 32 to 96 pixels, so that a draw stays small enough to simulate; the size is
    drawn twice and the smaller one taken.
    """
    act_bits = int(rng.integers(2, 9))
    return ModifierConfig(
        input_size=4 * int(rng.integers(8, 25, 2).min()),
        widths=tuple(int(width) for width in rng.integers(3, 25, 3)),  # type: ignore[arg-type]
        blocks=int(rng.integers(0, 4)),
        edge_weight_bits=int(rng.integers(2, 9)),
        weight_bits=int(rng.integers(2, 9)),
        act_bits=act_bits,
        branch_bits=int(np.clip(act_bits + rng.integers(-1, 2), 2, 8)),
        per_channel=bool(rng.integers(0, 2)),
    )


def random_net(seed: int, config: ModifierConfig | None = None) -> Modifier:
    """Returns a random network in evaluation mode; equal seeds give equal networks.

    Args:
        seed: source of the configuration (unless given), the weights and the batch norms.
        config: configuration to use instead of a random one.
    """
    rng = np.random.default_rng((_RANDOM_STREAM, seed))
    net = Modifier(config or random_config(rng))
    net.randomise(torch.Generator().manual_seed(int(rng.integers(2**31))))
    return net


def random_detector(seed: int, config: FaceDetectorConfig | None = None) -> FaceDetector:
    """Returns a random face detector in evaluation mode; equal seeds give equal networks.

    Args:
        seed: source of the configuration (unless given), the weights and the batch norms.
        config: configuration to use instead of a random one, whose frames are small enough to simulate.
    """
    rng = np.random.default_rng((_RANDOM_STREAM, seed))
    sides = 8 * rng.integers(4, 9, 2)
    drawn = config or FaceDetectorConfig(
        input_width=int(sides[0]),
        input_height=int(sides[1]),
        widths=tuple(int(width) for width in rng.integers(3, 17, 3)),  # type: ignore[arg-type]
        quarter_layers=int(rng.integers(0, 3)),
        eighth_layers=int(rng.integers(0, 4)),
        edge_weight_bits=int(rng.integers(2, 9)),
        weight_bits=int(rng.integers(2, 9)),
        act_bits=int(rng.integers(2, 9)),
        per_channel=bool(rng.integers(0, 2)),
    )
    net = FaceDetector(drawn)
    net.randomise(torch.Generator().manual_seed(int(rng.integers(2**31))))
    return net
