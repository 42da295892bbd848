"""The driver's overhead, memory and copies, on a board of models."""

from __future__ import annotations

from host.bench import measure


def test_overhead_is_below_a_millisecond_and_nothing_grows_or_is_copied() -> None:
    result = measure(frames=1000, width=48, height=48)
    assert result.overhead_ms < 1.0
    assert result.copies == 0 and result.lost == 0
    assert result.traced_growth_bytes < 60_000, "one forgotten object a frame would be more"
    assert set(result.as_json()) >= {"frames", "overhead_ms", "overhead_p99_ms", "resident_growth_bytes"}
