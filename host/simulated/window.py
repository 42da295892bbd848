"""Registers as an array, which is what PYNQ's MMIO reads and writes on a board."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["RegisterWindow"]


class RegisterWindow:
    """Looks like an array of 32-bit words; every access goes to the bus."""

    dtype = np.dtype(np.uint32)
    itemsize, ndim = 4, 1

    def __init__(self, read: Callable[[int], int], write: Callable[[int, int], None], base: int, words: int) -> None:
        """Takes the bus's two functions, the first address and the number of words."""
        self._read, self._write = read, write
        self._base, self._words = base, words
        self.shape, self.size, self.nbytes = (words,), words, 4 * words

    def __len__(self) -> int:
        return self._words

    def view(self, dtype: Any = None) -> RegisterWindow:
        """Returns itself: there are words only."""
        del dtype
        return self

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            start, stop, step = index.indices(self._words)
            if step == 1:
                return RegisterWindow(self._read, self._write, self._base + 4 * start, max(0, stop - start))
            return np.array([self[k] for k in range(start, stop, step)], np.uint32)
        return np.uint32(self._read(self._address(index)))

    def __setitem__(self, index: Any, value: Any) -> None:
        if not isinstance(index, slice):
            self._write(self._address(index), int(value) & 0xFFFF_FFFF)
            return
        places = range(*index.indices(self._words))
        for place, word in zip(places, np.broadcast_to(np.asarray(value, np.uint32), (len(places),)), strict=True):
            self[place] = word

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        del copy
        return np.array([self[k] for k in range(self._words)], dtype or np.uint32)

    def _address(self, index: Any) -> int:
        place = int(index) + self._words * (int(index) < 0)
        if not 0 <= place < self._words:
            raise IndexError(f"register {int(index)} is outside a window of {self._words}")
        return self._base + 4 * place
