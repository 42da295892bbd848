"""What the on-chip face detector should answer for a frame, and how far an answer is from it.

**Targets.** A face becomes the cell of `hw_anon.core.box_decode.encode`, bytes / 255: what the decoder reads at that
cell is the box that was written. Round the centre the wanted score falls off like a Gaussian whose width follows the
face's size. The cells around it learn the same size, and the nearest offset they can express: if the network takes a
neighbour for the peak, the box moves by a few pixels, no more.

**Loss.** Scores are clipped lines in hardware, so the loss looks at them before the clipping, as logits of slope
`SCORE_SLOPE`: the penalty-reduced focal loss of CornerNet (Law, Deng, ECCV 2018, equation 1), with alpha 2 and beta 4,
and faces weighted by `FACE_WEIGHT`. Offsets and sizes are compared by their absolute difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from hw_anon.core.box_decode import CELL, CELL_CHANNELS, cell_shape, encode
from hw_anon.core.boxes import Box

__all__ = ["SCORE_SLOPE", "CellTargets", "cell_loss", "cell_targets", "stack_targets"]

SCORE_SLOPE = 12.0
"""Logits from score byte 0 to byte 255: 128 is an even chance, the ends are 1 in 400."""
FACE_WEIGHT = 4.0
"""Weight of the faces among the cells: a missed face is shown, a false box costs a piece of background."""
OFFSET_WEIGHT = 1.0
"""Weight of an offset's error, in cells."""
SIZE_WEIGHT = 4.0
"""Weight of a size code's error, in units of 255 codes (8 octaves)."""

_SIGMA_PER_SIDE = 0.2  # of the score's Gaussian, relative to the face's side
_MIN_SIGMA, _MAX_SIGMA = 0.4, 2.0  # cells
_BOX_HEAT = 0.3  # cells with at least that score learn the box
_FOCUS, _RELIEF = 2.0, 4.0  # alpha and beta


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CellTargets:
    """What a detector should answer, for one frame or, with a leading `N`, for a batch."""

    scores: Tensor
    """`[..., R, C]` float32 in 0..1; 1 at the cells of faces."""
    codes: Tensor
    """`[..., 4, R, C]` float32: dx, dy, log_w, log_h as byte / 255."""
    weights: Tensor
    """`[..., R, C]` float32: how much the codes of a cell matter, 0 to 1."""
    counted: Tensor
    """`[..., R, C]` bool: cells whose score matters."""

    def to(self, device: torch.device | str) -> CellTargets:
        """Returns the targets on another device."""
        return CellTargets(
            scores=self.scores.to(device),
            codes=self.codes.to(device),
            weights=self.weights.to(device),
            counted=self.counted.to(device),
        )


def cell_targets(
    faces: Sequence[Box], *, frame_width: int, frame_height: int, ignored: Sequence[Box] = ()
) -> CellTargets:
    """Returns what the detector should answer for one frame.

    Args:
        faces: the faces in it, tight boxes that may stick out of the frame; those outside of it are left out. Of two in
            one cell the larger is taken: its region covers more.
        frame_width: columns of the frame, a multiple of 16.
        frame_height: rows of the frame, a multiple of 16.
        ignored: parts of the frame about which the detector may say what it likes, unless a face is there.

    Raises:
        ConfigError: if the frame's sides are out of range.
    """
    rows, columns = cell_shape(frame_width, frame_height)
    scores = np.zeros((rows, columns), np.float32)
    codes = np.zeros((CELL_CHANNELS - 1, rows, columns), np.float32)
    counted = np.ones((rows, columns), np.bool_)
    for box in ignored:
        inside = box.clipped(frame_width, frame_height)
        if inside is not None:
            counted[_cells(inside.y, inside.bottom), _cells(inside.x, inside.right)] = False
    shown = (_inside(box, frame_width, frame_height) for box in faces)
    for box in sorted((box for box in shown if box is not None), key=lambda box: box.area):
        row, column, cell = encode(box, score=255)
        heat, offsets = _spread(row, column, cell, box, (rows, columns))
        nearer = heat >= scores
        scores = np.maximum(scores, heat)
        codes[:2] = np.where(nearer, offsets, codes[:2])
        codes[2:] = np.where(nearer, cell[3:, None, None] / np.float32(255), codes[2:])
        counted |= heat == 1.0
    return CellTargets(
        scores=torch.from_numpy(scores),
        codes=torch.from_numpy(codes),
        weights=torch.from_numpy(np.where(scores >= _BOX_HEAT, scores, np.float32(0))),
        counted=torch.from_numpy(counted),
    )


