"""Algorithm 1: the loop over steps, with checkpoints, a log, validations and a clean stop.

A step of the game: every classifier D is updated on original and modified faces, then the modifier M by the full
objective, then the action detector A on frames of the updated M. Before it come warm-ups, after it the fine-tuning of
A with M and D frozen; `hw_anon.train.schedule` says when. What a step does is a function of seed and step alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hw_anon.core.hashing import sha256_bytes
from hw_anon.data.banks import FaceBank, FrameBank
from hw_anon.losses.adversarial import random_labels
from hw_anon.train.batches import (
    FaceBatch,
    FrameBatch,
    Shuffled,
    cut_faces,
    draw,
    pick_frames,
    pictures_of,
    resident,
    step_generator,
    step_seed,
)
from hw_anon.train.checkpoint import load_state, save_state
from hw_anon.train.config import TrainRecipe
from hw_anon.train.distributed import SINGLE, World
from hw_anon.train.keys import draw_keys
from hw_anon.train.log import Log, flat, picture_grid
from hw_anon.train.occlude import occlude
from hw_anon.train.players import Players
from hw_anon.train.schedule import Phase, Schedule, set_learning_rate
from hw_anon.train.steps import (
    Losses,
    Table,
    learning_rate,
    update_classifier,
    update_detector,
    update_modifier,
    warm_up_modifier,
)
from hw_anon.train.validate import HeldOut, held_out_faces, validate

__all__ = ["STATE_FILE", "OnStep", "Progress", "Training", "TrainingData"]

STATE_FILE = "state.safetensors"
"""Name of the checkpoint in a run's directory."""
_SHOWN = 16


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TrainingData:
    """What a run learns from, and what it is measured on."""

    faces: FaceBank
    """F: pictures of the training people."""
    frames: FrameBank
    """V: frames of the training clips."""
    held_out: HeldOut | None
    """Other people and clips; without them nothing is measured."""
    name: str
    """Hash or name of the data, for checkpoints and results."""

    def to(self, device: torch.device | str) -> TrainingData:
        """Returns the data on a device; boxes and labels of frames stay on the CPU."""
        held_out = self.held_out
        if held_out is not None:
            held_out = HeldOut(faces=held_out.faces.to(device), frames=resident(held_out.frames, device))
        return replace(self, faces=self.faces.to(device), frames=resident(self.frames, device), held_out=held_out)


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """Where a run is."""

    step: int
    """Steps done."""
    total: int
    """Steps of the whole run."""
    steps_per_s: float
    """Speed since it was started or resumed."""
    phase: str
    """What was trained last."""


OnStep = Callable[[Progress], None]
"""Called after every step."""


def keep_statistics(modifier: nn.Module) -> None:
    """Lets a modifier's batch norms keep their statistics, as the chip has them."""
    for module in modifier.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


