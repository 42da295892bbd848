"""Methods by name for commands that measure: baselines, what was built, trained modifiers; and attackers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hw_anon.cli.build import note_stage
from hw_anon.core.config import suggest
from hw_anon.core.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hls.flow.config import BuildConfig
    from hw_anon.cli.workspace import Workspace
    from hw_anon.core.backend import ModifierBackend
    from hw_anon.evaluate.faces import IdentityFaces
    from hw_anon.evaluate.float_backend import Method
    from hw_anon.evaluate.protocol import Attack

__all__ = [
    "ATTACKS",
    "CAMERAS",
    "NO_ATTACK",
    "MethodMaker",
    "backend_names",
    "foreign_methods",
    "make_attacks",
    "network_method",
    "trained_methods",
]

NO_ATTACK = "none"
"""Leaves the attackers out that train a network."""
ATTACKS = ("inversion", "parrot-cnn", "inversion-sface", "parrot-sface", NO_ATTACK)
"""Attackers that train a network; the first two are the default, the next two want a GPU."""

_DEFAULT_ATTACKS = ATTACKS[:2]
_BUILT = ("qat", "twin", "rtl")
CAMERAS = ("sim", "board", "golden")
"""Whole cameras: on the simulated board, on a board, and their golden model."""
_NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._+-]*)=(.+)")


def backend_names(asked: Sequence[str], *, baselines: bool, others: bool, cameras: bool = False) -> list[str]:
    """Returns the backends to measure, each once.

    Args:
        asked: names that were given.
        baselines: whether all baselines are wanted.
        others: whether there is anything else to measure, so that nothing need be taken by default.
        cameras: whether whole cameras can be asked for.

    Raises:
        ConfigError: if one does not exist.
    """
    from hw_anon.evaluate.baselines import BASELINE_NAMES, is_baseline

    known = (*BASELINE_NAMES, *_BUILT, *(CAMERAS if cameras else ()))
    for name in asked:
        if name in CAMERAS and not cameras:
            raise ConfigError(f"--backend {name} is a whole camera, which hw-anon evaluate measures: take rtl or twin")
        if not is_baseline(name) and name not in known:
            raise ConfigError(f"there is no backend {name!r}; {suggest(name, known)}")
    everything = baselines or not (asked or others)
    return list(dict.fromkeys([*(BASELINE_NAMES if everything else ()), *asked]))


@dataclass(frozen=True, kw_only=True, slots=True)
class MethodMaker:
    """Makes methods by name, a build only when one is asked for."""

    net: str
    """Network of `qat`, `twin` and `rtl`."""
    config: BuildConfig
    """Their design."""
    workspace: Workspace
    """Where builds are."""
    crop_side: int
    """Side of the baselines' crops."""
    seed: int
    """Seed of the baselines' noise."""
    seen: tuple[str, ...]
    """Judges that the network's training used."""

    def make(self, name: str) -> list[Method]:
        """Returns a method that `backend_names` let through; of a keyed network several, see `keyed_methods`."""
        from hw_anon.evaluate.baselines import make_baseline
        from hw_anon.evaluate.float_backend import Method

        if name not in _BUILT:
            return [Method(backend=make_baseline(name, seed=self.seed), crop_side=self.crop_side)]
        backend, shape = self._built(name)
        return _of_network(self.net, _Named(f"{name}-{Path(self.net).name}", backend), shape, seen=self.seen)

    def _built(self, name: str) -> tuple[ModifierBackend, tuple[int, int, int]]:
        """Returns a stage of the network's chain, and rows, columns and channels of its input."""
        if name == "qat":
            return _quantised(self.net)
        finished = self.workspace.built(self.net, self.config, on_stage=note_stage)
        _, height, width, channels = finished.contract.input.shape
        return finished.twin() if name == "twin" else finished.rtl_backend(), (height, width, channels)


def _quantised(net: str) -> tuple[ModifierBackend, tuple[int, int, int]]:
    """Returns a network's integers as they were trained, and rows, columns and channels of its input."""
    from quant.backend import QatBackend
    from quant.export import integer_net
    from quant.zoo import load_net

    trained = load_net(net)
    side = trained.config.input_size
    return QatBackend(integer_net(trained)), (side, side, trained.config.input_channels)


def _of_network(
    net: str, backend: ModifierBackend, shape: tuple[int, int, int], *, seen: tuple[str, ...] = ()
) -> list[Method]:
    """Returns the methods of a stage of a network, with seed and judges seen from its record if not given."""
    from hw_anon.evaluate.float_backend import keyed_methods
    from quant.zoo import net_record

    record = net_record(net)
    known = seen or tuple(record.get("judges_seen", ()))
    return keyed_methods(backend, shape[2] - 3, crop_side=shape[0], seen=known, seed=record.get("seed"))


