"""The memory-writing channel of the video DMA, at the level of its registers (vendor's PG020).

Frames begin with the stream's `tuser`, lines end with `tlast`; a frame that does not fit what was programmed is cut off
with an error bit, and the channel goes on with the next one (flush on frame sync). An error of the memory side halts
the channel until it is reset. Settings take effect when VSIZE is written, at the next frame. A stop waits for the end
of the frame under way, for ever if it does not come: that is what software must bound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from host.simulated.dram import Dram
from hw_anon.core.video_words import TLAST, TUSER

__all__ = ["DmaError", "VdmaS2mm"]

_PARK_PTR, _VERSION, _CR, _SR, _IRQ_MASK = 0x28, 0x2C, 0x30, 0x34, 0x3C
_VSIZE, _HSIZE, _STRIDE, _ADDRESS = 0xA0, 0xA4, 0xA8, 0xAC
_RUN, _CIRCULAR, _RESET, _FRAME_COUNT_ENABLE, _REPEAT = 1, 1 << 1, 1 << 2, 1 << 4, 1 << 15
_HALTED, _FRAME_IRQ, _ERROR_IRQ = 1, 1 << 12, 1 << 14
_IRQS = 0x7000
_BEAT_BYTES = 3
_AFTER_RESET = 0x0001_0002


class DmaError(IntFlag):
    """Error bits of the status register."""

    INTERNAL = 1 << 4
    """Sizes of 0 were programmed, or the data mover failed: halts."""
    SLAVE = 1 << 5
    """The memory answered with an error: halts."""
    DECODE = 1 << 6
    """Nothing is at the address: halts."""
    SOF_EARLY = 1 << 7
    """A frame began before the lines of the last one were there."""
    EOL_EARLY = 1 << 8
    """A line ended too early."""
    SOF_LATE = 1 << 11
    """No frame began after the lines of the last one."""
    EOL_LATE = 1 << 15
    """A line did not end in time."""


_HALTING = DmaError.INTERNAL | DmaError.SLAVE | DmaError.DECODE
_MASKABLE = (DmaError.SOF_EARLY, DmaError.EOL_EARLY, DmaError.SOF_LATE, DmaError.EOL_LATE)
_CLEARABLE = _IRQS | DmaError.INTERNAL | DmaError.SOF_EARLY | DmaError.EOL_EARLY | DmaError.SOF_LATE | DmaError.EOL_LATE


@dataclass(frozen=True, slots=True)
class _Transfer:
    """What one frame is written with."""

    line_bytes: int
    lines: int
    stride: int
    address: int

    @property
    def line_beats(self) -> int:
        return -(-self.line_bytes // _BEAT_BYTES)


class VdmaS2mm:
    """Takes the camera's output stream and writes it to memory."""

    def __init__(self, dram: Dram, *, frame_stores: int) -> None:
        """Makes the channel as after power-up.

        Args:
            dram: the memory it writes to.
            frame_stores: addresses in its ring.
        """
        self._dram = dram
        self.frame_stores = frame_stores
        self.on_write: Callable[[int, NDArray[np.uint8]], None] | None = None
        """Told of every block of lines `[N, L]` and its address before it is written, inside the memory or not."""
        self.frames_written = 0
        """Whole frames since power-up."""
        self._stalled = self._stalls_for_ever = False
        self._stall_at_line: int | None = None
        self.tear_at_line: int | None = None
        """Of the next frame, writes so many lines only, and says that it is whole (a fault)."""
        self._registers: dict[int, int] = {}
        self._programmed: _Transfer | None = None  # with what the next frame is written
        self._active: _Transfer | None = None  # with what the frame under way is written
        self._line = 0
        self._synchronised = False  # the next word must start a frame
        self.reset()

    def reset(self) -> None:
        """Resets the channel: registers as after power-up, what is on its way is lost."""
        self._registers.clear()
        self._cr, self._sr, self._park, self._mask = _AFTER_RESET, _HALTED, 0, 0
        self._count = 1
        self._programmed = None
        self._addresses: tuple[int, ...] = ()
        self._store = 0
        self._stream = np.zeros(0, np.uint32)
        self._leave_frame(synchronised=False)
        self._stalled = self._stalls_for_ever
        if not self._stalls_for_ever:
            self._stall_at_line = None

    @property
    def ready(self) -> bool:
        """Whether it takes what the stream offers."""
        return not self._sr & _HALTED and not self._stalled and self._programmed is not None

    @property
    def irq(self) -> bool:
        """Level of the interrupt line."""
        return bool(self._sr & self._cr & _IRQS)

    @property
    def frame_pending(self) -> bool:
        """Whether the frame interrupt's bit is set: software has not taken the last frames yet."""
        return bool(self._sr & _FRAME_IRQ)

    def read(self, offset: int) -> int:
        """Returns the word at a byte offset."""
        if offset == _PARK_PTR:
            return self._park | self._store << 24
        if offset == _VERSION:
            return 0x6300_0000
        if offset == _SR:
            return self._sr | self._count << 16
        return {_CR: self._cr, _IRQ_MASK: self._mask}.get(offset, self._registers.get(offset, 0))

    def write(self, offset: int, value: int) -> None:
        """Writes the word at a byte offset."""
        if offset == _CR:
            self._control(value)
        elif offset == _SR:
            self._sr &= ~(value & _CLEARABLE)
        elif offset == _PARK_PTR:
            self._park = value & 0x1F1F
        elif offset == _IRQ_MASK:
            self._mask = value & 0xF
        elif offset in (_VSIZE, _HSIZE, _STRIDE) or self._is_address(offset):
            self._registers[offset] = value
            if offset == _VSIZE:
                self._program()
        self._drain()

    def take(self, words: NDArray[np.uint32]) -> None:
        """Takes words of the stream; what came while it was not ready waits in its line buffer."""
        self._stream = np.concatenate([self._stream, words]) if len(self._stream) else words
        self._drain()

    def stall(self, *, at_line: int, for_ever: bool) -> None:
        """Lets it take nothing more once so many lines of a frame are written, until it is reset (a fault).

        Args:
            at_line: lines, 0 for none.
            for_ever: not even a reset helps.
        """
        self._stall_at_line, self._stalls_for_ever = at_line, for_ever

    def fail(self, error: DmaError) -> None:
        """Sets an error bit as if the channel had met it, with what follows from it (a fault)."""
        self._error(error)

    def _is_address(self, offset: int) -> bool:
        return _ADDRESS <= offset < _ADDRESS + 4 * self.frame_stores and offset % 4 == 0

    def _control(self, value: int) -> None:
        if value & _RESET:
            self.reset()
            return
        count = value >> 16 & 0xFF or 1
        if count != self._cr >> 16 & 0xFF:
            self._count = count
        self._cr = value & 0xFF00_FFFF | count << 16
        if value & _RUN:
            if not self._sr & _HALTING:
                self._sr &= ~_HALTED
        elif self._active is None:
            self._halt()

    def _halt(self) -> None:
        self._sr |= _HALTED
        self._cr &= ~_RUN
        self._programmed = None
        self._leave_frame(synchronised=False)

    def _program(self) -> None:
        """Takes over the settings, which VSIZE has just completed."""
        if self._sr & _HALTED:
            return
        lines, line_bytes = self._registers[_VSIZE] & 0x1FFF, self._registers.get(_HSIZE, 0) & 0xFFFF
        if not lines or not line_bytes:
            self._error(DmaError.INTERNAL)
            return
        stride = self._registers.get(_STRIDE, 0) & 0xFFFF
        self._programmed = _Transfer(line_bytes, lines, stride, 0)
        stores = range(self.frame_stores)
        self._addresses = tuple(self._registers.get(_ADDRESS + 4 * store, 0) for store in stores)

    def _drain(self) -> None:
        while self.ready and len(self._stream):
            active = self._active
            used = self._seek() if active is None else self._consume(active)
            self._stream = self._stream[used:]
            if not used and self._active is active:
                return  # a part of a line waits for the rest of it

    def _seek(self) -> int:
        """Begins a frame where one starts; returns how many words come before that."""
        starts = np.flatnonzero(self._stream & TUSER)
        first = int(starts[0]) if len(starts) else len(self._stream)
        if first and self._synchronised:
            self._error(DmaError.SOF_LATE)
        self._synchronised = False
        if len(starts) and self._programmed is not None:
            if not self._cr & _CIRCULAR:
                self._store = (self._park >> 8 & 0x1F) % self.frame_stores
            self._active = replace(self._programmed, address=self._addresses[self._store])
        return first

    def _consume(self, transfer: _Transfer) -> int:
        """Writes the whole lines that are there; returns how many words they are."""
        own = int(not self._line)  # a frame's first word is a start of frame itself
        starts = np.flatnonzero(self._stream[own:] & TUSER)
        limit = int(starts[0]) + own if len(starts) else len(self._stream)
        beats, left = transfer.line_beats, transfer.lines - self._line
        if self._stall_at_line is not None:
            left = min(left, max(0, self._stall_at_line - self._line))
        reach = min(limit, left * beats)
        ends = (self._stream[:reach] & TLAST) != 0
        wrong = np.flatnonzero(ends != (np.arange(reach) % beats == beats - 1))
        good = (int(wrong[0]) if len(wrong) else reach) // beats
        self._write(transfer, self._stream[: good * beats])
        if self._active is None:  # the memory failed
            return good * beats
        if len(wrong):
            self._cut(DmaError.EOL_EARLY if ends[wrong[0]] else DmaError.EOL_LATE)
            return int(wrong[0]) + 1
        if self._line == transfer.lines:
            self._finish()
        elif self._line == self._stall_at_line:
            self._stalled = True
        elif limit < len(self._stream):
            self._cut(DmaError.SOF_EARLY)
            return limit
        return good * beats

    def _write(self, transfer: _Transfer, words: NDArray[np.uint32]) -> None:
        """Writes whole lines of the frame under way."""
        count = len(words) // transfer.line_beats
        if not count:
            return
        pixels = words.astype("<u4").view(np.uint8).reshape(-1, 4)[:, :_BEAT_BYTES]
        lines = pixels.reshape(count, -1)[:, : transfer.line_bytes]
        if self.tear_at_line is not None:
            lines = lines[: max(0, self.tear_at_line - self._line)]
        address = transfer.address + self._line * transfer.stride
        self._line += count
        if self.on_write is not None:
            self.on_write(address, lines)
        try:
            self._dram.write_lines(address, transfer.stride, lines)
        except IndexError:
            self._error(DmaError.DECODE)

    def _finish(self) -> None:
        """Ends a whole frame."""
        self.frames_written += 1
        self.tear_at_line = None
        self._leave_frame(synchronised=True)
        self._advance()
        self._count -= 1
        if self._count <= 0:
            self._sr |= _FRAME_IRQ
            self._count = self._cr >> 16 & 0xFF
            if self._cr & _FRAME_COUNT_ENABLE:
                self._halt()
        if not self._cr & _RUN:
            self._halt()

    def _cut(self, error: DmaError) -> None:
        """Ends a frame that does not fit."""
        self._leave_frame(synchronised=False)
        self._error(error)
        if not self._cr & _REPEAT:
            self._advance()
        if not self._cr & _RUN:
            self._halt()

    def _advance(self) -> None:
        if self._cr & _CIRCULAR:
            self._store = (self._store + 1) % self.frame_stores

    def _leave_frame(self, *, synchronised: bool) -> None:
        self._active, self._line, self._synchronised = None, 0, synchronised

    def _error(self, error: DmaError) -> None:
        if error in _MASKABLE and self._mask >> _MASKABLE.index(error) & 1:
            return
        self._sr |= error | _ERROR_IRQ
        if error & _HALTING:
            self._halt()
