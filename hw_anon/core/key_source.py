"""The power-up key of a modifier whose new identities depend on it: the golden model of `key_source` and `key_noise`.

A camera with key channels draws its key from noise once after each full reset, holds it until the next one, and takes
no frame in before it has it. No register reads it, sets it or renews it; a soft reset keeps it.

**Whitening.** Samples are taken in pairs: 0 then 1 gives 0, 1 then 0 gives 1, equal ones give nothing (von Neumann).
Each bit of the key, lowest first, is the parity of `FOLD` whitened bits.

**Health.** `REPETITION_LIMIT` equal samples in a row, or as many equal whitened bits (which a source that merely
alternates gives), mean that the source is broken (the repetition count test of NIST SP 800-90B, 4.4.1). Then there is
no key, and no frame, until the next full reset.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hw_anon.core.errors import ConfigError

__all__ = [
    "FOLD",
    "REPETITION_LIMIT",
    "SIMULATION_SEED",
    "collect_key",
    "simulated_key",
    "simulated_keys",
    "simulated_noise",
]

FOLD = 8
"""Whitened bits in each bit of the key."""
REPETITION_LIMIT = 41
"""Equal bits in a row that are one too many."""
SIMULATION_SEED = 0x4B45595345454421
"""Where the noise of a simulated camera begins unless told otherwise."""

_WORD = (1 << 64) - 1


@dataclass(slots=True)
class _Run:
    """Equal bits in a row."""

    limit: int
    last: int = -1
    length: int = 0

    def too_long(self, bit: int) -> bool:
        """Takes a bit; returns whether the source is broken."""
        self.length = self.length + 1 if bit == self.last else 1
        self.last = bit
        return self.length >= self.limit


def collect_key(
    samples: Iterator[int], key_bytes: int, *, fold: int = FOLD, limit: int = REPETITION_LIMIT
) -> bytes | None:
    """Returns the key that is made of noise, or `None` if there is none: the source is broken, or the samples end.

    Args:
        samples: 0 and 1; as many are taken as the camera takes.
        key_bytes: length of the key, one byte a key channel, the first one lowest.
        fold: whitened bits in a bit of the key.
        limit: equal bits in a row that are one too many.

    Raises:
        ConfigError: if the key has no byte.
    """
    if key_bytes < 1:
        raise ConfigError(f"key_bytes = {key_bytes}: must be at least 1")
    raw, whitened = _Run(limit), _Run(limit)
    key = parity = count = 0
    for first in samples:
        if raw.too_long(first):
            return None
        second = next(samples, None)
        if second is None or raw.too_long(second):
            return None
        if first == second:
            continue
        if whitened.too_long(first):
            return None
        parity ^= first
        count += 1
        if count % fold == 0:
            key |= parity << (count // fold - 1)
            parity = 0
        if count == 8 * key_bytes * fold:
            return key.to_bytes(key_bytes, "little")
    return None


def simulated_noise(seed: int = SIMULATION_SEED) -> Iterator[int]:
    """Yields the noise of a simulated camera: bit 32 of Marsaglia's xorshift (13, 7, 17).

    Raises:
        ConfigError: if the seed is 0 or has more than 64 bits.
    """
    if not 0 < seed < 1 << 64:
        raise ConfigError(f"seed = {seed:#x}: must be 1 to 2^64 - 1")
    state = seed
    while True:
        yield state >> 32 & 1
        state ^= state << 13 & _WORD
        state ^= state >> 7
        state ^= state << 17 & _WORD


def simulated_keys(key_bytes: int, seed: int = SIMULATION_SEED) -> Iterable[bytes | None]:
    """Yields the keys of a simulated camera, one a full reset: the noise goes on where the last key left it.

    Raises:
        ConfigError: if the key has no byte, or the seed is out of range.
    """
    noise = simulated_noise(seed)
    while True:
        yield collect_key(noise, key_bytes)


def simulated_key(key_bytes: int) -> bytes:
    """Returns the key that a simulated camera has after power-up; empty for a camera without key channels."""
    key = next(iter(simulated_keys(key_bytes))) if key_bytes else b""
    assert key is not None, "the simulated noise is fair"
    return key
