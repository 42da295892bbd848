"""Training of an action detector on frames of one kind: clear, or modified by one method (the paper, section 5.2).

Each method gets a detector of its own, so that its mAP says what an analyst who knows the method can still see. The
frames come ready modified (`hw_anon.data.modified_frames`); every method is trained with the same batches, steps and
learning rates.

All randomness of a step follows from seed and step, so a training that was interrupted ends in the same weights (to the
bit on a CPU). A limit in minutes shortens the schedule as it runs: then weights depend on the machine's speed.
"""

from __future__ import annotations

import io
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hw_anon.core.atomic import write_bytes_atomically
from hw_anon.core.config import Config, require_range
from hw_anon.core.errors import ContractError
from hw_anon.core.hashing import sha256_bytes
from hw_anon.data.banks import FrameBank
from hw_anon.losses.detection import detection_loss
from hw_anon.nets.action import ActionDetector, DetectorConfig
from hw_anon.train.batches import step_seed
from hw_anon.train.detector_batches import Augmentation, FrameBatches
from hw_anon.train.schedule import make_adam, set_learning_rate
from hw_anon.train.windows import WindowRecipe, learn_windows

__all__ = ["DetectorRecipe", "DetectorRun", "learning_rate_factor", "train_detector"]

_USUAL = Augmentation()


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectorRecipe(Config):
    """Everything that a trained detector depends on besides its frames."""

    detector: DetectorConfig
    """The network."""
    augmentation: Augmentation = _USUAL
    """How frames are changed in training."""
    epochs: float = 10.0
    """How often every frame is seen."""
    batch: int = 16
    """Frames a step."""
    learning_rate: float = 1e-3
    """Peak learning rate (the paper's for Faster R-CNN); it rises over `warm_up` and falls along a cosine to zero."""
    warm_up: float = 0.05
    """Part of the training in which the learning rate rises."""
    max_norm: float = 10.0
    """Gradients of a larger norm are scaled down to it."""
    minutes: float | None = None
    """Longest time; the schedule is shortened to fit. The lesson on windows is not part of it."""
    windows: WindowRecipe | None = None
    """Lesson of the feature pyramid before the training, for a detector that starts from random weights."""
    frozen: float = 0.1
    """Part of the training after such a lesson in which the pyramid keeps what it learned, while the rest of the
    network, still random, learns to read it."""
    checkpoint_s: float = 60.0
    """Seconds between checkpoints."""
    seed: int = 0
    """Seed of weights, order, augmentation and of the samples that the losses see."""

    def __post_init__(self) -> None:
        require_range(self, "epochs", 0.001, 10_000)
        require_range(self, "batch", 1, 4096, unit="frames")
        require_range(self, "learning_rate", 1e-7, 1)
        require_range(self, "warm_up", 0, 0.9)
        require_range(self, "frozen", 0, 0.9)
        require_range(self, "max_norm", 1e-3, None)
        require_range(self, "checkpoint_s", 0, None, unit="seconds")
        require_range(self, "seed", 0, None)
        if self.minutes is not None:
            require_range(self, "minutes", 0.001, None, unit="minutes")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DetectorRun:
    """A finished training."""

    detector: ActionDetector
    """The detector, in evaluation mode, on the training device."""
    steps: int
    """Steps made."""
    epochs: float
    """How often every frame was seen."""
    seconds: float
    """Time spent, earlier parts of an interrupted training included."""
    losses: tuple[float, ...]
    """Loss of every step."""
    data: str
    """`FrameBank.content_hash` of the frames."""


def learning_rate_factor(progress: float, warm_up: float) -> float:
    """Returns the learning rate over its peak.

    Args:
        progress: part of the training that is done, 0 to 1.
        warm_up: part in which the rate rises.
    """
    if progress < warm_up:
        return max(progress, 0.02 * warm_up) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (progress - warm_up) / (1 - warm_up)))


def train_detector(
    recipe: DetectorRecipe,
    bank: FrameBank,
    *,
    device: torch.device | str = "cpu",
    start: Mapping[str, Tensor] | None = None,
    pretrained: Mapping[str, Tensor] | None = None,
    checkpoint: Path | None = None,
    on_step: Callable[[int, int, float], None] | None = None,
) -> DetectorRun:
    """Trains a detector.

    Args:
        recipe: the network and how it is trained.
        bank: the frames, modified already; labels are 1 + action.
        device: where to train.
        start: weights to begin with, of a detector for clear frames for instance.
        pretrained: ImageNet weights of the backbone, for frozen norms.
        checkpoint: file in which progress is kept; a training of the same recipe and frames goes on from it.
        on_step: called with the steps done, the steps planned and the loss; the lesson on windows counts for itself.

    Raises:
        ConfigError: if a frozen backbone lacks its weights, or there is no face for the lesson on windows.
        ContractError: if the checkpoint is damaged or of another training, or `start` fits another network.
    """
    device = torch.device(device)
    data = bank.content_hash()
    key = sha256_bytes(f"{recipe.content_hash()} {data} {_weights_hash(start or {})}".encode())
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(recipe.seed)
        detector = ActionDetector(recipe.detector, pretrained).to(device)
        if start is not None:
            _begin_with(detector, start)
        taught = recipe.windows is not None and start is None
        training = _Training(recipe, detector, bank, device=device, key=key, taught=taught)
        if checkpoint is not None and checkpoint.exists():
            training.load(checkpoint)
        elif taught:
            assert recipe.windows is not None
            learn_windows(detector, recipe.windows, bank, seed=recipe.seed, rate=learning_rate_factor, on_step=on_step)
            if checkpoint is not None:
                training.save(checkpoint)
        training.run(checkpoint, on_step)
    return DetectorRun(
        detector=detector.eval(),
        steps=training.step,
        epochs=training.step / training.batches.steps_per_epoch,
        seconds=training.seconds,
        losses=tuple(training.losses),
        data=data,
    )


