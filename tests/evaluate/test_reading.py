"""What a network from random weights reads: shares, intervals over clips."""

from __future__ import annotations

import numpy as np
import pytest

from hw_anon.evaluate.reading import ReadingResult, share_named


def test_frames_of_one_clip_count_as_one_for_the_interval() -> None:
    right = np.repeat([True, True, True, False, True, False, True, True], 16)
    apart = share_named(np.arange(128), right, seed=0)
    together = share_named(np.repeat(np.arange(8), 16), right, seed=0)
    assert apart.value == together.value == 0.75 and apart.n == together.n == 128
    assert together.high - together.low > 2 * (apart.high - apart.low)
    assert apart.low < 0.75 < apart.high


def test_clips_are_groups_whatever_their_numbers() -> None:
    right = np.array([True, False, True, True])
    first, second = (share_named(np.array(clips), right, seed=0) for clips in ([0, 1, 1, 2], [90, 7, 7, 300]))
    assert (first.n, first.value) == (second.n, second.value) == (4, 0.75)


@pytest.mark.parametrize(("seed", "title"), [(None, "blur-8"), (2, "blur-8@2")])
def test_a_file_says_what_was_measured(seed: int | None, title: str) -> None:
    named = share_named(np.arange(10), np.arange(10) < 7, seed=0)
    result = ReadingResult(
        method="blur-8", seed=seed, reader_seed=4, dataset="s", named=named, by_action={"a": 0.7}, clips=10, command="c"
    )
    document = result.as_json()
    assert result.title == title and document["reader_seed"] == 4
    assert document["named"] == 0.7 and document["named_n"] == 10
    low, high = document["named_ci"]
    assert low < 0.7 < high
