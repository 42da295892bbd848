"""Open mouths painted over faces of a batch: the laughs that rendered people do not have.

A student that never saw teeth leaves them where they are, and with them a laugh that is somebody's own. What is painted
is crude on purpose, and of every shape: what is learned is that whatever lies between the lips belongs to the person.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["open_mouths"]

_NOSE, _LEFT, _RIGHT = 2, 3, 4
_COLUMNS = 20
_GREY = 1.5 / 255.0  # channels nearer than that are of a grey picture
_SKIN = 0.6  # of a mouth's half width: how far around the nose the skin's colour is taken


@dataclass(frozen=True, slots=True, eq=False)
class _Shapes:
    """Edges of mouths in their own coordinates, `[N, 1, S, S]`; `across` is -1 and 1 at the corners."""

    across: Tensor
    upper: Tensor
    """Distance below the upper lip's lower edge, in half widths of the mouth."""
    lower: Tensor
    """Distance above the lower lip's upper edge."""
    pixels: Tensor
    """`[N, 1, 1, 1]` half widths in pixels."""


def open_mouths(images: Tensor, landmarks: Tensor, cover: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Paints an open mouth over some of the faces, lips, teeth and what is behind them, in the light of the face.

    Args:
        images: `[N, 3, S, S]` 0..1.
        landmarks: `[N, 5, 2]` (x, y) in pixels of the images.
        cover: `[N, 1, S, S]` 0..1: what lies before the faces and stays before the mouths.
        share: part of the faces that get one, 0 to 1.
        generator: source of randomness, on the CPU; left alone if `share` is 0.

    Returns:
        `[N, 3, S, S]` 0..1.
    """
    if not share:
        return images
    uniform = torch.rand(len(images), _COLUMNS, generator=generator).to(images.device)
    column = uniform[..., None, None, None]
    shapes = _shapes(landmarks, images.shape[-1], column)
    skin = _skin(images, landmarks, shapes.pixels)
    lip = 0.06 + 0.16 * column[:, 6]
    thick = lip * (1.0 - shapes.across.square()).clamp_min(0.0).sqrt()
    lips = _inside(shapes, shapes.upper + thick, shapes.lower + 1.4 * thick)
    between = _inside(shapes, shapes.upper, shapes.lower)
    painted = images + 0.9 * lips * (_lip_colour(skin, uniform) - images)
    painted = painted + between * (_between(shapes, skin, column) - painted)
    grey = (images.amax(1) - images.amin(1)).flatten(1).amax(1) < _GREY
    painted = torch.where(grey[:, None, None, None], painted.mean(1, keepdim=True), painted)
    chosen = (column[:, 0] < share) * (1.0 - cover)
    return (images + chosen * (painted - images)).clamp(0.0, 1.0)


def _shapes(landmarks: Tensor, side: int, column: Tensor) -> _Shapes:
    """Lays a mouth of random width, laugh and opening between the corners that are there."""
    corners = landmarks[:, _RIGHT] - landmarks[:, _LEFT]
    middle = 0.5 * (landmarks[:, _RIGHT] + landmarks[:, _LEFT])
    length = corners.norm(dim=1).clamp_min(1.0)
    along = corners / length[:, None]
    steps = torch.arange(side, dtype=landmarks.dtype, device=landmarks.device)
    x = (steps[None, None, :] - middle[:, 0, None, None])[:, None]
    y = (steps[None, :, None] - middle[:, 1, None, None])[:, None]
    right, down = along[:, 0, None, None, None], along[:, 1, None, None, None]
    half = (0.5 * length)[:, None, None, None] * (0.9 + 0.6 * column[:, 1])
    across = (x * right + y * down) / half
    below = (y * right - x * down) / half
    arch = 1.0 - across.square()
    line = 0.5 * column[:, 2] * (arch - 0.6) + 0.1 * (column[:, 3] - 0.5)  # a laugh lifts the corners
    return _Shapes(
        across=across,
        upper=below - line + (0.02 + 0.12 * column[:, 4]) * arch,
        lower=line + (0.1 + 0.6 * column[:, 5].square()) * arch - below,
        pixels=half,
    )


def _inside(shapes: _Shapes, upper: Tensor, lower: Tensor) -> Tensor:
    """Returns how much of each pixel lies between two edges and the corners, `[N, 1, S, S]`."""
    nearest = torch.minimum(torch.minimum(upper, lower), 1.0 - shapes.across.abs())
    return (nearest * shapes.pixels + 0.5).clamp(0.0, 1.0)


def _skin(images: Tensor, landmarks: Tensor, pixels: Tensor) -> Tensor:
    """Returns the mean colour around the nose, `[N, 3, 1, 1]`."""
    steps = torch.arange(images.shape[-1], dtype=landmarks.dtype, device=landmarks.device)
    x = steps[None, None, :] - landmarks[:, _NOSE, 0, None, None]
    y = steps[None, :, None] - landmarks[:, _NOSE, 1, None, None]
    near = (torch.hypot(x, y)[:, None] < _SKIN * pixels + 1.0).to(images.dtype)
    return (images * near).sum((2, 3), keepdim=True) / near.sum((2, 3), keepdim=True).clamp_min(1.0)


def _lip_colour(skin: Tensor, uniform: Tensor) -> Tensor:
    """Returns the colour of lips, `[N, 3, 1, 1]`: redder than the skin, or hardly."""
    red, others = 0.7 + 0.35 * uniform[:, 7], 0.4 + 0.45 * uniform[:, 8]
    gains = torch.stack([red, others, others * (0.9 + 0.2 * uniform[:, 9])], 1)
    return skin * gains[..., None, None]


def _between(shapes: _Shapes, skin: Tensor, column: Tensor) -> Tensor:
    """Returns what is seen between lips, `[N, 3, S, S]`: teeth, then the dark or a tongue, at times lower teeth."""
    light = skin.mean(1, keepdim=True)
    white = (light * (0.9 + 0.9 * column[:, 10]) + 0.3 * column[:, 11]).clamp(max=1.0)
    yellow = torch.cat([torch.ones_like(light), 1.0 - 0.06 * column[:, 12], 1.0 - 0.25 * column[:, 12]], 1)
    gaps = (torch.sin(shapes.across * (6.0 + 14.0 * column[:, 13])).abs() < 0.25).to(light.dtype)
    corners = 1.0 - (0.2 + 0.6 * column[:, 14]) * shapes.across.abs().clamp(max=1.0).pow(3)
    teeth = white * yellow * (1.0 - 0.25 * column[:, 15] * gaps) * corners
    reddish = torch.cat([torch.ones_like(light), 0.6 * torch.ones_like(light), 0.6 * torch.ones_like(light)], 1)
    dark = (light * (0.05 + 0.5 * column[:, 16].square())) * reddish
    height, lower = 0.12 + 0.6 * column[:, 17], 0.2 * (column[:, 18] - 0.5)
    above = ((height - shapes.upper) * shapes.pixels + 0.5).clamp(0.0, 1.0)
    under = ((lower - shapes.lower) * shapes.pixels + 0.5).clamp(0.0, 1.0)
    bare = (column[:, 19] > 0.1).to(light.dtype)  # some mouths show no teeth
    return dark + torch.maximum(above, under) * bare * (teeth - dark)
