"""Settings of the driver."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hw_anon.core.config import Config, require_range
from hw_anon.core.errors import ConfigError

__all__ = ["SIMULATED", "CameraSettings"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraSettings(Config):
    """How a camera is opened and used."""

    board: str | None = None
    """Board whose designs are looked for; any if not given."""
    design_id: str | None = None
    """The design that is wanted, 16 hex digits; the only one there is if not given."""
    require_signature: Path | None = None
    """Public key (PEM) that has to have signed the design; unsigned ones are accepted if not given."""
    download: bool = True
    """Load the bitstream; otherwise it has to be loaded already. What runs is checked either way."""
    threshold: int | None = None
    """Detector threshold, 0 to 255: lower finds more. Hardware clamps it to the built-in one."""
    lock: bool = True
    """Freeze the threshold until the chip is reset."""
    held_frames: int = 3
    """Frames that the program can hold while others go on arriving."""
    latest: bool = False
    """Hand out the newest frame, not the oldest one that is waiting."""
    frame_timeout_s: float = 2.0
    """Seconds without a frame after which the driver restarts DMA and camera."""
    hardware_timeout_s: float = 1.0
    """Seconds within which the DMA has to start, stop or be reset."""
    recoveries: int = 3
    """Restarts in a row without a frame in between; then waiting for a frame is a `DeviceError`."""
    poll_interval_s: float = 0.0005
    """Seconds between two looks at the DMA while waiting without interrupts."""
    handle_signals: bool = True
    """End the `with` block on SIGTERM and SIGHUP too, so that the DMA stops before its memory is gone."""

    def __post_init__(self) -> None:
        require_range(self, "held_frames", 1, 64, unit="frames")
        require_range(self, "frame_timeout_s", 0.001, 3600, unit="s")
        require_range(self, "hardware_timeout_s", 0.001, 60, unit="s")
        require_range(self, "poll_interval_s", 0, 1, unit="s")
        require_range(self, "recoveries", 0, 100)
        if self.threshold is not None:
            require_range(self, "threshold", 0, 255)
        if self.board == "":
            raise ConfigError("board is empty; leave it out to accept any board")

    @property
    def longest_wait_s(self) -> float:
        """Seconds after which waiting for a frame has certainly ended, with a frame or an error."""
        return (self.recoveries + 1) * (self.frame_timeout_s + 3 * self.hardware_timeout_s) + 1.0


SIMULATED = CameraSettings(frame_timeout_s=600.0, hardware_timeout_s=30.0)
"""For a simulated design: one frame takes ten seconds on an idle machine, and more on a busy one."""
