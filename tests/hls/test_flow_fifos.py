"""FIFO depths that follow from measured fills."""

from __future__ import annotations

import pytest

from hls.flow.fifos import MIN_FIFO_DEPTH, FifoSite, sized_depths


@pytest.mark.parametrize(
    ("fill", "depth"),
    [(0, MIN_FIFO_DEPTH), (1, 2), (2, 3), (31, 32), (32, 32)],
    ids=["unused", "one", "two", "one below the cap", "at the cap"],
)
def test_a_fifo_has_room_for_one_beat_more_than_it_held(fill: int, depth: int) -> None:
    """A full FIFO refuses a beat even while it gives one away; only a capped one was full in the instrumented run."""
    site = FifoSite(
        name="a_fifo", tensor="t", producer="p", consumer="a", kind="window", width_bits=8, beats=64, max_depth=32
    )
    assert sized_depths((site,), {"a_fifo": fill}) == {"a_fifo": depth}
