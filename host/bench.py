"""Measures the driver on a board of models: `python -m host.bench [--frames N]` prints figures as JSON.

*Overhead* is the time that a frame takes in the driver's own code, without the calls into the board (registers, cache
operations, sleeping): those are the DMA's and the bus's. It is given in processor time, which does not depend on what
else the machine does, and by the clock on the wall, which does. *Growth* is what the process keeps after many frames.
"""

from __future__ import annotations

import argparse
import gc
import json
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from host.driver.camera import AnonymizedCamera
from host.driver.hardware import DmaBuffer, Hardware, Registers
from host.driver.settings import CameraSettings
from host.instant_board import InstantBoard
from host.stand_ins import model_config
from hw_anon.core.camera_directory import CAMERA_FILE
from hw_anon.core.manifest import Manifest

__all__ = ["BenchResult", "measure"]

_T = TypeVar("_T")
_WARM_UP = 200


@dataclass(kw_only=True, slots=True)
class _Account:
    """Time that was spent on the other side of the hardware protocol."""

    cpu_s: float = 0.0
    wall_s: float = 0.0

    def call(self, action: Callable[[], _T]) -> _T:
        cpu, wall = time.thread_time(), time.perf_counter()
        try:
            return action()
        finally:
            self.cpu_s += time.thread_time() - cpu
            self.wall_s += time.perf_counter() - wall

    def driver(self) -> tuple[float, float]:
        """Returns processor time and wall-clock time outside of such calls, in seconds since some moment."""
        return time.thread_time() - self.cpu_s, time.perf_counter() - self.wall_s


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchResult:
    """Figures of one run."""

    frames: int
    """Frames measured."""
    width: int
    """Columns of a frame."""
    height: int
    """Rows of a frame."""
    overhead_ms: float
    """Median processor time of a frame in the driver's own code, in ms."""
    overhead_p99_ms: float
    """The same, 99th percentile."""
    over_1ms: int
    """Frames with more than 1 ms of it."""
    wall_ms: float
    """Median of the wall-clock time in the driver's own code, in ms: other programs count as well."""
    wall_p99_ms: float
    """The same, 99th percentile."""
    traced_growth_bytes: int
    """Python's memory after the run, less that after the warm-up."""
    resident_growth_bytes: int
    """Resident memory of the process after the run, less that after the warm-up."""
    copies: int
    """Frames whose pixels were not in a DMA buffer."""
    lost: int
    """Frames that did not arrive."""

    def as_json(self) -> dict[str, int | float]:
        """Returns all figures by name."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


class _TimedRegisters:
    def __init__(self, registers: Registers, account: _Account) -> None:
        self._registers, self._account = registers, account

    def read(self, offset: int) -> int:
        return self._account.call(lambda: self._registers.read(offset))

    def write(self, offset: int, value: int) -> None:
        self._account.call(lambda: self._registers.write(offset, value))


class _TimedBuffer:
    def __init__(self, buffer: DmaBuffer, account: _Account) -> None:
        self._buffer, self._account = buffer, account

    @property
    def address(self) -> int:
        return self._buffer.address

    @property
    def memory(self) -> NDArray[np.uint8]:
        return self._buffer.memory

    def invalidate(self, start: int, length: int) -> None:
        self._account.call(lambda: self._buffer.invalidate(start, length))

    def flush(self, start: int, length: int) -> None:
        self._account.call(lambda: self._buffer.flush(start, length))

    def free(self) -> None:
        self._buffer.free()


@dataclass(kw_only=True, slots=True)
class _TimedBoard:
    """A board whose calls are timed."""

    board: Hardware
    account: _Account = field(default_factory=_Account)

    @property
    def name(self) -> str:
        return self.board.name

    @property
    def frame_stores(self) -> int:
        return self.board.frame_stores

    @property
    def camera(self) -> Registers:
        return _TimedRegisters(self.board.camera, self.account)

    @property
    def vdma(self) -> Registers:
        return _TimedRegisters(self.board.vdma, self.account)

    def allocate(self, size: int) -> DmaBuffer:
        return _TimedBuffer(self.board.allocate(size), self.account)

    def now(self) -> float:
        return self.board.now()

    def sleep(self, seconds: float) -> None:
        self.account.call(lambda: self.board.sleep(seconds))

    async def interrupt(self, timeout_s: float) -> bool:
        return await self.board.interrupt(timeout_s)

    def close(self) -> None:
        self.board.close()


def measure(*, frames: int = 10_000, width: int = 320, height: int = 240, trace: bool = True) -> BenchResult:
    """Runs the driver for so many frames and returns the figures.

    Args:
        frames: frames to measure.
        width: columns.
        height: rows.
        trace: count Python's memory too; tracing makes the driver slower, so times are measured without.
    """
    config = model_config(width=width, height=height, max_faces=4)
    build = "5" * 32
    with tempfile.TemporaryDirectory(prefix="hw-anon-") as place:
        design = Path(place) / "design"
        design.mkdir()
        (design / CAMERA_FILE).write_text(json.dumps({"build_id": build, "camera": config.to_dict()}))
        Manifest.create(design, inputs={}, tools={}, config={}).save(design)
        timed = _run(design, InstantBoard(config, build_id=build), frames, trace=False)
        traced = _run(design, InstantBoard(config, build_id=build), frames, trace=True) if trace else timed
    return BenchResult(
        frames=frames,
        width=width,
        height=height,
        overhead_ms=_milliseconds(timed.cpu_s, 50),
        overhead_p99_ms=_milliseconds(timed.cpu_s, 99),
        over_1ms=int((timed.cpu_s > 1e-3).sum()),
        wall_ms=_milliseconds(timed.wall_s, 50),
        wall_p99_ms=_milliseconds(timed.wall_s, 99),
        traced_growth_bytes=traced.traced,
        resident_growth_bytes=timed.resident,
        copies=timed.copies,
        lost=timed.lost,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Run:
    cpu_s: NDArray[np.float64]
    wall_s: NDArray[np.float64]
    traced: int
    resident: int
    copies: int
    lost: int


def _run(design: Path, board: Hardware, frames: int, *, trace: bool) -> _Run:
    hardware = _TimedBoard(board=board)
    times = np.zeros((frames, 2))
    copies = traced = resident = 0
    settings = CameraSettings(poll_interval_s=0.0, handle_signals=False)
    with AnonymizedCamera(design, settings, hardware=hardware) as camera:
        places = frozenset(camera.buffer_addresses)
        for index in range(-_WARM_UP, frames):
            if index == 0:
                gc.collect()
                resident = _resident()
                if trace:
                    tracemalloc.start()
            before = hardware.account.driver()
            frame = camera.readframe()
            after = hardware.account.driver()
            if index >= 0:
                times[index] = after[0] - before[0], after[1] - before[1]
                copies += frame.pixels.__array_interface__["data"][0] not in places
            frame.release()
        del frame
        gc.collect()
        resident = _resident() - resident
        if trace:
            traced = tracemalloc.get_traced_memory()[0]
            tracemalloc.stop()
        lost = camera.health.lost
    return _Run(cpu_s=times[:, 0], wall_s=times[:, 1], traced=traced, resident=resident, copies=copies, lost=lost)


def _milliseconds(seconds: NDArray[np.float64], percentile: float) -> float:
    return round(1e3 * float(np.percentile(seconds, percentile)), 4)


def _resident() -> int:
    """Returns the resident memory of this process in bytes (Linux)."""
    fields = Path("/proc/self/statm").read_text(encoding="ascii").split()
    return int(fields[1]) * 4096


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description="Measures the driver on a board of models.")
    parser.add_argument("--frames", type=int, default=10_000, help="frames to measure")
    parser.add_argument("--width", type=int, default=320, help="columns")
    parser.add_argument("--height", type=int, default=240, help="rows")
    options = parser.parse_args()
    print(json.dumps(measure(frames=options.frames, width=options.width, height=options.height).as_json(), indent=2))


if __name__ == "__main__":
    main()