def network_method(net: str, *, name: str | None = None) -> Method:
    """Returns a network of the chip; of a keyed one, the camera whose key changes with each power-up.

    Args:
        net: name of a shipped network, or a directory with weights.
        name: in results; `qat-` and the network's or the directory's own if not given.

    Raises:
        ConfigError: if there is no such network.
        ContractError: if its files are missing or damaged.
    """
    backend, shape = _quantised(net)
    return _of_network(net, _Named(name or f"qat-{Path(net).name}", backend), shape)[0]


@dataclass(frozen=True, slots=True)
class _Named:
    """A backend under another name."""

    name: str
    inner: ModifierBackend

    def modify(self, crops_u8: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return self.inner.modify(crops_u8)


def trained_methods(given: Sequence[str], *, device: str) -> list[Method]:
    """Loads trained modifiers.

    Args:
        given: `PATH` or `NAME=PATH` each; the name is the recipe's if not given.
        device: where they run.

    Raises:
        ConfigError: if two have one name and seed, or there is no such device.
        ContractError: if a file is missing or damaged.
    """
    from hw_anon.evaluate.float_backend import load_methods

    methods: list[Method] = []
    for text in given:
        named = _NAMED.fullmatch(text)
        name, path = (named[1], named[2]) if named else (None, text)
        for method in load_methods(Path(path), name=name, device=device):
            if any((m.backend.name, m.seed) == (method.backend.name, method.seed) for m in methods):
                raise ConfigError(
                    f"--modifier {text}: {method.backend.name} of that seed is already there; name it NAME=PATH"
                )
            methods.append(method)
    return methods


def foreign_methods(
    given: Sequence[str], *, crop_side: int, seen: Sequence[str] = (), values: str | None = None
) -> list[Method]:
    """Opens anonymisers of others.

    Args:
        given: `[NAME=]TARGET` each, see `hw_anon.evaluate.foreign_open`.
        crop_side: side of the crops of what leaves it open.
        seen: judges that their training used.
        values: of networks in float, what black and white are.

    Raises:
        ConfigError: if one does not exist, two have one name, or there is no network that `values` is for.
        ContractError: if a network is damaged.
        ToolError: if a package is missing.
    """
    from hw_anon.evaluate.foreign_open import open_foreign

    if values is not None and not any(text.endswith(".onnx") for text in given):
        raise ConfigError("--onnx-values is for networks: give --anonymiser FILE.onnx")
    methods: list[Method] = []
    for text in given:
        method = open_foreign(text, crop_side=crop_side, seen=seen, values=values, reserved=(*_BUILT, *CAMERAS))
        if any(method.backend.name == other.backend.name for other in methods):
            raise ConfigError(f"--anonymiser {text}: {method.backend.name} is already there; name it NAME=TARGET")
        methods.append(method)
    return methods


def make_attacks(given: Sequence[str], *, device: str, steps: int | None, others: IdentityFaces | None) -> list[Attack]:
    """Makes the attackers that train a network.

    Args:
        given: names out of `ATTACKS`; the default ones if empty.
        device: where they train.
        steps: optimiser steps, each attacker's own default if not given.
        others: people whom the inversion attacker trains on; halves of the judged people if not given.

    Raises:
        ConfigError: if there is no such attacker or device.
    """
    from hw_anon.evaluate.inversion import Inversion, InversionConfig
    from hw_anon.evaluate.recogniser_parrot import ParrotConfig, RecogniserParrot

    names = list(dict.fromkeys(given or _DEFAULT_ATTACKS))
    for name in names:
        if name not in ATTACKS:
            raise ConfigError(f"there is no attacker {name!r}; {suggest(name, ATTACKS)}")
    if NO_ATTACK in names:
        if len(names) > 1:
            raise ConfigError(f"--attack {NO_ATTACK} leaves all out: it does not go with others")
        return []
    if {"inversion", "inversion-sface"} <= set(names):
        raise ConfigError("inversion and inversion-sface give the same rows: measure one at a time")
    attacks: list[Attack] = []
    for name in names:
        if name.startswith("inversion"):
            inversion = InversionConfig(embedding_weight=1.0 if name == "inversion-sface" else 0.0)
            inversion = replace(inversion, steps=steps or inversion.steps)
            attacks.append(Inversion(inversion, others=others, device=device))
        else:
            parrot = ParrotConfig(network="sface" if name == "parrot-sface" else "sphereface")
            attacks.append(RecogniserParrot(replace(parrot, steps=steps or parrot.steps), device=device))
    return attacks
