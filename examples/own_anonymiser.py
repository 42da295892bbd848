"""Two anonymisers as functions; replace them by yours. They need nothing of hw-anon.

`hw-anon evaluate --anonymiser examples/own_anonymiser.py:pixelate --set att` measures the first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def pixelate(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Takes the square crop of a face, `[S, S, 3]` uint8 RGB, and returns one of the same shape."""
    cell = max(1, len(crop) // 8)
    return crop[::cell, ::cell].repeat(cell, axis=0).repeat(cell, axis=1)[: len(crop), : len(crop)]


def bar(frame: NDArray[np.uint8], regions: Any) -> NDArray[np.uint8]:
    """Takes a whole frame, `[H, W, 3]` uint8 RGB, and where its faces are: a black bar over the eyes of each.

    A tool that looks for faces by itself leaves `regions` unread; the evaluation counts the faces that it missed.
    """
    for region in regions:
        top = region.y + region.height // 4
        frame[top : top + region.height // 4, region.columns] = 0
    return frame
