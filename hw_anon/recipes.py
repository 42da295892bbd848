"""The scales at which the paper's system is trained: a recipe is a function that returns a whole configuration.

`paper` is the published size and needs the public data sets and GPUs; `edge` is what the chip can hold and trains in
minutes on a GPU or hours on 2 cores; `smoke` takes seconds, for tests. `with_settings` changes single settings by name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hw_anon.core.config import suggest
from hw_anon.core.errors import ConfigError
from hw_anon.losses.angular import LambdaSchedule
from hw_anon.nets.action import edge_config, paper_config, smoke_config
from hw_anon.nets.modifier import EDGE, PAPER, SMOKE
from hw_anon.nets.sphereface import SphereFaceConfig
from hw_anon.train.batches import Jitter
from hw_anon.train.config import ChipConfig, ClassifierConfig, GameConfig, Objective, TrainRecipe, ValidationConfig
from hw_anon.train.schedule import ScheduleConfig

__all__ = ["RECIPES", "chip_m", "chip_s", "chip_s_keyed", "edge", "named_recipe", "paper", "smoke", "with_settings"]

_ACTIONS = 11
BOX_SHIFT, BOX_SCALE = 0.1, 0.25
"""How the regions of `detector-s` err: standard deviations of shifts, in parts of a region's sides, and of the sides'
logarithms (`region_errors` in the detector's metrics)."""


def paper() -> TrainRecipe:
    """Returns the paper's system: Johnson's 9 blocks at 256×256, SphereFace-20, Faster R-CNN with ResNet-101.

    Set `classifiers.0.weights` to public SphereFace weights (the paper's pre-trained start) and `detector_weights` to
    torchvision's ImageNet weights of ResNet-101, which its frozen norms need.
    """
    return TrainRecipe(
        name="paper",
        modifier=PAPER,
        classifiers=(ClassifierConfig(),),
        detector=paper_config(10),
        game=GameConfig(faces=32, frames=4),
        face_jitter=Jitter(scale=0.0, shift=0.0, grey=0.0, brightness=0.0, contrast=0.0, colour=0.0),
        frame_jitter=Jitter(scale=0.0, shift=0.0, grey=0.0, brightness=0.0, contrast=0.0, colour=0.0),
    )


def edge() -> TrainRecipe:
    """Returns what the chip can hold: crops of 64×64 and 145 MMAC, against SFace in two roles.

    One SFace learns, as the paper's D does, from a recogniser of real faces to one of modified faces; the other stays
    as it is published and pulls every face to the mean face. Both look at faces through a blur of random strength, so
    that fine patterns, to which recognisers never seen in training are blind, do not pay. Light, colour and framing
    vary widely, so that what is learned on rendered faces holds on photographs. About 0.25 s a step on an H100.
    """
    annealing = LambdaSchedule(base=100.0, gamma=0.05, minimum=5.0)
    return TrainRecipe(
        name="edge",
        modifier=EDGE,
        classifiers=(
            ClassifierConfig(kind="sface", head_start="means", annealing=annealing),
            ClassifierConfig(kind="sface", head_start="means", learns=False),
        ),
        detector=edge_config(_ACTIONS),
        objective=Objective(bound="softplus", adversarial=1.0, photorealistic=5.0, anchor=3.0),
        game=GameConfig(
            faces=64,
            frames=16,
            modifier_rate=1e-3,
            classifier_rate=1e-4,
            detector_update="joint",
            detector_every=2,
            precision="bfloat16",
        ),
        schedule=ScheduleConfig(
            steps_per_epoch=75,
            modifier_warmup=500,
            classifier_warmup=100,
            detector_warmup=400,
            finetune_epochs=1,
        ),
        face_jitter=Jitter(scale=0.25, grey=0.35, brightness=0.2, contrast=0.35, colour=0.2, soften=1.0),
    )


def smoke() -> TrainRecipe:
    """Returns a run of seconds for tests."""
    network = SphereFaceConfig(depth=4, height=32, width=32, multiplier=0.125, embedding=16)
    return TrainRecipe(
        name="smoke",
        modifier=SMOKE,
        classifiers=(ClassifierConfig(network=network, annealing=LambdaSchedule(base=10.0)),),
        detector=smoke_config(_ACTIONS),
        objective=Objective(bound="softplus", embedding=0.1),
        game=GameConfig(faces=8, frames=2),
        schedule=ScheduleConfig(
            steps_per_epoch=1,
            modifier_warmup=3,
            classifier_warmup=3,
            detector_warmup=2,
        ),
        validation=ValidationConfig(every=10, faces=16, frames=4, pairs=40),
        log_every=1,
        checkpoint_every=10,
    )


_CHIP_OBJECTIVE = Objective(
    bound="softplus",
    adversarial=1.0,
    photorealistic=5.0,
    anchor=3.0,
    occluded=5.0,
    frame_l1=3.0,
    frame_features=1.0,
)


def _chip(name: str, chip: ChipConfig, objective: Objective = _CHIP_OBJECTIVE) -> TrainRecipe:
    """Returns the edge game with M as a network of the chip, and what the camera does to faces.

    Regions err like those that the on-chip detector gives; things lie before faces and are to stay; A's features are to
    stay where faces of frames are. M is distilled first, so nothing is warmed up but D, which is as published, and A.
    Give A a trained start by `detector_checkpoint`.
    """
    base = edge()
    return replace(
        base,
        name=name,
        chip=chip,
        objective=objective,
        game=replace(base.game, modifier_rate=5e-4, modifier_precision="float32"),
        schedule=replace(base.schedule, modifier_warmup=0, frozen_norms_epochs=3),
        face_jitter=replace(
            base.face_jitter, scale=0.1, shift=0.05, box_shift=BOX_SHIFT, box_scale=BOX_SCALE, occlude=0.35
        ),
        frame_jitter=replace(base.frame_jitter, box_shift=BOX_SHIFT, box_scale=BOX_SCALE),
    )


def chip_s() -> TrainRecipe:
    """Returns the game on `modifier-s`, 48 MMAC at 4 bits: what an xc7z020 holds beside the camera."""
    return _chip("chip-s", ChipConfig())


def chip_m() -> TrainRecipe:
    """Returns the game on `modifier-m`, 107 MMAC at 4 bits, for an xck26."""
    return _chip("chip-m", ChipConfig(network="modifier-m"))


def chip_s_keyed() -> TrainRecipe:
    """Returns the game on `modifier-s` with four key channels: a new face for everybody at every power-up.

    The mean face pulls less here: it is the same under every key.
    """
    objective = replace(_CHIP_OBJECTIVE, anchor=1.0, key_apart=2.0, key_stable=1.0)
    return _chip("chip-s-keyed", ChipConfig(key_channels=4), objective)


RECIPES: dict[str, Callable[[], TrainRecipe]] = {
    "paper": paper,
    "edge": edge,
    "chip-s": chip_s,
    "chip-m": chip_m,
    "chip-s-keyed": chip_s_keyed,
    "smoke": smoke,
}
"""All recipes by name."""


def named_recipe(name: str) -> TrainRecipe:
    """Returns a recipe by its name, or from a `.toml` or `.json` file.

    Raises:
        ConfigError: if there is none of that name, or the file is not a valid recipe.
    """
    if name in RECIPES:
        return RECIPES[name]()
    if name.endswith((".toml", ".json")):
        return TrainRecipe.from_file(Path(name))
    raise ConfigError(f"recipe {name!r}: {suggest(name, RECIPES)}, or a .toml or .json file")


def with_settings(recipe: TrainRecipe, settings: Sequence[str]) -> TrainRecipe:
    """Returns a recipe with single settings changed.

    Args:
        recipe: the recipe.
        settings: `name=value` each, names with dots (`game.faces=32`, `classifiers.0.margin=3`); a value that is not
            JSON is text.

    Raises:
        ConfigError: if a setting is unknown or its value is not allowed.
    """
    raw = recipe.to_dict()
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise ConfigError(f"setting {setting!r}: expected name=value")
        _assign(raw, name.split("."), _value(text), setting)
    return TrainRecipe.from_dict(raw, where=recipe.name)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _assign(raw: Any, path: Sequence[str], value: Any, setting: str) -> None:
    for depth, key in enumerate(path):
        known = {str(i): i for i in range(len(raw))} if isinstance(raw, list) else {name: name for name in raw}
        if key not in known:
            raise ConfigError(f"setting {setting!r}: no {'.'.join(path[: depth + 1])!r}; {suggest(key, known)}")
        if depth == len(path) - 1:
            raw[known[key]] = value
            return
        raw = raw[known[key]]
        if not isinstance(raw, dict | list):
            raise ConfigError(f"setting {setting!r}: {'.'.join(path[: depth + 1])!r} has no settings of its own")
