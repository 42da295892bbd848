"""The parrot attack with a network: a recogniser trained on modified faces of the people it is to name.

- `sphereface` (judge `parrot-cnn`): a small SphereFace trained from nothing on aligned modified faces.
- `sface` (judge `parrot-sface`): SFace, which knows real faces, trained further on them; slow without a GPU.

Both learn class weights of unit length (angular softmax; margin 1 unless asked for more, as a handful of pictures of
each person does not carry more) and name a picture by the smallest angle. Mirrored, shifted and brightened copies stand
for the many pictures that an attacker can make.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from hw_anon.core.config import Config, require_choice, require_range
from hw_anon.data.weights import SFACE
from hw_anon.evaluate.float_backend import pick_device
from hw_anon.evaluate.modified_pictures import Progress
from hw_anon.evaluate.parrot import known_people, split_pictures
from hw_anon.evaluate.privacy import ADAPTIVE, ProtocolResult
from hw_anon.evaluate.protocol import Attacked
from hw_anon.evaluate.verification import rank1
from hw_anon.losses.angular import AngularSoftmax
from hw_anon.nets.align import align_image
from hw_anon.nets.sface import SFACE_SIDE, SFace
from hw_anon.nets.sphereface import SphereFace, SphereFaceConfig

__all__ = ["ParrotConfig", "RecogniserParrot", "TrainedParrot", "train_recogniser"]

_SCALE = 16.0
_SFACE_FEATURES = 128


@dataclass(frozen=True, kw_only=True, slots=True)
class ParrotConfig(Config):
    """How the attacker trains."""

    network: Literal["sphereface", "sface"] = "sphereface"
    """What is trained: a small SphereFace from nothing, or SFace further."""
    depth: int = 4
    """Convolutions of the SphereFace."""
    multiplier: float = 0.25
    """Factor on its channels."""
    height: int = 64
    """Rows of its aligned faces; columns are in proportion (96 to 112)."""
    margin: int = 1
    """Margin m of the angular softmax, 1 to 4."""
    steps: int = 400
    """Optimiser steps."""
    batch: int = 32
    """Faces a step."""
    learning_rate: float = 2e-3
    """Adam's highest learning rate (a tenth of it for SFace); it rises over a tenth of the steps and falls to zero."""
    shift: float = 0.05
    """Largest shift of a copy, in parts of the face's sides."""
    brightness: float = 0.15
    """Largest change of a copy's brightness, in parts."""

    def __post_init__(self) -> None:
        require_choice(self, "network", ("sphereface", "sface"))
        require_choice(self, "margin", (1, 2, 3, 4))
        require_range(self, "steps", 1, 10**6)
        require_range(self, "batch", 2, 4096)
        require_range(self, "learning_rate", 1e-6, 1.0)
        require_range(self, "shift", 0.0, 0.5)
        require_range(self, "brightness", 0.0, 0.9)
        SphereFaceConfig(depth=self.depth, multiplier=self.multiplier, height=self.height)

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the aligned faces."""
        if self.network == "sface":
            return SFACE_SIDE, SFACE_SIDE
        return self.height, round(self.height * 96 / 112)


class RecogniserParrot:
    """The attack on one modifier after another."""

    def __init__(self, config: ParrotConfig | None = None, *, device: str = "auto") -> None:
        """Prepares the attack.

        Args:
            config: how to train.
            device: `auto`, `cpu`, `cuda`, …

        Raises:
            ConfigError: if there is no such device.
        """
        self.config = config or ParrotConfig()
        """How it trains."""
        self.name = "parrot-sface" if self.config.network == "sface" else "parrot-cnn"
        """Name in results."""
        self._device = pick_device(device)

    def run(self, attacked: Attacked, *, on_progress: Progress | None = None) -> list[ProtocolResult]:
        """Trains on some modified pictures of each person and names the others; nothing if nobody has enough."""
        faces, settings = attacked.originals.faces, attacked.settings
        included = known_people(faces.people, settings.train_pictures)
        if not len(included):
            return []
        people = faces.people[included]
        train, test = split_pictures(people, settings.train_pictures)
        versions = (attacked.pictures, *attacked.replays)
        known = torch.cat([self.aligned(attacked, included[train], pictures) for pictures in versions])

        def advance(done: int, total: int) -> None:
            if on_progress:
                on_progress(f"{self.name}, training", done, total)

        parrot = train_recogniser(
            known,
            np.tile(people[train], len(versions)),
            self.config,
            seed=settings.seed,
            device=self._device,
            on_step=advance,
        )
        alike = parrot.similarity(self.aligned(attacked, included[test], attacked.pictures))
        named = rank1(alike, parrot.people, people[test], resamples=settings.resamples, seed=settings.seed)
        return [
            ProtocolResult(
                protocol=ADAPTIVE,
                judge=self.name,
                judge_seen=self.config.network in attacked.seen,
                rank1=named,
                attacker=self._description(settings.train_pictures, len(versions)),
            )
        ]

    def aligned(self, attacked: Attacked, indices: NDArray[np.int64], pictures: Sequence[NDArray[np.uint8]]) -> Tensor:
        """Returns `[N, 3, H, W]` uint8: some of the modified faces, aligned by the originals' landmarks."""
        height, width = self.config.size
        faces = attacked.originals.faces.faces
        cut = [
            align_image(pictures[i], np.asarray(faces[i].landmarks, np.float64), height=height, width=width)
            for i in indices.tolist()
        ]
        return torch.from_numpy(np.stack(cut)).permute(0, 3, 1, 2).contiguous()

    def _description(self, pictures: int, times: int) -> str:
        config = self.config
        net = "SFace" if config.network == "sface" else f"SphereFace-{config.depth} x {config.multiplier:g}"
        return f"{net} at {config.size[0]}x{config.size[1]}, {config.steps} steps of {config.batch}, " + (
            f"{pictures} modified pictures a person" + ("" if times == 1 else f", each under {times} keys")
        )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TrainedParrot:
    """A recogniser of certain people's modified faces."""

    net: nn.Module
    """Faces to features."""
    directions: Tensor
    """`[C, E]` the people's directions, of unit length."""
    people: NDArray[np.int64]
    """`[C]` who they are."""

    @torch.no_grad()
    def similarity(self, aligned: Tensor, *, batch: int = 64) -> NDArray[np.float64]:
        """Returns the cosine `[N, C]` of `[N, 3, H, W]` uint8 faces (mean of face and mirror image) to each person."""
        rows = []
        for part in aligned.split(batch):
            faces = part.to(self.directions.device).float() / 255.0
            features = F.normalize(self.net(faces)) + F.normalize(self.net(faces.flip(3)))
            rows.append((features / 2 @ self.directions.T).cpu())
        return torch.cat(rows).double().numpy()


