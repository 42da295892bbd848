"""The inversion attack: a network trained to undo a modifier, its pictures judged against the originals.

The attacker runs the modifier on pictures of people of their own, trains a U-Net on pairs (modified crop, original
crop), restores the judged people's faces with it and shows them to the judges. Nobody is restored by a network that saw
them: either the attacker brings another set of people, or the judged people are split in two halves, by folds where
the pairs have them, and each half is restored by the network trained on the other.

The loss is the mean absolute error of pixels and of their gradients. With `embedding_weight` above 0, SFace's opinion
of the restored face is added: a stronger attacker, whose results are not SFace's to judge alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from hw_anon.core.config import Config, require_range
from hw_anon.core.errors import ConfigError
from hw_anon.core.video_path import paste
from hw_anon.data.weights import SFACE
from hw_anon.evaluate.detection_metrics import l1_distance, structural_similarity
from hw_anon.evaluate.faces import IdentityFaces
from hw_anon.evaluate.float_backend import pick_device
from hw_anon.evaluate.modified_pictures import Progress, modified_regions, region_crops
from hw_anon.evaluate.power_ups import at_power_up
from hw_anon.evaluate.privacy import INVERSION, ProtocolResult
from hw_anon.evaluate.protocol import Attacked, recognise
from hw_anon.evaluate.verification import Pairs
from hw_anon.nets.align import align_faces, scale_points
from hw_anon.nets.sface import SFACE_SIDE, SFace
from hw_anon.nets.unet import UNet, UNetConfig

__all__ = ["Inversion", "InversionConfig", "TrainingFaces", "halves", "restore", "train_inversion"]

_MIRRORED_LANDMARKS = (1, 0, 2, 4, 3)


@dataclass(frozen=True, kw_only=True, slots=True)
class InversionConfig(Config):
    """How the attacker trains."""

    net: UNetConfig = field(default_factory=UNetConfig)
    """The network; crops of another size are resampled to its."""
    steps: int = 240
    """Optimiser steps."""
    batch: int = 16
    """Crops a step."""
    learning_rate: float = 3e-3
    """Adam's highest learning rate; it rises over the first tenth of the steps and falls to zero."""
    gradient_weight: float = 0.5
    """Weight of the gradients' error beside the pixels'."""
    embedding_weight: float = 0.0
    """Weight of 1 − SFace's cosine of restored and original face; 0 trains without any recogniser."""
    mirrored: bool = True
    """Whether the attacker also modifies the mirrored crops: twice the training data."""

    def __post_init__(self) -> None:
        require_range(self, "steps", 1, 10**6)
        require_range(self, "batch", 1, 4096)
        require_range(self, "learning_rate", 1e-6, 1.0)
        require_range(self, "gradient_weight", 0.0, 100.0)
        require_range(self, "embedding_weight", 0.0, 100.0)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TrainingFaces:
    """What the attacker trains on."""

    modified: Tensor
    """`[N, 3, S, S]` uint8 modified crops."""
    originals: Tensor
    """`[N, 3, S, S]` uint8, the same before."""
    landmarks: Tensor
    """`[N, 5, 2]` float32 (x, y) in the crops."""

    def __len__(self) -> int:
        return len(self.modified)


