"""Drawn things have an outline, colours, and differ from seed to seed."""

from __future__ import annotations

import numpy as np
import pytest

from hw_anon.core.errors import ConfigError
from hw_anon.data.occluders import OCCLUDERS, draw_occluder, occluder_bank


@pytest.mark.parametrize("kind", OCCLUDERS)
def test_things_have_an_outline_and_follow_from_their_seed(kind: str) -> None:
    drawn = [draw_occluder(kind, seed) for seed in range(8)]
    np.testing.assert_array_equal(drawn[0], draw_occluder(kind, 0))
    for thing in drawn:
        assert thing.shape == (64, 64, 4)
        share = (thing[..., 3] >= 128).mean()
        assert 0.03 < share < 0.8, "neither nothing nor a filled square"
        assert thing[0, 0, 3] == 0
    assert any((thing != drawn[0]).any() for thing in drawn[1:])


def test_a_hand_has_fingers() -> None:
    rows = draw_occluder("hand", 3)[..., 3] >= 128
    runs = [int(np.count_nonzero(np.diff(row.astype(int)) == 1)) for row in rows]
    assert max(runs) >= 3


def test_a_bank_holds_all_kinds_and_other_kinds_are_refused() -> None:
    bank = occluder_bank(2 * len(OCCLUDERS), 1, side=16)
    assert bank.shape == (2 * len(OCCLUDERS), 16, 16, 4)
    assert (bank[: len(OCCLUDERS)] != bank[len(OCCLUDERS) :]).any((1, 2, 3)).all()
    with pytest.raises(ConfigError, match="hand"):
        draw_occluder("hands", 0)
