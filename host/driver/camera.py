"""The camera for programs: opens a verified design and hands out anonymised frames.

    with AnonymizedCamera() as camera:
        for frame in camera.frames():
            show(frame.pixels, frame.boxes)

There is nothing here that could hand out anything else: the design has no path by which a raw pixel reaches memory.
"""

from __future__ import annotations

import atexit
import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from host.design import Design
from host.driver.capture import Capture, Captured
from host.driver.find import CameraDescription, describe, open_design
from host.driver.frames import CameraFrame, FrameLayout
from host.driver.hardware import CheckedRegisters, Hardware
from host.driver.recovery import Observation, Recovery, diagnose, observe
from host.driver.sequence import SequenceTracker, Verdict
from host.driver.settings import CameraSettings
from host.driver.signals import SignalGuard
from host.driver.sources import video_input
from host.driver.statistics import CameraHealth
from host.driver.waits import Deadline
from hw_anon.core.errors import DeviceError
from hw_anon.core.register_access import CameraRegisters

__all__ = ["AnonymizedCamera"]

_T = TypeVar("_T")
_THOROUGH_S = 0.05
"""Seconds between two looks into memory in case the DMA's report of a frame got lost, at most."""


class AnonymizedCamera:
    """A camera that hands out anonymised frames, in memory that belongs to the DMA or to the program, never to both.

    Made by one thread, used by one thread at a time. Every wait ends: with what was waited for, or after restarts of
    DMA and camera (`CameraSettings.recoveries`) with a `DeviceError` that says what is wrong.
    """

    def __init__(
        self,
        design: Path | str | Design | None = None,
        settings: CameraSettings | None = None,
        *,
        hardware: Hardware | None = None,
    ) -> None:
        """Checks the design's files; the board is not touched before `open`.

        Args:
            design: the design or its directory; the only one that `find_design` finds if not given.
            settings: how to use it.
            hardware: the board; pynq's active device with the design's bitstream if not given.

        Raises:
            ConfigError: if no design is found.
            ContractError: if its files are not those of its manifest, or not signed as wanted.
        """
        self.settings = settings or CameraSettings()
        if not isinstance(design, Design):
            design = open_design(None if design is None else Path(design), self.settings)
        self.design = design
        self.description: CameraDescription = describe(design)
        config = self.description.config
        self.layout = FrameLayout(width=config.width, height=config.height)
        self._given = hardware
        self._hardware: Hardware | None = None
        self._process = 0
        self._capture: Capture | None = None
        self._registers: CameraRegisters | None = None
        self._sequence = SequenceTracker()
        self._recovery = Recovery(self.settings.recoveries)
        self._signals = SignalGuard()
        self._health = CameraHealth()
        self._epoch = 0.0
        self._last: CameraFrame | None = None

    # Opening and closing

    def open(self) -> Self:
        """Loads the design, checks that the hardware is that design, locks the threshold and starts.

        Raises:
            DeviceError: if the board does not answer or runs another design.
        """
        if self._hardware is not None:
            raise DeviceError("the camera is open already")
        self._process = os.getpid()
        if self.settings.handle_signals:
            self._signals.install()
        atexit.register(self.close)
        try:
            self._hardware = self._given or self._load()
            self._epoch = time.time() - self._hardware.now()
            window = CheckedRegisters(self._hardware.camera, "camera")
            self._registers = CameraRegisters(read32=window.read, write32=window.write)
            self._require_design()
            self._registers.soft_reset()
            self._capture = Capture(
                self._hardware,
                self.layout,
                held_frames=self.settings.held_frames,
                latest=self.settings.latest,
                timeout_s=self.settings.hardware_timeout_s,
            )
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """Stops camera and DMA and returns their memory; frames that the program holds stay valid.

        Harmless when repeated. Errors of a board that does not answer any more are raised after everything was tried.
        In a fork of the process that opened the camera nothing is touched: camera and memory are the parent's.

        Raises:
            DeviceError: if the DMA could not be stopped; its memory is then kept until the process ends.
        """
        self._signals.hold()
        try:
            self._release_last()
            self._shut_down()
        finally:
            atexit.unregister(self.close)
            self._signals.remove()

    def _shut_down(self) -> None:
        hardware, capture, registers = self._hardware, self._capture, self._registers
        self._hardware = self._capture = self._registers = None
        if hardware is None:
            return
        if self._process != os.getpid():
            if capture is not None:
                capture.abandon()
            return
        try:
            try:
                if registers is not None and capture is not None:
                    registers.stop()
            finally:
                if capture is not None:
                    capture.close()
        finally:
            hardware.close()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _load(self) -> Hardware:
        from host.driver.overlay import PynqHardware

        return PynqHardware.load(self.design, download=self.settings.download)

    def _require_design(self) -> None:
        """Refuses hardware that is not the design (P5)."""
        registers, expected = self.registers, self.description.config
        registers.require(build_id=self.description.build_id)
        found = registers.geometry
        if (found.width, found.height, found.max_faces) != (expected.width, expected.height, expected.max_faces):
            raise DeviceError(
                f"the hardware makes frames of {found.width}×{found.height} with {found.max_faces} faces at most, the "
                f"design {expected.width}×{expected.height} with {expected.max_faces}; load this design's bitstream"
            )

    def _start(self) -> None:
        registers = self.registers
        if self.settings.threshold is not None:
            registers.set_threshold(self.settings.threshold)
        if self.settings.lock:
            registers.lock()
        self._open_capture.start()
        registers.start()

    # What the program sees

    @property
    def registers(self) -> CameraRegisters:
        """The camera's registers.

        Raises:
            DeviceError: if the camera is not open, or was opened by the process that this one is a fork of.
        """
        return self._opened(self._registers)

    @property
    def _open_capture(self) -> Capture:
        return self._opened(self._capture)

    @property
    def _board(self) -> Hardware:
        return self._opened(self._hardware)

    def _opened(self, part: _T | None) -> _T:
        """Returns a part of the open camera."""
        if part is None:
            raise DeviceError("the camera is not open; use it in a `with` block")
        if self._process != os.getpid():
            raise DeviceError(
                f"process {self._process} opened the camera, this is a fork of it: hand frames over there"
            )
        return part

    @property
    def name(self) -> str:
        """Name of the board."""
        return self._board.name

    @property
    def buffer_addresses(self) -> tuple[int, ...]:
        """Where the frame buffers begin in this process: `frame.pixels` begins at one of these."""
        return self._open_capture.addresses

    @property
    def health(self) -> CameraHealth:
        """What was delivered and what went wrong since the camera was opened; any thread can ask."""
        capture = self._capture
        if capture is not None:
            self._health.take(capture.counters, stream_errors=capture.stream_errors, held=capture.held)
        self._health.recoveries = self._recovery.total
        self._health.last_reason = self._recovery.last_reason
        return self._health

    def readframe(self) -> CameraFrame:
        """Waits for the next frame, which is the program's until it is released.

        Raises:
            DeviceError: if none came, in spite of restarts; after at most `settings.longest_wait_s`.
        """
        while True:
            deadline = Deadline(self._board, self.settings.frame_timeout_s)
            look, before, reason = Deadline(self._board, self._look_s), None, ""
            while not deadline.passed and not reason:
                late = look.passed
                frame, reason = self._try(thorough=late)
                if frame is not None:
                    return frame
                if late:
                    before = before or self._observe()
                    look = Deadline(self._board, self._look_s)
                self._board.sleep(min(self.settings.poll_interval_s, deadline.left))
            self._recover(before, reason)

    async def readframe_async(self) -> CameraFrame:
        """The same, woken by the DMA's interrupt; other tasks run meanwhile.

        Raises:
            DeviceError: if none came, in spite of restarts; after at most `settings.longest_wait_s`.
        """
        while True:
            deadline = Deadline(self._board, self.settings.frame_timeout_s)
            before, reason, awaited = None, "", True
            while not deadline.passed and not reason:
                frame, reason = self._try(thorough=not awaited)
                if frame is not None:
                    self._health.lost_interrupts += not awaited
                    return frame
                if not awaited:
                    before = before or self._observe()
                if not reason:
                    awaited = await self._board.interrupt(min(self._look_s, deadline.left))
            self._recover(before, reason)

    def frames(self) -> Iterator[CameraFrame]:
        """Yields frames for ever; each is released when the next one is asked for, unless it was acquired.

        Raises:
            DeviceError: as `readframe`.
        """
        while True:
            self._release_last()
            self._last = self.readframe()
            yield self._last

    async def frames_async(self) -> AsyncIterator[CameraFrame]:
        """The asynchronous twin of `frames`, on interrupts.

        Raises:
            DeviceError: as `readframe_async`.
        """
        while True:
            self._release_last()
            self._last = await self.readframe_async()
            yield self._last

    # How a frame is obtained

    @property
    def _look_s(self) -> float:
        """Seconds between two looks that trust no report."""
        return min(_THOROUGH_S, self.settings.frame_timeout_s / 4)

    def _release_last(self) -> None:
        last, self._last = self._last, None
        if last is not None:
            last.release()

    def _try(self, *, thorough: bool) -> tuple[CameraFrame | None, str]:
        """Returns a frame if one is there, or why a restart is needed at once."""
        try:
            captured = self._open_capture.poll(thorough=thorough)
        except DeviceError as error:
            return None, str(error)
        return (None, "") if captured is None else (self._accept(captured), "")

    def _accept(self, captured: Captured) -> CameraFrame | None:
        """Returns a frame that is newer than all before it."""
        arrival = self._sequence.arrive(captured.metadata.number)
        if arrival.verdict is Verdict.DUPLICATE:
            self._health.duplicates += 1
            return None
        if arrival.verdict is Verdict.OUT_OF_ORDER:
            self._health.out_of_order += 1
            return None
        self._recovery.succeeded()
        timestamp = self._epoch + self._board.now()
        frame = CameraFrame(captured.view, captured.metadata, timestamp=timestamp, lost_before=arrival.lost)
        self._health.frames += 1
        self._health.black += frame.black
        self._health.lost += arrival.lost
        return frame

    # When none comes

    def _observe(self) -> Observation | None:
        try:
            return observe(self.registers, self._open_capture.channel)
        except DeviceError:
            if self._hardware is None:
                raise
            return None

    def _recover(self, before: Observation | None, reason: str) -> None:
        """Starts camera and DMA again after nothing came, or the DMA halted.

        Raises:
            DeviceError: if that was tried too often, the hardware is another design by now, or does not answer.
        """
        after = self._observe()
        if not reason and before is not None and after is not None:
            remedy = video_input(self.description.config.board).remedy
            reason = diagnose(before, after, no_video=remedy)
        capture = self._open_capture
        self._recovery.begin(self._held_hint(reason or "the bus does not answer"))
        self._require_design()
        self.registers.soft_reset()
        capture.stop()
        self._sequence.restart()
        self._start()

    def _held_hint(self, reason: str) -> str:
        capture = self._open_capture
        if capture.held <= self.settings.held_frames or not capture.counters.unowned:
            return reason
        return f"the program holds {capture.held} frames and lets go of none: release them ({reason})"
