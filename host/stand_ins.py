"""Stand-ins for the two networks, in numpy: what a model of the camera anonymises with where no build is at hand.

They are deterministic and cheap and hide nobody: a "face" is whatever is bright, and "modified" is inverted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.box_decode import CELL, CELL_CHANNELS
from hw_anon.core.camera import CameraConfig, NetworkTiming

__all__ = ["bright_faces", "inverted", "model_config", "scene"]

_SIZE_CODE = 48
"""Code of a box of 11 pixels: its region covers the cell and a little more."""


def bright_faces(half: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns a heat map `[R, C, 5]` of a halved frame `[H/2, W/2, 3]`: the score of a cell is its mean red."""
    side = CELL // 2
    rows, columns = half.shape[0] // side, half.shape[1] // side
    cells = np.full((rows, columns, CELL_CHANNELS), _SIZE_CODE, np.uint8)
    cells[:, :, 1:3] = 128
    cells[:, :, 0] = half[:, :, 0].reshape(rows, side, columns, side).mean(axis=(1, 3)).astype(np.uint8)
    return cells


def inverted(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns crops `[N, S, S, 3]` with every byte inverted."""
    return 255 - crops


def model_config(*, width: int = 48, height: int = 48, max_faces: int = 2, board: str = "kv260") -> CameraConfig:
    """Returns the configuration of a small camera for these stand-ins."""
    timing = NetworkTiming(interval_cycles=64, latency_cycles=64)
    return CameraConfig(
        detector=timing,
        modifier=timing,
        board=board,
        width=width,
        height=height,
        max_faces=max_faces,
        crop_size=8,
        threshold=128,
        source_timeout_cycles=5000,
    )


def scene(config: CameraConfig, number: int, *, seed: int = 0) -> NDArray[np.uint8]:
    """Returns a raw frame `[H, W, 3]` of noise with up to `max_faces` bright spots; every number has its own."""
    rng = np.random.default_rng((seed, number))
    frame = rng.integers(1, 100, (config.height, config.width, 3)).astype(np.uint8)
    rows, columns = config.height // CELL, config.width // CELL
    for place in rng.permutation(rows * columns)[: int(rng.integers(0, config.max_faces + 1))]:
        y, x = CELL * (place // columns), CELL * (place % columns)
        frame[y : y + CELL, x : x + CELL] |= 0x80
    return frame
