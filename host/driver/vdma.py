"""The memory-writing channel (S2MM) of the AXI VDMA, in the register mode of its product guide (PG020).

pynq brings a driver of its own, `AxiVDMA`, and this one is used instead, on pynq's `MMIO`, because that one cannot be
bounded from outside: `start`, `stop` and `reset` spin on a status bit for ever, `readframe` waits for an interrupt
without an end, and needs an event loop that is not running (it fails in an asynchronous program); stream errors are
cleared unseen, and a frame goes to the program without a check that the DMA has let go of it. The names of what users
know from there are kept one level up (`readframe`, `readframe_async`, `freebuffer`).

**When a new address holds.** Start addresses are taken over at the frame boundary after VSIZE was written. A store's
address may thus be exchanged while the DMA is in another store, and holds when the DMA comes round to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from host.driver.hardware import CheckedRegisters, Registers
from host.driver.waits import Clock, wait_until
from hw_anon.core.errors import DeviceError

__all__ = ["MOST_STORES", "S2MMChannel", "VdmaStatus", "require_address"]

MOST_STORES = 16
"""Frame stores whose addresses lie in one bank of registers."""

_PARK_PTR, _CONTROL, _STATUS = 0x28, 0x30, 0x34
_VSIZE, _HSIZE, _STRIDE, _ADDRESSES = 0xA0, 0xA4, 0xA8, 0xAC
_RUN, _CIRCULAR, _RESET, _EVERY_FRAME = 1 << 0, 1 << 1, 1 << 2, 1 << 16
_FRAME_IRQ, _ERROR_IRQ = 1 << 12, 1 << 14
_HALTED = 1 << 0
_STREAM_ERRORS = {"SOFEarly": 1 << 7, "EOLEarly": 1 << 8, "SOFLate": 1 << 11, "EOLLate": 1 << 15}
_MEMORY_ERRORS = {"Internal": 1 << 4, "Slave": 1 << 5, "Decode": 1 << 6}
_ERRORS = _STREAM_ERRORS | _MEMORY_ERRORS
_MOST_ADDRESS = (1 << 32) - 1
_MOST_BYTES, _MOST_LINES = (1 << 16) - 1, (1 << 13) - 1


def require_address(address: int, size: int) -> None:
    """Refuses memory that the channel cannot write to.

    Args:
        address: physical address of the first byte.
        size: bytes.

    Raises:
        DeviceError: if it is not below 4 GiB, or not aligned.
    """
    if address % 8 or not 0 <= address <= _MOST_ADDRESS - size:
        raise DeviceError(
            f"a frame buffer lies at {address:#x}; the VDMA reaches 32-bit addresses that are multiples of 8: "
            "reserve contiguous memory (CMA) below 4 GiB"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class VdmaStatus:
    """What the channel says of itself."""

    halted: bool
    """It does not run."""
    frame: bool
    """A frame was written since this was cleared."""
    stream_errors: tuple[str, ...]
    """Marks of the video that came early or late: lines or frames had another length."""
    memory_errors: tuple[str, ...]
    """Failed accesses to memory; the channel halts."""

    @property
    def errors(self) -> tuple[str, ...]:
        """All errors."""
        return self.memory_errors + self.stream_errors


class S2MMChannel:
    """Camera to memory: runs through its frame stores in a circle."""

    def __init__(self, registers: Registers, clock: Clock, *, stores: int, timeout_s: float) -> None:
        """Takes the registers; touches none of them.

        Args:
            registers: the VDMA's window.
            clock: tells the time.
            stores: frame stores the VDMA was built with.
            timeout_s: seconds within which it must start, halt or be reset.

        Raises:
            DeviceError: if the number of stores is not 3 to 16.
        """
        if not 3 <= stores <= MOST_STORES:
            raise DeviceError(f"the VDMA has {stores} frame stores; this driver needs 3 to {MOST_STORES}")
        self.stores = stores
        self._registers = CheckedRegisters(registers, "VDMA")
        self._clock = clock
        self._timeout_s = timeout_s
        self._lines = 0

    @property
    def status(self) -> VdmaStatus:
        """What the channel says of itself; nothing is cleared."""
        word = self._registers.read(_STATUS)
        return VdmaStatus(
            halted=bool(word & _HALTED),
            frame=bool(word & _FRAME_IRQ),
            stream_errors=tuple(name for name, bit in _STREAM_ERRORS.items() if word & bit),
            memory_errors=tuple(name for name, bit in _MEMORY_ERRORS.items() if word & bit),
        )

    @property
    def active_store(self) -> int:
        """The store that is being written, or was written last if no frame has begun since."""
        return (self._registers.read(_PARK_PTR) >> 24 & 0x1F) % self.stores

    def acknowledge(self) -> None:
        """Clears the interrupts and the stream errors, and with them the interrupt line."""
        self._registers.write(_STATUS, _FRAME_IRQ | _ERROR_IRQ | sum(_STREAM_ERRORS.values()))

    def reset(self) -> None:
        """Stops the channel, whatever it does; afterwards it writes to no memory.

        Raises:
            DeviceError: if it does not obey in time.
        """
        self._registers.write(_CONTROL, _RESET)
        remedy = "the reset of the VDMA: the memory port does not answer; load the design again or restart the board"
        wait_until(self._is_reset, self._clock, timeout_s=self._timeout_s, what=remedy)
        self._registers.write(_STATUS, _FRAME_IRQ | _ERROR_IRQ | sum(_ERRORS.values()))

    def _is_reset(self) -> bool:
        return not self._registers.read(_CONTROL) & _RESET and bool(self._registers.read(_STATUS) & _HALTED)

    def start(self, addresses: Sequence[int], *, line_bytes: int, stride_bytes: int, lines: int) -> None:
        """Starts to write frames, the first one to store 0 (the channel has to be reset before).

        Args:
            addresses: physical address of each store.
            line_bytes: bytes of a line.
            stride_bytes: bytes from a line's beginning to the next one's.
            lines: lines of a frame.

        Raises:
            DeviceError: if an address or a size is out of range, or the channel does not start in time.
        """
        if len(addresses) != self.stores:
            raise DeviceError(f"{len(addresses)} addresses for {self.stores} frame stores")
        if not (0 < line_bytes <= stride_bytes <= _MOST_BYTES and 0 < lines <= _MOST_LINES):
            raise DeviceError(f"{lines} lines of {line_bytes} bytes every {stride_bytes}: out of the VDMA's range")
        for address in addresses:
            require_address(address, stride_bytes * lines)
        control = _RUN | _CIRCULAR | _FRAME_IRQ | _ERROR_IRQ | _EVERY_FRAME
        self._registers.write(_CONTROL, control)
        for store, address in enumerate(addresses):
            self._registers.write(_ADDRESSES + 4 * store, address)
        self._registers.write(_STRIDE, stride_bytes)
        self._registers.write(_HSIZE, line_bytes)
        self._registers.write(_VSIZE, lines)
        self._lines = lines
        what = "the VDMA to start: its clock or its reset is missing; load the design again"
        wait_until(lambda: not self.status.halted, self._clock, timeout_s=self._timeout_s, what=what)

    def exchange(self, store: int, address: int) -> None:
        """Gives a store another buffer, from the next frame boundary on."""
        self._registers.write(_ADDRESSES + 4 * store, address)
        self._registers.write(_VSIZE, self._lines)
