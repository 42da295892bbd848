"""A camera that is its own RTL, simulated in this process: the shared library of a camera directory.

Needs the library and the directory of its memory files, and neither Verilator nor anything else of the tool flow.
"""

from __future__ import annotations

import ctypes
import json
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.errors import ConfigError, ContractError, DeviceError
from hw_anon.core.simulator_library import load_simulator_library

__all__ = ["CAMERA_LIBRARY", "CAMERA_RTL", "StageTimes", "VerilatedCamera"]

CAMERA_LIBRARY = "sim/libcamera.so"
"""The simulator in a camera directory."""
CAMERA_RTL = "rtl"
"""Directory of the HDL and its memory files in a camera directory."""

_ABI_VERSION = 2
_SLICE_CYCLES = 50_000  # between two slices Python handles signals
_NEVER = (1 << 64) - 1
_U32P = ctypes.POINTER(ctypes.c_uint32)


@dataclass(frozen=True, kw_only=True, slots=True)
class StageTimes:
    """Cycle of the latest event of each kind; -1 if there was none since power-up."""

    raw: int
    """A raw beat was taken."""
    cells: int
    """The detector's last cell came."""
    crop: int
    """The first pixel of a frame's first crop left for the modifier."""
    modified: int
    """The last pixel of a crop came back from the modifier."""
    first: int
    """A delivered frame's first pixel left."""
    last: int
    """Any beat of a delivered frame, its metadata line included, left."""


