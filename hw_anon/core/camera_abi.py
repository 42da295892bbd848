"""What a simulated board needs of a camera, whatever stands behind it: the Verilated design, or the golden model."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.verilated_camera import StageTimes, VerilatedCamera
from hw_anon.core.video_words import IDLE_SHIFT, MAX_IDLE, TLAST, TUSER, BoardFrames, frame_beats, video_beats

__all__ = [
    "IDLE_SHIFT",
    "MAX_IDLE",
    "TLAST",
    "TUSER",
    "BoardFrames",
    "CameraPort",
    "StageTimes",
    "VerilatedCamera",
    "frame_beats",
    "video_beats",
]


class CameraPort(Protocol):
    """A camera with a clock that somebody else turns; used by one thread at a time.

    Video words are those of `hw_anon.core.video_words`. Nothing moves but in `read`, `write` and `run`.
    """

    @property
    def width(self) -> int:
        """Columns of a frame."""

    @property
    def height(self) -> int:
        """Rows of a frame, without the metadata line."""

    @property
    def max_faces(self) -> int:
        """Faces replaced in a frame at most."""

    @property
    def cycle(self) -> int:
        """Cycles since power-up."""

    @property
    def irq(self) -> bool:
        """Level of the interrupt line."""

    def read(self, offset: int) -> int:
        """Reads the register at a byte offset; takes cycles."""

    def write(self, offset: int, value: int) -> None:
        """Writes the register at a byte offset; takes cycles."""

    def send(self, beats: NDArray[np.uint32]) -> None:
        """Queues raw video words `[N]` behind those that wait already."""

    def pending(self) -> int:
        """Returns how many queued words were not taken yet."""

    def set_sink(self, ready: bool, stall_per_mille: int = 0) -> None:
        """Says whether output is taken, and in how many of 1000 cycles it is not all the same."""

    def run(self, cycles: int) -> None:
        """Lets exactly so many cycles go by."""

    def receive(self) -> NDArray[np.uint32]:
        """Returns all output words `[N]` since the last call."""

    def reset(self) -> None:
        """Switches the camera off and on: registers as after power-up, queues empty, cycle 0."""

    def close(self) -> None:
        """Frees the camera; harmless when repeated."""
