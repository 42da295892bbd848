"""A whole tiny run for tests: the smoke recipe on banks made in memory."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from torch import nn

from hw_anon.recipes import smoke
from hw_anon.train.config import GameConfig, Objective, TrainRecipe
from hw_anon.train.distributed import SINGLE, World
from hw_anon.train.loop import Training, TrainingData
from hw_anon.train.players import build_players
from hw_anon.train.schedule import ScheduleConfig
from hw_anon.train.validate import HeldOut
from tests.train.banks import face_bank, frame_bank

SHORT = ScheduleConfig(
    epochs=3,
    drop_after=2,
    steps_per_epoch=2,
    modifier_warmup=1,
    classifier_warmup=1,
    detector_warmup=1,
    finetune_epochs=1,
)
"""Eleven steps with every phase and a drop of the learning rate."""


def data() -> TrainingData:
    held_out = HeldOut(faces=face_bank(seed=7), frames=frame_bank(seed=8))
    return TrainingData(faces=face_bank(), frames=frame_bank(), held_out=held_out, name="tiny")


def recipe(
    *, game: dict[str, Any] | None = None, objective: dict[str, Any] | None = None, **fields: Any
) -> TrainRecipe:
    """Returns the smoke recipe with a short schedule and some fields changed."""
    base = smoke()
    changed: dict[str, Any] = {
        "schedule": SHORT,
        "game": GameConfig.from_dict({**base.game.to_dict(), **(game or {})}),
        "objective": Objective.from_dict({**base.objective.to_dict(), **(objective or {})}),
        **fields,
    }
    return dataclasses.replace(base, **changed)


def with_published(**changes: Any) -> TrainRecipe:
    """Returns the recipe with a second classifier that stays as it starts and knows the mean face."""
    (learning,) = smoke().classifiers
    published = dataclasses.replace(learning, learns=False, head_start="means")
    changes["objective"] = {"anchor": 1.0, **changes.get("objective", {})}
    return recipe(classifiers=(learning, published), **changes)


def training(
    directory: Path,
    chosen: TrainRecipe | None = None,
    *,
    seed: int = 0,
    modifier: nn.Module | None = None,
    world: World = SINGLE,
) -> Training:
    """Returns a run at its first step."""
    chosen, banks = chosen or recipe(), data()
    players = build_players(chosen, banks.faces, actions=3, seed=seed, modifier=modifier)
    return Training(chosen, players, banks, directory=directory, seed=seed, world=world)
