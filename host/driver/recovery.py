"""What went wrong when no frame comes, and how often to start again."""

from __future__ import annotations

from dataclasses import dataclass

from host.driver.vdma import S2MMChannel, VdmaStatus
from hw_anon.core.errors import DeviceError
from hw_anon.core.register_access import CameraRegisters, CameraStatus, Counters

__all__ = ["Observation", "Recovery", "diagnose", "observe"]

_COUNTS = 1 << 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """Camera and DMA at one moment."""

    counters: Counters
    """The camera's counters."""
    status: CameraStatus
    """What the camera is doing."""
    dma: VdmaStatus
    """What the DMA is doing."""


def observe(camera: CameraRegisters, channel: S2MMChannel) -> Observation:
    """Looks at camera and DMA.

    Raises:
        DeviceError: if the bus does not answer.
    """
    return Observation(counters=camera.counters, status=camera.status, dma=channel.status)


def diagnose(before: Observation, after: Observation, *, no_video: str) -> str:
    """Says why no frame came between two observations, and what to do about it.

    Args:
        before: when the waiting began.
        after: when it ended.
        no_video: what to look at when no video comes.
    """
    began = (after.counters.frames_in - before.counters.frames_in) % _COUNTS
    delivered = (after.counters.frames_out - before.counters.frames_out) % _COUNTS
    if after.dma.errors or after.dma.halted:
        found = ", ".join(after.dma.errors) or "no error reported"
        return f"the video DMA has stopped ({found}): check the memory that is reserved for it"
    if not after.status.running:
        return "the camera does not run: the chip was reset or loaded with another design meanwhile"
    if not after.status.key_ready:
        return (
            "the camera waits for its power-up key, which it draws within milliseconds after a reset of the chip: "
            "switch the board off and on; if this stays, the chip's source of noise is broken"
        )
    if delivered:
        return f"the camera delivered {delivered} frames and the video DMA wrote none: it is stalled or out of step"
    if after.status.delivering:
        return "the camera is delivering and the video DMA takes nothing: it is stalled"
    if began:
        return f"{began} frames came in and none went out: the camera is stalled"
    return f"no video reaches the camera: {no_video}"


class Recovery:
    """Counts restarts: a frame ends a row of them, a row that is too long ends the waiting."""

    def __init__(self, limit: int) -> None:
        """No restart so far.

        Args:
            limit: restarts in a row.
        """
        self._limit = limit
        self._row = 0
        self.total = 0
        """Restarts since the beginning."""
        self.last_reason = ""
        """Why the last one was made."""

    def begin(self, reason: str) -> None:
        """Allows one more restart.

        Args:
            reason: what is wrong.

        Raises:
            DeviceError: if there were too many in a row already; they are forgotten, so that a later call tries again.
        """
        self.last_reason = reason
        if self._row >= self._limit:
            tried, self._row = self._row, 0
            raise DeviceError(f"no frame after {tried} restarts: {reason}")
        self._row += 1
        self.total += 1

    def succeeded(self) -> None:
        """A frame came."""
        self._row = 0
