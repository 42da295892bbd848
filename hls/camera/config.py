"""The file from which a camera is built: sizes, sensor, and which networks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hw_anon.core.boards import get_board
from hw_anon.core.camera import CameraConfig, NetworkTiming
from hw_anon.core.config import Config, require_range
from hw_anon.core.errors import ConfigError

__all__ = ["CameraBuildConfig", "NetworkChoice"]


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkChoice(Config):
    """Which accelerator a camera gets: a named network, built for a throughput, or a finished build."""

    net: str | None = None
    """Name of a network whose weights are shipped."""
    pictures_per_s: float = 120.0
    """Throughput to build a named network for, in pictures (frames or faces) per second."""
    directory: Path | None = None
    """A finished build, relative to the file that says so; in place of `net`."""

    def __post_init__(self) -> None:
        if (self.net is None) == (self.directory is None):
            raise ConfigError("NetworkChoice: give either net (a name) or directory (a finished build)")
        require_range(self, "pictures_per_s", 1e-3, 1e6)


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraBuildConfig(Config):
    """What to build; all else follows from the two networks. Fields without comment are those of `CameraConfig`."""

    detector: NetworkChoice
    """The face detector."""
    modifier: NetworkChoice
    """The face modifier; its input decides the crops' size and the key channels."""
    board: str = "pynq-z2"
    """Board, device or part."""
    clk_mhz: float | None = None
    """Clock in MHz; the board's default if not given."""
    width: int = 320
    """Columns of a frame."""
    height: int = 240
    """Rows of a frame."""
    frames_per_s: float = 30.0
    """Frame rate of the sensor."""
    pixel_rate_mhz: float = 25.0
    """Mean pixel rate within a frame, its line blanking included, in MHz."""
    buffers: int = 1
    """Frames stored on the chip, 1 or 2."""
    max_faces: int = 4
    """Faces replaced in a frame at most."""
    threshold: int = 128
    """Built-in detector threshold, the largest one software can set."""
    candidates: str = "peaks"
    """Which cells from the threshold on may be faces: "peaks" or "every_cell"."""
    source_timeout_cycles: int = 1_000_000
    """Cycles without a pixel inside a frame after which the sensor counts as gone."""

    def __post_init__(self) -> None:
        get_board(self.board)
        one = NetworkTiming(interval_cycles=1, latency_cycles=1)
        self.camera(detector=one, modifier=one, crop_size=64, key_channels=0)

    @property
    def clock_mhz(self) -> float:
        """The clock in MHz."""
        return self.clk_mhz or get_board(self.board).clk_mhz

    def camera(
        self, *, detector: NetworkTiming, modifier: NetworkTiming, crop_size: int, key_channels: int
    ) -> CameraConfig:
        """Returns the camera around two networks.

        Raises:
            ConfigError: if a value is out of range.
        """
        own = ("board", "clk_mhz", "width", "height", "frames_per_s", "pixel_rate_mhz", "buffers", "max_faces")
        shared = {name: getattr(self, name) for name in (*own, "threshold", "candidates", "source_timeout_cycles")}
        return CameraConfig(
            **shared, detector=detector, modifier=modifier, crop_size=crop_size, key_channels=key_channels
        )
