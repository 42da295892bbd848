"""Nobody's face: the mean of many people who look the same way, drawn in the place of a person's own.

A modifier that learns pictures of it learns what no picture of its input decides: who it is. The idea is that of k-Same
(Newton, Sweeney, Malin, IEEE TKDE 2005), with one change. The pictures that are averaged are chosen by pose alone:
of the five landmarks' places in an aligned face only those directions count in which one person's pictures vary more
than people do among each other. So neither appearance nor the shape of the face takes part in the choice.

What stays of the original is what a strong blur leaves: light and, roughly, colour. Around the head it is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from hw_anon.core.config import Config, require_range
from hw_anon.core.errors import ContractError
from hw_anon.data.banks import FaceBank
from hw_anon.nets.align import fit_similarity, template
from hw_anon.train.batches import MIRRORED

__all__ = ["AverageFace", "AverageFaceConfig"]

_SIDE = 128  # of the canvas on which faces are aligned
_ZOOM = 0.62  # of the 112×112 template on it: the whole head fits
_MIDDLE = (55.5, 62.0)  # of that template, which lies at `_CENTRE` of the canvas
_CENTRE = (63.5, 66.0)
_ROUNDS = 12  # of k-means
_NEIGHBOURS = 3
_CHUNK = 128
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
        aligned, places = _aligned(bank)
        self._directions = _pose_directions(places[: len(bank)], bank.labels, self.config.directions)
        poses = places @ self._directions
        self._poses = _means(poses, self.config.poses, self.config.seed)
        flat, faces = aligned.flatten(1), []
        for pose in self._poses:
            nearest = (poses - pose).square().sum(1).topk(self.config.pictures, largest=False).indices
            faces.append(flat[nearest].float().mean(0))
        mean = torch.stack(faces).view(-1, 3, _SIDE, _SIDE)
        self._faces = (mean + self.config.sharpen * (mean - _blurred(mean, 1.5))).clamp(0.0, 255.0)
        self._lights = _coarse(self._faces, self.config.blur)
        self._mask = _ellipse(self.config)

    def draw(self, bank: FaceBank) -> Tensor:
        """Returns the bank's pictures with nobody's face in the place of each face, `[N, 3, P, P]` uint8."""
        drawn = torch.empty_like(bank.pictures)
        for chosen in torch.arange(len(bank)).split(_CHUNK):
            pictures, landmarks = bank.pictures[chosen].float(), bank.landmarks[chosen]
            matrices = fit_similarity(landmarks, _template())
            face, light = self._answer(_places(landmarks, matrices) @ self._directions)
            own = _coarse(_warped(pictures, matrices, _SIDE), self.config.blur)
            face = (face + self.config.light * (own - light)).clamp(0.0, 255.0)
            mask = self._mask.expand(len(chosen), 1, -1, -1)
            back = _warped(torch.cat([face, 255.0 * mask], 1), _inverse(matrices), pictures.shape[-1])
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


def _template() -> Tensor:
    """Returns where the landmarks go on the canvas, `[5, 2]`."""
    points = (template(112, 112) - np.array(_MIDDLE)) * _ZOOM + np.array(_CENTRE)
    return torch.from_numpy(points).float()


def _places(landmarks: Tensor, matrices: Tensor) -> Tensor:
    """Returns how far aligned landmarks lie from the template's, `[N, 10]`."""
    moved = landmarks @ matrices[:, :, :2].transpose(1, 2) + matrices[:, None, :, 2]
    return (moved - _template()).flatten(1)


def _aligned(bank: FaceBank) -> tuple[Tensor, Tensor]:
    """Returns all pictures, then all mirror images on the canvas, `[2N, 3, S, S]` uint8, and `_places`, `[2N, 10]`."""
    pictures, places = [], []
    for mirrored in (False, True):
        for chosen in torch.arange(len(bank)).split(_CHUNK):
            part, landmarks = bank.pictures[chosen].float(), bank.landmarks[chosen]
            if mirrored:
                part = part.flip(-1)
                landmarks = torch.stack([part.shape[-1] - 1.0 - landmarks[..., 0], landmarks[..., 1]], -1)[:, MIRRORED]
            matrices = fit_similarity(landmarks, _template())
            pictures.append(_warped(part, matrices, _SIDE).round().byte())
            places.append(_places(landmarks, matrices))
    return torch.cat(pictures), torch.cat(places)


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


def _inverse(matrices: Tensor) -> Tensor:
    linear = torch.linalg.inv(matrices[:, :, :2])
    return torch.cat([linear, -linear @ matrices[:, :, 2:]], -1)


def _warped(images: Tensor, matrices: Tensor, side: int) -> Tensor:
    """Moves images `[N, C, H, W]` by matrices `[N, 2, 3]` onto a square; what lies outside repeats the border."""
    height, width = images.shape[-2:]
    back = _inverse(matrices)
    steps = torch.arange(side, dtype=torch.float32)
    points = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1).reshape(1, -1, 2)
    source = points @ back[:, :, :2].transpose(1, 2) + back[:, None, :, 2]
    grid = 2.0 * source / torch.tensor([width - 1.0, height - 1.0]) - 1.0
    grid = grid.view(len(images), side, side, 2)
    return F.grid_sample(images, grid, align_corners=True, padding_mode="border")


def _blurred(images: Tensor, sigma: float) -> Tensor:
    """Blurs `[N, C, H, W]` by a Gaussian, cut off at one and a half deviations."""
    taps, channels = int(3 * sigma) | 1, images.shape[1]
    weights = torch.exp(-0.5 * ((torch.arange(taps) - taps // 2) / sigma) ** 2)
    weights = (weights / weights.sum()).expand(channels, 1, -1)
    padded = F.pad(images, (taps // 2,) * 4, mode="reflect")
    rows = F.conv2d(padded, weights[:, :, None, :], groups=channels)
    return F.conv2d(rows, weights[:, :, :, None], groups=channels)


def _coarse(images: Tensor, sigma: float) -> Tensor:
    """Blurs strongly, at a quarter of the resolution."""
    small = _blurred(F.avg_pool2d(images, 4), sigma / 4.0)
    return F.interpolate(small, size=images.shape[-2:], mode="bilinear")


def _ellipse(config: AverageFaceConfig) -> Tensor:
    """Returns how much of each pixel of the canvas is replaced, `[1, 1, S, S]`: 1 within, 0 without, smooth between."""
    rows, columns = torch.meshgrid(torch.arange(_SIDE), torch.arange(_SIDE), indexing="ij")
    across = (columns - _CENTRE[0]) / (config.width * _ZOOM)
    down = (rows - _CENTRE[1] - (config.middle - _MIDDLE[1]) * _ZOOM) / (config.height * _ZOOM)
    return ((1.12 - torch.hypot(across, down)) / 0.24).clamp(0.0, 1.0)[None, None]
