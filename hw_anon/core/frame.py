"""Frames as the host receives them, and the fault codes that come with black ones.

The security contract (docs/architecture.md, section 1) in types: an `AnonymisedFrame` with a fault is black and lists
no boxes (P2, fail closed); only one without a fault carries a picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.boxes import MAX_SIDE, MIN_REGION, Box
from hw_anon.core.errors import ContractError

__all__ = ["AnonymisedFrame", "Fault", "black_frame", "check_frame"]


class Fault(IntEnum):
    """Why a frame was delivered black; the 8-bit code of the metadata beat, and the bit number of the sticky register.

    The first fault of a frame is the one that is reported.
    """

    NONE = 0
    """The frame is anonymised and complete."""
    SHORT_LINE = 1
    """End of line came before the configured width."""
    LONG_LINE = 2
    """End of line did not come at the configured width."""
    SHORT_FRAME = 3
    """A start of frame came before the configured height: the frame was cut off."""
    LONG_FRAME = 4
    """No start of frame came after the configured height."""
    SOURCE_TIMEOUT = 5
    """The sensor stopped in the middle of a frame."""
    OVERRUN = 6
    """A frame arrived while no buffer was free."""
    TOO_MANY_FACES = 7
    """More faces were found than the design can replace (MAX_FACES)."""
    INVALID_REGION = 8
    """A region is smaller than 8 pixels a side or not inside the frame."""
    DETECTOR_TIMEOUT = 9
    """The face detector did not answer in time."""
    DETECTOR_LENGTH = 10
    """The face detector answered with another number of beats than its contract's."""
    MODIFIER_TIMEOUT = 11
    """The face modifier did not answer in time."""
    MODIFIER_LENGTH = 12
    """The face modifier answered with another number of beats than its contract's."""
    RESET = 13
    """A soft reset hit the frame."""


def check_frame(frame: NDArray[Any]) -> NDArray[np.uint8]:
    """Returns `frame` if it is an `[H, W, 3]` uint8 picture of an allowed size.

    Raises:
        ContractError: if shape, size or dtype are others.
    """
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        found = f"{frame.dtype} {list(frame.shape)}" if isinstance(frame, np.ndarray) else type(frame).__name__
        raise ContractError(f"frame is {found}; expected uint8 [H, W, 3], RGB")
    if not all(MIN_REGION <= side <= MAX_SIDE for side in frame.shape[:2]):
        raise ContractError(
            f"frame is {frame.shape[1]}×{frame.shape[0]} pixels; sides of {MIN_REGION} to {MAX_SIDE} are allowed"
        )
    return frame


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class AnonymisedFrame:
    """What leaves the sensor interface for one frame: pixels, and the metadata beat after them."""

    frame: NDArray[np.uint8]
    """`[H, W, 3]` uint8 RGB; all zero if `fault` is set."""
    number: int = 0
    """Frame number, counted by the sensor interface."""
    boxes: tuple[Box, ...] = ()
    """The replaced regions, in paste order (where two overlap, the later one is on top)."""
    fault: Fault = Fault.NONE
    """Why the frame is black; `Fault.NONE` for a picture."""

    def __post_init__(self) -> None:
        check_frame(self.frame)
        if self.fault is not Fault.NONE and (self.boxes or self.frame.any()):
            raise ContractError(f"frame {self.number} has fault {self.fault.name} but is not black and empty (P2)")

    def equals(self, other: AnonymisedFrame) -> bool:
        """Whether pixels and metadata are the same, byte for byte."""
        return (
            (self.number, self.boxes, self.fault) == (other.number, other.boxes, other.fault)
            and self.frame.shape == other.frame.shape
            and bool((self.frame == other.frame).all())
        )


def black_frame(height: int, width: int, fault: Fault, *, number: int = 0) -> AnonymisedFrame:
    """Returns the frame that is delivered in place of one that could not be anonymised.

    Args:
        height: rows.
        width: columns.
        fault: the reason; not `Fault.NONE`.
        number: frame number.

    Raises:
        ContractError: if there is no fault, or the size is out of range.
    """
    if fault is Fault.NONE:
        raise ContractError("a black frame needs a fault code: black without a reason cannot be told from a dark scene")
    return AnonymisedFrame(frame=np.zeros((height, width, 3), np.uint8), number=number, fault=fault)
