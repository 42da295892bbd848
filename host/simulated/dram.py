"""The board's memory, as far as camera software can get hold of it: one region of physically contiguous memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.platform import Window

__all__ = ["DRAM_BASE", "Dram"]

DRAM_BASE = 0x1000_0000
"""Where the region begins: below it lies what belongs to the operating system."""


class Dram:
    """Bytes by physical address."""

    def __init__(self, size: int, *, base: int = DRAM_BASE) -> None:
        """Makes a region of zeros.

        Args:
            size: bytes.
            base: first physical address.
        """
        self.window = Window(base=base, size=size)
        self.bytes = np.zeros(size, np.uint8)
        """All of it, `[size]`."""

    def view(self, address: int, length: int) -> NDArray[np.uint8]:
        """Returns a part of the memory, not a copy.

        Raises:
            IndexError: if some of it is outside the region.
        """
        if not self.window.holds(address, length):
            raise IndexError(f"{length} bytes from {address:#x} on are not in the memory")
        first = address - self.window.base
        return self.bytes[first : first + length]

    def write_lines(self, address: int, stride: int, lines: NDArray[np.uint8]) -> None:
        """Writes lines `[N, L]`, one every `stride` bytes; where they overlap the later one stays.

        Raises:
            IndexError: if a line is outside the region; those before it are written.
        """
        count, length = lines.shape
        if stride >= length and self.window.holds(address, stride * count):
            self.view(address, stride * count).reshape(count, stride)[:, :length] = lines
            return
        for index, line in enumerate(lines):
            self.view(address + index * stride, length)[:] = line
