"""Build configuration: what it derives and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from hls.flow.config import BuildConfig
from hw_anon.core.errors import ConfigError


def test_interval_follows_clock_and_throughput() -> None:
    config = BuildConfig(board="pynq-z2", faces_per_s=120)
    assert config.clock_mhz == 100.0
    assert config.target_interval_cycles == 816_993
    assert BuildConfig(board="kv260", faces_per_s=120).clk_period_ns == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("board", "pynq-z9"),
        ("clk_mhz", 5.0),
        ("faces_per_s", 0.0),
        ("sizing_images", 1),
        ("window_fifo_cap", 1),
    ],
)
def test_a_bad_field_is_named(field: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=str(value)):
        BuildConfig(**{field: value})


def test_equal_designs_have_equal_text() -> None:
    """Aliases and defaults are resolved, so that one design has one identity."""
    config = BuildConfig(board="pynq-z2", clk_mhz=100.0)
    assert BuildConfig(board="xc7z020").as_json() == config.as_json()
    assert BuildConfig(board="pynq-z2", clk_mhz=90.0).as_json() != config.as_json()
