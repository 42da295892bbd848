"""From the face detector's heat map to the regions that are replaced: the golden model of `video_box_decode`.

**Input.** The detector sees the frame halved (`video_path.downscale`) and answers at stride 8, so one cell stands for
16×16 pixels of the frame (`CELL`). Cells come in raster order, one beat of 40 bits each, unsigned bytes from the least
significant one on:

| byte | channel | meaning |
|---|---|---|
| 0 | score | the larger, the surer; a cell can be a face if `score >= threshold` |
| 1, 2 | dx, dy | centre of the face inside the cell, in 1/256 of the cell (1/16 pixel) |
| 3, 4 | log_w, log_h | code of the face's width and height: `4 · 2^(code / 32)` pixels |

**Box of a cell** in row `r`, column `c`, integers throughout:

    size(code) = ((MANTISSA[code & 31] << (code >> 5)) + 128) >> 8          4 to 1002 pixels, 32-word table
    x          = (256·c + dx - 8·width + 8) >> 4                           arithmetic shift; y alike with r and dy

**Peaks.** A cell with `score >= threshold` is a candidate if its score is larger than those of its four neighbours
before it in raster order and not smaller than those of the four after it; neighbours outside the map do not count. So
of equal neighbours the first wins. Two faces whose centres lie in neighbouring cells (at most 31 pixels apart) are told
apart only if both are peaks: that is the detector's resolution. A camera built with `every_cell` takes every cell from
the threshold on as a candidate instead: it loses neither, and costs a region for every neighbour whose box sticks out.

**Non-maximum suppression.** The candidate with the highest score (the first of equals) is taken, its region
(`face_region`: 1.6 times enlarged, clipped, at least 8 pixels a side) is put on the list, and all candidates whose box,
clipped to the frame, lies *inside that region* are dropped. This repeats until none is left. Dropping only what is
covered needs no multiplication, and makes a promise that an overlap threshold does not: **every pixel of the box of
every candidate lies in a region that is replaced.**

**Too many.** If a candidate is left after `max_faces` regions, the frame fails (`TOO_MANY_FACES`); no region is ever
dropped for lack of room.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.boxes import MAX_SIDE, Box, face_region
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.frame import Fault

__all__ = [
    "CELL",
    "CELL_CHANNELS",
    "MANTISSA",
    "Detections",
    "cell_box",
    "cell_shape",
    "decode",
    "encode",
    "peaks",
    "size_of",
]

CELL = 16
"""Side of a cell in pixels of the frame: the detector's stride of 8, on the halved frame."""
CELL_CHANNELS = 5
"""Bytes of a cell: score, dx, dy, log_w, log_h."""
# fmt: off
MANTISSA: tuple[int, ...] = (
    1024, 1046, 1069, 1093, 1117, 1141, 1166, 1192, 1218, 1244, 1272, 1300, 1328, 1357, 1387, 1417,
    1448, 1480, 1512, 1545, 1579, 1614, 1649, 1685, 1722, 1760, 1798, 1838, 1878, 1919, 1961, 2004,
)
# fmt: on
"""`round(1024 · 2^(i / 32))`: one octave of the size code."""

_FRACTION_BITS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Detections:
    """What the decoder says about one frame."""

    regions: tuple[Box, ...] = ()
    """Regions to replace, in paste order; empty with a fault."""
    fault: Fault = Fault.NONE
    """`TOO_MANY_FACES`, `DETECTOR_LENGTH`, or `NONE`."""


def cell_shape(frame_width: int, frame_height: int) -> tuple[int, int]:
    """Returns rows and columns of the heat map of a frame.

    Raises:
        ConfigError: if a side is not a multiple of `CELL` pixels, or too large.
    """
    for name, side in (("frame_width", frame_width), ("frame_height", frame_height)):
        if side % CELL or not CELL <= side <= MAX_SIDE:
            raise ConfigError(f"{name} = {side}: must be a multiple of {CELL}, {CELL} to {MAX_SIDE} pixels")
    return frame_height // CELL, frame_width // CELL


def size_of(code: int) -> int:
    """Returns the side in pixels that a size code (0 to 255) stands for.

    Raises:
        ContractError: if the code is out of range.
    """
    if not 0 <= code <= 255:
        raise ContractError(f"size code {code} is not in 0 to 255")
    return ((MANTISSA[code & 31] << (code >> 5)) + 128) >> 8


