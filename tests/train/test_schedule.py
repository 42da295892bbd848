"""Phases and learning rates as the paper has them."""

from __future__ import annotations

import pytest
import torch

from hw_anon.core.errors import ConfigError
from hw_anon.train.schedule import Phase, Schedule, ScheduleConfig, make_adam, set_learning_rate


def test_the_published_schedule_drops_after_the_seventh_of_twelve_epochs() -> None:
    schedule = Schedule(ScheduleConfig(finetune_epochs=1), faces=100, batch=30)
    assert schedule.steps_per_epoch == 4
    assert schedule.total == 13 * 4
    assert [schedule.at(step).factor for step in (0, 27, 28, 47)] == [1.0, 1.0, 0.1, 0.1]
    assert schedule.at(47).phase is Phase.GAME
    assert schedule.at(48).phase is Phase.FINETUNE
    assert schedule.at(48).factor == 0.1


def test_phases_follow_one_another_and_empty_ones_are_skipped() -> None:
    config = ScheduleConfig(
        epochs=1, steps_per_epoch=2, modifier_warmup=2, detector_warmup=1, drop_after=1, finetune_epochs=1
    )
    schedule = Schedule(config, faces=9, batch=3)
    seen = [(schedule.at(step).phase, schedule.at(step).number) for step in range(schedule.total)]
    assert seen == [
        (Phase.MODIFIER_WARMUP, 0),
        (Phase.MODIFIER_WARMUP, 1),
        (Phase.DETECTOR_WARMUP, 0),
        (Phase.GAME, 0),
        (Phase.GAME, 1),
        (Phase.FINETUNE, 0),
        (Phase.FINETUNE, 1),
    ]
    with pytest.raises(ConfigError, match="0 to 6"):
        schedule.at(7)


def test_adam_has_the_papers_momenta_and_leaves_frozen_parameters_out() -> None:
    net = torch.nn.Linear(2, 2)
    net.bias.requires_grad_(False)
    adam = make_adam(net.parameters(), 3e-4)
    (group,) = adam.param_groups
    assert group["betas"] == (0.5, 0.999)
    assert group["lr"] == 3e-4
    assert len(group["params"]) == 1
    set_learning_rate(adam, 3e-5)
    assert adam.param_groups[0]["lr"] == 3e-5


def test_negative_lengths_are_refused() -> None:
    with pytest.raises(ConfigError, match="epochs = -1"):
        ScheduleConfig(epochs=-1)