def stack_targets(targets: Sequence[CellTargets]) -> CellTargets:
    """Returns the targets of several frames of one size as a batch."""
    return CellTargets(
        scores=torch.stack([target.scores for target in targets]),
        codes=torch.stack([target.codes for target in targets]),
        weights=torch.stack([target.weights for target in targets]),
        counted=torch.stack([target.counted for target in targets]),
    )


def cell_loss(answer: Tensor, targets: CellTargets) -> tuple[Tensor, Tensor]:
    """Returns the losses of scores and of boxes, each a scalar; their sum is trained.

    Args:
        answer: `[N, 5, R, C]` float32, the network's cells before they are clipped to 0..1 and rounded.
        targets: of the same frames.
    """
    logits = SCORE_SLOPE * (answer[:, 0] - 0.5)
    chance = torch.sigmoid(logits)
    face = targets.scores == 1.0
    found = FACE_WEIGHT * (1.0 - chance) ** _FOCUS * functional.logsigmoid(logits)
    silent = (1.0 - targets.scores) ** _RELIEF * chance**_FOCUS * functional.logsigmoid(-logits)
    score_loss = -(torch.where(face, found, silent) * targets.counted).sum() / face.sum().clamp(min=1)
    distance = (answer[:, 1:] - targets.codes).abs()
    distance = OFFSET_WEIGHT * distance[:, :2].sum(1) + SIZE_WEIGHT * distance[:, 2:].sum(1)
    box_loss = (distance * targets.weights).sum() / targets.weights.sum().clamp(min=1)
    return score_loss, box_loss


def _cells(start: int, stop: int) -> slice:
    """Returns the cells that pixels `start` to `stop - 1` touch."""
    return slice(start // CELL, -(-stop // CELL))


def _inside(box: Box, frame_width: int, frame_height: int) -> Box | None:
    """Returns a box whose centre lies in the frame: the face's own, else that of its visible part, if there is one."""
    centre_x, centre_y = 2 * box.x + box.width, 2 * box.y + box.height
    if 0 <= centre_x < 2 * frame_width and 0 <= centre_y < 2 * frame_height:
        return box
    return box.clipped(frame_width, frame_height)


def _spread(
    row: int, column: int, cell: NDArray[np.uint8], box: Box, shape: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Returns the scores around a face, `[R, C]`, and each cell's nearest offset to its centre, `[2, R, C]`."""
    grid = np.indices(shape)[::-1]  # x, y
    ends = (column, row)
    heat = np.ones(shape)
    offsets = np.empty((2, *shape), np.float32)
    for axis, side in enumerate((box.width, box.height)):
        ahead = 256 * (ends[axis] - grid[axis]) + int(cell[1 + axis])  # 1/256 of a cell
        offsets[axis] = np.clip(ahead, 0, 255) / 255
        sigma = np.clip(_SIGMA_PER_SIDE * side / CELL, _MIN_SIGMA, _MAX_SIGMA)
        heat *= np.exp(-0.5 * ((ahead / 256 - 0.5) / sigma) ** 2)
    heat = np.minimum(heat, 0.99)  # 1 is a face, and nothing else
    heat[row, column] = 1.0
    return heat.astype(np.float32), offsets
