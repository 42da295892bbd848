"""Repeats a recorded run without the board: the driver gets the recorded answers, and has to do the same again.

    report = replay(Path("recording"), design)

A driver that reads another register, writes another value, waits another time or delivers another frame than the
recorded one is a `ContractError` with the first call that differs: what was seen on a board stays true of the driver.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from host.design import Design
from host.driver.camera import AnonymizedCamera
from host.driver.frames import CameraFrame
from host.driver.hardware import DmaBuffer, Registers
from host.driver.recorder import MEMORY_FILE, RECORDING_VERSION, RUN_FILE, TRAFFIC_FILE, describe_frame
from host.driver.settings import CameraSettings
from hw_anon.core.errors import ConfigError, ContractError, DeviceError

__all__ = ["RecordedRun", "Replayer", "replay"]


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedRun:
    """What `run.json` says."""

    directory: Path
    """Where the recording is."""
    board: str
    """Board of the run."""
    frame_stores: int
    """Frames in its DMA's ring."""
    build_id: str
    """Build that ran."""
    asynchronous: bool
    """Whether frames were awaited."""
    calls: int
    """Calls from driver to board."""
    settings: CameraSettings
    """What the camera was opened with."""
    outputs: tuple[dict[str, Any], ...]
    """The delivered frames."""

    @classmethod
    def load(cls, directory: Path) -> RecordedRun:
        """Reads a recording's description.

        Raises:
            ContractError: if it is missing, not finished or of another format.
        """
        path = directory / RUN_FILE
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
            if raw["version"] != RECORDING_VERSION:
                raise ContractError(f"{path} has format {raw['version']}, this release reads {RECORDING_VERSION}")
            return cls(
                directory=directory,
                board=str(raw["board"]),
                frame_stores=int(raw["frame_stores"]),
                build_id=str(raw["build_id"]),
                asynchronous=bool(raw["asynchronous"]),
                calls=int(raw["calls"]),
                settings=CameraSettings.from_dict(raw["settings"], where=RUN_FILE),
                outputs=tuple(raw["outputs"]),
            )
        except (OSError, ValueError, KeyError, TypeError, ConfigError) as exc:
            raise ContractError(f"{directory} is no finished recording ({exc!r}); record the run again") from exc


class _Tape:
    """The recorded calls, one after the other."""

    def __init__(self, directory: Path) -> None:
        self._calls: Iterator[str] = iter((directory / TRAFFIC_FILE).read_text(encoding="utf-8").splitlines())
        self._memory = (directory / MEMORY_FILE).read_bytes()
        self._difference = ""
        self.position = 0

    def call(self, kind: str, *arguments: Any) -> list[Any]:
        """Returns the recorded results of the call that the driver makes now.

        Raises:
            ContractError: if the driver made another call then.
            DeviceError: if the board failed then.
        """
        if self._difference:  # closing the camera after it must not hide it
            raise ContractError(self._difference)
        self.position += 1
        line = next(self._calls, None)
        made = [kind, *arguments]
        recorded: list[Any] = ["nothing: it has ended"] if line is None else json.loads(line)
        if recorded[0] == "error" and [recorded[1], *recorded[2]] == made:
            raise DeviceError(str(recorded[3]))
        if recorded[: len(made)] != made:
            self._difference = f"call {self.position}: the driver does {made}, recorded was {recorded}"
            raise ContractError(self._difference)
        return recorded[len(made) :]

    def data(self, offset: int, length: int) -> bytes:
        """Returns recorded memory."""
        try:
            return zlib.decompress(self._memory[offset : offset + length])
        except zlib.error as exc:
            raise ContractError(f"{MEMORY_FILE} is damaged at byte {offset} ({exc}); record the run again") from exc


class _ReplayedRegisters:
    def __init__(self, name: str, tape: _Tape) -> None:
        self._name, self._tape = name, tape

    def read(self, offset: int) -> int:
        return int(self._tape.call("read", self._name, offset)[0])

    def write(self, offset: int, value: int) -> None:
        self._tape.call("write", self._name, offset, value)


class _ReplayedBuffer:
    def __init__(self, index: int, address: int, size: int, tape: _Tape) -> None:
        self._index, self.address, self._tape = index, address, tape
        self.memory: NDArray[np.uint8] = np.zeros(size, np.uint8)

    def invalidate(self, start: int, length: int) -> None:
        place = self._tape.call("invalidate", self._index, start, length)
        self.memory[start : start + length] = np.frombuffer(self._tape.data(*place), np.uint8)

    def flush(self, start: int, length: int) -> None:
        self._tape.call("flush", self._index, start, length, zlib.crc32(self.memory[start : start + length].tobytes()))

    def free(self) -> None:
        self._tape.call("free", self._index)


class Replayer:
    """`Hardware` that answers what was recorded."""

    def __init__(self, recording: RecordedRun) -> None:
        """Takes a recording."""
        self._tape = _Tape(recording.directory)
        self._buffers = 0
        self.name = f"replay of {recording.board}"
        self.frame_stores = recording.frame_stores
        self.camera: Registers = _ReplayedRegisters("camera", self._tape)
        """The camera's registers."""
        self.vdma: Registers = _ReplayedRegisters("vdma", self._tape)
        """The video DMA's registers."""

    @property
    def calls(self) -> int:
        """Calls so far."""
        return self._tape.position

    def allocate(self, size: int) -> DmaBuffer:
        """Returns a buffer with the recorded address."""
        (address,) = self._tape.call("allocate", size)
        self._buffers += 1
        return _ReplayedBuffer(self._buffers - 1, int(address), size, self._tape)

    def now(self) -> float:
        """Returns the recorded time."""
        return float(self._tape.call("now")[0])

    def sleep(self, seconds: float) -> None:
        """Takes no time."""
        self._tape.call("sleep", seconds)

    async def interrupt(self, timeout_s: float) -> bool:
        """Returns at once whether the interrupt came then."""
        await asyncio.sleep(0)
        return bool(self._tape.call("interrupt", timeout_s)[0])

    def close(self) -> None:
        """Ends the run."""
        self._tape.call("close")


def replay(directory: Path, design: Path | Design) -> RecordedRun:
    """Repeats a recorded run and returns its description if the driver did and delivered the same.

    Args:
        directory: the recording.
        design: the design that ran.

    Raises:
        ContractError: if the driver did something else, or the design is another one.
    """
    recording = RecordedRun.load(directory)
    hardware = Replayer(recording)
    camera = AnonymizedCamera(design, recording.settings, hardware=hardware)
    if camera.description.build_id != recording.build_id:
        raise ContractError(f"{directory} was recorded with build {recording.build_id}; open that design")
    with camera:
        if recording.asynchronous:
            found = asyncio.run(_await_frames(camera, len(recording.outputs)))
        else:
            found = [_described(camera.readframe()) for _ in recording.outputs]
    for delivered, wanted in zip(found, recording.outputs, strict=True):
        if delivered != wanted:
            raise ContractError(f"the driver delivered {delivered}, recorded was {wanted}")
    if hardware.calls != recording.calls:
        raise ContractError(f"{directory} has {recording.calls} calls, the driver made {hardware.calls}")
    return recording


async def _await_frames(camera: AnonymizedCamera, count: int) -> list[dict[str, Any]]:
    return [_described(await camera.readframe_async()) for _ in range(count)]


def _described(frame: CameraFrame) -> dict[str, Any]:
    with frame:
        return describe_frame(frame)
