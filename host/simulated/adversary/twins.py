"""Two boards that see twin pictures and get the same accesses, and everything that may tell one from the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from host.simulated.adversary.marks import face_bytes
from host.simulated.board import SimulatedBoard
from host.simulated.source import VideoSource
from hw_anon.core.board_frame import unpack_board_frame
from hw_anon.core.camera_abi import BoardFrames, CameraPort
from hw_anon.core.errors import ContractError, DeviceError
from hw_anon.core.frame import Fault
from hw_anon.core.platform import Platform

__all__ = ["Observations", "TwinBoards"]

_MOST_LEAKS = 20
_SMALLEST_MODIFIED = 128


@dataclass
class Observations:
    """What an attack saw, of one board unless it says otherwise."""

    leaks: list[str] = field(default_factory=list)
    """Every leak, at most 20, in words."""
    leak_count: int = 0
    """All leaks, of both boards."""
    reads: int = 0
    """Register reads."""
    writes: int = 0
    """Register writes."""
    bus_errors: int = 0
    """Register accesses that nothing answered."""
    memory_reads: int = 0
    """Reads of memory by the processor."""
    stream_bytes: int = 0
    """Bytes that left the camera."""
    memory_bytes: int = 0
    """Bytes of memory that were looked at, at the end of each episode."""
    dma_bytes: int = 0
    """Bytes that the DMA wrote, to wherever it was told to."""
    cycles: int = 0
    """Cycles of the camera."""
    frames: Counter[str] = field(default_factory=Counter)
    """Delivered frames: pictures with and without faces, black ones by fault."""
    faces: int = 0
    """Regions that were replaced in delivered frames."""

    @property
    def operations(self) -> int:
        """Register accesses."""
        return self.reads + self.writes + self.bus_errors

    def leak(self, what: str) -> None:
        """Notes a leak."""
        self.leak_count += 1
        if len(self.leaks) < _MOST_LEAKS:
            self.leaks.append(what)


class _Watch:
    """Looks at one board's output on its way into memory."""

    def __init__(self, board: SimulatedBoard, name: str, seen: Observations) -> None:
        self._board, self._name, self._seen = board, name, seen
        self._counts = name == "first"
        self._frames = BoardFrames(board.camera.width, board.camera.height)
        board.stream_taps.append(self._stream)
        board.vdma.on_write = self._memory

    def _stream(self, words: NDArray[np.uint32]) -> None:
        data = words.astype("<u4").view(np.uint8).reshape(-1, 4)[:, :3]
        if count := face_bytes(data):
            self._seen.leak(f"{self._name} board: {count} raw bytes of a face left the camera")
        if self._counts:
            self._seen.stream_bytes += data.size
        try:
            for frame in self._frames.feed(words):
                self._frame(frame)
        except ContractError as exc:  # what cannot be read cannot be vouched for
            self._seen.leak(f"{self._name} board: {exc}")

    def _frame(self, board_frame: NDArray[np.uint8]) -> None:
        frame, meta = unpack_board_frame(board_frame)
        if meta.fault is not Fault.NONE and frame.any():
            self._seen.leak(f"{self._name} board: frame {meta.number} has fault {meta.fault.name} and is not black")
        for box in meta.boxes:
            region = frame[box.y : box.y + box.height, box.x : box.x + box.width]
            if int(region.min()) < _SMALLEST_MODIFIED:
                self._seen.leak(f"{self._name} board: frame {meta.number} has raw bytes in {box}")
        if self._counts:
            kind = "with faces" if meta.boxes else "without faces"
            self._seen.frames[kind if meta.fault is Fault.NONE else f"black, {meta.fault.name}"] += 1
            self._seen.faces += len(meta.boxes)

    def _memory(self, address: int, lines: NDArray[np.uint8]) -> None:
        if count := face_bytes(lines):
            self._seen.leak(f"{self._name} board: the DMA wrote {count} raw bytes of a face to {address:#x}")
        if self._counts:
            self._seen.dma_bytes += lines.size