class _Training:
    """State of a training: network, optimiser, step, time."""

    def __init__(
        self,
        recipe: DetectorRecipe,
        detector: ActionDetector,
        bank: FrameBank,
        *,
        device: torch.device,
        key: str,
        taught: bool,
    ) -> None:
        self.recipe, self.detector, self.key, self.device = recipe, detector.train(), key, device
        self.batches = FrameBatches(
            bank, recipe.detector, recipe.augmentation, batch=recipe.batch, seed=recipe.seed, device=device
        )
        self.steps = max(1, round(recipe.epochs * self.batches.steps_per_epoch))
        self.parameters = [p for p in detector.parameters() if p.requires_grad]
        self.taught = [p for p in detector.rcnn.backbone.parameters() if p.requires_grad and taught]
        self.optimiser = make_adam(self.parameters, recipe.learning_rate)
        self.step, self.seconds = 0, 0.0
        self.losses: list[float] = []

    def progress(self) -> float:
        """Returns the part that is done, by steps or by time."""
        limit = self.recipe.minutes
        return max(self.step / self.steps, self.seconds / (60 * limit) if limit else 0.0)

    def run(self, checkpoint: Path | None, on_step: Callable[[int, int, float], None] | None) -> None:
        """Makes the remaining steps."""
        before, saved = self.seconds, time.monotonic()
        started = saved
        while (progress := self.progress()) < 1:
            loss = self.one_step(progress)
            self.step += 1
            self.seconds = before + time.monotonic() - started
            if on_step:
                on_step(self.step, self.steps, loss)
            if checkpoint is not None and time.monotonic() - saved >= self.recipe.checkpoint_s:
                self.save(checkpoint)
                saved = time.monotonic()
        if checkpoint is not None:
            self.save(checkpoint)

    def one_step(self, progress: float) -> float:
        """Updates the weights once; returns the loss."""
        factor = learning_rate_factor(progress, self.recipe.warm_up)
        set_learning_rate(self.optimiser, self.recipe.learning_rate * factor)
        for parameter in self.taught:
            parameter.requires_grad_(progress >= self.recipe.frozen)
        frames, targets = self.batches.batch(self.step)
        torch.manual_seed(step_seed(self.recipe.seed, self.step, "samples"))
        loss = detection_loss(self.detector(frames, targets))
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, self.recipe.max_norm)
        self.optimiser.step()
        value = float(loss.detach())
        self.losses.append(value)
        return value

    def save(self, path: Path) -> None:
        """Writes the checkpoint, whole or not at all."""
        stream = io.BytesIO()
        torch.save(
            {
                "key": self.key,
                "step": self.step,
                "seconds": self.seconds,
                "losses": torch.tensor(self.losses, dtype=torch.float64),
                "detector": self.detector.state_dict(),
                "optimiser": self.optimiser.state_dict(),
            },
            stream,
        )
        write_bytes_atomically(path, stream.getvalue())

    def load(self, path: Path) -> None:
        """Goes on from a checkpoint.

        Raises:
            ContractError: if it is damaged or belongs to another training.
        """
        try:
            state: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
            key = state["key"]
        except Exception as exc:  # torch raises whatever a damaged archive leads to
            raise ContractError(f"{path}: not a checkpoint of this training ({exc}); delete it to start anew") from exc
        if key != self.key:
            raise ContractError(f"{path}: belongs to another recipe or other frames; delete it to start anew")
        self.detector.load_state_dict(state["detector"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds = int(state["step"]), float(state["seconds"])
        self.losses = state["losses"].tolist()


def _weights_hash(weights: Mapping[str, Tensor]) -> str:
    return sha256_bytes(b"".join(tensor.cpu().numpy().tobytes() for tensor in weights.values()))


def _begin_with(detector: ActionDetector, start: Mapping[str, Tensor]) -> None:
    try:
        detector.load_state_dict(dict(start))
    except RuntimeError as exc:
        raise ContractError(f"the weights to begin with are of another detector: {exc}") from exc
