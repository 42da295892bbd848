"""Records all that passes between the driver and a board, so that the run can be repeated without the board.

A recording is a directory:

| file | content |
|---|---|
| `run.json` | board, build id, settings, and what was delivered (number, fault, boxes, SHA-256 of the pixels) |
| `traffic.jsonl` | one call a line: register reads and writes, time, buffers, cache operations, interrupts |
| `memory.bin` | what the driver saw in memory, in zlib streams that `traffic.jsonl` points into |
| `inputs.npz` | the frames that were shown to the camera, where the program knows them (a simulated sensor) |

A recording holds what the driver handed out and nothing rawer: there is nothing rawer on this side of the camera. The
inputs are test pictures that the program itself had.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, TextIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from host.driver.frames import CameraFrame
from host.driver.hardware import DmaBuffer, Hardware, Registers
from host.driver.settings import CameraSettings
from hw_anon.core.atomic import write_text_atomically
from hw_anon.core.errors import DeviceError
from hw_anon.core.hashing import sha256_bytes

__all__ = [
    "INPUTS_FILE",
    "MEMORY_FILE",
    "RECORDING_VERSION",
    "RUN_FILE",
    "TRAFFIC_FILE",
    "RunRecorder",
    "describe_frame",
]

RECORDING_VERSION = 1
RUN_FILE, TRAFFIC_FILE, MEMORY_FILE, INPUTS_FILE = "run.json", "traffic.jsonl", "memory.bin", "inputs.npz"
_T = TypeVar("_T")


def describe_frame(frame: CameraFrame) -> dict[str, Any]:
    """Returns what a recording keeps of a delivered frame."""
    return {
        "number": frame.number,
        "fault": frame.fault.name,
        "boxes": [[box.x, box.y, box.width, box.height] for box in frame.boxes],
        "sha256": sha256_bytes(np.ascontiguousarray(frame.pixels).tobytes()),
    }


class _Log:
    """The two files that grow during a run."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._traffic: TextIO = (directory / TRAFFIC_FILE).open("w", encoding="utf-8")
        self._memory: BinaryIO = (directory / MEMORY_FILE).open("wb")
        self.calls = 0

    def note(self, kind: str, *values: Any) -> None:
        self._traffic.write(json.dumps([kind, *values], separators=(",", ":")) + "\n")
        self.calls += 1

    def keep(self, data: bytes) -> tuple[int, int]:
        """Returns where the data went: offset and compressed length."""
        packed = zlib.compress(data, 1)
        offset = self._memory.tell()
        self._memory.write(packed)
        return offset, len(packed)

    def call(self, kind: str, arguments: tuple[Any, ...], action: Callable[[], _T]) -> _T:
        """Does something and notes its result, or its failure."""
        try:
            result = action()
        except DeviceError as error:
            self.note("error", kind, list(arguments), str(error))
            raise
        self.note(kind, *arguments, *([] if result is None else [result]))
        return result

    def close(self) -> None:
        self._traffic.close()
        self._memory.close()


class _RecordedRegisters:
    def __init__(self, registers: Registers, name: str, log: _Log) -> None:
        self._registers, self._name, self._log = registers, name, log

    def read(self, offset: int) -> int:
        return self._log.call("read", (self._name, offset), lambda: self._registers.read(offset))

    def write(self, offset: int, value: int) -> None:
        self._log.call("write", (self._name, offset, value), lambda: self._registers.write(offset, value))


class _RecordedBuffer:
    def __init__(self, buffer: DmaBuffer, index: int, log: _Log) -> None:
        self._buffer, self._index, self._log = buffer, index, log

    @property
    def address(self) -> int:
        return self._buffer.address

    @property
    def memory(self) -> NDArray[np.uint8]:
        return self._buffer.memory

    def invalidate(self, start: int, length: int) -> None:
        self._buffer.invalidate(start, length)
        place = self._log.keep(self._buffer.memory[start : start + length].tobytes())
        self._log.note("invalidate", self._index, start, length, *place)

    def flush(self, start: int, length: int) -> None:
        self._buffer.flush(start, length)
        self._log.note(
            "flush", self._index, start, length, zlib.crc32(self._buffer.memory[start : start + length].tobytes())
        )

    def free(self) -> None:
        self._buffer.free()
        self._log.note("free", self._index)


class RunRecorder:
    """`Hardware` that is another one and writes down every call.

    `deliver` and `show` say what the program got and what it showed; `finish` writes `run.json` after the camera was
    closed. A directory without it is no recording.
    """

    def __init__(self, hardware: Hardware, directory: Path) -> None:
        """Begins a recording; files of an earlier one are overwritten.

        Args:
            hardware: the board.
            directory: where to; made if missing.
        """
        (directory / RUN_FILE).unlink(missing_ok=True)
        self._hardware = hardware
        self._directory = directory
        self._log = _Log(directory)
        self._buffers = 0
        self._outputs: list[dict[str, Any]] = []
        self._inputs: list[NDArray[np.uint8]] = []
        self.camera: Registers = _RecordedRegisters(hardware.camera, "camera", self._log)
        """The camera's registers."""
        self.vdma: Registers = _RecordedRegisters(hardware.vdma, "vdma", self._log)
        """The video DMA's registers."""
        self.name = hardware.name
        """Name of the board."""
        self.frame_stores = hardware.frame_stores
        """Frames in the video DMA's ring."""

    def allocate(self, size: int) -> DmaBuffer:
        """Returns a new buffer."""
        try:
            buffer = self._hardware.allocate(size)
        except DeviceError as error:
            self._log.note("error", "allocate", [size], str(error))
            raise
        self._log.note("allocate", size, buffer.address)
        self._buffers += 1
        return _RecordedBuffer(buffer, self._buffers - 1, self._log)

    def now(self) -> float:
        """Returns the board's time."""
        return self._log.call("now", (), self._hardware.now)

    def sleep(self, seconds: float) -> None:
        """Lets so much time go by."""
        self._log.call("sleep", (seconds,), lambda: self._hardware.sleep(seconds))

    async def interrupt(self, timeout_s: float) -> bool:
        """Waits for the video DMA's interrupt."""
        came = await self._hardware.interrupt(timeout_s)
        self._log.note("interrupt", timeout_s, came)
        return came

    def close(self) -> None:
        """Lets go of the board."""
        self._hardware.close()
        self._log.note("close")

    def show(self, frame: NDArray[np.uint8]) -> None:
        """Notes a frame `[H, W, 3]` that the camera is shown."""
        self._inputs.append(frame)

    def deliver(self, frame: CameraFrame) -> None:
        """Notes a frame that the driver delivered."""
        self._outputs.append(describe_frame(frame))

    def finish(self, *, build_id: str, settings: CameraSettings, asynchronous: bool = False) -> Path:
        """Ends the recording and returns its directory.

        Args:
            build_id: the camera's build.
            settings: what the camera was opened with.
            asynchronous: whether frames were awaited (`readframe_async`).
        """
        self._log.close()
        if self._inputs:
            np.savez_compressed(self._directory / INPUTS_FILE, frames=np.stack(self._inputs))
        run = {
            "version": RECORDING_VERSION,
            "board": self.name,
            "frame_stores": self.frame_stores,
            "build_id": build_id,
            "asynchronous": asynchronous,
            "calls": self._log.calls,
            "settings": {name: value for name, value in asdict(settings).items() if name != "require_signature"},
            "outputs": self._outputs,
        }
        write_text_atomically(self._directory / RUN_FILE, json.dumps(run, indent=2) + "\n")
        return self._directory
