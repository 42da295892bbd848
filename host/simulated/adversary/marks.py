"""Raw pictures in which every byte of a face is marked, and their twins.

**Marks.** Bytes of raw pictures are 1 to 80 outside the regions that the detector finds at its built-in threshold, and
81 to 127 inside (everywhere, if the frame has to be black). The stand-in modifier inverts, so what it gives is 128 to
254; black is 0; the metadata of an 80×48 camera hold no byte above 80 as long as frame numbers do not. So wherever a
byte of 81 to 127 turns up that software did not write itself, it is raw, and of a face.

**Twins.** Two pictures that differ in nothing but the bytes of faces. The stand-in detector gets its answer from a few
pixels of each cell, which are the same in both. Whatever differs between two boards that see twins came from a face:
it may be bytes of the modifier's output, and must not be a register, an interrupt or a cycle.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.box_decode import CELL, CELL_CHANNELS, Detections, cell_shape, decode
from hw_anon.core.boxes import Box
from hw_anon.core.camera import CameraConfig, NetworkTiming
from hw_anon.core.errors import ConfigError
from hw_anon.core.frame import Fault
from hw_anon.core.key_source import simulated_key
from hw_anon.core.video_path import downscale

__all__ = ["LARGEST_NUMBER", "STAND_IN_CONFIG", "detect", "face_bytes", "modify", "require_markable", "twin_pictures"]

_LARGEST_OUTSIDE, _SMALLEST_FACE, _LARGEST_RAW = 80, 81, 127
LARGEST_NUMBER = _LARGEST_OUTSIDE
"""Largest frame number whose bytes are no marks."""
_THRESHOLD = 100
_BLOCK_ROWS, _BLOCK_COLUMNS = 2, 4
_ATTEMPTS = 1000
_KEY = simulated_key(1)
_TIMING = NetworkTiming(interval_cycles=5000, latency_cycles=5000)

STAND_IN_CONFIG = CameraConfig(
    detector=_TIMING,
    modifier=_TIMING,
    board="kv260",
    width=80,
    height=48,
    crop_size=8,
    max_faces=2,
    threshold=_THRESHOLD,
    key_channels=1,
    source_timeout_cycles=2000,
)
"""The camera that the marks are made for."""


def require_markable(config: CameraConfig) -> None:
    """Checks that the marks work for a camera.

    Raises:
        ConfigError: if its metadata could hold a mark, or its threshold leaves no scores.
    """
    if max(config.width, config.height) > _LARGEST_OUTSIDE or config.threshold != _THRESHOLD:
        raise ConfigError(
            f"a camera of {config.width}×{config.height} with threshold {config.threshold}: the adversary's marks are "
            f"made for at most {_LARGEST_OUTSIDE} pixels a side and threshold {_THRESHOLD}"
        )


def detect(half: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Stands in for the face detector: a cell's first pixel is score, dx, dy, its second one log_w, log_h.

    Args:
        half: the halved frame `[H/2, W/2, 3]`.

    Returns:
        The map `[R, C, 5]`.
    """
    step = CELL // 2
    rows, columns = half.shape[0] // step, half.shape[1] // step
    cells = np.zeros((rows, columns, CELL_CHANNELS), np.uint8)
    cells[:, :, :3], cells[:, :, 3:] = half[::step, ::step], half[::step, 1::step, :2]
    return cells


def modify(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Stands in for the face modifier: returns crops `[N, S, S, 3]` inverted, the key flipping low bits of the red."""
    modified = 255 - crops
    modified[..., 0] ^= _KEY[0] & 0x7F
    return modified


def face_bytes(data: NDArray[np.uint8]) -> int:
    """Counts raw bytes of faces."""
    return int(np.count_nonzero((data >= _SMALLEST_FACE) & (data <= _LARGEST_RAW)))


def twin_pictures(
    rng: np.random.Generator, config: CameraConfig, *, faces: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Returns two pictures `[H, W, 3]` that differ in faces only.

    Args:
        rng: where they come from.
        config: the camera.
        faces: faces that the stand-in detector is to see; more than the camera replaces make both frames black.
    """
    for _ in range(_ATTEMPTS):
        if (picture := _attempt(rng, config, faces)) is not None:
            first, inside = picture
            second = first.copy()
            free = inside & ~_blocks(config)
            second[free] = rng.integers(_SMALLEST_FACE, _LARGEST_RAW + 1, (int(free.sum()), 3))
            return first, second
    raise AssertionError("no arrangement of faces was found")


def _attempt(
    rng: np.random.Generator, config: CameraConfig, faces: int
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]] | None:
    """Returns a picture and where its faces are; `None` if the draw does not work out."""
    rows, columns = cell_shape(config.width, config.height)
    commands = np.zeros((rows, columns, CELL_CHANNELS), np.uint8)
    chosen = rng.permutation(rows * columns)[:faces]
    commands.reshape(-1, CELL_CHANNELS)[chosen] = rng.integers(_SMALLEST_FACE, _LARGEST_RAW + 1, (faces, CELL_CHANNELS))
    commands.reshape(-1, CELL_CHANNELS)[chosen, 0] = rng.integers(_THRESHOLD, _LARGEST_RAW + 1, faces)
    found = _decode(config, commands)
    if found.fault is not Fault.NONE:
        inside = np.ones((config.height, config.width), bool)
    elif len(found.regions) != min(faces, config.max_faces):
        return None
    else:
        inside = _covered(config, found.regions)
    frame = np.where(
        inside[..., None],
        rng.integers(_SMALLEST_FACE, _LARGEST_RAW + 1, (*inside.shape, 3)),
        rng.integers(1, _LARGEST_OUTSIDE + 1, (*inside.shape, 3)),
    ).astype(np.uint8)
    for row, column in np.ndindex(2, 2):  # cells without a command score below the threshold
        scores = frame[row::CELL, column::CELL, 0]
        scores[:] = np.minimum(scores, _THRESHOLD - 1)
    for place in chosen:
        row, column = CELL * (place // columns), CELL * (place % columns)
        cell = commands.reshape(-1, CELL_CHANNELS)[place]
        if not inside[row : row + _BLOCK_ROWS, column : column + _BLOCK_COLUMNS].all():
            return None
        block = frame[row : row + _BLOCK_ROWS, column : column + _BLOCK_COLUMNS]
        block[:, :2], block[:, 2:, :2] = cell[:3], cell[3:]
    return (frame, inside) if _decode(config, detect(downscale(frame))) == found else None


def _decode(config: CameraConfig, cells: NDArray[np.uint8]) -> Detections:
    return decode(
        cells,
        threshold=config.threshold,
        max_faces=config.max_faces,
        frame_width=config.width,
        frame_height=config.height,
        every_cell=config.every_cell,
    )


def _covered(config: CameraConfig, regions: Sequence[Box]) -> NDArray[np.bool_]:
    covered = np.zeros((config.height, config.width), bool)
    for box in regions:
        covered[box.y : box.y + box.height, box.x : box.x + box.width] = True
    return covered


def _blocks(config: CameraConfig) -> NDArray[np.bool_]:
    """Returns where the detector looks."""
    blocks = np.zeros((config.height, config.width), bool)
    for row, column in np.ndindex(_BLOCK_ROWS, _BLOCK_COLUMNS):
        blocks[row::CELL, column::CELL] = True
    return blocks
