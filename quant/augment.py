"""Colour pictures out of grey ones, for the brief training of `quant.pretrain`."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["augment"]

_FIELD = 4  # pixels of the coarse field that shades a picture


def augment(pictures: Tensor, count: int, size: int, generator: torch.Generator) -> Tensor:
    """Draws crops at random scale, place, angle and side, and gives them colour, contrast and shade.

    Args:
        pictures: `[P, 1, H, W]` grey in 0..1, H ≥ W.
        count: crops to draw.
        size: height and width of a crop.
        generator: source of randomness (on the CPU).

    Returns:
        `[count, 3, size, size]` in 0..1, whole multiples of 1/255, on the device of `pictures`.
    """

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.empty(shape).uniform_(low, high, generator=generator).to(pictures.device)

    chosen = torch.randint(len(pictures), (2, count), generator=generator).to(pictures.device)
    face, other = (_crops(pictures[index], size, generator) for index in chosen)
    # Every channel has its own contrast and brightness; a second picture adds edges that are in one channel alone.
    mixed = face + uniform(0.0, 0.35, count, 3, 1, 1) * (other - 0.5) * (uniform(0.0, 1.0, count, 1, 1, 1) < 0.5)
    colour = 0.5 + uniform(0.5, 1.4, count, 1, 1, 1) * uniform(0.75, 1.25, count, 3, 1, 1) * (mixed - 0.5)
    shade = functional.interpolate(
        uniform(-1.0, 1.0, count, 3, _FIELD, _FIELD), size=(size, size), mode="bicubic", align_corners=True
    )
    colour = colour + uniform(-0.2, 0.2, count, 3, 1, 1) + uniform(0.0, 0.3, count, 1, 1, 1) * shade
    return (colour.clamp(0.0, 1.0) * 255.0).round() / 255.0


def _crops(pictures: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Returns one square crop of each picture, `[N, 1, size, size]`, at random scale, place, angle and side."""
    count, _, height, width = pictures.shape
    scale = torch.empty(count).uniform_(0.5, 1.1, generator=generator)
    angle = torch.empty(count).uniform_(-0.3, 0.3, generator=generator)
    shift = torch.empty(count, 2).uniform_(-1.0, 1.0, generator=generator)
    mirror = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
    # A square of side `scale * width` pixels in the coordinates of grid_sample, which run from -1 to 1.
    reach = scale * torch.tensor([[1.0], [width / height]])
    cosine, sine = angle.cos(), angle.sin()
    matrix = torch.stack(
        [
            torch.stack(
                [reach[0] * cosine * mirror, -reach[0] * sine, shift[:, 0] * (1.0 - reach[0]).clamp(min=0.05)], 1
            ),
            torch.stack(
                [reach[1] * sine * mirror, reach[1] * cosine, shift[:, 1] * (1.0 - reach[1]).clamp(min=0.05)], 1
            ),
        ],
        1,
    ).to(pictures.device)
    grid = functional.affine_grid(matrix, [count, 1, size, size], align_corners=False)
    return functional.grid_sample(pictures, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
