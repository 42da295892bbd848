"""Networks of the chip in the game of `hw_anon.train`: how they start, and what is kept of them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from hw_anon.core.errors import HwAnonError
from hw_anon.train.config import ChipConfig
from quant.distil import starting_state
from quant.distil_recipe import DistilRecipe
from quant.export import integer_net, weights_sha256
from quant.modifier import Modifier
from quant.training import write_weights
from quant.zoo import NETS, WEIGHTS_FILE, autoencoder_of, weights_directory

__all__ = ["CHIP_DIRECTORY", "DISTILLED_DIRECTORY", "distil_recipe", "save_chip", "start_chip"]

CHIP_DIRECTORY = "chip"
"""Where a run keeps its network, below its directory."""
DISTILLED_DIRECTORY = "distilled"
"""Where it keeps what the network started from."""
PURPOSE = "modifier for the chip, trained by the game of modifier, classifiers and action detector"


def distil_recipe(chip: ChipConfig, *, seed: int, device: str) -> DistilRecipe:
    """Returns how the network of a recipe is distilled before the game.

    Args:
        chip: the network and its start.
        seed: seed of the run.
        device: torch device.
    """
    shipped = weights_directory(autoencoder_of(chip.network)) if chip.network in NETS else None
    known = shipped is not None and (shipped / WEIGHTS_FILE).is_file()
    return DistilRecipe(
        net=chip.network,
        start=shipped if chip.autoencoder and known else None,
        key_channels=chip.key_channels,
        own_bits=chip.bits,
        steps=chip.distil_steps,
        bits=chip.distil_bits,
        seed=seed,
        device=device,
    )


def start_chip(chip: ChipConfig, start: Path) -> Modifier:
    """Returns the network of a recipe with the weights that it starts from.

    Args:
        chip: the network.
        start: directory of weights; they may be of other bits, or without the key.

    Raises:
        ConfigError: if there is no such network.
        ContractError: if the weights are missing or of another one.
    """
    config = distil_recipe(chip, seed=0, device="cpu").student
    net = Modifier(config)
    net.load_state_dict(starting_state(start, config))
    return net


def save_chip(directory: Path, net: nn.Module, provenance: Mapping[str, Any], *, start: Mapping[str, Any]) -> None:
    """Writes a network that was played with into `chip` below a run's directory, as every command takes it.

    A network that breaks a rule of the compiler is written all the same, with the rule that it breaks.

    Args:
        directory: the run's.
        net: M, a `Modifier` in any mode, on any device; not changed.
        provenance: recipe, seed, judges and data of the run.
        start: record of the weights that it started from; the judges that they saw count as seen.

    Raises:
        OSError: if a file cannot be written.
    """
    kept = copy.deepcopy(net).cpu().eval()
    assert isinstance(kept, Modifier), "made by start_chip"
    metrics: dict[str, Any] = {
        "purpose": PURPOSE,
        "macs_per_inference": kept.macs(),
        "weights_sha256": weights_sha256(kept),
    }
    try:
        metrics["largest_gain_change"] = round(integer_net(kept).largest_gain_change, 5)
        metrics["exportable"] = True
    except HwAnonError as exc:
        metrics |= {"exportable": False, "broken_rules": str(exc)}
    record = {
        "purpose": PURPOSE,
        **provenance,
        "judges_seen": sorted({*provenance.get("judges_seen", ()), *start.get("judges_seen", ())}),
        "start": dict(start),
        "config": kept.config.as_json(),
        "torch": torch.__version__,
    }
    write_weights(kept, directory / CHIP_DIRECTORY, record=record, metrics=metrics)
