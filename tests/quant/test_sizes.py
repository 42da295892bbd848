"""Sizes that no network on the chip can have are refused by name."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("brevitas", reason="missing: brevitas")

from hw_anon.core.errors import ConfigError
from quant.face_detector import FaceDetectorConfig
from quant.modifier import ModifierConfig


@pytest.mark.parametrize("make", [ModifierConfig, FaceDetectorConfig])
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"widths": (16, 32)}, r"widths = \(16, 32\): expected three integers from 1"),
        ({"widths": (16, 0, 32)}, "widths = .*three integers from 1"),
        ({"weight_bits": 1}, "weight_bits = 1: allowed range is 2 to 8 bits"),
        ({"act_bits": 9}, "act_bits = 9"),
        ({"edge_weight_bits": 0}, "edge_weight_bits = 0"),
    ],
)
def test_widths_and_bits_are_checked(make: Any, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"{make.__name__}.{message}"):
        make(**wrong)


@pytest.mark.parametrize(
    ("make", "wrong", "message"),
    [
        (ModifierConfig, {"input_size": 66}, "multiple of 4"),
        (ModifierConfig, {"input_size": 100}, "32 to 96 pixels"),
        (ModifierConfig, {"blocks": 10}, "0 to 9"),
        (ModifierConfig, {"trunk_range": 0.0}, "trunk_range = 0.0"),
        (ModifierConfig, {"key_channels": 17}, "0 to 16"),
        (FaceDetectorConfig, {"input_width": 164}, "multiple of 8"),
        (FaceDetectorConfig, {"input_height": 24}, "32 to 320 pixels"),
        (FaceDetectorConfig, {"eighth_layers": 13}, "0 to 12"),
    ],
)
def test_sides_and_depths_are_checked(make: Any, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make(**wrong)
