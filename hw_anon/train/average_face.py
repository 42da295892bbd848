"""Nobody's face: the mean of many people who look the same way, drawn in the place of a person's own.

A modifier that learns pictures of it learns what no picture of its input decides: who it is. The idea is that of k-Same
(Newton, Sweeney, Malin, IEEE TKDE 2005), with one change. The pictures that are averaged are chosen by pose alone:
of the five landmarks' places in an aligned face only those directions count in which one person's pictures vary more
than people do among each other. So neither appearance nor the shape of the face takes part in the choice.

What stays of the original is what a strong blur leaves: light and, roughly, colour. Around the head it is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hw_anon.core.config import Config, require_range
from hw_anon.core.errors import ContractError
from hw_anon.data.banks import FaceBank
from hw_anon.train.face_canvas import (
    CANVAS_SIDE,
    CHUNK,
    aligned_faces,
    blurred,
    coarse,
    ellipse,
    inverse,
    places,
    to_canvas,
    warped,
)

__all__ = ["AverageFace", "AverageFaceConfig"]

_ROUNDS = 12  # of k-means
_NEIGHBOURS = 3
_RIDGE = 1e-3


@dataclass(frozen=True, kw_only=True, slots=True)
class AverageFaceConfig(Config):
    """How nobody's face is made."""

    poses: int = 200
    """Poses for which there is a mean face; between them the nearest three are mixed."""
    pictures: int = 120
    """Pictures that a mean face is the mean of."""
    directions: int = 3
    """Directions of the landmarks' places that count as pose, 1 to 10."""
    light: float = 0.8
    """How much of the original's blurred self replaces the mean face's, 0 to 1."""
    blur: float = 16.0
    """Standard deviation of that blur in pixels; the eyes are 22 apart."""
    sharpen: float = 0.8
    """How much of the mean face's finest detail is added to it again."""
    width: float = 66.0
    """Half width of the ellipse that is replaced, in pixels of the 112×112 template, where the eyes are 35 apart."""
    height: float = 80.0
    """Half height of it."""
    middle: float = 61.0
    """Row of its middle."""
    seed: int = 0
    """Chooses the first poses of the search for them."""

    def __post_init__(self) -> None:
        require_range(self, "poses", _NEIGHBOURS, 65_536)
        require_range(self, "pictures", 1, None)
        require_range(self, "directions", 1, 10)
        require_range(self, "light", 0.0, 1.0)
        require_range(self, "blur", 4.0, 20.0, unit="pixels")
        require_range(self, "sharpen", 0.0, 4.0)
        require_range(self, "width", 1.0, None)
        require_range(self, "height", 1.0, None)
        require_range(self, "middle", 0.0, 112.0)


class AverageFace:
    """Mean faces by pose, learned from a bank, drawn over the faces of any bank."""

    def __init__(self, bank: FaceBank, config: AverageFaceConfig | None = None) -> None:
        """Learns from the pictures of many people and their mirror images.

        Args:
            bank: on the CPU; a person's own pictures should be few among those that a mean face takes.
            config: how.

        Raises:
            ContractError: if there are fewer pictures, mirror images included, than poses or pictures of a mean face.
        """
        self.config = config or AverageFaceConfig()
        if 2 * len(bank) < max(self.config.poses, self.config.pictures):
            raise ContractError(f"{len(bank)} pictures are too few for {self.config.poses} poses")
        aligned, moved = aligned_faces(bank)
        self._directions = _pose_directions(moved[: len(bank)], bank.labels, self.config.directions)
        poses = moved @ self._directions
        self._poses = _means(poses, self.config.poses, self.config.seed)
        flat, faces = aligned.flatten(1), []
        for pose in self._poses:
            nearest = (poses - pose).square().sum(1).topk(self.config.pictures, largest=False).indices
            faces.append(flat[nearest].float().mean(0))
        mean = torch.stack(faces).view(-1, 3, CANVAS_SIDE, CANVAS_SIDE)
        self._faces = (mean + self.config.sharpen * (mean - blurred(mean, 1.5))).clamp(0.0, 255.0)
        self._lights = coarse(self._faces, self.config.blur)
        self.mask = ellipse(self.config.width, self.config.height, self.config.middle)
        """`[1, 1, S, S]`: how much of each pixel of the canvas is replaced."""

    def draw(self, bank: FaceBank) -> Tensor:
        """Returns the bank's pictures with nobody's face in the place of each face, `[N, 3, P, P]` uint8."""
        drawn = torch.empty_like(bank.pictures)
        for chosen in torch.arange(len(bank)).split(CHUNK):
            pictures, landmarks = bank.pictures[chosen].float(), bank.landmarks[chosen]
            matrices = to_canvas(landmarks)
            face, light = self._answer(places(landmarks, matrices) @ self._directions)
            own = coarse(warped(pictures, matrices, CANVAS_SIDE), self.config.blur)
            face = (face + self.config.light * (own - light)).clamp(0.0, 255.0)
            mask = self.mask.expand(len(chosen), 1, -1, -1)
            back = warped(torch.cat([face, 255.0 * mask], 1), inverse(matrices), pictures.shape[-1])
            mixed = pictures + back[:, 3:] / 255.0 * (back[:, :3] - pictures)
            drawn[chosen] = mixed.round().clamp(0.0, 255.0).byte()
        return drawn

    def _answer(self, poses: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the mean faces of some poses and their blurred selves, `[N, 3, S, S]`."""
        distance, nearest = torch.cdist(poses, self._poses).topk(_NEIGHBOURS, largest=False)
        weights = (distance + 0.05) ** -2
        weights = (weights / weights.sum(1, keepdim=True))[:, :, None, None, None]
        mixed = (sum(weights[:, i] * book[nearest[:, i]] for i in range(_NEIGHBOURS)) for book in self._books())
        face, light = mixed
        assert isinstance(face, Tensor) and isinstance(light, Tensor), "sums of at least one tensor"
        return face, light

    def _books(self) -> tuple[Tensor, Tensor]:
        return self._faces, self._lights


def _pose_directions(places: Tensor, labels: Tensor, count: int) -> Tensor:
    """Returns the directions in which one person varies most against people among each other, `[10, count]`."""
    people, labels = labels.unique(return_inverse=True)
    sums = torch.zeros(len(people), places.shape[1]).index_add_(0, labels, places)
    means = sums / torch.bincount(labels)[:, None]
    within = (places - means[labels]).T @ (places - means[labels]) / len(places)
    between = torch.cov(means.T) + _RIDGE * torch.eye(places.shape[1])
    root = torch.linalg.cholesky(between)
    half = torch.linalg.solve_triangular(root, within, upper=False)
    _, vectors = torch.linalg.eigh(torch.linalg.solve_triangular(root, half.T, upper=False))
    return torch.linalg.solve_triangular(root.T, vectors[:, -count:], upper=True)


def _means(points: Tensor, count: int, seed: int) -> Tensor:
    """Returns the centres of k-means, `[count, D]`."""
    order = torch.randperm(len(points), generator=torch.Generator().manual_seed(seed))
    centres = points[order[:count]].clone()
    for _ in range(_ROUNDS):
        nearest = torch.cdist(points, centres).argmin(1)
        sums = torch.zeros_like(centres).index_add_(0, nearest, points)
        counts = torch.bincount(nearest, minlength=count)[:, None]
        centres = torch.where(counts > 0, sums / counts.clamp_min(1), centres)
    return centres
