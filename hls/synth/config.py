"""What a vendor build needs to know beside the camera: the sensor's mode and how it is fitted to the frame."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

from hls.synth.sensors import Chain, SensorMode, get_chain, get_mode
from hw_anon.core.camera import CameraConfig, FrameBudget, frame_budget
from hw_anon.core.config import Config, require_range
from hw_anon.core.errors import ConfigError
from hw_anon.core.sensor import MAX_EVERY, MAX_FACTOR, SensorFit

__all__ = ["VendorConfig", "plan_fit", "source_budget"]


@dataclass(frozen=True, kw_only=True, slots=True)
class VendorConfig(Config):
    """Settings of a vendor build that change its result."""

    board: str
    """Board, device or part."""
    mode: str | None = None
    """Video mode of the sensor; the board's default if not given."""
    factor: int | None = None
    """Side of the blocks of samples that become one pixel; the largest that fits if not given."""
    jobs: int = 2
    """Runs that the vendor's tools start at a time."""
    sensor_table: Path | None = None
    """What the camera writes to a MIPI sensor after power-up, see `hls.synth.sensor_table`."""

    def __post_init__(self) -> None:
        chain = self.chain
        require_range(self, "jobs", 1, 64)
        if self.factor is not None:
            require_range(self, "factor", 1, MAX_FACTOR, unit="samples")
        if (chain.source == "mipi") != (self.sensor_table is not None):
            need = "needs a table of the sensor's settings" if chain.source == "mipi" else "has no sensor to set up"
            raise ConfigError(f"VendorConfig.sensor_table = {self.sensor_table}: {chain.board} {need} (--sensor-table)")

    @property
    def chain(self) -> Chain:
        """What stands before the camera."""
        return get_chain(self.board)

    @property
    def sensor_mode(self) -> SensorMode:
        """The video mode."""
        return get_mode(self.mode, self.chain)


def plan_fit(config: VendorConfig, camera: CameraConfig) -> SensorFit:
    """Returns how the sensor's frames become the camera's.

    Raises:
        ConfigError: if the camera was built for another board, or its frame does not fit into the sensor's.
    """
    chain, mode = config.chain, config.sensor_mode
    if camera.target.name != chain.board:
        raise ConfigError(f"the camera was built for {camera.target.name}, not for {chain.board}; build it again")
    step = 1 if chain.bayer == "none" else 2
    factor = config.factor
    if factor is None:
        largest = min(mode.width // camera.width, mode.height // camera.height, MAX_FACTOR)
        factor = max(step, largest - largest % step)
    return SensorFit(
        source_width=mode.width,
        source_height=mode.height,
        width=camera.width,
        height=camera.height,
        factor=factor,
        bayer=chain.bayer,
        every=min(MAX_EVERY, max(1, math.ceil(mode.frames_per_s / camera.frames_per_s - 1e-9))),
    )


def source_budget(camera: CameraConfig, fit: SensorFit, mode: SensorMode) -> FrameBudget:
    """Returns the camera's frame budget at the pace at which this sensor delivers a frame.

    If it does not fit, frames with many faces come late and the next one is delivered black (overrun), never raw.
    """
    line_us = mode.total_width / mode.sample_mhz
    capture_us = line_us * (fit.factor * fit.height)
    pace = fit.width * fit.height / capture_us
    frames_per_s = mode.frames_per_s / fit.every
    return frame_budget(replace(camera, pixel_rate_mhz=pace, frames_per_s=frames_per_s))
