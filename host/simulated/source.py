"""The sensor of a simulated board: a script of frames, and when each of them is sent.

Without a frame rate a frame is sent when the one before it was *consumed*: the camera runs and is at rest, the DMA
takes data, and software has cleared the DMA's frame interrupt. So no frame is lost however fast or slow software is,
and what software sees does not depend on the machine's load. With a frame rate, frame k begins k periods after the
first one in simulated time, whatever becomes of it: overruns and overwritten buffers happen as they do on a board.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.errors import ConfigError
from hw_anon.core.video_words import frame_beats

__all__ = ["VideoSource"]


class VideoSource:
    """Frames as video words, in order, with the time between them."""

    def __init__(
        self,
        frames: Iterable[NDArray[np.uint32] | NDArray[np.uint8]] = (),
        *,
        frames_per_s: float | None = None,
        wall_clock: bool = False,
    ) -> None:
        """Takes the script; nothing is sent yet.

        Args:
            frames: each a picture `[H, W, 3]` uint8, or video words `[N]` uint32, which need not be well formed. May be
                endless.
            frames_per_s: frames in a second of simulated time; as fast as they are consumed if not given.
            wall_clock: lets simulated time pass no faster than real time; needs a frame rate.

        Raises:
            ConfigError: if the rate is not positive, or the wall clock is asked for without a rate.
        """
        if frames_per_s is not None and frames_per_s <= 0:
            raise ConfigError(f"frames_per_s = {frames_per_s}: must be positive")
        if wall_clock and frames_per_s is None:
            raise ConfigError("wall_clock needs frames_per_s: without a rate frames come when they are consumed")
        self._frames = iter(frames)
        self._next: NDArray[np.uint32] | None = None
        self.frames_per_s = frames_per_s
        self.wall_clock = wall_clock
        self.sent = 0
        """Frames sent so far."""

    @property
    def exhausted(self) -> bool:
        """Whether no frame is left."""
        return self._peek() is None

    def take(self) -> NDArray[np.uint32] | None:
        """Returns the next frame's words, `None` at the end of the script."""
        words = self._peek()
        self._next = None
        self.sent += words is not None
        return words

    def _peek(self) -> NDArray[np.uint32] | None:
        if self._next is None:
            frame = next(self._frames, None)
            if frame is not None:
                self._next = frame_beats(frame.astype(np.uint8)) if frame.ndim == 3 else frame.astype(np.uint32)
        return self._next
