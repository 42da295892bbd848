"""Camera configuration and frame budget."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hw_anon.core.camera import CameraConfig, NetworkTiming, frame_budget, require_budget
from hw_anon.core.errors import ConfigError

QVGA = CameraConfig(
    detector=NetworkTiming(interval_cycles=100_000, latency_cycles=150_000),
    modifier=NetworkTiming(interval_cycles=196_608, latency_cycles=260_000),
)
VGA = replace(QVGA, board="kv260", width=640, height=480, max_faces=8, buffers=2)


def test_the_budget_by_hand() -> None:
    budget = require_budget(QVGA)
    assert budget.capture == 320 * 240 * 4, "25 MHz pixels, 100 MHz clock"
    assert budget.detect == 150_000
    assert budget.decode == 300 * (11 + 9) + 32 * 5
    assert budget.modify == 260_000 + 3 * 196_608
    assert budget.paste == 4 * (76_800 + 96)
    assert budget.deliver == 76_800 + 320 + 96
    assert budget.available == 3_333_333
    assert budget.needed == budget.capture + budget.processing
    assert budget.as_json()["needed_cycles"] == budget.needed
    assert budget.as_json()["fits"] is True


def test_two_buffers_capture_beside_the_rest() -> None:
    budget = require_budget(VGA)
    assert budget.available == 6_666_666
    assert budget.needed == max(budget.capture, budget.processing) < budget.capture + budget.processing
    slow_sensor = frame_budget(replace(VGA, pixel_rate_mhz=10.0))
    assert slow_sensor.needed == slow_sensor.capture == 307_200 * 20


def test_a_line_must_hold_the_metadata() -> None:
    replace(QVGA, width=96, height=96, max_faces=32)
    with pytest.raises(ConfigError, match="at least 88 pixels wide"):
        replace(QVGA, width=80, height=96, max_faces=32)


def test_small_networks_are_bound_by_the_crop() -> None:
    tiny = replace(QVGA, modifier=NetworkTiming(interval_cycles=10, latency_cycles=5_000))
    assert frame_budget(tiny).modify == 5_000 + 3 * (64 * 64 + 96)


def test_a_camera_that_cannot_keep_up_is_refused_with_the_numbers() -> None:
    slow = replace(QVGA, modifier=NetworkTiming(interval_cycles=787_402, latency_cycles=900_000))
    with pytest.raises(ConfigError, match=r"320×240 with 4 faces does not hold 30 frames/s at 100 MHz") as caught:
        require_budget(slow)
    assert f"needed {frame_budget(slow).needed:,} of 3,333,333" in str(caught.value)
    assert "modify 3,262,206" in str(caught.value)
    assert "buffers = 2" in str(caught.value)
    assert "at most 24.3" in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        require_budget(replace(slow, buffers=2, frames_per_s=60.0))
    assert "buffers = 2" not in str(caught.value)
    with pytest.raises(ConfigError, match="detector takes 4,000,000 cycles"):
        require_budget(replace(QVGA, detector=NetworkTiming(interval_cycles=4_000_000, latency_cycles=1)))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"board": "pynq-z9"}, "unknown board"),
        ({"width": 330}, "frame_width = 330"),
        ({"height": 5000}, "frame_height = 5000"),
        ({"buffers": 3}, "buffers = 3"),
        ({"max_faces": 0}, "max_faces = 0"),
        ({"max_faces": 33}, "max_faces = 33"),
        ({"crop_size": 63}, "crop_size = 63"),
        ({"crop_size": 4}, "crop_size = 4"),
        ({"key_channels": 17}, "key_channels = 17"),
        ({"threshold": 0}, "threshold = 0"),
        ({"threshold": 256}, "threshold = 256"),
        ({"frames_per_s": 0.0}, "frames_per_s = 0.0"),
        ({"pixel_rate_mhz": 101.0}, "pixel_rate_mhz = 101.0"),
        ({"source_timeout_cycles": 0}, "source_timeout_cycles = 0"),
        ({"modifier_timeout_cycles": 0}, "modifier_timeout_cycles = 0"),
        ({"detector_timeout_cycles": 1 << 32}, "detector_timeout_cycles = 4294967296"),
    ],
)
def test_settings_out_of_range_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        replace(QVGA, **changed)


def test_a_pixel_rate_above_the_clock_is_refused_for_the_clock_that_is_set() -> None:
    assert replace(QVGA, clk_mhz=150.0, pixel_rate_mhz=150.0).clk_hz == 150e6
    with pytest.raises(ConfigError, match=r"pixel_rate_mhz = 150.0: allowed range is 0.1 to 149"):
        replace(QVGA, clk_mhz=149.0, pixel_rate_mhz=150.0)


def test_network_timings_are_checked() -> None:
    with pytest.raises(ConfigError, match="interval_cycles = 0"):
        NetworkTiming(interval_cycles=0, latency_cycles=1)
    with pytest.raises(ConfigError, match="latency_cycles = 0"):
        NetworkTiming(interval_cycles=1, latency_cycles=0)


def test_derived_sizes() -> None:
    assert (QVGA.cells, VGA.cells) == (300, 1200)
    assert VGA.target.device == "xck26"
    assert QVGA.detector_watchdog_cycles == 2 * (150_000 + frame_budget(QVGA).decode)
    assert QVGA.modifier_watchdog_cycles == 2 * (260_000 + 64 * 64 + 96)
    assert replace(QVGA, modifier_timeout_cycles=7).modifier_watchdog_cycles == 7


def test_reads_a_file(tmp_path: Path) -> None:
    path = tmp_path / "camera.toml"
    path.write_text(
        'board = "kv260"\nwidth = 640\nheight = 480\nmax_faces = 8\nbuffers = 2\n'
        "[detector]\ninterval_cycles = 100000\nlatency_cycles = 150000\n"
        "[modifier]\ninterval_cycles = 196608\nlatency_cycles = 260000\n"
    )
    assert CameraConfig.from_file(path) == VGA
    assert CameraConfig.from_dict(VGA.to_dict()) == VGA
