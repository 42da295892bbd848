"""A board without a board: bus, memory, DMA, interrupt controller and clock registers around a camera.

**Time** is the camera's cycle counter. It moves in two ways only. `advance` moves it by so many cycles: a caller that
uses nothing else has a deterministic board (the adversary does). `start_clock` lets a thread move it as long as
something can happen, because unmodified software waits by sleeping, polling or in `select` and would otherwise wait for
a world that stands still. Determinism is kept there by the source (`host.simulated.source`): a frame is sent when the
one before it was consumed, so the thread's speed decides when, and never what.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from host.simulated.bus import Bus, RegisterFile, Registers
from host.simulated.dram import Dram
from host.simulated.faults import Faults
from host.simulated.intc import InterruptController
from host.simulated.ps import clock_registers
from host.simulated.source import VideoSource
from host.simulated.vdma import VdmaS2mm
from hw_anon.core.camera_abi import CameraPort
from hw_anon.core.platform import Platform
from hw_anon.core.registers import register

__all__ = ["SimulatedBoard"]

_STATUS = register("STATUS")
_RUNNING = _STATUS.field("running").mask
_BUSY = sum(_STATUS.field(name).mask for name in ("capturing", "processing", "delivering"))
_IDLE_WAIT_S = 0.005
_QUIET_SLICES = 2


class SimulatedBoard:
    """Everything of a board that camera software can see, below PYNQ."""

    def __init__(
        self,
        camera: CameraPort,
        platform: Platform,
        *,
        source: VideoSource | None = None,
        memory_bytes: int = 64 << 20,
        slice_cycles: int | None = None,
    ) -> None:
        """Puts a board together; no design is loaded, time stands still.

        Args:
            camera: the camera; the board closes it.
            platform: the block design.
            source: what the sensor sends; nothing if not given.
            memory_bytes: contiguous memory for buffers.
            slice_cycles: cycles at a time; eight lines if not given.
        """
        self.camera = camera
        self.platform = platform
        self.source = source or VideoSource()
        self.dram = Dram(memory_bytes)
        self.vdma = VdmaS2mm(self.dram, frame_stores=platform.frame_stores)
        self.intc = InterruptController([lambda: self.camera.irq, lambda: self.vdma.irq])
        self.bus = Bus()
        for window, words in clock_registers(platform):
            self.bus.map(window, RegisterFile(words))
        self.faults = Faults(self)
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        """Notified when software or the world did something."""
        self.stream_taps: list[Callable[[NDArray[np.uint32]], None]] = []
        """Told of every word that leaves the camera."""
        self._slice = slice_cycles or 8 * camera.width
        self._loaded = False
        self._callers = 0
        self._clock: threading.Thread | None = None
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._start_sending()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def loaded(self) -> bool:
        """Whether the design is in the programmable logic."""
        return self._loaded

    def load(self) -> None:
        """Loads the design: everything in the programmable logic as after power-up."""
        with self.lock:
            if not self._loaded:
                platform = self.platform
                blocks: tuple[Registers, ...] = (_CameraWindow(self), self.vdma, self.intc)
                for peripheral, block in zip(platform.peripherals, blocks, strict=True):
                    self.bus.map(peripheral.window, block)
            self._loaded = True
            self.camera.reset()
            self.vdma.reset()
            self.intc.reset()
            self._start_sending()

    def read(self, address: int) -> int:
        """Reads a register as the processors do.

        Raises:
            DeviceError: if nothing answers there.
        """
        with _Access(self):
            value = self.bus.read(address)
            self.settle()
            return value

    def write(self, address: int, value: int) -> None:
        """Writes a register as the processors do.

        Raises:
            DeviceError: if nothing answers there.
        """
        with _Access(self):
            self.bus.write(address, value)
            self.settle()

    def advance(self, cycles: int) -> bool:
        """Lets so many cycles go by; returns whether anything was under way in them."""
        busy = False
        with self.lock:
            while cycles > 0:
                length = min(cycles, self._slice)
                busy |= self._step(length)
                cycles -= length
        return busy

    def settle(self) -> None:
        """Carries to the DMA and the interrupt controller what the camera did meanwhile."""
        words = self.camera.receive()
        if len(words):
            for tap in self.stream_taps:
                tap(words)
            self.vdma.take(words)
            self._quiet = 0
        self.camera.set_sink(self.vdma.ready)
        self.intc.update()

    def start_clock(self) -> None:
        """Lets time pass by itself from now on."""
        if self._clock is None:
            self._stop.clear()
            self._clock = threading.Thread(target=self._run_clock, name="simulated clock", daemon=True)
            self._clock.start()

    def stop_clock(self) -> None:
        """Lets time stand still.

        Raises:
            BaseException: what the camera raised while the clock ran.
        """
        if self._clock is not None:
            self._stop.set()
            with self.changed:
                self.changed.notify_all()
            self._clock.join()
            self._clock = None
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    def close(self) -> None:
        """Stops the clock and frees the camera."""
        try:
            self.stop_clock()
        finally:
            self.camera.close()

    def _start_sending(self) -> None:
        self._quiet = 0
        self._due: int | None = None
        self._epoch = time.monotonic()

    def _step(self, cycles: int) -> bool:
        sent = self._feed()
        self.camera.set_sink(self.vdma.ready)
        before = self.camera.pending()
        self.camera.run(cycles)
        self._quiet += 1
        self.settle()
        return sent or before > 0 or self._quiet <= _QUIET_SLICES or not self._at_rest()

    def _feed(self) -> bool:
        """Sends the next frame if its time has come; returns whether one was sent."""
        if not self._loaded or self.camera.pending() or self.source.exhausted or not self._may_send():
            return False
        words = self.source.take()
        assert words is not None, "the source is not exhausted"
        self.camera.send(words)
        self._quiet = 0
        return True

    def _may_send(self) -> bool:
        rate = self.source.frames_per_s
        if rate is None:
            ready = self.vdma.ready and not self.vdma.frame_pending and self._quiet >= _QUIET_SLICES
            return ready and self.camera.read(_STATUS.offset) & (_RUNNING | _BUSY) == _RUNNING
        period = round(1e6 * self.platform.clock.design_mhz / rate)
        if self._due is None:
            self._due = self.camera.cycle
            self._epoch = time.monotonic() - self.camera.cycle / (1e6 * self.platform.clock.design_mhz)
        if self.camera.cycle < self._due:
            return False
        self._due += period
        return True

    def _at_rest(self) -> bool:
        return self.camera.pending() == 0 and not (self.vdma.ready and self._busy())

    def _busy(self) -> bool:
        return bool(self.camera.read(_STATUS.offset) & _BUSY)

    def _run_clock(self) -> None:
        try:
            while not self._stop.is_set():
                with self.changed:
                    busy = self._step(self._pace())
                    self.changed.notify_all()
                    if not busy and not self._timed():
                        self.changed.wait(_IDLE_WAIT_S)
                self._make_room()
        except BaseException as error:  # handed to whoever stops the clock
            self._failure = error

    def _pace(self) -> int:
        """Returns the cycles of the next step: at rest, up to the next frame's beginning."""
        if self._timed() and self._due is not None and self._quiet > _QUIET_SLICES and self._at_rest():
            return max(self._slice, self._due - self.camera.cycle)
        return self._slice

    def _timed(self) -> bool:
        return self.source.frames_per_s is not None and not self.source.exhausted

    def _make_room(self) -> None:
        """Lets other threads at the board, and real time catch up."""
        while self._callers and not self._stop.is_set():
            time.sleep(0)
        if self.source.wall_clock:
            ahead = self.camera.cycle / (1e6 * self.platform.clock.design_mhz) - (time.monotonic() - self._epoch)
            if ahead > 0:
                self._stop.wait(ahead)


class _Access:
    """The board's lock for an access of software, which goes before the clock."""

    def __init__(self, board: SimulatedBoard) -> None:
        self._board = board

    def __enter__(self) -> None:
        self._board._callers += 1
        self._board.lock.acquire()
        self._board._callers -= 1

    def __exit__(self, *raised: object) -> None:
        self._board.changed.notify_all()
        self._board.lock.release()


class _CameraWindow:
    """The camera's registers on the bus."""

    def __init__(self, board: SimulatedBoard) -> None:
        self._camera = board.camera

    def read(self, offset: int) -> int:
        """Reads a register."""
        return self._camera.read(offset)

    def write(self, offset: int, value: int) -> None:
        """Writes a register."""
        self._camera.write(offset, value)
