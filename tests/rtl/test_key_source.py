"""The power-up key equals the golden model's, is drawn anew by a full reset only, and a broken source gives none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hls.interface import DesignInterface
from hw_anon.core.key_source import REPETITION_LIMIT, collect_key, simulated_keys
from tests.rtl.harness import port, seeded, simulator
from tests.rtl.video import BENCHES, bench_sources, video_source

pytestmark = pytest.mark.sim

NOISE, RESET = 2, 4


@dataclass(frozen=True)
class Source:
    """The bench, built once for a configuration."""

    cache: Path
    key_bytes: int = 1
    replaced: Path | None = None

    def answers(self, beats: Sequence[int]) -> NDArray[np.int64]:
        """Returns what the source says after each beat: ready, running, the key's bytes."""
        width = self.key_bytes + 1
        interface = DesignInterface(
            top="key_bench",
            inputs=(port("s_bit", (len(beats), 1), 8),),
            outputs=(port("m_state", (len(beats), width), 8, elements=width),),
            clock="clk_i",
            reset_n="rst_ni",
        )
        sources = bench_sources(BENCHES / "key_bench.sv", replaced=self.replaced)
        with simulator(interface, self.cache, parameters={"KeyBytes": self.key_bytes}, sources=sources) as design:
            said = design.run(np.array(beats).reshape(1, -1, 1), max_idle_cycles=100).outputs[0][0]
        return np.concatenate([said[:, :1] & 15, said[:, :1] >> 4, said[:, 1:]], axis=1)

    def check(self, samples: Sequence[int]) -> bytes | None:
        """Compares one collection with the golden model: the key, and after how many samples it is there."""
        left: Iterator[int] = iter(samples)
        expected = collect_key(left, self.key_bytes)
        taken = len(samples) - len(list(left))
        said = self.answers([*samples, 1, 0, 1])
        ready = said[:, 0] == 1
        np.testing.assert_array_equal(ready, np.arange(len(said)) >= (taken - 1 if expected else len(said)))
        running = np.arange(len(said)) < taken - 1
        if expected is not None or taken < len(samples):
            np.testing.assert_array_equal(said[:, 1] == 1, running)
        if expected is not None:
            assert {bytes(row) for row in said[ready][:, 2:].tolist()} == {expected}
        return expected


def _samples(seed: int, count: int, ones: float = 0.5) -> list[int]:
    return (np.random.default_rng(seed).random(count) < ones).astype(int).tolist()


@pytest.mark.parametrize("key_bytes", [1, 3])
@pytest.mark.parametrize("ones", [0.5, 0.2, 0.85])
def test_the_key_is_the_golden_models(key_bytes: int, ones: float, sim_cache: Path) -> None:
    assert Source(sim_cache, key_bytes).check(_samples(key_bytes, 2400, ones)) is not None


@pytest.mark.parametrize("pattern", [[0], [1], [0, 1], [1, 0]], ids=["zeros", "ones", "alternating", "other_phase"])
@pytest.mark.parametrize("after", [0, 57])
def test_a_broken_source_gives_no_key(pattern: list[int], after: int, sim_cache: Path) -> None:
    samples = _samples(3, after) + pattern * (4 * REPETITION_LIMIT // len(pattern))
    assert Source(sim_cache).check(samples) is None
    said = Source(sim_cache).answers([*samples, *_samples(4, 600), RESET, *_samples(5, 600)])
    assert not said[: len(samples) + 600, 0].any(), "what comes after a failure is not believed"
    assert said[-1, 0] == 1, "a full reset begins again"


def _check_resets(source: Source) -> None:
    beats = ([NOISE] * 1200 + [RESET]) * 3
    said = source.answers(beats)
    keys = [bytes(said[1201 * k + 1199, 2:].tolist()) for k in range(3)]
    assert keys == list(islice(simulated_keys(source.key_bytes), 3))
    assert len(set(keys)) == 3
    assert not said[np.array(beats) == RESET][:, [0, 2, 3]].any(), "nothing is left of a key after a reset"


def test_each_full_reset_draws_a_new_key(sim_cache: Path) -> None:
    _check_resets(Source(sim_cache, 2))


BUGS = {
    "believes_a_stuck_source": ("if (repeats || rewhitens) begin", "if (rewhitens) begin"),
    "believes_an_alternating_source": ("if (repeats || rewhitens) begin", "if (repeats) begin"),
    "one_bit_too_late": (
        "whitened_d.length == RunWidth'(RepetitionLimit)",
        "whitened_q.length == RunWidth'(RepetitionLimit)",
    ),
    "does_not_fold": ("parity_q   <= !last_fold && (parity_q ^ first_q);", "parity_q   <= 1'b0;"),
    "goes_on_sampling": ("if (last_bit) state_q <= Ready;", "if (last_bit) state_q <= Collect;"),
    "keeps_the_old_key": ("            key_q   <= '0;\n            {wait_q", "            {wait_q"),
}


@pytest.mark.parametrize("bug", BUGS)
def test_seeded_bugs_are_caught(bug: str, sim_cache: Path, tmp_path: Path) -> None:
    source = Source(sim_cache, 2, seeded(video_source("key_source"), *BUGS[bug], tmp_path))
    with pytest.raises(AssertionError):
        source.check(_samples(2, 1500))
        source.check(_samples(3, 57) + [1] * 200)
        source.check(_samples(3, 57) + [0, 1] * 200)
        _check_resets(source)
