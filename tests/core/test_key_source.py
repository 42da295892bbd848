"""The golden model of the power-up key: what biased, stuck and alternating noise gives."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, islice

import numpy as np
import pytest

from hw_anon.core.errors import ConfigError
from hw_anon.core.key_source import FOLD, REPETITION_LIMIT, collect_key, simulated_keys, simulated_noise


@pytest.mark.parametrize("ones", [0.1, 0.5, 0.8])
def test_bits_of_keys_are_balanced_however_biased_the_noise(ones: float) -> None:
    rng = np.random.default_rng(1)
    keys = [collect_key(iter((rng.random(20_000) < ones).astype(int).tolist()), 16, limit=400) for _ in range(40)]
    bits = np.unpackbits(np.frombuffer(b"".join(key for key in keys if key is not None), np.uint8))
    assert len(bits) == 40 * 128
    assert abs(bits.mean() - 0.5) < 0.03


def test_whitening_and_folding_by_hand() -> None:
    samples = [0, 0, 1, 0, 0, 1, 1, 1] * 40
    # One pair in two counts: 1, 0, 1, 0, …; the parity of eight of them is 0, that of seven 0 and 1 in turn.
    assert collect_key(iter(samples), 1) == b"\x00"
    assert collect_key(iter(samples), 1, fold=7) == bytes([0b10101010])


@pytest.mark.parametrize("pattern", [[0], [1], [0, 1], [1, 0]])
def test_a_broken_source_gives_no_key(pattern: list[int]) -> None:
    taken = 0

    def counted() -> Iterator[int]:
        nonlocal taken
        for bit in cycle(pattern):
            taken += 1
            yield bit

    assert collect_key(counted(), 16) is None
    assert taken == REPETITION_LIMIT * len(pattern)


def test_noise_that_ends_gives_no_key() -> None:
    samples = [0, 1] * (8 * FOLD)
    assert collect_key(iter(samples), 1, limit=1000) is not None
    assert collect_key(iter(samples[:-1]), 1, limit=1000) is None


def test_simulated_keys_differ_from_reset_to_reset_and_seed_to_seed() -> None:
    keys = list(islice(simulated_keys(2), 20)) + list(islice(simulated_keys(2, seed=5), 20))
    assert None not in keys
    assert len(set(keys)) == 40
    assert list(islice(simulated_keys(2), 20)) == keys[:20]


@pytest.mark.parametrize("seed", [0, 1 << 64, -1])
def test_a_seed_out_of_range_is_refused(seed: int) -> None:
    with pytest.raises(ConfigError, match="seed"):
        next(simulated_noise(seed))


def test_a_key_has_a_byte() -> None:
    with pytest.raises(ConfigError, match="key_bytes"):
        collect_key(iter([]), 0)
