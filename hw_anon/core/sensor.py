"""How a sensor's samples become the camera's frame: the golden model of `hls/rtl/sensor/sensor_fit.sv`.

Blocks of `factor` × `factor` samples become one pixel, the mean of each colour, and of what results the middle is kept.
A sensor with colour filters (Bayer) gives one colour a sample; the mean over a block is its demosaicing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.config import Config, require_choice, require_range
from hw_anon.core.errors import ConfigError, ContractError

__all__ = ["BAYER_ORDERS", "MAX_FACTOR", "BayerOrder", "SensorFit", "fit_frame"]

BayerOrder = Literal["none", "rggb", "grbg", "gbrg", "bggr"]
"""Colours of the first two samples of the first line and of the second; `none`: every sample has all three."""
BAYER_ORDERS: tuple[BayerOrder, ...] = ("none", "rggb", "grbg", "gbrg", "bggr")
MAX_FACTOR, MAX_EVERY = 8, 16
_RED, _GREEN, _BLUE = range(3)


@dataclass(frozen=True, kw_only=True, slots=True)
class SensorFit(Config):
    """Sizes before and after, and the order of the colours."""

    source_width: int
    """Columns of the sensor."""
    source_height: int
    """Rows of the sensor."""
    width: int
    """Columns of the frame."""
    height: int
    """Rows of the frame."""
    factor: int
    """Side of the blocks that become one pixel; even if there are colour filters."""
    bayer: BayerOrder = "none"
    """Order of the colour filters."""
    every: int = 1
    """One of so many frames is kept: for a camera that is slower than its sensor."""

    def __post_init__(self) -> None:
        require_range(self, "width", 2, None, unit="pixels")
        require_range(self, "height", 2, None, unit="pixels")
        require_range(self, "factor", 1, MAX_FACTOR, unit="samples")
        require_range(self, "every", 1, MAX_EVERY, unit="frames")
        require_choice(self, "bayer", BAYER_ORDERS)
        if self.bayer != "none" and self.factor % 2:
            raise ConfigError(f"SensorFit.factor = {self.factor}: must be even, a block holds all colour filters")
        for side in ("width", "height"):
            source, needed = getattr(self, f"source_{side}"), getattr(self, side) * self.factor
            if source < needed:
                raise ConfigError(
                    f"SensorFit.source_{side} = {source}: {getattr(self, side)} pixels of {self.factor} samples need "
                    f"{needed}; use a smaller factor or a larger mode of the sensor"
                )

    @property
    def sample_bits(self) -> int:
        """Bits of a sample: all three colours, or one."""
        return 24 if self.bayer == "none" else 8

    @property
    def offset(self) -> tuple[int, int]:
        """Column and row of the frame's first pixel among the blocks."""
        columns, rows = self.source_width // self.factor, self.source_height // self.factor
        return (columns - self.width) // 2, (rows - self.height) // 2

    @property
    def red(self) -> tuple[int, int]:
        """Column and row (0 or 1) of a red sample within each 2 × 2 samples; (0, 0) without colour filters."""
        place = max(self.bayer.find("r"), 0) if self.bayer != "none" else 0
        return place % 2, place // 2


def fit_frame(samples: NDArray[np.uint8], fit: SensorFit) -> NDArray[np.uint8]:
    """Returns the camera's frame, `[height, width, 3]` uint8, RGB, of a frame that is kept.

    Args:
        samples: uint8, `[source_height, source_width, 3]` RGB, or without the last axis behind colour filters.
        fit: the sizes.

    Raises:
        ContractError: if the samples have another shape or type.
    """
    shape = (fit.source_height, fit.source_width) + ((3,) if fit.bayer == "none" else ())
    if samples.shape != shape or samples.dtype != np.uint8:
        raise ContractError(f"sensor samples: expected uint8 {list(shape)}, got {samples.dtype} {list(samples.shape)}")
    colours = _colours(samples, fit)
    frame = np.empty((fit.height, fit.width, 3), np.uint8)
    left, upper = fit.offset
    for channel, (values, count) in enumerate(colours):
        rows, columns = fit.source_height // fit.factor, fit.source_width // fit.factor
        whole = values[: rows * fit.factor, : columns * fit.factor].astype(np.int64)
        sums = whole.reshape(rows, fit.factor, columns, fit.factor).sum((1, 3))
        means = (sums + count // 2) // count
        frame[..., channel] = means[upper : upper + fit.height, left : left + fit.width]
    return frame


def _colours(samples: NDArray[np.uint8], fit: SensorFit) -> list[tuple[NDArray[np.uint8], int]]:
    """Returns, for red, green and blue, the samples with all others 0, and how many of a block count."""
    block = fit.factor**2
    if fit.bayer == "none":
        return [(samples[..., channel], block) for channel in (_RED, _GREEN, _BLUE)]
    rows, columns = np.indices(samples.shape)
    red_column, red_row = (columns % 2 == fit.red[0]), (rows % 2 == fit.red[1])
    masks = (
        (red_column & red_row, block // 4),
        (red_column ^ red_row, block // 2),
        (~red_column & ~red_row, block // 4),
    )
    return [(np.where(mask, samples, np.uint8(0)), count) for mask, count in masks]