def train_recogniser(
    aligned: Tensor,
    people: NDArray[np.int64],
    config: ParrotConfig,
    *,
    seed: int,
    device: torch.device,
    on_step: Callable[[int, int], None] | None = None,
) -> TrainedParrot:
    """Trains a recogniser of certain people.

    Args:
        aligned: `[N, 3, H, W]` uint8 aligned modified faces.
        people: `[N]` who they show.
        config: how.
        seed: seed of initialisation, batches and copies.
        device: where.
        on_step: called with the steps done and all steps.
    """
    identities, classes = np.unique(people, return_inverse=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net, features = _network(config)
        head = AngularSoftmax(len(identities), features, margin=config.margin)
    model = nn.ModuleList([net, head]).to(device).train()
    highest = config.learning_rate * (0.1 if config.network == "sface" else 1.0)
    optimiser = torch.optim.Adam(model.parameters(), lr=highest)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, highest, total_steps=config.steps + 1, pct_start=0.1, cycle_momentum=False
    )
    faces, labels = aligned.to(device), torch.from_numpy(classes).to(device)
    generator = np.random.default_rng(seed)
    for step in range(config.steps):
        chosen = torch.from_numpy(generator.integers(0, len(labels), config.batch)).to(device)
        embeddings = net(_copies(faces[chosen].float() / 255.0, config, generator))
        # Of one length: a face's brightness or sharpness is not to decide how much it counts.
        loss = head(_SCALE * F.normalize(embeddings), labels[chosen], step)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        if on_step:
            on_step(step + 1, config.steps)
    model.eval()
    return TrainedParrot(net=net, directions=F.normalize(head.weight.detach()), people=identities)


def _network(config: ParrotConfig) -> tuple[nn.Module, int]:
    if config.network == "sface":
        return SFace.from_onnx(SFACE.find()), _SFACE_FEATURES
    height, width = config.size
    features = 128
    small = SphereFaceConfig(
        depth=config.depth, height=height, width=width, multiplier=config.multiplier, embedding=features
    )
    return SphereFace(small), features


def _copies(faces: Tensor, config: ParrotConfig, generator: np.random.Generator) -> Tensor:
    """Mirrors, shifts and brightens `[N, 3, H, W]` faces at random, each on its own; black comes in at the sides."""
    n = len(faces)
    side = np.where(generator.uniform(size=n) < 0.5, -1.0, 1.0)
    move = generator.uniform(-2 * config.shift, 2 * config.shift, (n, 2))
    gain = generator.uniform(1 - config.brightness, 1 + config.brightness, n)
    matrix = np.zeros((n, 2, 3), np.float32)
    matrix[:, 0, 0], matrix[:, 1, 1], matrix[:, :, 2] = side, 1.0, move
    grid = F.affine_grid(torch.from_numpy(matrix).to(faces.device), list(faces.shape), align_corners=False)
    moved = F.grid_sample(faces, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return (moved * torch.from_numpy(gain.astype(np.float32)).to(faces.device)[:, None, None, None]).clamp(0, 1)
