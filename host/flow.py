"""From one camera to several consumers, none of which can hold it up.

The camera's thread copies a frame, gives its buffer back and offers the copy to every consumer. Each consumer has a
thread and a mailbox of one: where it is slow, newer frames replace the one that waits, and the replaced ones are
counted. A recording or a simulated board is no live source: with `lossless` it waits for its consumers instead.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from host.frames import FrameSource, Snapshot, snapshot
from host.meters import Meter
from hw_anon.core.errors import DeviceError
from hw_anon.core.frame import Fault

__all__ = ["Consumer", "Flow", "FrameCounts"]

_STOP_S = 30.0
"""How long the consumers may take to end."""
_LOOK_S = 0.1
"""Between two looks whether to stop, while a consumer is waited for."""


class Consumer(Protocol):
    """What is done with frames."""

    name: str

    def take(self, frame: Snapshot) -> None:
        """Handles one frame, in the consumer's thread."""

    def finish(self) -> None:
        """Ends the work, in the consumer's thread, after the last frame, also if `take` failed."""


class FrameCounts:
    """Frames that came, by fault, with their rate."""

    def __init__(self) -> None:
        self.meter = Meter()
        self.copy_meter = Meter()
        self._faults: Counter[str] = Counter()
        self.last_number = -1
        self.begun_s = 0.0
        """Time of the first frame, in seconds of the source's clock."""
        self.regions = 0

    def add(self, frame: Snapshot, copy_s: float) -> None:
        """Counts a frame and what its copy took, in seconds."""
        if self.frames == 0:
            self.begun_s = frame.timestamp
        self.meter.add()
        self.copy_meter.add(copy_s)
        self.last_number = frame.number
        self.regions += len(frame.boxes)
        if frame.fault is not Fault.NONE:
            self._faults[frame.fault.name] += 1

    @property
    def frames(self) -> int:
        """Frames that came."""
        return self.meter.count

    @property
    def faults(self) -> dict[str, int]:
        """Black frames by the name of their fault."""
        return dict(self._faults)


class _Worker:
    """A consumer's thread and its mailbox."""

    def __init__(self, consumer: Consumer, *, lossless: bool) -> None:
        self.consumer = consumer
        self.replaced = 0
        self.error: BaseException | None = None
        self._lossless = lossless
        self._waiting: Snapshot | None = None
        self._closed = False
        self._changed = threading.Condition()
        self.thread = threading.Thread(target=self._run, name=consumer.name, daemon=True)

    def offer(self, frame: Snapshot, stop: threading.Event) -> None:
        """Puts a frame into the mailbox; waits until it is empty (or `stop`) only if no frame may be lost."""
        with self._changed:
            if self._lossless:
                while not (self._waiting is None or self._closed or stop.is_set()):
                    self._changed.wait(_LOOK_S)
                if self._waiting is not None:
                    return
            elif self._waiting is not None:
                self.replaced += 1
            self._waiting = frame
            self._changed.notify_all()

    def close(self) -> None:
        """Lets the thread end after the frame that waits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _run(self) -> None:
        try:
            while (frame := self._next()) is not None:
                self.consumer.take(frame)
        except BaseException as exc:
            self.error = exc
        try:
            self.consumer.finish()
        except BaseException as exc:
            self.error = self.error or exc
        self.close()

    def _next(self) -> Snapshot | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting is not None or self._closed)
            frame, self._waiting = self._waiting, None
            self._changed.notify_all()
            return frame


class Flow:
    """Takes frames from a source and hands copies to consumers.

    Args:
        source: where frames come from.
        consumers: what is done with them.
        lossless: the source waits for slow consumers; else they miss frames.
    """

    def __init__(self, source: FrameSource, consumers: Sequence[Consumer], *, lossless: bool = False) -> None:
        self.source = source
        self.counts = FrameCounts()
        self._workers = [_Worker(consumer, lossless=lossless) for consumer in consumers]
        self._stop = threading.Event()

    @property
    def replaced(self) -> dict[str, int]:
        """Frames that each consumer missed, by its name."""
        return {worker.consumer.name: worker.replaced for worker in self._workers}

    def stop(self) -> None:
        """Ends `run` after the frame in hand; from any thread."""
        self._stop.set()

    def run(self, *, frames: int | None = None) -> None:
        """Runs until the source ends, `stop` is called, `frames` frames have come, or Ctrl-C is pressed.

        Args:
            frames: frames after which it ends; default: no limit.

        Raises:
            DeviceError: if the camera failed, or a consumer did not end in time.
            BaseException: whatever a consumer ended with.
        """
        for worker in self._workers:
            worker.thread.start()
        try:
            self._pump(frames)
        except KeyboardInterrupt:
            self._stop.set()  # the user has seen enough: what was recorded is kept
        finally:
            self._end()
        for worker in self._workers:
            if worker.error is not None:
                raise worker.error

    def _pump(self, limit: int | None) -> None:
        for frame in self.source.frames():
            started = time.perf_counter()
            copied = snapshot(frame)
            frame.release()
            self.counts.add(copied, time.perf_counter() - started)
            for worker in self._workers:
                worker.offer(copied, self._stop)
            failed = any(worker.error is not None for worker in self._workers)
            if failed or self._stop.is_set() or (limit is not None and self.counts.frames >= limit):
                return

    def _end(self) -> None:
        """Lets every consumer end its work, also those behind one that does not come back."""
        for worker in self._workers:
            worker.close()
        deadline = time.monotonic() + _STOP_S
        for worker in self._workers:
            worker.thread.join(max(0.0, deadline - time.monotonic()))
        if late := [worker.consumer.name for worker in self._workers if worker.thread.is_alive()]:
            raise DeviceError(f"{', '.join(late)} did not end within {_STOP_S:.0f} s after the last frame")
