"""The decoder's two rules side by side: only peaks are faces, or every cell from the threshold on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw_anon.data.detector_frames import ComposedFrame
from quant.detector_metrics import decoded_regions, measure_regions

__all__ = ["measure_rules"]

_LOWER = (0, 16, 32)  # below the threshold asked for
_RULES = ("peaks", "every_cell")  # as CameraConfig.candidates has them


def measure_rules(
    cells: Sequence[NDArray[np.uint8]], frames: Sequence[ComposedFrame], *, threshold: int, max_faces: int
) -> list[dict[str, Any]]:
    """Measures both rules at a threshold and at two lower ones.

    Args:
        cells: the network's answer to each frame, `[R, C, 5]`, see `detector_cells`.
        frames: the frames.
        threshold: score from which a cell is a face, 0 to 255.
        max_faces: regions that a camera replaces; a frame with more is delivered black.

    Returns:
        For each threshold and rule: `threshold`, `candidates`, `from_16_pixels`, `mostly_shown` and `false_boxes` as
        `measure_regions` has them, mean `regions` a frame, and `black`, the share of frames with more than `max_faces`.
    """
    rows = []
    for level in (threshold - below for below in _LOWER if threshold > below):
        for rule in _RULES:
            regions = decoded_regions(cells, frames, level, every_cell=rule == "every_cell")
            measured, counts = measure_regions(frames, regions), np.array([len(found) for found in regions])
            rows.append(
                {
                    "threshold": level,
                    "candidates": rule,
                    "from_16_pixels": measured["from_16_pixels"],
                    "mostly_shown": measured["mostly_shown"],
                    "false_boxes": measured["false_boxes"],
                    "regions": round(float(counts.mean()), 3),
                    "black": round(float((counts > max_faces).mean()), 4),
                }
            )
    return rows
