"""Brief training of the on-chip face detector on composed frames: weights with which a camera can be tried out.

Recall comes first, as a face that is missed is shown; what such a run reaches is in its `metrics.json`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.hashing import sha256_bytes
from hw_anon.core.video_path import downscale
from hw_anon.data.detector_frames import HARD_FRAMES, ComposedFrame, FrameComposer, FrameSettings
from hw_anon.data.face_pictures import FacePicture
from hw_anon.losses.face_cells import CellTargets, cell_loss, cell_targets, stack_targets
from quant.detector_metrics import detector_metrics
from quant.export import integer_net, weights_sha256
from quant.face_detector import FaceDetector
from quant.kept_frames import KeptFrames, keep_frames
from quant.quick import QuickNet
from quant.training import freeze_batch_norms, read_checkpoint, write_checkpoint, write_weights
from quant.zoo import detector_config, load_detector

__all__ = ["DetectorRecipe", "detector_batch", "save_detector", "train_face_detector", "validation_frames"]

PURPOSE = "face detector, briefly trained on composed frames of synthetic people"
_PLAIN = 0x706C  # draws which frames are plain
_VALIDATION = 0x76616C  # keeps validation frames apart from those of training


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectorRecipe:
    """A training run; equal recipes and pictures on the same machine give equal weights."""

    net: str
    """Name of a face detector of the zoo."""
    steps: int = 2000
    """Optimiser steps."""
    batch: int = 16
    """Frames a step."""
    learning_rate: float = 4e-3
    """Peak learning rate of Adam; it falls to 0 along half a cosine."""
    frozen_share: float = 0.2
    """Last share of the steps with batch-norm statistics frozen, as the chip has them."""
    checkpoint_every: int = 100
    """Steps between checkpoints."""
    hard: bool = False
    """Whether many faces are turned, narrow, half hidden, dark or bright (`HARD_FRAMES`): for training at length."""
    plain: float = 0.0
    """Share of plain frames among hard ones."""
    kept: int = 0
    """Frames that are composed once, before the first step, and shown again and again, mirrored and in other light; 0:
    every step composes its own."""
    quick: bool = False
    """Whether steps before the frozen ones compute in bfloat16 (`quant.quick`), compiled: for CPUs that multiply it."""
    start: str | None = None
    """Name of shipped weights, or a directory with weights, to start from; `None`: random ones."""
    workers: int = 0
    """Processes that compose frames; 0: the training's own. The frames do not depend on it."""
    seed: int = 1
    """Seed of weights and frames."""
    device: str = "cpu"
    """Torch device the run used."""

    def __post_init__(self) -> None:
        detector_config(self.net)
        for field, ok, allowed in (
            ("steps", self.steps >= 1, "at least 1"),
            ("batch", self.batch >= 2, "at least 2"),
            ("learning_rate", self.learning_rate > 0, "positive"),
            ("frozen_share", 0 <= self.frozen_share <= 1, "0..1"),
            ("checkpoint_every", self.checkpoint_every >= 1, "at least 1"),
            ("seed", self.seed >= 0, "0 or more"),
            ("workers", self.workers >= 0, "0 or more"),
            ("plain", 0 <= self.plain <= 1, "0..1"),
            ("kept", self.kept >= 0, "0 or more"),
        ):
            if not ok:
                raise ConfigError(f"DetectorRecipe.{field} is {getattr(self, field)!r}; it must be {allowed}")

    @property
    def frames(self) -> FrameSettings:
        """The frames that belong to the network: twice its input's size."""
        return self._sized(HARD_FRAMES if self.hard else FrameSettings())

    @property
    def plain_frames(self) -> FrameSettings:
        """Those of the share `plain`."""
        return self._sized(FrameSettings())

    def _sized(self, settings: FrameSettings) -> FrameSettings:
        height, width = detector_config(self.net).input_shape
        return replace(settings, width=2 * width, height=2 * height)

    def identity(self) -> dict[str, Any]:
        """Returns what a checkpoint must agree with: all but the number of processes."""
        return {name: value for name, value in asdict(self).items() if name != "workers"}


