"""Who owns which frame buffer: the DMA, the driver or the program, and never two of them.

Pure bookkeeping, without hardware: the driver asks before every step, and a step that would let the DMA write where the
program reads is a broken invariant. Buffers and frame stores are numbers; a store of the DMA always has a buffer.

| owner | how a buffer gets there |
|---|---|
| `DRIVER` | at the beginning; from the program when its last reference is gone; from the DMA when it has halted |
| `DMA` | `exchange`: it takes the place of a finished one in a store |
| `RETIRING` | `exchange`: it was finished; the DMA may still write to it until the new address holds |
| `USER` | `lease` of a buffer that the DMA has certainly left |
"""

from __future__ import annotations

from enum import Enum

from hw_anon.core.errors import ConfigError

__all__ = ["RETIRING_FRAMES", "FrameRing", "Owner"]

RETIRING_FRAMES = 2
"""Frames after which the DMA uses the addresses that it was given: one may have been under way."""


class Owner(Enum):
    """Who may touch a buffer."""

    DRIVER = "driver"
    DMA = "dma"
    RETIRING = "retiring"
    USER = "user"


class FrameRing:
    """The owners of all buffers, and the buffer of each frame store."""

    def __init__(self, *, stores: int, buffers: int) -> None:
        """All buffers are the driver's.

        Args:
            stores: frame stores of the DMA.
            buffers: frame buffers, at least one more.

        Raises:
            ConfigError: if there are too few buffers.
        """
        if stores < 1 or buffers <= stores:
            raise ConfigError(f"{buffers} buffers for {stores} frame stores: at least one more is needed")
        self._owners = [Owner.DRIVER] * buffers
        self._stores: list[int | None] = [None] * stores
        self._retiring: dict[int, int] = {}

    def owner(self, buffer: int) -> Owner:
        """Returns who owns a buffer."""
        return self._owners[buffer]

    def owned_by(self, owner: Owner) -> list[int]:
        """Returns the buffers of an owner."""
        return [buffer for buffer, found in enumerate(self._owners) if found is owner]

    def buffer_of(self, store: int) -> int:
        """Returns the buffer that the DMA fills in a store."""
        buffer = self._stores[store]
        assert buffer is not None, "the DMA does not run"
        return buffer

    def arm(self) -> list[int] | None:
        """Gives every store a buffer before the DMA starts.

        Returns:
            The stores' buffers, or `None` if the program holds too many of them.
        """
        assert all(buffer is None for buffer in self._stores), "the DMA runs"
        free = self.owned_by(Owner.DRIVER)[: len(self._stores)]
        if len(free) < len(self._stores):
            return None
        for store, buffer in enumerate(free):
            self._stores[store] = buffer
            self._owners[buffer] = Owner.DMA
        return free

    def halt(self) -> None:
        """Takes everything back from a DMA that has halted."""
        for buffer in self.owned_by(Owner.DMA) + self.owned_by(Owner.RETIRING):
            self._owners[buffer] = Owner.DRIVER
        self._stores = [None] * len(self._stores)
        self._retiring.clear()

    def spare(self) -> int | None:
        """Returns a buffer of the driver's, if it has one."""
        return next(iter(self.owned_by(Owner.DRIVER)), None)

    def exchange(self, store: int, replacement: int) -> int:
        """Puts one of the driver's buffers into a store and returns the finished one, which now retires."""
        finished = self.buffer_of(store)
        assert self._owners[replacement] is Owner.DRIVER, "only the driver's buffers go to the DMA"
        self._stores[store] = replacement
        self._owners[replacement] = Owner.DMA
        self._owners[finished] = Owner.RETIRING
        self._retiring[finished] = RETIRING_FRAMES
        return finished

    def retire(self, buffer: int) -> None:
        """Takes over a retiring buffer that the DMA has certainly left."""
        assert self._owners[buffer] is Owner.RETIRING, "only a retiring buffer is taken over"
        del self._retiring[buffer]
        self._owners[buffer] = Owner.DRIVER

    def frame_passed(self) -> None:
        """Says that the DMA has finished another frame; who retires long enough becomes the driver's."""
        for buffer in list(self._retiring):
            self._retiring[buffer] -= 1
            if self._retiring[buffer] <= 0:
                self.retire(buffer)

    def lease(self, buffer: int) -> None:
        """Hands a buffer to the program."""
        assert self._owners[buffer] is Owner.DRIVER, "only the driver's buffers go to the program"
        self._owners[buffer] = Owner.USER

    def give_back(self, buffer: int) -> None:
        """Takes a buffer back from the program."""
        assert self._owners[buffer] is Owner.USER, "only the program's buffers come back"
        self._owners[buffer] = Owner.DRIVER
