"""Modifiers that are no fixed filter, as backends: trained networks in float, and any function on crops.

What a method *is* to the evaluation is a `Method`: a backend, the side of its crops, its seed, and which judges its
training saw. Whatever else is to be measured (an ONNX file, a program, a camera) becomes one the same way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from hw_anon.core.backend import ModifierBackend, require_crops
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.evaluate.baselines import is_baseline
from hw_anon.evaluate.power_ups import PoweredModifier, PowerUps
from hw_anon.nets.checkpoint import load_modifier
from hw_anon.nets.modifier import JohnsonModifier

__all__ = [
    "CallableModifier",
    "FloatModifier",
    "Method",
    "keyed_methods",
    "load_method",
    "load_methods",
    "pick_device",
]

_BATCH = 16


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Method:
    """A modifier with what results say about it."""

    backend: ModifierBackend
    """The modifier; its name is the method's."""
    crop_side: int
    """Side of its crops in pixels."""
    seen: tuple[str, ...] = ()
    """Judges that its training used."""
    seed: int | None = None
    """Seed of its training; `None` if nothing was trained."""


class CallableModifier:
    """Any function from crops to crops, under a name."""

    def __init__(
        self, name: str, function: Callable[[NDArray[np.uint8]], NDArray[np.uint8]], *, crop_side: int
    ) -> None:
        self.name = name
        """Name in reports."""
        self.crop_side = crop_side
        """Side of the crops in pixels."""
        self._function = function

    def modify(self, crops_u8: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Modifies `[N, S, S, 3]` uint8 crops; returns the same shape.

        Raises:
            ContractError: if shape or dtype of the crops or of the answer are wrong.
        """
        require_crops(crops_u8, (self.crop_side, self.crop_side, 3), backend=self.name)
        modified = self._function(crops_u8)
        require_crops(modified, (self.crop_side, self.crop_side, 3), backend=f"the answer of {self.name}")
        return modified


class FloatModifier:
    """A trained modifier in float; its answer is rounded to bytes, half up."""

    def __init__(self, net: JohnsonModifier, *, name: str, device: str = "auto") -> None:
        """Takes a network.

        Args:
            net: the network; it is moved and set to evaluation.
            name: name in reports.
            device: `auto`, `cpu`, `cuda`, …

        Raises:
            ConfigError: if there is no such device.
        """
        self.name = name
        """Name in reports."""
        self.crop_side = net.config.size
        """Side of the crops in pixels."""
        self.key_channels = net.config.key_channels
        """Channels of its key, behind the colours of a crop."""
        self._device = pick_device(device)
        self._net = net.to(self._device).eval()

    @torch.no_grad()
    def modify(self, crops_u8: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Modifies `[N, S, S, 3 + key]` uint8 crops; returns `[N, S, S, 3]`.

        Raises:
            ContractError: if shape or dtype are not the network's.
        """
        require_crops(crops_u8, (self.crop_side, self.crop_side, 3 + self.key_channels), backend=self.name)
        out = np.empty((*crops_u8.shape[:3], 3), np.uint8)
        for start in range(0, len(crops_u8), _BATCH):
            batch = torch.from_numpy(np.ascontiguousarray(crops_u8[start : start + _BATCH])).to(self._device)
            modified = self._net(batch.permute(0, 3, 1, 2).float() / 255.0)
            levels = torch.floor(modified * 255.0 + 0.5).clamp(0, 255).to(torch.uint8)
            out[start : start + _BATCH] = levels.permute(0, 2, 3, 1).cpu().numpy()
        return out


def keyed_methods(
    backend: ModifierBackend, channels: int, *, crop_side: int, seen: tuple[str, ...] = (), seed: int | None = None
) -> list[Method]:
    """Returns what is measured of a modifier: itself, and of a keyed one once for all that attackers may have seen.

    Args:
        backend: the modifier; a keyed one takes its key behind the colours.
        channels: its key channels.
        crop_side: side of its crops in pixels.
        seen: judges that its training used.
        seed: seed of its training.
    """
    if not channels:
        return [Method(backend=backend, crop_side=crop_side, seen=seen, seed=seed)]
    kinds: tuple[PowerUps, ...] = ("fresh", "replayed", "same")
    return [
        Method(
            backend=PoweredModifier(
                backend, channels, name=f"{backend.name}-{kind}-key", crop_side=crop_side, power_ups=kind
            ),
            crop_side=crop_side,
            seen=seen,
            seed=seed,
        )
        for kind in kinds
    ]


def load_methods(path: Path, *, name: str | None = None, device: str = "auto") -> list[Method]:
    """Loads a trained modifier: one method, or several of a keyed one; arguments and errors as of `load_method`."""
    method = load_method(path, name=name, device=device)
    channels = method.backend.key_channels if isinstance(method.backend, FloatModifier) else 0
    return keyed_methods(method.backend, channels, crop_side=method.crop_side, seen=method.seen, seed=method.seed)


def load_method(path: Path, *, name: str | None = None, device: str = "auto") -> Method:
    """Loads a trained modifier with what its checkpoint says about its training.

    Args:
        path: a `modifier.safetensors`, or the directory that holds one.
        name: name in reports; `ours-` and the recipe's name if not given (a recipe and a baseline are called `edge`).
        device: `auto`, `cpu`, `cuda`, …

    Raises:
        ConfigError: if there is no such device, or the name is a baseline's.
        ContractError: if the file is missing or damaged, or does not say which judges training saw.
    """
    file = path / "modifier.safetensors" if path.is_dir() else path
    net, metadata = load_modifier(file)
    seen, seed, recipe = (metadata.get(key) for key in ("judges_seen", "seed", "recipe_name"))
    if not isinstance(seen, list) or not all(isinstance(judge, str) for judge in seen):
        raise ContractError(f"{file}: does not say which judges its training saw; results would not be honest")
    if isinstance(seed, bool) or not isinstance(seed, int | None):
        raise ContractError(f"{file}: its seed {seed!r} is no whole number")
    title = name or f"ours-{recipe if isinstance(recipe, str) and recipe else file.resolve().parent.name}"
    if is_baseline(title):
        raise ConfigError(f"{file}: {title!r} is the name of a baseline; give the modifier another")
    backend = FloatModifier(net, name=title, device=device)
    return Method(backend=backend, crop_side=backend.crop_side, seen=tuple(seen), seed=seed)


def pick_device(name: str) -> torch.device:
    """Returns a device by name; `auto` is the first GPU if there is one.

    Raises:
        ConfigError: if there is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as exc:
        raise ConfigError(f"device {name!r} cannot be used here: {str(exc).splitlines()[0]}") from exc
    return device