class Inversion:
    """The attack on one modifier after another."""

    name = INVERSION

    def __init__(
        self, config: InversionConfig | None = None, *, others: IdentityFaces | None = None, device: str = "auto"
    ) -> None:
        """Prepares the attack.

        Args:
            config: how to train.
            others: people whom the attacker trains on; halves of the judged people if not given.
            device: `auto`, `cpu`, `cuda`, …

        Raises:
            ConfigError: if there is no such device.
        """
        self.config = config or InversionConfig()
        """How it trains."""
        self._others = others
        self._device = pick_device(device)

    def run(self, attacked: Attacked, *, on_progress: Progress | None = None) -> list[ProtocolResult]:
        """Trains, restores every judged face, and lets the judges compare it with the originals.

        Raises:
            ConfigError: if the attacker's other people are of the judged set.
            ContractError: if the modifier does not keep the interface.
        """
        originals = attacked.originals
        faces = originals.faces
        restored = self._restored(attacked, on_progress)
        shown = [paste(p, r, crop) for p, r, crop in zip(faces.pictures, faces.regions, restored, strict=True)]
        distance = l1_distance(faces.pictures, shown, faces.regions)
        similarity = structural_similarity(faces.pictures, shown, faces.regions)
        results = []
        for judge in originals.judges:
            result = recognise(
                judge,
                originals.embeddings[judge.name],
                originals.embed(judge, shown, on_progress=on_progress),
                attacked.pairs,
                faces.people,
                attacked.settings,
                protocol=INVERSION,
                seen=judge.name in attacked.seen,
            )
            results.append(
                replace(result, attacker=self._description(), restored_l1=distance, restored_ssim=similarity)
            )
        return results

    def _restored(self, attacked: Attacked, on_progress: Progress | None) -> NDArray[np.uint8]:
        """Returns `[N, S, S, 3]` uint8: every judged region as the attacker restores it, at the network's size."""
        faces, size = attacked.originals.faces, self.config.net.size
        seed = attacked.settings.seed
        modified = _tensor(modified_regions(at_power_up(attacked.backend), faces, attacked.crop_side), size)
        out = np.empty((len(faces), size, size, 3), np.uint8)
        if self._others is not None:
            if self._others.name == faces.name:
                raise ConfigError(f"the attacker's own people must be others than those judged ({faces.name})")
            own = self._training_faces(attacked, self._others, None)
            return restore(self._train(own, seed, on_progress), modified)
        half = halves(faces.people, attacked.pairs)
        for part in (0, 1):
            own = self._training_faces(attacked, faces, np.flatnonzero(half != part))
            judged = np.flatnonzero(half == part)
            out[judged] = restore(self._train(own, seed + part, on_progress), modified[judged])
        return out

    def _train(self, own: TrainingFaces, seed: int, on_progress: Progress | None) -> UNet:
        def advance(done: int, total: int) -> None:
            if on_progress:
                on_progress("inversion, training", done, total)

        return train_inversion(own, self.config, seed=seed, device=self._device, on_step=advance)

    def _training_faces(
        self, attacked: Attacked, faces: IdentityFaces, indices: NDArray[np.int64] | None
    ) -> TrainingFaces:
        """Runs the modifier on the attacker's own people."""
        side, size = attacked.crop_side, self.config.net.size
        chosen = range(len(faces)) if indices is None else indices.tolist()
        crops, backend = region_crops(faces, side, chosen), attacked.backend
        modified = modified_regions(backend, faces, side, chosen)
        marks = np.stack([_landmarks_in_crop(faces, index, size) for index in chosen])
        if self.config.mirrored:
            crops = np.concatenate([crops, crops[:, :, ::-1]])
            modified = np.concatenate([modified, modified_regions(backend, faces, side, chosen, mirrored=True)])
            flipped = marks[:, _MIRRORED_LANDMARKS] * [-1, 1] + [size - 1, 0]
            marks = np.concatenate([marks, flipped])
        return TrainingFaces(
            modified=_tensor(modified, size),
            originals=_tensor(crops, size),
            landmarks=torch.from_numpy(marks.astype(np.float32)),
        )

    def _description(self) -> str:
        config = self.config
        people = f"people of {self._others.name}" if self._others is not None else "the other half of the people"
        loss = "L1 of pixels and gradients" + (" and SFace's cosine" if config.embedding_weight else "")
        return f"U-Net {config.net.width}x{config.net.levels} at {config.net.size} pixels, {config.steps} steps of " + (
            f"{config.batch} on {people}, {loss}"
        )


def halves(people: NDArray[np.int64], pairs: Pairs) -> NDArray[np.int64]:
    """Returns 0 or 1 for each picture: people of even and of odd folds; those in no pair alternate.

    Args:
        people: `[N]` person of each picture.
        pairs: pairs with folds; a person of several folds goes by the first.
    """
    half: dict[int, int] = {}
    for left, right, fold in zip(pairs.left, pairs.right, pairs.fold, strict=True):
        for picture in (left, right):
            half.setdefault(int(people[picture]), int(fold) % 2)
    for number, person in enumerate(np.unique(people).tolist()):
        half.setdefault(person, number % 2)
    return np.array([half[person] for person in people.tolist()], np.int64)


