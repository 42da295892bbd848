"""Where a video is cut: a frame that shows another scene than the one before.

Nobody walks over a cut, so a track must not either. Two consecutive frames are of two scenes if they differ in both of
two ways, each blind to what the other takes for a cut:

- their brightness lies elsewhere: the correlation of two thumbnails, which no brighter, darker or flatter light
  changes, but something large that passes close to the camera does;
- their colours are others: what two histograms of the shares of red and green have in common, which movement and the
  strength of the light hardly change, but lamps of another colour do.

A frame without contrast (a fade, a flash, a covered lens) shows no scene; the one after it is compared with the one
before it. Frames are compared at 32×24 pixels, so a frame costs the same whatever happens in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hw_anon.core.config import Config, require_range

__all__ = ["CutConfig", "CutFinder"]

Floats = NDArray[np.float32]

_SIZE = (32, 24)  # columns and rows of the thumbnail
_BINS = 24
_SHARES = (0.15, 0.6)  # a colour's share of the brightness, from nearly none to nearly all
_DARK = 10.0  # added to each colour: the shares of nearly black pixels are noise
_CONTRAST = 3.0  # standard deviation of the brightness, of 255, below which a frame shows no scene


@dataclass(frozen=True, kw_only=True, slots=True)
class CutConfig(Config):
    """How different two consecutive frames of two scenes are."""

    brightness: float = 0.6
    """Two scenes' thumbnails correlate by less; -1 finds no cuts at all."""
    colours: float = 0.9
    """Two scenes' histograms of colours share less, 0 to 1."""

    def __post_init__(self) -> None:
        require_range(self, "brightness", -1, 1)
        require_range(self, "colours", 0, 1)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Look:
    """What is compared of a frame."""

    brightness: Floats
    """`[768]`, mean 0 and length 1."""
    colours: Floats
    """`[24, 24]` histogram of the shares of red and green, sum 1."""


class CutFinder:
    """Notices when consecutive frames are of two scenes.

    Args:
        config: how different they are then.
    """

    def __init__(self, config: CutConfig | None = None) -> None:
        self.config = config or CutConfig()
        self._last: _Look | None = None

    def is_cut(self, pixels: NDArray[np.uint8]) -> bool:
        """Tells whether a frame begins another scene than the frames before it.

        Args:
            pixels: `[H, W, 3]` uint8 RGB.
        """
        last, now = self._last, _look(pixels)
        if now is None:
            return False
        self._last = now
        if last is None:
            return False
        brightness = float(last.brightness @ now.brightness)
        colours = float(np.minimum(last.colours, now.colours).sum())
        return brightness < self.config.brightness and colours < self.config.colours


def _look(pixels: NDArray[np.uint8]) -> _Look | None:
    """Returns what is compared of a frame, `None` if it shows no scene."""
    small = cv2.resize(pixels, _SIZE, interpolation=cv2.INTER_AREA).astype(np.float32)
    brightness = small.mean(axis=2).ravel()
    if brightness.std() < _CONTRAST:
        return None
    brightness -= brightness.mean()
    shares = (small + _DARK) / (small + _DARK).sum(axis=2, keepdims=True)
    counted = cv2.calcHist([shares], [0, 1], None, [_BINS, _BINS], [*_SHARES, *_SHARES])
    soft = np.asarray(cv2.GaussianBlur(counted, (5, 5), 1.0), np.float32)  # a colour between two bins is in both
    return _Look(brightness=brightness / np.linalg.norm(brightness), colours=soft / max(float(soft.sum()), 1e-6))