class VerilatedCamera:
    """A `CameraPort`; a context manager.

    A design that fails (an assertion, `$error`, `$fatal`) raises `DeviceError` then and in every call that moves it,
    until `reset`.
    """

    def __init__(self, library: Path, *, data_dir: Path) -> None:
        """Loads a camera as it is after power-up, with its key (`key_source.simulated_keys`) if it has key channels.

        Args:
            library: made by `hls.sim.camera.build_camera_library`.
            data_dir: directory of the memory files that the RTL names by relative paths.

        Raises:
            ContractError: if the library is missing or no camera.
            DeviceError: if the RTL refuses its parameters or a memory file is missing.
        """
        self._handle: int | None = None
        self._lib = _load(library)
        description = json.loads(self._lib.hwc_description().decode())
        self._size = int(description["width"]), int(description["height"])
        self._max_faces = int(description["max_faces"])
        self._build_id = str(description["build_id"])
        self._handle = self._lib.hwc_create(str(data_dir.absolute()).encode())
        try:
            self._check()
        except DeviceError:
            self.close()
            raise

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Loads the camera of a camera directory; its files are not compared with the manifest here."""
        return cls(directory / CAMERA_LIBRARY, data_dir=directory / CAMERA_RTL)

    def __enter__(self) -> Self:
        """Returns itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Frees the camera."""
        self.close()

    def __del__(self) -> None:
        """Frees a camera that was never closed."""
        if getattr(self, "_handle", None):
            self.close()

    @property
    def width(self) -> int:
        """Columns of a frame."""
        return self._size[0]

    @property
    def height(self) -> int:
        """Rows of a frame, without the metadata line."""
        return self._size[1]

    @property
    def max_faces(self) -> int:
        """Faces replaced in a frame at most."""
        return self._max_faces

    @property
    def build_id(self) -> str:
        """The build id that the library was made for, 32 hex digits."""
        return self._build_id

    @property
    def cycle(self) -> int:
        """Cycles since power-up."""
        return int(self._lib.hwc_cycle(self._open()))

    @property
    def irq(self) -> bool:
        """Level of the interrupt line."""
        return bool(self._lib.hwc_irq(self._open()))

    @property
    def log(self) -> str:
        """The tail of what the RTL printed."""
        return str(self._lib.hwc_log(self._open()).decode(errors="replace"))

    @property
    def times(self) -> StageTimes:
        """When the stages of the latest frame ended."""
        cycles = (ctypes.c_uint64 * 6)()
        self._lib.hwc_times(self._open(), cycles)
        raw, cells, crop, modified, first, last = (-1 if cycle == _NEVER else int(cycle) for cycle in cycles)
        return StageTimes(raw=raw, cells=cells, crop=crop, modified=modified, first=first, last=last)

    def read(self, offset: int) -> int:
        """Reads the register at a byte offset; takes cycles.

        Raises:
            DeviceError: if the design failed or does not answer.
        """
        value = ctypes.c_uint32()
        self._lib.hwc_read(self._open(), ctypes.c_uint32(offset), ctypes.byref(value))
        self._check()
        return value.value

    def write(self, offset: int, value: int) -> None:
        """Writes the register at a byte offset; takes cycles.

        Raises:
            DeviceError: if the design failed or does not answer.
        """
        self._lib.hwc_write(self._open(), ctypes.c_uint32(offset), ctypes.c_uint32(value))
        self._check()

    def send(self, beats: NDArray[np.uint32]) -> None:
        """Queues raw video words `[N]` behind those that wait already.

        Raises:
            ContractError: if they are no uint32 `[N]`.
        """
        if beats.ndim != 1 or beats.dtype != np.uint32:
            raise ContractError(f"video words are uint32 [N]; got {beats.dtype} {list(beats.shape)}")
        words = np.ascontiguousarray(beats)
        self._lib.hwc_send(self._open(), words.ctypes.data_as(_U32P), ctypes.c_uint64(len(words)))

    def pending(self) -> int:
        """Returns how many queued words were not taken yet."""
        return int(self._lib.hwc_pending(self._open()))

    def set_sink(self, ready: bool, stall_per_mille: int = 0) -> None:
        """Says whether output is taken, and in how many of 1000 cycles it is not all the same.

        Raises:
            ConfigError: if that is not 0 to 999.
        """
        if not 0 <= stall_per_mille <= 999:
            raise ConfigError(f"stall_per_mille = {stall_per_mille}: allowed are 0 to 999")
        self._lib.hwc_set_sink(self._open(), int(ready), ctypes.c_uint32(stall_per_mille))

    def run(self, cycles: int) -> None:
        """Lets exactly so many cycles go by.

        Raises:
            DeviceError: if the design failed, now or before.
        """
        while cycles > 0:
            self._lib.hwc_run(self._open(), ctypes.c_uint64(min(cycles, _SLICE_CYCLES)))
            self._check()
            cycles -= _SLICE_CYCLES
        self._check()

    def receive(self) -> NDArray[np.uint32]:
        """Returns all output words `[N]` since the last call."""
        words = np.empty(self._lib.hwc_available(self._open()), np.uint32)
        self._lib.hwc_receive(self._open(), words.ctypes.data_as(_U32P), ctypes.c_uint64(len(words)))
        return words

    def reset(self) -> None:
        """Switches the camera off and on: memories and registers as after power-up, queues empty, cycle 0.

        Raises:
            DeviceError: if the RTL refuses its parameters or a memory file is missing.
        """
        self._lib.hwc_reset(self._open())
        self._check()

    def close(self) -> None:
        """Frees the camera; harmless when repeated."""
        if self._handle:
            self._lib.hwc_destroy(self._open())
            self._handle = None

    def _open(self) -> Any:
        """Returns the handle.

        Raises:
            DeviceError: if the camera was closed.
        """
        if not self._handle:
            raise DeviceError("the simulated camera is closed; open it again")
        return ctypes.c_void_p(self._handle)

    def _check(self) -> None:
        """Raises what the design reported."""
        if error := self._lib.hwc_error(self._open()).decode(errors="replace"):
            raise DeviceError(f"the simulated camera failed: {error}; reset it to go on")


def _load(library: Path) -> Any:
    lib = load_simulator_library(library, prefix="hwc_", version=_ABI_VERSION, what="camera")
    for name in ("hwc_cycle", "hwc_pending", "hwc_available"):
        getattr(lib, name).restype = ctypes.c_uint64
    return lib
