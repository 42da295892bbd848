"""The frame ring at work: takes finished frames out of the DMA's stores, and never one that it may still write to.

A buffer goes to the DMA with marks in its metadata line: zeros in the first word, which no metadata beat has, and 255
in the last byte, which no metadata line has. The line is the last one of a transfer, so that it says that a frame is
complete as soon as both marks are gone; it is looked at in the order of the stores. A frame is handed out only if,
after another buffer was put in its place, the DMA was still in a frame before that place: the new address holds then
before the DMA comes round. What is not certain is discarded and counted:

- *torn*: the DMA went on without finishing the frame, or reported a stream error, or metadata and picture disagree;
- *late*: the program took so long that the DMA may have come round to the frame again;
- *unowned*: the program holds all other buffers, there is none to put in the frame's place.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from host.driver.frames import FrameLayout, Leases
from host.driver.hardware import DmaBuffer, Hardware
from host.driver.ring import FrameRing, Owner
from host.driver.vdma import S2MMChannel, require_address
from hw_anon.core.board_frame import unpack_board_frame
from hw_anon.core.errors import ContractError, DeviceError
from hw_anon.core.frame import Fault
from hw_anon.core.metadata import Metadata

__all__ = ["Capture", "CaptureCounters", "Captured"]

_WORD = 8
_UNWRITTEN = 255
"""Last byte of a metadata line that the DMA has not finished: there it is padding (0) or a box' height, high byte."""
_IN_USE: list[DmaBuffer] = []
"""Buffers of a DMA that could not be halted: their memory must not go to anybody else while this process lives."""


