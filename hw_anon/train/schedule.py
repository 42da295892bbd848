"""When what is trained, and how fast: warm-ups, the game's epochs, fine-tuning of A, and Adam as published.

The paper: Adam with momenta 0.5 and 0.999, 12 epochs, the learning rate divided by 10 after the seventh; once modifier
and classifier have converged (here: at the schedule's end), both are frozen and only A goes on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

import torch
from torch import nn

from hw_anon.core.config import Config, require_range
from hw_anon.core.errors import ConfigError

__all__ = ["BETAS", "Moment", "Phase", "Schedule", "ScheduleConfig", "epoch_factor", "make_adam", "set_learning_rate"]

BETAS = (0.5, 0.999)
"""Adam's momenta (paper, section 4)."""


class Phase(Enum):
    """What a step trains."""

    MODIFIER_WARMUP = "modifier_warmup"
    """M learns to reproduce faces (equation 3 alone), so that the first pictures are faces."""
    CLASSIFIER_WARMUP = "classifier_warmup"
    """The classifiers learn the training identities on original faces."""
    DETECTOR_WARMUP = "detector_warmup"
    """A learns the actions on unmodified frames."""
    GAME = "game"
    """Algorithm 1."""
    FINETUNE = "finetune"
    """M and D are frozen; A learns on M's final frames."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduleConfig(Config):
    """Lengths of the phases, which follow one another in the order of `Phase`; defaults are the paper's."""

    epochs: int = 12
    """Epochs of the game."""
    drop_after: int = 7
    """Epochs of the game after which the learning rates drop."""
    drop_factor: float = 0.1
    """What the learning rates are multiplied by then, and in fine-tuning."""
    steps_per_epoch: int | None = None
    """Steps in an epoch; `None`: as many as it takes to see every face once."""
    modifier_warmup: int = 0
    """Steps in which M alone learns to reproduce faces."""
    classifier_warmup: int = 0
    """Steps in which the classifiers learn on original faces."""
    detector_warmup: int = 0
    """Steps in which A learns on unmodified frames."""
    finetune_epochs: int = 2
    """Epochs in which A is fine-tuned; the paper gives no number."""
    frozen_norms_epochs: int = 0
    """Last epochs of the game in which M's batch norms keep their statistics, as the chip has them."""

    def __post_init__(self) -> None:
        require_range(self, "epochs", 0, 10_000)
        require_range(self, "drop_after", 0, None)
        require_range(self, "drop_factor", 0.0, 1.0)
        if self.steps_per_epoch is not None:
            require_range(self, "steps_per_epoch", 1, None)
        for field in (
            "modifier_warmup",
            "classifier_warmup",
            "detector_warmup",
            "finetune_epochs",
            "frozen_norms_epochs",
        ):
            require_range(self, field, 0, None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """Where in the schedule a step is."""

    phase: Phase
    """What is trained."""
    number: int
    """The step's number within its phase, from 0."""
    factor: float
    """Factor on all learning rates."""
    frozen_norms: bool = False
    """Whether M's batch norms keep their statistics."""


class Schedule:
    """The whole run as a pure function of the step's number."""

    def __init__(self, config: ScheduleConfig, *, faces: int, batch: int) -> None:
        """Lays the phases out.

        Args:
            config: their lengths.
            faces: pictures in the training set.
            batch: faces a step, over all processes.
        """
        self.config = config
        self.steps_per_epoch = config.steps_per_epoch or max(1, -(-faces // batch))
        """Steps in an epoch."""
        self.lengths = {
            Phase.MODIFIER_WARMUP: config.modifier_warmup,
            Phase.CLASSIFIER_WARMUP: config.classifier_warmup,
            Phase.DETECTOR_WARMUP: config.detector_warmup,
            Phase.GAME: config.epochs * self.steps_per_epoch,
            Phase.FINETUNE: config.finetune_epochs * self.steps_per_epoch,
        }
        """Steps of each phase."""
        self.total = sum(self.lengths.values())
        """Steps of the whole run."""

    def at(self, step: int) -> Moment:
        """Returns where in the schedule a step is.

        Raises:
            ConfigError: if the step is not one of the run.
        """
        if not 0 <= step < self.total:
            raise ConfigError(f"step = {step}: the run has steps 0 to {self.total - 1}")
        phase, number = Phase.MODIFIER_WARMUP, step
        for phase, length in self.lengths.items():  # noqa: B007 (used after the loop)
            if number < length:
                break
            number -= length
        factor, frozen_norms = 1.0, False
        if phase is Phase.GAME:
            config = self.config
            frozen_norms = number >= (config.epochs - config.frozen_norms_epochs) * self.steps_per_epoch
            factor = epoch_factor(number, self.steps_per_epoch, config.drop_after, config.drop_factor)
        elif phase is Phase.FINETUNE:
            factor = self.config.drop_factor
        return Moment(phase=phase, number=number, factor=factor, frozen_norms=frozen_norms)


def epoch_factor(step: int, steps_per_epoch: int, drop_after: int = 7, drop_factor: float = 0.1) -> float:
    """Returns the factor on the learning rate: 1, and `drop_factor` once `drop_after` epochs have passed.

    Args:
        step: number of the step, from 0.
        steps_per_epoch: steps in an epoch.
        drop_after: epochs before the drop.
        drop_factor: the factor after it.
    """
    return drop_factor if step >= drop_after * steps_per_epoch else 1.0


def make_adam(parameters: Iterable[nn.Parameter], learning_rate: float) -> torch.optim.Adam:
    """Returns Adam with the paper's momenta over those parameters that are trained."""
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    return torch.optim.Adam(trained, lr=learning_rate, betas=BETAS)


def set_learning_rate(optimiser: torch.optim.Optimizer, learning_rate: float) -> None:
    """Sets the learning rate of the next steps."""
    for group in optimiser.param_groups:
        group["lr"] = learning_rate
