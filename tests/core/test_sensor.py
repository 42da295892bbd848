"""How a sensor's samples become a frame: known values, independent of the HDL that is compared with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.sensor import BAYER_ORDERS, BayerOrder, SensorFit, fit_frame

SMALL: dict[str, Any] = {"source_width": 9, "source_height": 6, "width": 2, "height": 2, "factor": 2}


@pytest.mark.parametrize("bayer", [order for order in BAYER_ORDERS if order != "none"])
def test_one_colour_stays_that_colour(bayer: BayerOrder) -> None:
    """A scene of one colour, seen through the filters: red 200, green 100, blue 50."""
    fit = SensorFit(**SMALL, bayer=bayer)
    value = {"r": 200, "g": 100, "b": 50}
    tile = np.array([value[colour] for colour in bayer], np.uint8).reshape(2, 2)
    samples = np.tile(tile, (3, 5))[:6, :9]
    np.testing.assert_array_equal(fit_frame(samples, fit), np.full((2, 2, 3), (200, 100, 50)))


def test_means_are_rounded_to_nearest() -> None:
    fit = SensorFit(source_width=4, source_height=4, width=2, height=2, factor=2)
    samples = np.zeros((4, 4, 3), np.uint8)
    samples[0, 0] = 1, 2, 3  # quarters: 0.25, 0.5, 0.75
    samples[2:, 2:] = 255
    frame = fit_frame(samples, fit)
    assert frame[0, 0].tolist() == [0, 1, 1]
    assert frame[1, 1].tolist() == [255, 255, 255]


def test_the_middle_is_kept() -> None:
    fit = SensorFit(source_width=9, source_height=6, width=2, height=2, factor=1)
    samples = np.arange(54, dtype=np.uint8).reshape(6, 9)
    assert fit.offset == (3, 2)
    frame = fit_frame(np.repeat(samples[..., None], 3, 2), fit)
    assert frame[..., 0].tolist() == [[21, 22], [30, 31]]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"factor": 9}, "factor = 9"),
        ({"factor": 3, "bayer": "rggb"}, "must be even"),
        ({"bayer": "rgb"}, "bayer = 'rgb'"),
        ({"source_width": 3}, "source_width = 3: 2 pixels of 2 samples need 4"),
        ({"source_height": 3}, "source_height = 3"),
        ({"every": 0}, "every = 0"),
        ({"width": 1}, "width = 1"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SensorFit(**{**SMALL, **changed})


@pytest.mark.parametrize(
    "samples", [np.zeros((6, 9), np.uint8), np.zeros((6, 9, 3), np.int16), np.zeros((5, 9, 3), np.uint8)]
)
def test_other_samples_are_refused(samples: Any) -> None:
    with pytest.raises(ContractError, match=r"expected uint8 \[6, 9, 3\]"):
        fit_frame(samples, SensorFit(**SMALL))
