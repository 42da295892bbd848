"""Contiguous buffers of a simulated board, as `pynq.allocate` returns them, with what a processor's cache does to them.

A cacheable buffer is a copy of the memory: `invalidate` fetches what the DMA wrote, `flush` hands over what software
wrote. Software that forgets one of them works on stale data here, always, where on a board it does so sometimes.
"""

from __future__ import annotations

import bisect
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pynq.buffer import PynqBuffer

from host.simulated.dram import Dram

__all__ = ["BufferMemory", "SimulatedBuffer"]

_PAGE = 4096
_FRESH, _FREED = 0xCD, 0xDD


class SimulatedBuffer(PynqBuffer):  # type: ignore[misc]  # pynq has no types
    """A buffer whose freeing does not go to the operating system."""

    device: Any = None  # numpy 2 has a read-only attribute of that name

    def attach(self, memory: Any, pointer: Any, return_to: Any) -> None:
        """Says whose memory it is, and who gets it back."""
        self.memory, self.pointer, self.return_to = memory, pointer, return_to

    def freebuffer(self) -> None:
        """Gives the memory back; harmless when repeated."""
        pointer = getattr(self, "pointer", None)
        if pointer:
            self.pointer = None
            self.return_to.return_pointer(pointer)


class BufferMemory:
    """Allocator of the contiguous memory; the device's `default_memory`."""

    def __init__(self, device: Any, dram: Dram, *, cache: bool = True) -> None:
        """Manages all of a memory.

        Args:
            device: PYNQ device that buffers belong to.
            dram: the memory.
            cache: whether cacheable buffers are copies that have to be fetched; without, they are the memory itself.
        """
        self.device = device
        self._dram = dram
        self._cache = cache
        self._used: dict[int, int] = {}
        self._free = [(dram.window.base, dram.window.size)]

    @property
    def used_bytes(self) -> int:
        """Bytes of all buffers that were not freed."""
        return sum(self._used.values())

    def allocate(
        self,
        shape: Any,
        dtype: Any = "u4",
        cacheable: int = 0,
        pointer: tuple[int, NDArray[np.uint8]] | None = None,
        cache: Any = None,
        **ignored: Any,
    ) -> SimulatedBuffer:
        """Returns a buffer, as PYNQ's own memories do.

        Args:
            shape: its shape.
            dtype: its type.
            cacheable: whether the processor's cache holds it.
            pointer: memory of an earlier buffer to use again.
            cache: who gets the memory back; the allocator if not given.
            ignored: what only boards know (banks, flags).

        Raises:
            RuntimeError: if no room is left.
        """
        shape = tuple(int(side) for side in np.atleast_1d(shape))
        length = math.prod(shape) * np.dtype(dtype).itemsize
        if pointer is None:
            address = self._take(length)
            shadow = np.full(length, _FRESH, np.uint8) if cacheable and self._cache else None
            pointer = (address, self._dram.view(address, length) if shadow is None else shadow)
        address, host = pointer
        buffer = SimulatedBuffer(
            shape, dtype, buffer=host.data, device=self.device, device_address=address, bo=pointer, coherent=False
        )
        buffer.attach(self, pointer, self if cache is None else cache)
        return buffer

    def return_pointer(self, pointer: tuple[int, NDArray[np.uint8]]) -> None:
        """Takes a buffer's memory back; what still uses it sees that."""
        address, host = pointer
        host[:] = _FREED
        bisect.insort(self._free, (address, self._used.pop(address)))
        merged: list[tuple[int, int]] = []
        for start, size in self._free:
            if merged and sum(merged[-1]) == start:
                merged[-1] = merged[-1][0], merged[-1][1] + size
            else:
                merged.append((start, size))
        self._free = merged

    def fetch(self, pointer: tuple[int, NDArray[np.uint8]], offset: int, size: int) -> None:
        """Copies from the memory to the processor's view."""
        address, host = pointer
        host[offset : offset + size] = self._dram.view(address + offset, size)

    def hand_over(self, pointer: tuple[int, NDArray[np.uint8]], offset: int, size: int) -> None:
        """Copies from the processor's view to the memory."""
        address, host = pointer
        self._dram.view(address + offset, size)[:] = host[offset : offset + size]

    def _take(self, length: int) -> int:
        pages = -(-max(length, 1) // _PAGE) * _PAGE
        for index, (address, size) in enumerate(self._free):
            if size >= pages:
                self._free[index : index + 1] = [(address + pages, size - pages)] if size > pages else []
                self._used[address] = pages
                return address
        raise RuntimeError("Failed to allocate Memory!")
