"""The driver: verified design, DMA ring, frames that belong to the DMA or to the program, bounded waits, recovery."""

from __future__ import annotations

from host.driver.camera import AnonymizedCamera
from host.driver.frames import CameraFrame
from host.driver.settings import CameraSettings
from host.driver.statistics import CameraHealth

__all__ = ["AnonymizedCamera", "CameraFrame", "CameraHealth", "CameraSettings"]