def cell_box(row: int, column: int, cell: NDArray[np.uint8]) -> Box:
    """Returns the box that a cell stands for; it may stick out of the frame.

    Args:
        row: the cell's row.
        column: the cell's column.
        cell: `[5]` its bytes.
    """
    _, dx, dy, log_w, log_h = (int(value) for value in cell)
    width, height = size_of(log_w), size_of(log_h)
    half = 1 << (_FRACTION_BITS - 1)
    return Box(
        x=(256 * column + dx - half * width + half) >> _FRACTION_BITS,
        y=(256 * row + dy - half * height + half) >> _FRACTION_BITS,
        width=width,
        height=height,
    )


def peaks(scores: NDArray[np.uint8], threshold: int) -> NDArray[np.bool_]:
    """Returns which cells are candidates.

    Args:
        scores: `[R, C]` uint8.
        threshold: 0 to 255.
    """
    rows, columns = scores.shape
    padded = np.full((rows + 2, columns + 2), -1, np.int16)
    padded[1:-1, 1:-1] = scores
    centre = padded[1:-1, 1:-1]
    found: NDArray[np.bool_] = centre >= threshold
    for dy, dx in ((0, 0), (0, 1), (0, 2), (1, 0)):
        found &= centre > padded[dy : dy + rows, dx : dx + columns]
    for dy, dx in ((1, 2), (2, 0), (2, 1), (2, 2)):
        found &= centre >= padded[dy : dy + rows, dx : dx + columns]
    return found


def decode(
    cells: NDArray[np.uint8],
    *,
    threshold: int,
    max_faces: int,
    frame_width: int,
    frame_height: int,
    every_cell: bool = False,
) -> Detections:
    """Decodes one heat map.

    Args:
        cells: `[R, C, 5]` uint8, the detector's output.
        threshold: scores from here on are faces, 0 to 255.
        max_faces: regions that the design can replace.
        frame_width: columns of the frame.
        frame_height: rows of the frame.
        every_cell: every cell from the threshold on is a candidate, not only the peaks.

    Returns:
        The regions, or the fault: `DETECTOR_LENGTH` if the map is of another shape.

    Raises:
        ConfigError: if the frame's sides or the threshold are out of range.
    """
    shape = cell_shape(frame_width, frame_height)
    if not 0 <= threshold <= 255:
        raise ConfigError(f"threshold = {threshold}: allowed range is 0 to 255")
    if cells.shape != (*shape, CELL_CHANNELS) or cells.dtype != np.uint8:
        return Detections(fault=Fault.DETECTOR_LENGTH)
    scores = cells[:, :, 0]
    candidates = scores >= threshold if every_cell else peaks(scores, threshold)
    alive = [(int(r), int(c)) for r, c in np.argwhere(candidates)]
    regions: list[Box] = []
    while alive:
        if len(regions) == max_faces:
            return Detections(fault=Fault.TOO_MANY_FACES)
        best = max(alive, key=lambda cell: int(scores[cell]))  # the first of equals
        region = face_region(cell_box(*best, cells[best]), frame_width, frame_height)
        assert region is not None, "a face's centre lies in the frame"
        regions.append(region)
        alive = [
            cell for cell in alive if not _covered(cell_box(*cell, cells[cell]), region, frame_width, frame_height)
        ]
    return Detections(regions=tuple(regions))


def _covered(box: Box, region: Box, frame_width: int, frame_height: int) -> bool:
    """Whether the part of `box` inside the frame lies in `region`."""
    return (
        max(box.x, 0) >= region.x
        and max(box.y, 0) >= region.y
        and min(box.right, frame_width) <= region.right
        and min(box.bottom, frame_height) <= region.bottom
    )


def encode(box: Box, *, score: int) -> tuple[int, int, NDArray[np.uint8]]:
    """Returns the cell that stands for a box as closely as the format can: row, column, `[5]` bytes.

    For labels and for detectors that stand in for a network. The box's centre must not lie left of or above the frame.

    Raises:
        ContractError: if it does.
    """
    centre_x, centre_y = 8 * (2 * box.x + box.width), 8 * (2 * box.y + box.height)
    if min(centre_x, centre_y) < 0:
        raise ContractError(f"the centre of {box} is outside the frame")
    codes = [_nearest_code(side) for side in (box.width, box.height)]
    cell = np.array([score, centre_x & 255, centre_y & 255, *codes], np.uint8)
    return centre_y >> 8, centre_x >> 8, cell


def _nearest_code(side: int) -> int:
    return min(range(256), key=lambda code: abs(size_of(code) - side))