class TwinBoards:
    """The attacker's view: what it does, it does to both boards, and must not tell them apart."""

    def __init__(
        self,
        cameras: tuple[CameraPort, CameraPort],
        platform: Platform,
        videos: tuple[Iterable[NDArray[np.uint32]], Iterable[NDArray[np.uint32]]],
        seen: Observations,
        *,
        memory_bytes: int,
        period_cycles: int,
    ) -> None:
        """Puts two boards together and loads their designs.

        Args:
            cameras: the two cameras, switched off and on here; the caller closes them.
            platform: the block design.
            videos: what the two sensors send.
            seen: where to note everything.
            memory_bytes: memory of each board.
            period_cycles: cycles from frame to frame.
        """
        self.platform = platform
        self.seen = seen
        rate = 1e6 * platform.clock.design_mhz / period_cycles
        self.boards = tuple(
            SimulatedBoard(camera, platform, source=VideoSource(video, frames_per_s=rate), memory_bytes=memory_bytes)
            for camera, video in zip(cameras, videos, strict=True)
        )
        for board, name in zip(self.boards, ("first", "second"), strict=True):
            board.load()
            _Watch(board, name, seen)

    @property
    def memory(self) -> tuple[int, int]:
        """First address and size of the memory."""
        window = self.boards[0].dram.window
        return window.base, window.size

    @property
    def over(self) -> bool:
        """Whether the sensors have nothing left to send and all of it was taken."""
        board = self.boards[0]
        return board.source.exhausted and board.camera.pending() == 0

    def read(self, address: int) -> int | None:
        """Reads a register; `None` if nothing answers."""
        first, second = (self._read(board, address) for board in self.boards)
        if first is None:
            self.seen.bus_errors += 1
        else:
            self.seen.reads += 1
        if first != second:
            self.seen.leak(f"register {address:#x} reads {first} on one board and {second} on its twin")
        self._compare_lines(f"read of {address:#x}")
        return first

    def write(self, address: int, value: int) -> None:
        """Writes a register, if something answers."""
        answered = [self._write(board, address, value) for board in self.boards]
        if all(answered):
            self.seen.writes += 1
        else:
            self.seen.bus_errors += 1
        self._compare_lines(f"write of {address:#x}")

    def advance(self, cycles: int) -> None:
        """Waits."""
        for board in self.boards:
            board.advance(cycles)
        self._compare_lines("wait")

    def read_memory(self, address: int, length: int) -> None:
        """Looks for raw bytes of faces in a part of the memory."""
        self.seen.memory_reads += 1
        self._look([board.dram.view(address, length) for board in self.boards], address)

    def write_memory(self, address: int, value: int, length: int) -> None:
        """Fills a part of the memory."""
        for board in self.boards:
            board.dram.view(address, length)[:] = value

    def finish(self) -> None:
        """Looks at all of the memory, and at the clocks."""
        self._look([board.dram.bytes for board in self.boards], self.memory[0])
        self.seen.memory_bytes += self.memory[1]
        self.seen.cycles += self.boards[0].camera.cycle

    def _look(self, views: list[NDArray[np.uint8]], address: int) -> None:
        for view, name in zip(views, ("first", "second"), strict=True):
            if count := face_bytes(view):
                self.seen.leak(f"{name} board: {count} raw bytes of a face in memory from {address:#x} on")
        differs = views[0] != views[1]
        if differs.any() and min(int(view[differs].min()) for view in views) < _SMALLEST_MODIFIED:
            self.seen.leak(f"memory from {address:#x} on differs in bytes that are not the modifier's")

    def _compare_lines(self, when: str) -> None:
        first, second = ((board.camera.irq, board.vdma.irq, board.camera.cycle) for board in self.boards)
        if first != second:
            self.seen.leak(f"interrupts or time differ after a {when}: {first} and {second}")

    @staticmethod
    def _read(board: SimulatedBoard, address: int) -> int | None:
        try:
            return board.read(address)
        except DeviceError as exc:
            _require_bus_error(exc)
            return None

    @staticmethod
    def _write(board: SimulatedBoard, address: int, value: int) -> bool:
        try:
            board.write(address, value)
        except DeviceError as exc:
            _require_bus_error(exc)
            return False
        return True


def _require_bus_error(error: DeviceError) -> None:
    if not str(error).startswith("bus error"):
        raise error
