"""The C interface of a simulator library (see `harness.cpp`), typed."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hls.interface import DesignInterface
from hls.sim.ports import describe_ports
from hw_anon.core.errors import ContractError
from hw_anon.core.simulator_library import load_simulator_library

__all__ = ["DONE", "FAILED", "IDLE", "RUNNING", "Job", "NativeSimulator", "Progress"]

ABI_VERSION = 1
DONE, RUNNING, IDLE, FAILED = range(4)

_U64 = ctypes.c_uint64
_P = ctypes.POINTER


class _Job(ctypes.Structure):
    _fields_ = (
        ("input_data", _P(ctypes.c_void_p)),
        ("input_beats", _P(_U64)),
        ("input_beats_per_image", _P(_U64)),
        ("output_data", _P(ctypes.c_void_p)),
        ("output_beats", _P(_U64)),
        ("output_beats_per_image", _P(_U64)),
        ("image_end_cycles", _P(ctypes.c_void_p)),
        ("input_interval_cycles", _U64),
        ("max_idle_cycles", _U64),
        ("seed", _U64),
        ("input_stall_per_mille", ctypes.c_uint32),
        ("output_stall_per_mille", ctypes.c_uint32),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run: buffers of all streams and how to drive them. The buffers must outlive the run."""

    inputs: list[NDArray[np.uint8]]
    """Per input stream `[beats, bytes]`, C-contiguous."""
    outputs: list[NDArray[np.uint8]]
    """Per output stream `[beats, bytes]`, C-contiguous, filled by the run."""
    image_end_cycles: list[NDArray[np.uint64]]
    """Per output stream `[images]`, filled by the run."""
    input_interval_cycles: int
    """Cycles over which an image's beats are offered evenly; 0 for as fast as they are taken."""
    max_idle_cycles: int
    """Cycles without a beat after which the run stops."""
    seed: int
    """Seed of the random stalls."""
    input_stall_per_mille: int
    """Probability of withholding valid in a cycle."""
    output_stall_per_mille: int
    """Probability of withholding ready in a cycle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a run stands."""

    status: int
    """`DONE`, `RUNNING`, `IDLE` (too long without a beat) or `FAILED`."""
    cycles: int
    """Cycles since the run began."""
    idle_cycles: int
    """Cycles since a beat last moved."""
    beats_in: tuple[int, ...]
    """Beats accepted, per input stream."""
    beats_out: tuple[int, ...]
    """Beats received, per output stream."""


class NativeSimulator:
    """Owns one simulated design; every method but the constructor needs an open one."""

    def __init__(self, library: Path, interface: DesignInterface, *, data_dir: Path) -> None:
        """Loads the library and settles the design's initial state.

        Raises:
            ContractError: if the library is missing, no simulator or built for other ports.
        """
        self._interface = interface
        self._lib = load_simulator_library(library, prefix="hwa_", version=ABI_VERSION, what="design")
        if (built_for := self._lib.hwa_description().decode()) != describe_ports(interface):
            raise ContractError(f"{library} was built for other ports ({built_for}); build the simulator again")
        self._progress_type = _progress_type(len(interface.inputs), len(interface.outputs))
        self._handle = ctypes.c_void_p(self._lib.hwa_create(str(data_dir.absolute()).encode()))

    def close(self) -> None:
        """Frees the design; harmless when repeated."""
        if self._handle:
            self._lib.hwa_destroy(self._handle)
            self._handle = ctypes.c_void_p()

    @property
    def error(self) -> str:
        """Why the design failed, empty if it did not."""
        return str(self._lib.hwa_error(self._handle).decode(errors="replace"))

    @property
    def log(self) -> str:
        """The tail of what the RTL printed."""
        return str(self._lib.hwa_log(self._handle).decode(errors="replace"))

    def reset(self, cycles: int) -> None:
        """Holds reset for some cycles with all streams silent."""
        self._lib.hwa_reset(self._handle, ctypes.c_uint32(cycles))

    def start(self, job: Job) -> None:
        """Begins a run."""
        native = _Job(
            input_data=_pointers(job.inputs),
            input_beats=_numbers([len(beats) for beats in job.inputs]),
            input_beats_per_image=_numbers([port.beats for port in self._interface.inputs]),
            output_data=_pointers(job.outputs),
            output_beats=_numbers([len(beats) for beats in job.outputs]),
            output_beats_per_image=_numbers([port.beats for port in self._interface.outputs]),
            image_end_cycles=_pointers(job.image_end_cycles),
            input_interval_cycles=job.input_interval_cycles,
            max_idle_cycles=job.max_idle_cycles,
            seed=job.seed,
            input_stall_per_mille=job.input_stall_per_mille,
            output_stall_per_mille=job.output_stall_per_mille,
        )
        self._lib.hwa_start(self._handle, ctypes.byref(native))

    def step(self, max_cycles: int) -> Progress:
        """Goes on with the run for at most `max_cycles`."""
        native = self._progress_type()
        status = self._lib.hwa_step(self._handle, _U64(max_cycles), ctypes.byref(native))
        return Progress(
            status=status,
            cycles=native.cycles,
            idle_cycles=native.idle_cycles,
            beats_in=tuple(native.beats_in),
            beats_out=tuple(native.beats_out),
        )

    def monitors(self) -> dict[str, int]:
        """Returns the observation outputs."""
        names = self._interface.monitors
        values = (ctypes.c_uint32 * max(len(names), 1))()
        self._lib.hwa_monitors(self._handle, values)
        return dict(zip(names, values, strict=False))

    def trace(self, path: Path | None) -> bool:
        """Opens a waveform file, or with `None` closes it; returns whether that worked."""
        return bool(self._lib.hwa_trace(self._handle, str(path).encode() if path else b""))


def _progress_type(inputs: int, outputs: int) -> Any:
    class _Progress(ctypes.Structure):
        _fields_ = (
            ("cycles", _U64),
            ("idle_cycles", _U64),
            ("beats_in", _U64 * inputs),
            ("beats_out", _U64 * outputs),
        )

    return _Progress


def _pointers(arrays: list[Any]) -> Any:
    return (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))


def _numbers(values: list[int]) -> Any:
    return (_U64 * len(values))(*values)
