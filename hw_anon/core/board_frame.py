"""A delivered frame as it lies in the board's memory: the picture, and under it one line of metadata.

The camera's output stream has H + 1 lines of W pixels: the H lines of the frame, and a *metadata line* whose first
bytes are the metadata beat (`hw_anon.core.metadata`, least significant byte first), zeros after. So one DMA transfer
of W·3 × (H + 1) bytes holds a frame and what is said about it, and neither ever arrives without the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.frame import AnonymisedFrame, check_frame
from hw_anon.core.metadata import Metadata, metadata_bits, pack_metadata, unpack_metadata

__all__ = ["METADATA_LINES", "pack_board_frame", "require_metadata_line", "unpack_board_frame"]

METADATA_LINES = 1
"""Lines of a board-level frame that are no picture; they come last."""

_WORD_BYTES = 8


def require_metadata_line(width: int, max_faces: int) -> None:
    """Checks that a metadata beat fits into one line.

    Args:
        width: pixels of a line.
        max_faces: faces the design replaces at most.

    Raises:
        ConfigError: if it does not, with the width that it takes.
    """
    needed = metadata_bits(max_faces) // 8
    if needed > 3 * width:
        raise ConfigError(
            f"the metadata of {max_faces} faces take {needed} bytes and a line of {width} pixels has {3 * width}: "
            f"make the frame at least {-(-needed // 3)} pixels wide or allow fewer faces"
        )


def pack_board_frame(frame: AnonymisedFrame, *, max_faces: int) -> NDArray[np.uint8]:
    """Returns `[H + 1, W, 3]` uint8: what the camera writes to memory for a delivered frame.

    Args:
        frame: the frame, `[H, W, 3]`, with what is said about it.
        max_faces: faces the design replaces at most.

    Raises:
        ConfigError: if the metadata do not fit into a line.
        ContractError: if there are more boxes than `max_faces`.
    """
    height, width = frame.frame.shape[:2]
    require_metadata_line(width, max_faces)
    packed = np.zeros((height + METADATA_LINES, width, 3), np.uint8)
    packed[:height] = frame.frame
    beat = pack_metadata(Metadata.of(frame), max_faces=max_faces)
    packed[height].reshape(-1)[: len(beat)] = beat
    return packed


def unpack_board_frame(board_frame: NDArray[Any]) -> tuple[NDArray[np.uint8], Metadata]:
    """Reads what the camera wrote to memory.

    Args:
        board_frame: `[H + 1, W, 3]` uint8, e.g. a DMA buffer.

    Returns:
        The frame `[H, W, 3]` as a view of `board_frame`, and its metadata.

    Raises:
        ContractError: if shape or dtype are others, or the last line is no metadata line: the transfer has not ended,
            has another height, or the design and the software are of different releases.
    """
    if board_frame.ndim != 3 or not len(board_frame):
        raise ContractError(f"a board-level frame is uint8 [H + 1, W, 3]; got {list(board_frame.shape)}")
    frame = check_frame(board_frame[:-METADATA_LINES])
    line = board_frame[-1].reshape(-1)
    words = len(line) // _WORD_BYTES * _WORD_BYTES
    if line[words:].any():
        raise ContractError("the metadata line does not end with zeros: it is damaged, or no metadata line")
    return frame, unpack_metadata(line[:words])
