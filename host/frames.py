"""What the host's tools need of a camera, and a frame that they may keep.

A camera's frame is a view of a DMA buffer, lent until it is released. Whoever shows, records or analyses frames gets a
`Snapshot` instead: one copy, made while the frame is held, so that a slow consumer never keeps a buffer from the DMA.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.boxes import Box
from hw_anon.core.frame import Fault

__all__ = ["CameraFrame", "FrameSource", "Snapshot", "snapshot"]


class CameraFrame(Protocol):
    """One anonymised frame, lent by a camera."""

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """`[H, W, 3]` uint8 RGB; valid until the frame is released."""

    @property
    def boxes(self) -> tuple[Box, ...]:
        """The replaced regions."""

    @property
    def number(self) -> int:
        """Frame number, modulo 2^32."""

    @property
    def timestamp(self) -> float:
        """When it arrived, in seconds of a clock that never goes back."""

    @property
    def fault(self) -> Fault:
        """Why the frame is black; `Fault.NONE` for a picture."""

    def release(self) -> None:
        """Gives the buffer back; the pixels must not be used any more."""


class FrameSource(Protocol):
    """Something that yields anonymised frames: a camera, a simulated one, a recording."""

    def frames(self) -> Iterator[CameraFrame]:
        """Yields frames as they come, until the source is closed or ends."""

    def counters(self) -> Mapping[str, int]:
        """Returns what the source counts: frames, faults, recoveries, whatever it knows."""

    def describe(self) -> str:
        """Returns what frames come from, in a few words."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Snapshot:
    """A frame's copy."""

    pixels: NDArray[np.uint8]
    """`[H, W, 3]` uint8 RGB, read-only."""
    boxes: tuple[Box, ...] = ()
    """The replaced regions."""
    number: int = 0
    """Frame number, modulo 2^32."""
    timestamp: float = 0.0
    """When it arrived, in seconds."""
    fault: Fault = field(default=Fault.NONE)
    """Why the frame is black; `Fault.NONE` for a picture."""

    def release(self) -> None:
        """Does nothing: a copy is no loan. So a snapshot is a `CameraFrame` as well."""


def snapshot(frame: CameraFrame) -> Snapshot:
    """Copies a frame; the frame itself is still held."""
    pixels = np.array(frame.pixels, dtype=np.uint8, order="C")
    pixels.flags.writeable = False
    return Snapshot(pixels=pixels, boxes=frame.boxes, number=frame.number, timestamp=frame.timestamp, fault=frame.fault)
