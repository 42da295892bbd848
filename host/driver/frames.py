"""Frames in the program's hands: views of DMA memory that the DMA gets back when nothing refers to them any more."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from host.driver.hardware import DmaBuffer
from hw_anon.core.board_frame import METADATA_LINES
from hw_anon.core.boxes import Box
from hw_anon.core.errors import DeviceError
from hw_anon.core.frame import AnonymisedFrame, Fault
from hw_anon.core.metadata import Metadata

__all__ = ["CameraFrame", "FrameLayout", "Leases"]

_CACHE_LINE = 64
"""Lines begin at multiples of this: the processor's cache never holds metadata and pixels in one of its lines."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameLayout:
    """Where the parts of a frame lie in its buffer."""

    width: int
    """Columns of the picture."""
    height: int
    """Rows of the picture."""

    @property
    def line_bytes(self) -> int:
        """Bytes of a line."""
        return 3 * self.width

    @property
    def stride_bytes(self) -> int:
        """Bytes from a line's beginning to the next one's."""
        return -(-self.line_bytes // _CACHE_LINE) * _CACHE_LINE

    @property
    def lines(self) -> int:
        """Lines of a transfer: the picture and the metadata line."""
        return self.height + METADATA_LINES

    @property
    def size(self) -> int:
        """Bytes of a buffer."""
        return self.stride_bytes * self.lines

    @property
    def metadata_start(self) -> int:
        """First byte of the metadata line."""
        return self.stride_bytes * self.height

    @property
    def metadata_last(self) -> int:
        """Last byte of the metadata line, which is the last one that the DMA writes."""
        return self.metadata_start + self.line_bytes - 1

    def view(self, buffer: DmaBuffer) -> NDArray[np.uint8]:
        """Returns a buffer as `[H + 1, W, 3]` uint8, read-only.

        Every array that is made of it, however indirectly, has the same `base`: an array that was made for this view
        alone and dies after the last of them. (numpy stops looking for an array's base at what is no array.)
        """
        root = np.frombuffer(buffer.memory.data.toreadonly(), np.uint8)
        return np.ndarray((self.lines, self.width, 3), np.uint8, buffer=root, strides=(self.stride_bytes, 3, 1))


class Leases:
    """Watches the views that the program holds; their buffers come back when the last reference is gone."""

    def __init__(self) -> None:
        self._returned: deque[int] = deque()

    def watch(self, index: int, view: NDArray[np.uint8]) -> None:
        """Notes that the program holds a buffer for as long as `view`, or anything made of it, is referred to."""
        weakref.finalize(view.base, self._returned.append, index).atexit = False

    @property
    def waiting(self) -> int:
        """How many buffers have come back and were not taken yet."""
        return len(self._returned)

    def returned(self) -> Iterator[int]:
        """Yields the buffers that have come back; one that is not dealt with to the end (a signal) comes again.

        Finalizers may add to them at any time.
        """
        while self._returned:
            yield self._returned[0]
            self._returned.popleft()


class CameraFrame:
    """One anonymised frame, in the memory that the DMA wrote it to.

    The program owns the memory until it calls `release` (or leaves the `with` block, or asks `frames()` for the next
    frame) *and* holds no array made of `pixels` any more; only then can the DMA write there again. `acquire` keeps a
    frame beyond the next one; every `acquire` needs its own `release`.
    """

    __slots__ = ("_holds", "_metadata", "_view", "black", "lost_before", "timestamp")

    def __init__(self, view: NDArray[np.uint8], metadata: Metadata, *, timestamp: float, lost_before: int) -> None:
        """Made by the driver.

        Args:
            view: `[H + 1, W, 3]` uint8, the buffer.
            metadata: what the camera says about the frame.
            timestamp: seconds since the epoch.
            lost_before: frames that are missing before this one.
        """
        self._view: NDArray[np.uint8] | None = view
        self._metadata = metadata
        self._holds = 1
        self.timestamp = timestamp
        """When the driver found the frame complete: seconds since 1970, on a clock that never goes back."""
        self.lost_before = lost_before
        """Frames that are missing between the one before and this one."""
        self.black = metadata.fault is not Fault.NONE
        """Whether the camera delivered black because it could not anonymise; `fault` says why."""

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """`[H, W, 3]` uint8 RGB, read-only, in the DMA's memory: copy it to draw on it, or to keep it for long.

        Raises:
            DeviceError: if the frame was released.
        """
        if self._view is None:
            raise DeviceError(f"frame {self.number} was released; call acquire() on frames that are used later")
        return self._view[:-METADATA_LINES]

    @property
    def boxes(self) -> tuple[Box, ...]:
        """The replaced regions, in paste order."""
        return self._metadata.boxes

    @property
    def number(self) -> int:
        """Frame number, counted by the camera modulo 2^32."""
        return self._metadata.number

    @property
    def fault(self) -> Fault:
        """Why the frame is black; `Fault.NONE` for a picture."""
        return self._metadata.fault

    @property
    def released(self) -> bool:
        """Whether `pixels` is gone."""
        return self._view is None

    def acquire(self) -> CameraFrame:
        """Keeps the frame until one more `release`, and returns it.

        Raises:
            DeviceError: if it was released already.
        """
        if self._view is None:
            raise DeviceError(f"frame {self.number} was released and cannot be kept any more")
        self._holds += 1
        return self

    def release(self) -> None:
        """Gives up one hold; the last one gives the memory back. Harmless when repeated."""
        self._holds = max(0, self._holds - 1)
        if self._holds == 0:
            self._view = None

    freebuffer = release
    """The same, by the name that pynq's users know."""

    def copy(self) -> AnonymisedFrame:
        """Returns the frame with its own memory, independent of the driver."""
        return AnonymisedFrame(
            frame=np.array(self.pixels, order="C"), number=self.number, boxes=self.boxes, fault=self.fault
        )

    def __enter__(self) -> CameraFrame:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()
