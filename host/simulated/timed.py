"""Simulated RTL that knows in which cycle the latest frame was sent to it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.camera_abi import VerilatedCamera

__all__ = ["TimedCamera"]


class TimedCamera(VerilatedCamera):
    """A `CameraPort`; with `times`, the beginning of a frame gives the cycles of each of its stages."""

    began = 0
    """Cycle in which words were sent last."""

    def send(self, beats: NDArray[np.uint32]) -> None:
        """Queues raw video words `[N]` and notes when."""
        self.began = self.cycle
        super().send(beats)