class Training:
    """One run: players, data, place in the schedule."""

    def __init__(
        self,
        recipe: TrainRecipe,
        players: Players,
        data: TrainingData,
        *,
        directory: Path,
        seed: int,
        device: torch.device | str = "cpu",
        world: World = SINGLE,
    ) -> None:
        """Sets a run up at its first step.

        Args:
            recipe: how to train.
            players: M, D and A, on the device; M may be any module.
            data: on the device, see `TrainingData.to`.
            directory: where log, pictures and checkpoint go.
            seed: seed of order, jitter and samples.
            device: where the players are.
            world: the processes of the run.

        Raises:
            ConfigError: if the batches cannot be shared equally by the processes.
        """
        self.recipe, self.data, self.directory, self.seed = recipe, data, directory, seed
        self.table = Table.set_up(recipe, players, torch.device(device), world)
        """The game."""
        game = recipe.game
        self.schedule = Schedule(recipe.schedule, faces=len(data.faces), batch=game.faces)
        """Its phases."""
        self.step = 0
        """Steps done."""
        self.key = sha256_bytes(f"{recipe.content_hash()} {seed} {data.name}".encode())
        """What the run is, for its checkpoint."""
        self._face_share = world.share(game.faces, "faces")
        self._frame_share = world.share(game.frames, "frames")
        self._face_order = Shuffled(len(data.faces), game.faces, step_seed(seed, 0, "faces"))
        self._frame_order = Shuffled(len(data.frames), game.frames, step_seed(seed, 0, "frames"))

    def resume(self) -> bool:
        """Goes on from the checkpoint in the directory; returns whether there is one.

        Raises:
            ConfigError: if it belongs to another run.
            ContractError: if it is damaged.
        """
        path = self.directory / STATE_FILE
        if not path.exists():
            return False
        self.step, _ = load_state(path, self.table, key=self.key)
        return True

    def save(self) -> None:
        """Writes the checkpoint."""
        if self.table.world.leads:
            save_state(self.directory / STATE_FILE, self.table, step=self.step, key=self.key, notes={})

    def run(self, *, minutes: float | None = None, on_step: OnStep | None = None, tensorboard: bool = True) -> bool:
        """Makes the remaining steps.

        Args:
            minutes: stop cleanly after the step in which this time has passed; `None`: go on to the end.
            on_step: called after every step.
            tensorboard: whether to write events.

        Returns:
            Whether the schedule's end was reached. In both cases a checkpoint is written.
        """
        world, recipe = self.table.world, self.recipe
        log = Log(self.directory, first_step=self.step, writes=world.leads, tensorboard=tensorboard)
        begun, first = time.monotonic(), self.step
        try:
            while self.step < self.schedule.total:
                moment = self.schedule.at(self.step)
                losses = self.one_step()
                elapsed = time.monotonic() - begun
                speed = (self.step - first) / max(elapsed, 1e-9)
                if self.step % recipe.log_every == 0:
                    values = world.mean_values(losses)
                    log.scalars("train", self.step, {"phase": moment.phase.value, **values, "steps_per_s": speed})
                if self._due(recipe.validation.every):
                    self._measure(log)
                if self._due(recipe.checkpoint_every):
                    self.save()
                if on_step:
                    phase = moment.phase.value
                    on_step(Progress(step=self.step, total=self.schedule.total, steps_per_s=speed, phase=phase))
                if minutes is not None and world.agreed(elapsed > 60 * minutes, self.table.device):
                    break
            self.save()
            self._measure(log)
        finally:
            log.close()
        return self.step == self.schedule.total

    def measure(self) -> dict[str, Any]:
        """Returns the validation of the players as they are; empty without held-out data."""
        return {} if self.data.held_out is None else validate(self.table, self.data.held_out, self.seed)

    def one_step(self) -> Losses:
        """Makes one step; returns its losses."""
        step, table = self.step, self.table
        moment = self.schedule.at(step)
        for name, optimiser in table.optimisers.items():
            set_learning_rate(optimiser, learning_rate(self.recipe, name) * moment.factor)
        torch.manual_seed(step_seed(self.seed, step, "global"))
        table.players.modifier.train(moment.phase in (Phase.MODIFIER_WARMUP, Phase.GAME))
        if moment.frozen_norms:
            keep_statistics(table.players.modifier)
        table.players.detector.train()
        for classifier in table.players.classifiers:
            classifier.train()
        self.step += 1
        if moment.phase is Phase.MODIFIER_WARMUP:
            return warm_up_modifier(table, self._faces(step))
        if moment.phase is Phase.CLASSIFIER_WARMUP:
            return self._teach_classifiers(self._faces(step), None)
        if moment.phase is Phase.GAME:
            return self._play(step, moment.number)
        return update_detector(table, self._frames(step), modify=moment.phase is Phase.FINETUNE)

    def _play(self, step: int, number: int) -> Losses:
        """One iteration of Algorithm 1."""
        table, game = self.table, self.recipe.game
        if game.restart_every and number and number % game.restart_every == 0:
            learning = table.players.learning()
            self._restart(step, learning[(number // game.restart_every - 1) % len(learning)])
        for extra in range(1, game.classifier_steps):
            self._teach_on_modified(table.players.learning(), self._faces(step, extra))
        faces = self._faces(step)
        modified = table.modify(faces.images, faces.keys)
        losses = self._teach_classifiers(faces, modified)
        frames = self._frames(step) if number % game.detector_every == 0 else None
        losses |= update_modifier(table, faces, modified, frames, self._mates(step, faces))
        if frames is not None and game.detector_update == "after":
            losses |= update_detector(table, frames, modify=True)
        return losses

    def _restart(self, step: int, index: int) -> None:
        """Lets one classifier start afresh and catch up while M waits."""
        self.table.players.restart(index)
        self.table.renew_optimiser(f"classifier{index}")
        for extra in range(self.recipe.game.restart_steps):
            self._teach_on_modified([index], self._faces(step, 1_000 + extra))

    def _teach_on_modified(self, indices: Any, faces: FaceBatch) -> None:
        with torch.no_grad():
            modified = self.table.modify(faces.images, faces.keys)
        for index in indices:
            update_classifier(self.table, index, faces, modified)

    def _teach_classifiers(self, faces: FaceBatch, modified: Tensor | None) -> Losses:
        losses: Losses = {}
        for index in self.table.players.learning():
            losses |= update_classifier(self.table, index, faces, modified)
        return losses

    def _faces(self, step: int, extra: int = 0) -> FaceBatch:
        """Returns this process's faces of a step; `extra` batches are drawn at random, the first follows the epoch."""
        count, faces, jitter = self.recipe.game.faces, self.data.faces, self.recipe.face_jitter
        generator = step_generator(self.seed, step, f"faces {extra}")
        uniform = draw(count, generator, jitter)
        indices = torch.randint(len(faces), (count,), generator=generator) if extra else self._face_order(step)
        share = self._face_share
        batch = cut_faces(faces, indices[share], self.table.players.size, jitter, uniform[share])
        if jitter.occlude > 0:
            covered = occlude(batch.images, jitter.occlude, step_generator(self.seed, step, f"things {extra} {share}"))
            batch = replace(batch, images=covered.images, cover=covered.cover)
        if self.table.players.key_channels:
            batch = replace(batch, keys=self._keys(step, f"faces {extra}")[share].to(batch.labels.device))
        if self.recipe.objective.target == "random":
            aims = random_labels(faces.labels[indices.to(faces.labels.device)].cpu(), faces.people, generator=generator)
            batch = replace(batch, aims=aims[share].to(batch.labels.device))
        return batch

    def _keys(self, step: int, purpose: str) -> Tensor:
        """Returns `[faces, K]`: fresh keys of a step, dealt out in turn."""
        game, channels = self.recipe.game, self.table.players.key_channels
        keys = draw_keys(game.keys, channels, step_generator(self.seed, step, f"keys {purpose}"))
        return keys[torch.arange(game.faces) % len(keys)]

    def _mates(self, step: int, faces: FaceBatch) -> FaceBatch | None:
        """Returns, for the first faces of a keyed game, other pictures of the same people, and keys to differ under."""
        objective, channels = self.recipe.objective, self.table.players.key_channels
        if not channels or objective.key_apart + objective.key_stable == 0:
            return None
        generator = step_generator(self.seed, step, f"mates {self._face_share}")
        labels = faces.labels[: self.recipe.game.key_faces]
        indices = pictures_of(self.data.faces.labels, labels, generator)
        jitter, size = self.recipe.face_jitter, self.table.players.size
        mates = cut_faces(self.data.faces, indices, size, jitter, draw(len(labels), generator, jitter))
        return replace(mates, keys=draw_keys(len(labels), channels, generator).to(labels.device))

    def _frames(self, step: int) -> FrameBatch:
        """Returns this process's frames of a step."""
        count, jitter, channels = self.recipe.game.frames, self.recipe.frame_jitter, self.table.players.key_channels
        uniform = draw(count, step_generator(self.seed, step, "frames"), jitter)
        seeds = [step_seed(self.seed, step, f"frame {i}") for i in range(count)]
        share = self._frame_share
        indices = self._frame_order(step)
        batch = pick_frames(self.data.frames, indices[share], jitter, uniform[share], seeds[share])
        if channels:
            keys = draw_keys(count, channels, step_generator(self.seed, step, "keys frames"))[share]
            batch = replace(batch, keys=keys.to(batch.frames.device))
        return batch

    def _due(self, every: int) -> bool:
        return every > 0 and self.step % every == 0 and self.step < self.schedule.total

    def _measure(self, log: Log) -> None:
        """Writes a validation, and held-out faces f with M(f) below them."""
        if self.data.held_out is None or not self.table.world.leads:
            return
        log.scalars("validation", self.step, flat(self.measure()))
        shown = held_out_faces(self.table, self.data.held_out.faces, _SHOWN).images
        self.table.players.modifier.eval()
        with torch.no_grad():
            modified = self.table.modify(shown)
        log.picture("samples", self.step, picture_grid([shown, modified], _SHOWN // 2).cpu())
