"""The registers' bus: who answers at which physical address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hw_anon.core.errors import DeviceError
from hw_anon.core.platform import Window

__all__ = ["Bus", "RegisterFile", "Registers"]

_WORD = 0xFFFF_FFFF


class Registers(Protocol):
    """A block with 32-bit registers."""

    def read(self, offset: int) -> int:
        """Returns the word at a byte offset."""

    def write(self, offset: int, value: int) -> None:
        """Writes the word at a byte offset."""


class RegisterFile:
    """Registers that keep what is written."""

    def __init__(self, words: dict[int, int]) -> None:
        """Takes the words after power-up, by byte offset; all others are 0."""
        self._words = dict(words)

    def read(self, offset: int) -> int:
        """Returns the word at a byte offset."""
        return self._words.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """Keeps a word."""
        self._words[offset] = value


class Bus:
    """Windows of registers in the physical address space; other addresses do not answer."""

    def __init__(self) -> None:
        self._windows: list[tuple[Window, Registers]] = []
        self.listeners: list[Callable[[str, int, int], None]] = []
        """Told of every access that was answered: `"R"` or `"W"`, address, word."""

    def map(self, window: Window, block: Registers) -> None:
        """Lets a block answer in a window."""
        self._windows.append((window, block))

    def read(self, address: int) -> int:
        """Reads a word.

        Raises:
            DeviceError: if nobody answers, or the address is no multiple of 4.
        """
        block, offset = self._find(address)
        value = block.read(offset) & _WORD
        for listener in self.listeners:
            listener("R", address, value)
        return value

    def write(self, address: int, value: int) -> None:
        """Writes a word.

        Raises:
            DeviceError: if nobody answers, or the address is no multiple of 4.
        """
        block, offset = self._find(address)
        block.write(offset, value & _WORD)
        for listener in self.listeners:
            listener("W", address, value & _WORD)

    def _find(self, address: int) -> tuple[Registers, int]:
        for window, block in self._windows:
            if window.base <= address <= window.last:
                if address % 4:
                    raise DeviceError(f"bus error: {address:#x} is no multiple of 4")
                return block, address - window.base
        raise DeviceError(
            f"bus error: nothing answers at {address:#x} (is a design loaded?); on a board the process would be killed"
        )
