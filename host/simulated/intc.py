"""The AXI interrupt controller (vendor's PG099), inputs by level."""

from __future__ import annotations

from collections.abc import Callable, Sequence

__all__ = ["InterruptController"]

_ISR, _IPR, _IER, _IAR, _SIE, _CIE, _IVR, _MER = range(0x00, 0x20, 4)
_NONE = 0xFFFF_FFFF


class InterruptController:
    """Inputs, pending and enabled bits, one output."""

    def __init__(self, inputs: Sequence[Callable[[], bool]]) -> None:
        """Takes the levels of the inputs, by index."""
        self._inputs = tuple(inputs)
        self._mask = (1 << len(self._inputs)) - 1
        self.reset()

    def reset(self) -> None:
        """Goes back to the state after power-up."""
        self._pending = self._enabled = self._master = 0

    @property
    def irq(self) -> bool:
        """Level of the output."""
        return bool(self._master & 1 and self._pending & self._enabled)

    def update(self) -> None:
        """Latches the inputs; a level that stays is pending again after it was acknowledged."""
        if self._master & 2:
            for index, level in enumerate(self._inputs):
                if level():
                    self._pending |= 1 << index

    def read(self, offset: int) -> int:
        """Returns the word at a byte offset."""
        active = self._pending & self._enabled
        values = {
            _ISR: self._pending,
            _IPR: active,
            _IER: self._enabled,
            _IVR: (active & -active).bit_length() - 1 if active else _NONE,
            _MER: self._master,
        }
        return values.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """Writes the word at a byte offset."""
        bits = value & self._mask
        if offset == _ISR and not self._master & 2:  # software interrupts, until the hardware's are enabled
            self._pending = bits
        elif offset == _IER:
            self._enabled = bits
        elif offset == _IAR:
            self._pending &= ~bits
        elif offset == _SIE:
            self._enabled |= bits
        elif offset == _CIE:
            self._enabled &= ~bits
        elif offset == _MER:
            self._master |= value & 2  # the hardware's enable can be set once
            self._master = self._master & 2 | value & 1
        self.update()
