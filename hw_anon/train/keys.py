"""Keys in training: fresh ones for every group of faces, as constant channels behind the colours."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["append_keys", "draw_keys"]


def draw_keys(count: int, channels: int, generator: torch.Generator) -> Tensor:
    """Returns `[count, channels]` float32: bytes / 255, evenly distributed, on the CPU.

    Args:
        count: keys.
        channels: key channels, 0 or more.
        generator: source of randomness, on the CPU; nothing is drawn for 0 channels.
    """
    if channels == 0:
        return torch.zeros(count, 0)
    return torch.randint(0, 256, (count, channels), generator=generator).float() / 255.0


def append_keys(images: Tensor, keys: Tensor) -> Tensor:
    """Returns `[N, 3 + K, S, S]`: images with each its key's constant channels.

    Args:
        images: `[N, 3, S, S]`.
        keys: `[N, K]` on the same device.
    """
    if keys.shape[1] == 0:
        return images
    spread = keys[:, :, None, None].expand(-1, -1, *images.shape[2:])
    return torch.cat([images, spread.to(images.dtype)], 1)
