"""Keys are repeatable, and constant over a crop."""

from __future__ import annotations

import numpy as np
import pytest

from hw_anon.core.errors import ContractError
from hw_anon.core.keys import append_key, power_up_keys


def test_keys_follow_from_the_seed_and_not_from_their_number() -> None:
    keys = power_up_keys(40, 4, 7)
    assert keys.shape == (40, 4)
    assert keys.dtype == np.uint8
    np.testing.assert_array_equal(power_up_keys(5, 4, 7), keys[:5])
    assert (power_up_keys(40, 4, 8) != keys).any()
    assert len(np.unique(keys, axis=0)) == 40


def test_a_key_is_constant_behind_the_colours() -> None:
    crops = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3), dtype=np.uint8)
    own = power_up_keys(2, 3, 0)
    seen = append_key(crops, own)
    np.testing.assert_array_equal(seen[..., :3], crops)
    assert (seen[..., 3:] == own[:, None, None]).all()
    np.testing.assert_array_equal(append_key(crops, own[0])[1, 0, 0, 3:], own[0])
    np.testing.assert_array_equal(append_key(crops, np.empty(0, np.uint8)), crops)


def test_keys_that_do_not_fit_are_refused() -> None:
    crops = np.zeros((2, 4, 4, 3), np.uint8)
    with pytest.raises(ContractError, match="2 crops"):
        append_key(crops, np.zeros((3, 2), np.uint8))
    with pytest.raises(ContractError, match="expected uint8"):
        append_key(crops.astype(float), np.zeros(2, np.uint8))  # type: ignore[arg-type]
