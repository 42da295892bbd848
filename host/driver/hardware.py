"""What the driver needs of a board: two register windows, memory that a DMA reaches, a clock and an interrupt.

The driver above it is plain Python and numpy. Behind it stands a board (`host.driver.overlay`, the only module that
knows pynq), a model of one in memory (`host.model_board`), or a recording of a run (`host.recording`). The clock is
part of it because deadlines decide what the driver does: with it a recorded run replays exactly.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.errors import DeviceError

__all__ = ["CheckedRegisters", "DmaBuffer", "Hardware", "Registers"]

_WORD = 0xFFFF_FFFF


class Registers(Protocol):
    """A window of 32-bit registers."""

    def read(self, offset: int) -> int:
        """Returns the word at a byte offset.

        Raises:
            DeviceError: if the bus does not answer.
        """
        ...

    def write(self, offset: int, value: int) -> None:
        """Writes the word at a byte offset.

        Raises:
            DeviceError: if the bus does not answer.
        """
        ...


class DmaBuffer(Protocol):
    """Physically contiguous memory that the DMA can write to; the processor sees it through its cache."""

    @property
    def address(self) -> int:
        """Physical address of the first byte."""
        ...

    @property
    def memory(self) -> NDArray[np.uint8]:
        """`[size]` uint8, the processor's view; the same memory at every call."""
        ...

    def invalidate(self, start: int, length: int) -> None:
        """Makes what the DMA wrote visible in `memory[start : start + length]`."""
        ...

    def flush(self, start: int, length: int) -> None:
        """Makes what the processor wrote to `memory[start : start + length]` visible to the DMA."""
        ...

    def free(self) -> None:
        """Returns the memory to the board; harmless when repeated."""
        ...


class Hardware(Protocol):
    """A board with a loaded design."""

    @property
    def name(self) -> str:
        """Short name for messages and reports."""
        ...

    @property
    def camera(self) -> Registers:
        """The camera's registers (`hw_anon.core.registers`)."""
        ...

    @property
    def vdma(self) -> Registers:
        """The video DMA's registers."""
        ...

    @property
    def frame_stores(self) -> int:
        """Frames in the video DMA's ring."""
        ...

    def allocate(self, size: int) -> DmaBuffer:
        """Returns a new buffer of `size` bytes.

        Raises:
            DeviceError: if there is not enough memory.
        """
        ...

    def now(self) -> float:
        """Returns seconds on a clock that never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Lets so much time go by."""
        ...

    async def interrupt(self, timeout_s: float) -> bool:
        """Waits for the video DMA's interrupt and returns whether it came in time."""
        ...

    def close(self) -> None:
        """Lets go of the board; harmless when repeated."""
        ...


class CheckedRegisters:
    """Registers that take any integer type, and refuse what is no 32-bit word.

    pynq's own registers take Python's `int` only: a numpy integer is a `ValueError`, a negative or too large one is
    written cut off.
    """

    def __init__(self, registers: Registers, name: str) -> None:
        """Wraps a window.

        Args:
            registers: the window.
            name: its name in messages.
        """
        self._registers = registers
        self._name = name

    def read(self, offset: int) -> int:
        """Returns the word at a byte offset."""
        return int(self._registers.read(int(offset))) & _WORD

    def write(self, offset: int, value: int) -> None:
        """Writes the word at a byte offset.

        Raises:
            DeviceError: if the value does not fit into 32 bits.
        """
        word = int(value)
        if not 0 <= word <= _WORD:
            raise DeviceError(f"{self._name} register {int(offset):#x}: {word:#x} is no 32-bit word")
        self._registers.write(int(offset), word)
