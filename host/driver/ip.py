"""Binds the registers to `overlay.camera_0` for whoever loads the design with pynq alone (entry point pynq.lib).

It hands out no frames: for those there is `AnonymizedCamera`, which checks the design first.
"""

from __future__ import annotations

from typing import Any

from pynq import DefaultIP

from host.driver.hardware import CheckedRegisters
from host.driver.overlay import PynqRegisters
from hw_anon.core.platform import CAMERA_VLNV
from hw_anon.core.register_access import CameraRegisters

__all__ = ["CameraIP"]


class CameraIP(DefaultIP):  # type: ignore[misc]  # pynq has no types
    """The camera in an overlay: `overlay.camera_0.registers` has geometry, build id, counters and faults."""

    bindto = [CAMERA_VLNV]  # noqa: RUF012  # as pynq's metaclass wants it

    def __init__(self, description: Any) -> None:
        """Takes pynq's description of the block.

        Raises:
            DeviceError: if no camera of this release answers.
        """
        super().__init__(description)
        window = CheckedRegisters(PynqRegisters(self.mmio, "camera"), "camera")
        self.registers = CameraRegisters(read32=window.read, write32=window.write)
        """The camera's registers by name."""
        self.registers.require()