@dataclass(kw_only=True, slots=True)
class CaptureCounters:
    """Frames that were written and not handed out, and why."""

    torn: int = 0
    """Incomplete, or mixed from two frames."""
    late: int = 0
    """Finished, and perhaps under the DMA's hands again before the program asked."""
    unowned: int = 0
    """Finished while the program held all other buffers."""
    skipped: int = 0
    """Complete, but a newer one was there and `latest` is set."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Captured:
    """A complete frame that now belongs to the program."""

    view: NDArray[np.uint8]
    """`[H + 1, W, 3]` uint8, the buffer."""
    metadata: Metadata
    """What the camera says about it."""


class Capture:
    """Buffers, ring and DMA channel together."""

    def __init__(
        self, hardware: Hardware, layout: FrameLayout, *, held_frames: int, latest: bool, timeout_s: float
    ) -> None:
        """Resets the DMA and allocates the buffers.

        The reset comes first: a process that was killed may have left the DMA running, into memory that is free now.

        Args:
            hardware: the board.
            layout: how a frame lies in memory.
            held_frames: frames that the program can hold while others go on.
            latest: hand out the newest complete frame, not the oldest.
            timeout_s: seconds within which the DMA must start, halt or be reset.

        Raises:
            DeviceError: if there is not enough memory, the DMA is none for this driver or cannot be reset.
        """
        self.layout = layout
        self.counters = CaptureCounters()
        self.stream_errors = 0
        self._latest = latest
        self._leases = Leases()
        self._running = False
        self._consistent = True
        self._expected = 0
        self._searching = False
        self._more = False
        self.channel = S2MMChannel(hardware.vdma, hardware, stores=hardware.frame_stores, timeout_s=timeout_s)
        self.channel.reset()
        count = hardware.frame_stores + held_frames + 1
        self._ring = FrameRing(stores=hardware.frame_stores, buffers=count)
        self._buffers: list[DmaBuffer] = []
        try:
            for _ in range(count):
                self._buffers.append(hardware.allocate(layout.size))
                require_address(self._buffers[-1].address, layout.size)
        except BaseException:
            self._free(range(len(self._buffers)))
            raise

    @property
    def held(self) -> int:
        """Frames that the program holds; changes nothing, so that any thread can ask."""
        return max(0, len(self._ring.owned_by(Owner.USER)) - self._leases.waiting)

    @property
    def addresses(self) -> tuple[int, ...]:
        """Address in this process of every buffer's first byte: what shows that nothing is copied."""
        return tuple(int(buffer.memory.__array_interface__["data"][0]) for buffer in self._buffers)

    def start(self) -> None:
        """Gives the DMA its buffers and starts it; it must not run.

        Raises:
            DeviceError: if the program holds too many frames, or the DMA does not start.
        """
        self._collect()
        self._running = True
        armed = self._ring.arm()
        if armed is None:
            raise DeviceError(f"the program holds {self.held} frames, too many to start: release some of them")
        for buffer in armed:
            self._clear(buffer)
        self._expected = 0
        self._searching = False
        layout = self.layout
        self.channel.start(
            [self._buffers[buffer].address for buffer in armed],
            line_bytes=layout.line_bytes,
            stride_bytes=layout.stride_bytes,
            lines=layout.lines,
        )
        self._consistent = True

    def stop(self) -> None:
        """Stops the DMA; afterwards it writes nowhere.

        Raises:
            DeviceError: if it does not obey; its buffers are then kept for ever.
        """
        if not self._running:
            return
        self.channel.reset()
        self._ring.halt()
        self._running = False

    def close(self) -> None:
        """Stops the DMA and returns all memory that neither it nor the program uses; harmless when repeated.

        Raises:
            DeviceError: if the DMA does not stop: then no memory is returned.
        """
        try:
            self.stop()
        except BaseException:
            _IN_USE.extend(self._buffers)
            self._buffers = []
            raise
        self._collect()
        held = self._ring.owned_by(Owner.USER)
        # What the program still looks at is freed by the memory's own destructor, after the last view.
        self._free(index for index in range(len(self._buffers)) if index not in held)
        self._buffers = []

    def abandon(self) -> None:
        """Forgets everything in a process that is a fork of the camera's: DMA and memory are the parent's.

        The memory's destructors never run here: they would return it to the system, which both processes share.
        """
        for buffer in self._buffers:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(buffer))
        self._buffers = []
        self._running = False

    def poll(self, *, thorough: bool) -> Captured | None:
        """Returns the next frame, if one is there; waits for nothing.

        Args:
            thorough: look into memory even if the DMA reports no frame (an interrupt may have been lost).

        Raises:
            DeviceError: if the DMA has halted by an error, or an exception (Ctrl-C) ended an earlier call in the middle
                and the program went on: ring and DMA may then disagree until both are started again.
        """
        if not self._consistent:
            raise DeviceError("the program was interrupted while a frame was taken over")
        self._consistent = False
        captured = self._poll(thorough=thorough)
        self._consistent = True
        return captured

    def _poll(self, *, thorough: bool) -> Captured | None:
        self._collect()
        status = self.channel.status
        if status.memory_errors or status.halted:
            found = ", ".join(status.errors) or "no error reported"
            raise DeviceError(f"the video DMA has halted: {found}")
        if not (status.frame or status.stream_errors or thorough or self._more):
            return None
        self.channel.acknowledge()
        if status.stream_errors:
            self.stream_errors += 1
            self._resynchronise("torn")
            return None
        captured = self._take()
        self._more = captured is not None
        return captured

    def _take(self) -> Captured | None:
        """Returns the oldest (or newest) complete frame whose buffer the DMA has certainly left."""
        for _ in range(self.channel.stores):
            store, after = self._expected, self._after(self._expected)
            if not self._complete(store):
                if not self._complete(after):
                    return None
                self.counters.torn += not self._searching
                self._rearm(store)
                continue
            self._searching = False
            if not self._certain(store):
                self._resynchronise("late")
                return None
            self._ring.frame_passed()
            if self._latest and self._complete(after):
                self.counters.skipped += 1
                self._rearm(store)
            elif (captured := self._exchange(store)) is not None:
                return captured
        return None

    def _exchange(self, store: int) -> Captured | None:
        replacement = self._ring.spare()
        if replacement is None:
            self.counters.unowned += 1
            self._rearm(store)
            return None
        self._clear(replacement)
        self.channel.exchange(store, self._buffers[replacement].address)
        finished = self._ring.exchange(store, replacement)
        self._expected = self._after(store)
        if not self._certain(store) or self.channel.status.stream_errors:
            self._resynchronise("late")
            return None
        self._ring.retire(finished)
        return self._read(finished)

    def _read(self, index: int) -> Captured | None:
        buffer = self._buffers[index]
        buffer.invalidate(0, self.layout.size)
        view = self.layout.view(buffer)
        try:
            frame, metadata = unpack_board_frame(view)
        except ContractError:
            self.counters.torn += 1
            return None
        layout = self.layout
        inside = all(
            box.x + box.width <= layout.width and box.y + box.height <= layout.height for box in metadata.boxes
        )
        if not inside or (metadata.fault is not Fault.NONE and frame.any()):
            self.counters.torn += 1
            return None
        del frame
        self._leases.watch(index, view)
        self._ring.lease(index)
        return Captured(view=view, metadata=metadata)

    def _resynchronise(self, reason: Literal["torn", "late"]) -> None:
        """Discards all complete frames and waits for the one that the DMA writes now, or next."""
        stores = range(self.channel.stores)
        discarded = max(1, sum(self._complete(store) for store in stores))
        if reason == "torn":
            self.counters.torn += discarded
        else:
            self.counters.late += discarded
        for store in stores:
            self._clear(self._ring.buffer_of(store))
        self._expected = self.channel.active_store
        self._searching = True

    def _rearm(self, store: int) -> None:
        self._clear(self._ring.buffer_of(store))
        self._expected = self._after(store)

    def _after(self, store: int) -> int:
        return (store + 1) % self.channel.stores

    def _complete(self, store: int) -> bool:
        """Whether the whole metadata line of a store's frame has arrived, which comes last."""
        buffer = self._buffers[self._ring.buffer_of(store)]
        start, last = self.layout.metadata_start, self.layout.metadata_last
        buffer.invalidate(start, self.layout.stride_bytes)
        return bool(buffer.memory[last] != _UNWRITTEN and buffer.memory[start : start + _WORD].any())

    def _certain(self, store: int) -> bool:
        """Whether the DMA is not in a store's buffer, nor in the frame before it comes round there.

        The stores are filled in a circle: while the one before is neither complete nor being written, the DMA is
        further away. Being in the store itself is harmless only in the pause after its frame.
        """
        if self._complete((store - 1) % self.channel.stores):
            return False
        active = self.channel.active_store
        if active == store:
            return not self._complete(self._after(store))
        return active != (store - 1) % self.channel.stores

    def _clear(self, index: int) -> None:
        start, length = self.layout.metadata_start, self.layout.stride_bytes
        self._buffers[index].memory[start : start + length] = 0
        self._buffers[index].memory[self.layout.metadata_last] = _UNWRITTEN
        self._buffers[index].flush(start, length)

    def _collect(self) -> None:
        for index in self._leases.returned():
            if self._ring.owner(index) is Owner.USER:  # else it was given back before an interruption, or never lent
                self._ring.give_back(index)

    def _free(self, indices: Iterable[int]) -> None:
        for index in indices:
            self._buffers[index].free()