def detector_batch(items: Sequence[ComposedFrame]) -> tuple[Tensor, CellTargets]:
    """Returns halved frames as the chip sees them, `[N, 3, H / 2, W / 2]` float32 in 0..1, and what to answer."""
    halves = np.stack([downscale(item.frame) for item in items])
    height, width = items[0].frame.shape[:2]
    targets = [cell_targets(item.faces, frame_width=width, frame_height=height, ignored=item.ignored) for item in items]
    return torch.from_numpy(halves).permute(0, 3, 1, 2).float() / 255.0, stack_targets(targets)


class _Composers:
    """Composes a run's frames, hard and plain, by seed."""

    def __init__(self, recipe: DetectorRecipe, pictures: Sequence[FacePicture]) -> None:
        self._recipe = recipe
        self._usual = FrameComposer(pictures, recipe.frames)
        self._plain = FrameComposer(pictures, recipe.plain_frames)

    def frame(self, seed: tuple[int, ...]) -> ComposedFrame:
        plain = self._recipe.plain and np.random.default_rng((*seed, _PLAIN)).random() < self._recipe.plain
        return (self._plain if plain else self._usual).frame(seed)

    def kept(self, number: int) -> tuple[Tensor, CellTargets]:
        """Returns the kept frame of a number, a batch of one."""
        return detector_batch([self.frame((self._recipe.seed, number))])


class _Steps(Dataset[tuple[Tensor, CellTargets]]):
    """The batch of each step; one seed for each frame, so that a resumed run sees what an uninterrupted one would."""

    def __init__(self, recipe: DetectorRecipe, composers: _Composers, kept: KeptFrames | None) -> None:
        self._recipe, self._composers, self._kept = recipe, composers, kept

    def __getitem__(self, step: int) -> tuple[Tensor, CellTargets]:
        if self._kept is not None:
            return self._kept.batch(self._recipe.batch, seed=self._recipe.seed, step=step)
        seeds = [(self._recipe.seed, step, k) for k in range(self._recipe.batch)]
        return detector_batch([self._composers.frame(seed) for seed in seeds])


def _batches(
    recipe: DetectorRecipe, pictures: Sequence[FacePicture], first: int
) -> Iterator[tuple[Tensor, CellTargets]]:
    """Yields the batches of all steps from `first` on, composed ahead by other processes if the recipe says so."""
    composers = _Composers(recipe, pictures)
    kept = keep_frames(composers.kept, recipe.kept, workers=recipe.workers) if recipe.kept else None
    workers = 0 if recipe.kept else recipe.workers
    loader = DataLoader(
        _Steps(recipe, composers, kept),
        batch_size=None,
        sampler=range(first, recipe.steps),
        num_workers=workers,
        prefetch_factor=4 if workers else None,
    )
    yield from loader


