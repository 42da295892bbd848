"""Brings the networks of `quant` into the game: what `hw-anon train` does for the recipes of the chip."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hw_anon.core.errors import ConfigError

if TYPE_CHECKING:
    from torch import nn

    from hw_anon.train.config import ChipConfig, TrainRecipe
    from hw_anon.train.distributed import World
    from hw_anon.train.loop import TrainingData
    from hw_anon.train.outputs import SaveModifier

__all__ = ["chip_modifier", "teacher_file"]


def chip_modifier(
    recipe: TrainRecipe,
    data: TrainingData,
    described: dict[str, Any],
    out: Path,
    *,
    seed: int,
    device: str,
    world: World,
) -> tuple[nn.Module | None, SaveModifier | None]:
    """Returns M for a recipe of the chip, and what writes it at the end; neither for other recipes.

    Args:
        recipe: the recipe.
        data: on the CPU; a network without a start is distilled on its faces first.
        described: where the data came from.
        out: the run's directory; the distilled network is kept below it and found again.
        seed: seed of the run.
        device: where to distil.
        world: the processes of the run.

    Raises:
        ConfigError: if the network has to be distilled and there are several processes, what is below `out` was
            distilled another way, or the recipe's size of crops is not the network's.
    """
    if recipe.chip is None:
        return None, None
    from quant.game import DISTILLED_DIRECTORY, save_chip, start_chip
    from quant.zoo import is_directory_of_weights, net_record

    start = recipe.chip.start or out / DISTILLED_DIRECTORY
    if recipe.chip.start is None and is_directory_of_weights(str(start)):
        _require_same(recipe.chip, start, described, seed=seed)
    elif recipe.chip.start is None:
        if world.size > 1:
            raise ConfigError("several processes cannot distil: run hw-anon distil first, and set chip.start")
        _distil(recipe.chip, data, described, start, seed=seed, device=device)
    net = start_chip(recipe.chip, start)
    if net.config.input_size != recipe.modifier.size:
        raise ConfigError(f"{recipe.chip.network} takes crops of {net.config.input_size}, not {recipe.modifier.size}")
    return net, functools.partial(save_chip, start=net_record(str(start)))


def _require_same(chip: ChipConfig, directory: Path, described: dict[str, Any], *, seed: int) -> None:
    """Checks that the network in a run's directory was distilled as the recipe says, on whatever device.

    Raises:
        ConfigError: if it was not.
    """
    from hw_anon.core.hashing import sha256_file
    from quant.distil import noted_recipe
    from quant.game import distil_recipe
    from quant.zoo import net_record

    record = net_record(str(directory))
    device = record["recipe"].get("device", "")
    asked = {
        "recipe": noted_recipe(distil_recipe(chip, seed=seed, device=device)),
        "teacher": sha256_file(teacher_file(chip.teacher)),
        "data": described,
    }
    found = {name: record.get(name) for name in asked} | {"teacher": record.get("teacher", {}).get("sha256")}
    if other := [name for name in asked if json.loads(json.dumps(asked[name])) != found[name]]:
        raise ConfigError(
            f"{directory} was distilled with another {', '.join(other)}; delete it, or give another --out"
        )


def _distil(
    chip: ChipConfig, data: TrainingData, described: dict[str, Any], out: Path, *, seed: int, device: str
) -> None:
    from hw_anon.cli.distil import run_distillation
    from quant.game import distil_recipe

    if data.held_out is None:
        raise ConfigError("a network is distilled only with held-out people, to measure it on")
    run_distillation(
        distil_recipe(chip, seed=seed, device=device),
        teacher_file(chip.teacher),
        (data.faces, data.held_out.faces),
        out,
        checkpoint=out.parent / "distil.pt",
        data=described,
    )


def teacher_file(name: str) -> Path:
    """Returns the file of a float modifier: a path, or the name of shipped weights.

    Raises:
        ConfigError: if there is neither.
    """
    import hw_anon

    shipped = Path(hw_anon.__file__).parent / "weights"
    for directory in (Path(name), shipped / name):
        file = directory / "modifier.safetensors" if directory.is_dir() else directory
        if file.is_file():
            return file
    known = sorted(path.name for path in shipped.iterdir() if path.is_dir())
    raise ConfigError(f"teacher {name!r}: no such file, and not one of {', '.join(known)}")
