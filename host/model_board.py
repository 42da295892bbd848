"""A board in memory, without pynq: the models of camera, video DMA and memory behind the driver's hardware protocol.

Time is the camera's own: it goes by only when the driver reads, writes, sleeps or waits, so that every run is the same
and a second of waiting takes no second. For the driver under the real pynq there is the simulated board
(`host.simulated`), made of the same models.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from host.driver.hardware import DmaBuffer, Registers
from host.simulated.dram import Dram
from host.simulated.vdma import VdmaS2mm
from hw_anon.core.camera_abi import CameraPort
from hw_anon.core.errors import DeviceError
from hw_anon.core.platform import FRAME_STORES

__all__ = ["ModelBoard"]

_PAGE = 4096
_SLICE_CYCLES = 2048
"""Cycles between two looks at the DMA."""
_STALE = 0xCD
"""What a buffer seems to hold before it is invalidated."""


class _Window:
    """A register window; every access lets the camera's clock run."""

    def __init__(self, board: ModelBoard, read: Callable[[int], int], write: Callable[[int, int], None]) -> None:
        self._board, self._read, self._write = board, read, write

    def read(self, offset: int) -> int:
        self._board.pump()
        return self._read(offset)

    def write(self, offset: int, value: int) -> None:
        self._write(offset, value)
        self._board.pump()


class _Buffer:
    """A buffer with a cache: what the DMA writes is seen after `invalidate` only."""

    def __init__(self, board: ModelBoard, address: int, size: int) -> None:
        self._board, self.address, self._size = board, address, size
        self.memory: NDArray[np.uint8] = np.full(size, _STALE, np.uint8)
        self._freed = False

    def invalidate(self, start: int, length: int) -> None:
        self._board.invalidated_bytes += length
        self.memory[start : start + length] = self._board.dram.view(self.address + start, length)

    def flush(self, start: int, length: int) -> None:
        self._board.dram.view(self.address + start, length)[:] = self.memory[start : start + length]

    def free(self) -> None:
        if not self._freed:
            self._freed = True
            self._board.release(self.address, self._size)


class ModelBoard:
    """`Hardware` of models.

    Faults are injected at the models themselves (`dma`, `port`) and by the attributes here.
    """

    def __init__(
        self,
        port: CameraPort,
        *,
        clk_hz: float = 100e6,
        memory_bytes: int = 16 << 20,
        source: Callable[[], NDArray[np.uint32] | None] | None = None,
    ) -> None:
        """Wires the models together.

        Args:
            port: the camera.
            clk_hz: cycles of the camera in a second.
            memory_bytes: contiguous memory of the board.
            source: asked for the next frame's words whenever the camera has taken all; `None` is a pause.
        """
        self.name = "model"
        self.frame_stores = FRAME_STORES
        self.port = port
        """The camera."""
        self.dram = Dram(memory_bytes)
        """The memory."""
        self.dma = VdmaS2mm(self.dram, frame_stores=FRAME_STORES)
        """The video DMA."""
        self.source = source
        """Where video comes from."""
        self.lose_interrupts = False
        """The interrupt line is cut (a fault)."""
        self.invalidated_bytes = 0
        """Bytes that were made visible so far."""
        self.live: dict[int, int] = {}
        """Size of every allocated buffer by its address."""
        self.closed = 0
        """How often it was closed."""
        self._clk_hz = clk_hz
        self._free: list[tuple[int, int]] = [(self.dram.window.base, memory_bytes)]
        self.camera: Registers = _Window(self, port.read, port.write)
        """The camera's registers."""
        self.vdma: Registers = _Window(self, self.dma.read, self.dma.write)
        """The video DMA's registers."""

    def allocate(self, size: int) -> DmaBuffer:
        """Returns a new buffer."""
        needed = -(-size // _PAGE) * _PAGE
        for place, (address, room) in enumerate(self._free):
            if room >= needed:
                self._free[place] = (address + needed, room - needed)
                self.live[address] = needed
                return _Buffer(self, address, needed)
        raise DeviceError(f"no {size} bytes of contiguous memory left")

    def release(self, address: int, size: int) -> None:
        """Takes a buffer's memory back."""
        del self.live[address]
        self._free.append((address, size))

    def now(self) -> float:
        """Returns the camera's cycles as seconds."""
        return self.port.cycle / self._clk_hz

    def sleep(self, seconds: float) -> None:
        """Lets so many cycles go by, at least one slice."""
        left = max(_SLICE_CYCLES, round(seconds * self._clk_hz))
        while left > 0:
            self.port.run(min(left, _SLICE_CYCLES))
            self.pump()
            left -= _SLICE_CYCLES

    async def interrupt(self, timeout_s: float) -> bool:
        """Lets cycles go by until the DMA's interrupt, and other tasks run meanwhile."""
        end = self.now() + timeout_s
        while self.now() < end:
            if self.dma.irq and not self.lose_interrupts:
                return True
            await asyncio.sleep(0)
            self.sleep(0.0)
        return False

    def close(self) -> None:
        """Counts."""
        self.closed += 1

    def pump(self) -> None:
        """Carries video in and frames on."""
        if self.source is not None and not self.port.pending():
            words = self.source()
            if words is not None:
                self.port.send(words)
        self.port.set_sink(self.dma.ready)
        words = self.port.receive()
        if len(words):
            self.dma.take(words)