def train_face_detector(
    recipe: DetectorRecipe,
    pictures: Sequence[FacePicture],
    *,
    checkpoint: Path,
    on_step: Callable[[int, float], None] | None = None,
) -> FaceDetector:
    """Trains a face detector; a run that was interrupted goes on from its checkpoint.

    Args:
        recipe: what to train and how.
        pictures: what frames are composed of.
        checkpoint: file for the checkpoint, removed at the end.
        on_step: called with the step's number (from 1) and its loss, after the step's checkpoint; it may raise.

    Returns:
        The trained network on the CPU, in evaluation mode.

    Raises:
        ConfigError: if the checkpoint belongs to another recipe, or to other pictures.
        ContractError: if the checkpoint is corrupt, or no picture has a face.
    """
    torch.manual_seed(recipe.seed)
    net = FaceDetector(detector_config(recipe.net))
    if recipe.start is not None:
        net.load_state_dict(_start(recipe).state_dict())
    net = net.to(recipe.device)
    identity = {**recipe.identity(), "pictures": _pictures_hash(pictures)}
    resumed = read_checkpoint(checkpoint, identity)
    if resumed:
        net.load_state_dict(resumed["net"])  # first: Brevitas replaces learned scales by new parameters on loading
    optimiser = torch.optim.Adam(net.parameters(), lr=recipe.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.learning_rate, total_steps=recipe.steps, pct_start=min(0.1, 100 / recipe.steps)
    )
    parts = {"net": net, "optimiser": optimiser, "schedule": schedule}
    if resumed:
        optimiser.load_state_dict(resumed["optimiser"])
        schedule.load_state_dict(resumed["schedule"])
    frozen_from = round(recipe.steps * (1.0 - recipe.frozen_share))
    quick: Any = torch.compile(QuickNet(net)) if recipe.quick and frozen_from else None
    net.train()
    first = int(resumed["step"]) if resumed else 0
    for step, (images, targets) in enumerate(_batches(recipe, pictures, first), start=first):
        if step >= frozen_from:
            freeze_batch_norms(net)
        compute = net.unclipped if quick is None or step >= frozen_from else quick
        loss = sum(cell_loss(compute(images.to(recipe.device)), targets.to(recipe.device)), torch.zeros(()))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        optimiser.step()
        schedule.step()
        if (step + 1) % recipe.checkpoint_every == 0:
            states = {name: part.state_dict() for name, part in parts.items()}
            write_checkpoint(checkpoint, {"recipe": identity, "step": step + 1, **states})
        if on_step:
            on_step(step + 1, float(loss.detach()))
    checkpoint.unlink(missing_ok=True)
    return net.cpu().eval()


def _start(recipe: DetectorRecipe) -> FaceDetector:
    """Returns the network that a run starts from.

    Raises:
        ContractError: if its weights are missing, or of another network.
    """
    started = load_detector(recipe.start or recipe.net)
    if started.config != detector_config(recipe.net):
        raise ContractError(f"{recipe.start}: holds the weights of another network than {recipe.net}")
    return started


def _pictures_hash(pictures: Sequence[FacePicture]) -> str:
    """Returns the SHA-256 of what frames are composed of: pixels and faces."""
    parts = (f"{sha256_bytes(p.pixels.tobytes())} {p.pixels.shape} {p.face} {p.others}" for p in pictures)
    return sha256_bytes("\n".join(parts).encode())


def validation_frames(settings: FrameSettings, pictures: Sequence[FacePicture], count: int) -> list[ComposedFrame]:
    """Returns frames that training does not compose; the pictures should be of other people."""
    composer = FrameComposer(pictures, settings)
    return [composer.frame((_VALIDATION, k)) for k in range(count)]


def save_detector(
    net: FaceDetector,
    recipe: DetectorRecipe,
    directory: Path,
    *,
    frames: Sequence[ComposedFrame],
    data: Mapping[str, Any],
    threshold: int,
) -> dict[str, Any]:
    """Writes weights, recipe and metrics into `directory` (atomically) and returns the metrics.

    Args:
        net: the trained network.
        recipe: how it was trained.
        directory: made anew.
        frames: frames for the measurement, of people that training did not see.
        data: where the pictures come from.
        threshold: score from which a cell is a face.
    """
    metrics = {
        "purpose": PURPOSE,
        "validation": detector_metrics(net, frames, threshold=threshold),
        "largest_gain_change": round(integer_net(net).largest_gain_change, 5),
        "macs_per_inference": net.macs(),
        "weights_sha256": weights_sha256(net),
    }
    record = {
        "purpose": PURPOSE,
        "data": dict(data),
        "recipe": asdict(recipe),
        "config": net.config.as_json(),
        "torch": torch.__version__,
    }
    write_weights(net, directory, record=record, metrics=metrics)
    return metrics
