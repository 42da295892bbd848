"""The file from which a camera is built: sizes, sensor, and which networks."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from hw_anon.core.camera import CameraConfig, CameraSettings, NetworkTiming
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
class CameraBuildConfig(CameraSettings):
    """What to build: the camera's settings and which networks it gets."""

    detector: NetworkChoice
    """The face detector."""
    modifier: NetworkChoice
    """The face modifier; its input decides the crops' size and the key channels."""

    def camera(
        self, *, detector: NetworkTiming, modifier: NetworkTiming, crop_size: int, key_channels: int
    ) -> CameraConfig:
        """Returns the camera around two networks.

        Raises:
            ConfigError: if a value is out of range.
        """
        shared = {field.name: getattr(self, field.name) for field in fields(CameraSettings)}
        return CameraConfig(
            **shared, detector=detector, modifier=modifier, crop_size=crop_size, key_channels=key_channels
        )
