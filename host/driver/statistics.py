"""Counters of one open camera."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from host.driver.capture import CaptureCounters

__all__ = ["CameraHealth"]


@dataclass(kw_only=True, slots=True)
class CameraHealth:
    """What was delivered to the program, and what was not."""

    frames: int = 0
    """Frames delivered, black ones included."""
    black: int = 0
    """Frames delivered black, by a fault of the camera."""
    lost: int = 0
    """Numbers that never arrived, for whatever reason."""
    duplicates: int = 0
    """Frames that arrived again and were discarded."""
    out_of_order: int = 0
    """Frames older than the one before, discarded."""
    torn: int = 0
    """Frames discarded because they were incomplete or mixed."""
    late: int = 0
    """Frames discarded because the program asked too late for them."""
    unowned: int = 0
    """Frames discarded because the program held all other buffers."""
    skipped: int = 0
    """Frames passed over for a newer one."""
    stream_errors: int = 0
    """Reports of video with lines or frames of another length."""
    lost_interrupts: int = 0
    """Frames found without their interrupt."""
    recoveries: int = 0
    """Restarts of DMA and camera."""
    held: int = 0
    """Frames that the program holds now."""
    last_reason: str = ""
    """Why the last restart was made."""

    def take(self, counters: CaptureCounters, *, stream_errors: int, held: int) -> None:
        """Takes over what the ring has counted."""
        self.torn, self.late = counters.torn, counters.late
        self.unowned, self.skipped = counters.unowned, counters.skipped
        self.stream_errors, self.held = stream_errors, held

    def as_json(self) -> dict[str, int | str]:
        """Returns all counters by name."""
        return asdict(self)
