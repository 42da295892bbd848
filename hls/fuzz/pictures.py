"""Raw pictures of the fuzzer, whose every byte is marked as raw.

**Marker.** Every byte of a raw picture is 1 to 127. The bench's modifier inverts, so what it gives is 128 to 254, and
interpolation between such bytes leaves them there, on the way in and out alike; black is 0. So a byte of 1 to 127 where
a face was, or anywhere in a frame that must be black, is raw, whatever the golden model says.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hls.fuzz.bench import command_failure
from hw_anon.core.box_decode import CELL, cell_shape
from hw_anon.core.boxes import Box
from hw_anon.core.camera import CameraConfig
from hw_anon.core.camera_model import VideoBeats, frame_beats

__all__ = ["THRESHOLD", "good_beats", "picture", "raw_pixels"]

THRESHOLD = 100
"""Built-in detector threshold: scores, too, are raw bytes."""
_LARGEST_RAW = 127
_SMALL_CODE = 24
"""Faces of up to 4 · 2^(24 / 32) pixels: none covers another one in the next but one cell."""


def picture(rng: np.random.Generator, config: CameraConfig, faces: int, *, failure: int = 0) -> NDArray[np.uint8]:
    """Returns a raw picture `[H, W, 3]`.

    Args:
        rng: where it comes from.
        config: the camera.
        faces: how many faces the bench's detector finds at most: fewer if a large one covers another. More than the
            camera replaces are all found.
        failure: how an accelerator fails, see `command_failure`; 0 for not at all.
    """
    frame = rng.integers(1, _LARGEST_RAW + 1, (config.height, config.width, 3)).astype(np.uint8)
    rows, columns = cell_shape(config.width, config.height)
    apart = [(row, column) for row in range(0, rows, 2) for column in range(0, columns, 2)]
    chosen = {apart[k] for k in rng.permutation(len(apart))[:faces]}
    largest = _SMALL_CODE if faces > config.max_faces else _LARGEST_RAW
    for row, column in np.ndindex(rows, columns):
        cell = rng.integers(1, _LARGEST_RAW + 1, 5)
        cell[0] = rng.integers(THRESHOLD, _LARGEST_RAW + 1) if (row, column) in chosen else rng.integers(1, THRESHOLD)
        cell[3:] = rng.integers(1, largest + 1, 2)
        block = frame[CELL * row : CELL * row + 2, CELL * column : CELL * column + 4]
        block[:, :2], block[:, 2:, :2] = cell[:3], cell[3:]
    if failure:
        command_failure(frame, failure)
    return frame


def good_beats(
    rng: np.random.Generator, config: CameraConfig, *, faces: int | None = None, failure: int = 0
) -> VideoBeats:
    """Returns a picture as well-formed video, in one of four with pauses between its pixels."""
    count = int(rng.integers(0, config.max_faces + 1)) if faces is None else faces
    beats = frame_beats(picture(rng, config, count, failure=failure))
    if rng.random() < 0.25:
        places = rng.integers(0, len(beats), 20)
        beats.idle[places] = rng.integers(1, 30, len(places))
    return beats


def raw_pixels(frame: NDArray[np.uint8], boxes: Sequence[Box] | None) -> int:
    """Counts the pixels of a delivered frame `[H, W, 3]` that hold a raw byte where none may be.

    Args:
        frame: what was delivered.
        boxes: the regions that were to be replaced; `None` for the whole frame.
    """
    inside = np.full(frame.shape[:2], boxes is None)
    for box in boxes or ():
        inside[box.y : box.y + box.height, box.x : box.x + box.width] = True
    raw = ((frame > 0) & (frame <= _LARGEST_RAW)).any(axis=-1)
    return int(np.count_nonzero(raw & inside))
