"""A board that delivers a frame whenever the driver waits for one: what is left to measure is the driver.

Camera and anonymiser are left out: the frames are board-level frames made beforehand, and the camera is its registers
and a counter. The video DMA and the memory are the simulated board's.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from host.driver.hardware import DmaBuffer, Registers
from host.simulated.dram import Dram
from host.simulated.model_registers import ModelRegisters
from host.simulated.vdma import VdmaS2mm
from hw_anon.core.board_frame import pack_board_frame
from hw_anon.core.boxes import Box
from hw_anon.core.camera import CameraConfig
from hw_anon.core.errors import DeviceError
from hw_anon.core.frame import AnonymisedFrame
from hw_anon.core.platform import FRAME_STORES
from hw_anon.core.video_words import frame_beats

__all__ = ["InstantBoard"]

_PAGE = 4096
_MEMORY = 32 << 20


class _CameraWindow:
    """The camera's registers, without a camera."""

    def __init__(self, registers: ModelRegisters) -> None:
        self._registers = registers

    def read(self, offset: int) -> int:
        return self._registers.read(offset, status=int(self._registers.run))

    def write(self, offset: int, value: int) -> None:
        self._registers.write(offset, value)


class _Buffer:
    """A part of the memory; the cache is left out."""

    def __init__(self, memory: NDArray[np.uint8], address: int) -> None:
        self.memory, self.address = memory, address

    def invalidate(self, start: int, length: int) -> None:
        """Nothing is cached."""

    def flush(self, start: int, length: int) -> None:
        """Nothing is cached."""

    def free(self) -> None:
        """The memory ends with the board."""


class InstantBoard:
    """`Hardware` for measurements; every `sleep` is a frame."""

    def __init__(self, config: CameraConfig, *, build_id: str) -> None:
        """Makes a board.

        Args:
            config: the camera.
            build_id: what its identity registers hold, 32 hex digits.
        """
        self.name = "instant"
        self.frame_stores = FRAME_STORES
        self._dram = Dram(_MEMORY)
        self._dma = VdmaS2mm(self._dram, frame_stores=FRAME_STORES)
        self.camera: Registers = _CameraWindow(ModelRegisters(config, build_id=build_id))
        """The camera's registers."""
        self.vdma: Registers = self._dma
        """The video DMA's registers."""
        self._next = self._dram.window.base
        rng = np.random.default_rng(1)
        pixels = rng.integers(0, 256, (config.height, config.width, 3)).astype(np.uint8)
        frame = AnonymisedFrame(frame=pixels, boxes=(Box(x=1, y=2, width=16, height=16),))
        self._words = frame_beats(pack_board_frame(frame, max_faces=config.max_faces))
        self._number_word = config.height * config.width
        self._number = 0

    def allocate(self, size: int) -> DmaBuffer:
        """Returns a new buffer."""
        length = -(-size // _PAGE) * _PAGE
        if not self._dram.window.holds(self._next, length):
            raise DeviceError(f"no {size} bytes of contiguous memory left")
        address, self._next = self._next, self._next + length
        return _Buffer(self._dram.view(address, length), address)

    def now(self) -> float:
        """Returns seconds on the system's monotonic clock."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Delivers the next frame, in no time."""
        del seconds
        words, place = self._words, self._number_word
        marks = words[place : place + 2] & np.uint32(0xFF00_0000)
        number = self._number
        words[place] = marks[0] | np.uint32(number & 0xFF_FFFF)
        words[place + 1] = marks[1] | (words[place + 1] & np.uint32(0xFF_FF00)) | np.uint32(number >> 24 & 0xFF)
        self._number += 1
        self._dma.take(words)

    async def interrupt(self, timeout_s: float) -> bool:
        """Delivers the next frame."""
        self.sleep(timeout_s)
        return True

    def close(self) -> None:
        """Has nothing to free."""