def train_inversion(
    faces: TrainingFaces,
    config: InversionConfig,
    *,
    seed: int,
    device: torch.device,
    on_step: Callable[[int, int], None] | None = None,
) -> UNet:
    """Trains a network that restores faces.

    Args:
        faces: pairs of crops at the network's size.
        config: how.
        seed: seed of initialisation and batches.
        device: where.
        on_step: called with the steps done and all steps.

    Returns:
        The network on `device`, in evaluation mode.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = UNet(config.net)
    net.to(device, memory_format=torch.channels_last).train()
    loss_of = _Loss(config, device)
    optimiser = torch.optim.Adam(net.parameters(), lr=config.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, config.learning_rate, total_steps=config.steps + 1, pct_start=0.1, cycle_momentum=False
    )
    data = [tensor.to(device) for tensor in (faces.modified, faces.originals, faces.landmarks)]
    generator = np.random.default_rng(seed)
    for step in range(config.steps):
        chosen = torch.from_numpy(generator.integers(0, len(faces), config.batch)).to(device)
        modified, originals, landmarks = (tensor[chosen] for tensor in data)
        loss = loss_of(net(modified.float() / 255.0), originals.float() / 255.0, landmarks)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        if on_step:
            on_step(step + 1, config.steps)
    return net.eval()


@torch.no_grad()
def restore(net: UNet, modified: Tensor, *, batch: int = 32) -> NDArray[np.uint8]:
    """Restores faces.

    Args:
        net: the attacker's network.
        modified: `[N, 3, S, S]` uint8 crops at its size.
        batch: crops at once.

    Returns:
        `[N, S, S, 3]` uint8.
    """
    device = next(net.parameters()).device
    out = [torch.empty(0, 3, net.config.size, net.config.size, dtype=torch.uint8)]
    for part in modified.split(batch):
        levels = torch.floor(net(part.to(device).float() / 255.0) * 255.0 + 0.5)
        out.append(levels.clamp(0, 255).to(torch.uint8).cpu())
    return torch.cat(out).permute(0, 2, 3, 1).contiguous().numpy()


class _Loss(nn.Module):
    """Mean absolute error of pixels and gradients, and SFace's cosine if it is asked for."""

    def __init__(self, config: InversionConfig, device: torch.device) -> None:
        super().__init__()
        self._config = config
        self._recogniser: SFace | None = None
        if config.embedding_weight:
            self._recogniser = SFace.from_onnx(SFACE.find()).to(device).requires_grad_(False)

    def forward(self, restored: Tensor, originals: Tensor, landmarks: Tensor) -> Tensor:
        """Returns the loss of `[N, 3, S, S]` restored and original faces, values 0 to 1."""
        loss = F.l1_loss(restored, originals)
        for axis in (2, 3):
            loss = loss + self._config.gradient_weight * F.l1_loss(restored.diff(dim=axis), originals.diff(dim=axis))
        if self._recogniser is None:
            return loss
        seen = [
            self._recogniser(align_faces(faces, landmarks, height=SFACE_SIDE, width=SFACE_SIDE))
            for faces in (restored, originals)
        ]
        return loss + self._config.embedding_weight * (1 - F.cosine_similarity(seen[0], seen[1].detach())).mean()


def _tensor(crops_u8: NDArray[np.uint8], size: int) -> Tensor:
    """Returns `[N, 3, size, size]` uint8 of `[N, S, S, 3]` uint8, antialiased where it shrinks."""
    images = torch.from_numpy(np.ascontiguousarray(crops_u8)).permute(0, 3, 1, 2)
    if images.shape[-1] == size:
        return images.contiguous()
    resized = [F.interpolate(p.float(), (size, size), mode="bilinear", antialias=True) for p in images.split(32)]
    return torch.cat(resized).round().clamp(0, 255).to(torch.uint8)


def _landmarks_in_crop(faces: IdentityFaces, index: int, size: int) -> NDArray[np.float64]:
    region = faces.regions[index]
    points = np.asarray(faces.faces[index].landmarks, np.float64) - [region.x, region.y]
    return scale_points(points, (region.height, region.width), (size, size))
