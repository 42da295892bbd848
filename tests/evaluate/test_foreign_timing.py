"""Processor time of an anonymiser: both kinds are called once a frame, and a slow one is seen to be slow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hw_anon.core.errors import ConfigError

pytest.importorskip("skimage", reason="missing: scikit-image")

from hw_anon.evaluate.foreign_timing import time_calls, time_frames

TOOL = """
import time

SEEN = []

def slow(frame, regions):
    SEEN.append((frame.shape, len(regions)))
    end = time.process_time() + 0.03
    while time.process_time() < end:
        pass
    return frame

def crop(crop):
    SEEN.append(crop.shape)
    return crop
"""


def test_both_kinds_are_timed(tmp_path: Path) -> None:
    import sys

    tool = tmp_path / "timed.py"
    tool.write_text(TOOL)
    slow = time_frames(f"{tool}:slow", 64, 48, frames=2)
    assert slow["frames"] == 2
    assert 30 <= slow["median_ms"] <= slow["largest_ms"]
    assert sys.modules["anonymiser_timed"].SEEN == [((48, 64, 3), 0)] * 3, "one before that is not measured"
    quick = time_frames(f"{tool}:crop", 64, 48, frames=2, crop_side=32)
    assert quick["median_ms"] < 30
    assert sys.modules["anonymiser_timed"].SEEN == [(32, 32, 3)] * 3
    with pytest.raises(ConfigError, match="frames = 0"):
        time_frames(f"{tool}:crop", 64, 48, frames=0)


def test_every_function_gets_the_same_frames() -> None:
    first: list[NDArray[np.uint8]] = []
    second: list[NDArray[np.uint8]] = []
    for seen in (first, second):
        figures = time_calls(seen.append, 64, 48, frames=3)
        assert figures["frames"] == 3
    assert len(first) == 4, "one before those that are measured"
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[1], first[2])
