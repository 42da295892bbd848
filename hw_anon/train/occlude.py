"""Things laid before faces of a batch, with the outline that the losses need."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from hw_anon.data.occluders import occluder_bank

__all__ = ["Occluded", "occlude"]

_KINDS = 200
_SEED = 0x6F63
_COLUMNS = 6


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Occluded:
    """Faces with things before some of them."""

    images: Tensor
    """`[N, 3, S, S]` 0..1."""
    cover: Tensor
    """`[N, 1, S, S]` 0..1: how much of each pixel is covered."""


@lru_cache(maxsize=4)
def _things(device: torch.device) -> Tensor:
    """Returns `[T, 4, 64, 64]` 0..1 on a device."""
    return torch.from_numpy(occluder_bank(_KINDS, _SEED)).permute(0, 3, 1, 2).float().to(device) / 255.0


def occlude(images: Tensor, share: float, generator: torch.Generator) -> Occluded:
    """Lays a thing before some of the faces: of a third to all of a crop's side, most often before its lower half.

    Args:
        images: `[N, 3, S, S]` 0..1.
        share: part of the faces that get one, 0 to 1.
        generator: source of randomness, on the CPU.
    """
    count, side = len(images), images.shape[-1]
    uniform = torch.rand(count, _COLUMNS, generator=generator).to(images.device)
    things = _things(images.device)
    chosen = things[(uniform[:, 0] * len(things)).long().clamp(max=len(things) - 1)]
    size = 0.3 + 0.6 * uniform[:, 1]
    turn = 2 * math.pi * uniform[:, 2]
    x, y = 1.2 * (uniform[:, 3] - 0.5), -0.4 + 1.2 * uniform[:, 4]
    cosine, sine = turn.cos() / size, turn.sin() / size
    rows = [cosine, sine, -(cosine * x + sine * y), -sine, cosine, sine * x - cosine * y]
    grid = F.affine_grid(torch.stack(rows, 1).view(count, 2, 3), [count, 4, side, side], align_corners=False)
    laid = F.grid_sample(chosen, grid, align_corners=False)
    cover = laid[:, 3:] * (uniform[:, 5] < share)[:, None, None, None]
    colours = laid[:, :3] / laid[:, 3:].clamp_min(1e-3)  # at its edge a thing does not fade to black
    return Occluded(images=images + cover * (colours.clamp(0, 1) - images), cover=cover)
