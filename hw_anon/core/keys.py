"""The key of a power-up: constant channels behind red, green and blue in every crop that the modifier sees.

A keyed modifier gives a person a new face at every power-up and the same one in between. On the chip the bytes come
from a random source and never leave it; here they are drawn from a seed, so that training and evaluation can repeat
what they did.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.errors import ContractError

__all__ = ["MOST_KEY_CHANNELS", "append_key", "power_up_keys"]

MOST_KEY_CHANNELS = 16
"""Largest number of key channels that a camera has."""


def power_up_keys(count: int, channels: int, seed: int) -> NDArray[np.uint8]:
    """Returns `[count, channels]` uint8: the keys of so many power-ups, evenly distributed.

    Args:
        count: power-ups.
        channels: key channels.
        seed: seed of all of them; the first ones do not depend on `count`.
    """
    return np.random.default_rng((0x6B6579, seed)).integers(0, 256, (count, channels), dtype=np.uint8)


def append_key(crops_u8: NDArray[np.uint8], key: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Appends a key's constant channels to crops.

    Args:
        crops_u8: `[N, H, W, 3]` uint8.
        key: `[K]` uint8, one key for all crops, or `[N, K]`.

    Returns:
        `[N, H, W, 3 + K]` uint8.

    Raises:
        ContractError: if shapes or dtypes are not as described.
    """
    if crops_u8.dtype != np.uint8 or crops_u8.ndim != 4:
        raise ContractError(f"crops are {crops_u8.dtype} {list(crops_u8.shape)}; expected uint8 [N, H, W, 3]")
    keys = np.broadcast_to(key, (len(crops_u8), key.shape[-1])) if key.ndim == 1 else key
    if keys.dtype != np.uint8 or keys.ndim != 2 or len(keys) != len(crops_u8):
        raise ContractError(
            f"keys are {keys.dtype} {list(keys.shape)} for {len(crops_u8)} crops; expected uint8 [N, K]"
        )
    spread = np.broadcast_to(keys[:, None, None, :], (*crops_u8.shape[:3], keys.shape[1]))
    return np.concatenate([crops_u8, spread], axis=3)
