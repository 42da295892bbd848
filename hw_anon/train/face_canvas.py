"""The canvas on which faces lie alike: eyes, nose and mouth near the same places, the whole head within."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from hw_anon.data.banks import FaceBank
from hw_anon.nets.align import fit_similarity, template
from hw_anon.train.batches import MIRRORED

__all__ = [
    "CANVAS_SIDE",
    "CHUNK",
    "aligned_faces",
    "blurred",
    "coarse",
    "ellipse",
    "inverse",
    "places",
    "to_canvas",
    "warped",
]

CANVAS_SIDE = 128
"""Rows and columns of the canvas."""
_ZOOM = 0.62  # of the 112×112 template on it: the whole head fits
_MIDDLE = (55.5, 62.0)  # of that template, which lies at `_CENTRE` of the canvas
_CENTRE = (63.5, 66.0)
CHUNK = 128
"""Faces that are worked on at a time."""


def _template() -> Tensor:
    """Returns where the landmarks go on the canvas, `[5, 2]`."""
    points = (template(112, 112) - np.array(_MIDDLE)) * _ZOOM + np.array(_CENTRE)
    return torch.from_numpy(points).float()


def to_canvas(landmarks: Tensor) -> Tensor:
    """Returns the similarity that lays landmarks `[N, 5, 2]` on the template's, `[N, 2, 3]`."""
    return fit_similarity(landmarks, _template())


def places(landmarks: Tensor, matrices: Tensor) -> Tensor:
    """Returns how far aligned landmarks lie from the template's, `[N, 10]`."""
    moved = landmarks @ matrices[:, :, :2].transpose(1, 2) + matrices[:, None, :, 2]
    return (moved - _template()).flatten(1)


def aligned_faces(bank: FaceBank) -> tuple[Tensor, Tensor]:
    """Returns all pictures, then all mirror images on the canvas, `[2N, 3, S, S]` uint8, and `places`, `[2N, 10]`."""
    pictures, moved = [], []
    for mirrored in (False, True):
        for chosen in torch.arange(len(bank)).split(CHUNK):
            part, landmarks = bank.pictures[chosen].float(), bank.landmarks[chosen]
            if mirrored:
                part = part.flip(-1)
                landmarks = torch.stack([part.shape[-1] - 1.0 - landmarks[..., 0], landmarks[..., 1]], -1)[:, MIRRORED]
            matrices = to_canvas(landmarks)
            pictures.append(warped(part, matrices, CANVAS_SIDE).round().byte())
            moved.append(places(landmarks, matrices))
    return torch.cat(pictures), torch.cat(moved)


def inverse(matrices: Tensor) -> Tensor:
    """Returns the inverse of similarities `[N, 2, 3]`."""
    linear = torch.linalg.inv(matrices[:, :, :2])
    return torch.cat([linear, -linear @ matrices[:, :, 2:]], -1)


def warped(images: Tensor, matrices: Tensor, side: int) -> Tensor:
    """Moves images `[N, C, H, W]` by matrices `[N, 2, 3]` onto a square; what lies outside repeats the border."""
    height, width = images.shape[-2:]
    back = inverse(matrices)
    steps = torch.arange(side, dtype=torch.float32, device=images.device)
    points = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1).reshape(1, -1, 2)
    source = points @ back[:, :, :2].transpose(1, 2) + back[:, None, :, 2]
    grid = 2.0 * source / torch.tensor([width - 1.0, height - 1.0], device=images.device) - 1.0
    grid = grid.view(len(images), side, side, 2)
    return F.grid_sample(images, grid, align_corners=True, padding_mode="border")


def blurred(images: Tensor, sigma: float) -> Tensor:
    """Blurs `[N, C, H, W]` by a Gaussian, cut off at one and a half deviations."""
    taps, channels = int(3 * sigma) | 1, images.shape[1]
    weights = torch.exp(-0.5 * ((torch.arange(taps) - taps // 2) / sigma) ** 2)
    weights = (weights / weights.sum()).expand(channels, 1, -1)
    padded = F.pad(images, (taps // 2,) * 4, mode="reflect")
    rows = F.conv2d(padded, weights[:, :, None, :], groups=channels)
    return F.conv2d(rows, weights[:, :, :, None], groups=channels)


def coarse(images: Tensor, sigma: float) -> Tensor:
    """Blurs strongly, at a quarter of the resolution."""
    small = blurred(F.avg_pool2d(images, 4), sigma / 4.0)
    return F.interpolate(small, size=images.shape[-2:], mode="bilinear")


def ellipse(width: float, height: float, middle: float) -> Tensor:
    """Returns an ellipse on the canvas, `[1, 1, S, S]`: 1 within, 0 without, smooth between.

    Args:
        width: half its width in pixels of the 112×112 template, where the eyes are 35 apart.
        height: half its height.
        middle: row of its middle.
    """
    rows, columns = torch.meshgrid(torch.arange(CANVAS_SIDE), torch.arange(CANVAS_SIDE), indexing="ij")
    across = (columns - _CENTRE[0]) / (width * _ZOOM)
    down = (rows - _CENTRE[1] - (middle - _MIDDLE[1]) * _ZOOM) / (height * _ZOOM)
    return ((1.12 - torch.hypot(across, down)) / 0.24).clamp(0.0, 1.0)[None, None]
