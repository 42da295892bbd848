"""Drives a simulated design with numpy arrays and measures it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hls.interface import DesignInterface
from hls.sim import native
from hls.sim.errors import DeadlockError, SimulationError
from hw_anon.core.errors import ConfigError, ContractError

__all__ = ["DEFAULT_MAX_IDLE_CYCLES", "RunResult", "Simulator", "Stalls"]

DEFAULT_MAX_IDLE_CYCLES = 500_000
"""Longer than any pause of a working design: even one multiplier per layer moves a beat more often."""

_RESET_CYCLES = 20
_SLICE_SECONDS = 0.2
_FIRST_SLICE_CYCLES = 2_000
_MAX_SLICE_CYCLES = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Stalls:
    """Random pauses on the design's streams, the same for the same seed."""

    input_per_mille: int = 0
    """Probability, in 1/1000, that an input offers no beat in a cycle (an offered beat stays)."""
    output_per_mille: int = 0
    """Probability, in 1/1000, that an output takes no beat in a cycle."""
    seed: int = 1
    """Seed; every stream draws from its own sequence."""

    def __post_init__(self) -> None:
        """Refuses probabilities that would stop a stream for good.

        Raises:
            ConfigError: if one is outside [0, 999] or the seed is negative.
        """
        for name in ("input_per_mille", "output_per_mille"):
            if not 0 <= getattr(self, name) <= 999:
                raise ConfigError(f"{name}={getattr(self, name)} must lie in [0, 999]")
        if not 0 <= self.seed < 1 << 64:
            raise ConfigError(f"seed={self.seed} must lie in [0, 2^64)")


@dataclass(frozen=True, kw_only=True, slots=True)
class RunResult:
    """What a run gave."""

    outputs: list[NDArray[np.int64]]
    """Per output stream `[N, *shape]`."""
    cycles: int
    """Clock cycles of the run."""
    image_end_cycles: list[NDArray[np.int64]]
    """Per output stream `[N]`: cycle, since the run began, at which each image's last beat left."""
    seconds: float
    """Wall time of the simulation, without packing and unpacking."""

    @property
    def intervals(self) -> list[NDArray[np.int64]]:
        """Per output stream `[N - 1]`: cycles between the ends of successive images."""
        return [np.diff(ends) for ends in self.image_end_cycles]

    @property
    def kcycles_per_s(self) -> float:
        """Thousands of simulated cycles per second of wall time."""
        return self.cycles / self.seconds / 1000 if self.seconds > 0 else 0.0


class Simulator:
    """One simulated design; a context manager. Several may live at once, each is used by one thread at a time.

    State is kept between runs, as in the hardware. A run that was interrupted or stopped moving leaves data inside:
    `reset` before the next one. A design that failed (an assertion, `$error`, a stream's protocol) runs no more.
    """

    def __init__(self, library: Path, interface: DesignInterface, *, data_dir: Path) -> None:
        """Loads a simulator and resets its design.

        Args:
            library: shared library made by `hls.sim.verilate.build_simulator`.
            interface: the ports it was built for.
            data_dir: directory of the memory files that the RTL names by relative paths.

        Raises:
            ContractError: if the library is missing or was built for other ports.
            SimulationError: if the RTL refuses its parameters or a memory file is missing.
        """
        self._interface = interface
        self._native = native.NativeSimulator(library, interface, data_dir=data_dir)
        self._unfinished = False
        try:
            self._check()
            self.reset()
        except SimulationError:
            self.close()
            raise

    def __enter__(self) -> Self:
        """Returns itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Frees the design."""
        self.close()

    def __del__(self) -> None:
        """Frees the design of a simulator that was never closed."""
        if hasattr(self, "_native"):
            self.close()

    def close(self) -> None:
        """Frees the design; harmless when repeated."""
        self._native.close()

    @property
    def log(self) -> str:
        """The tail of what the RTL printed."""
        return self._native.log

    def reset(self) -> None:
        """Holds the design's reset for some cycles, streams silent.

        Raises:
            SimulationError: if the design failed, now or before.
        """
        self._native.reset(_RESET_CYCLES)
        self._check()
        self._unfinished = False

    def run(
        self,
        *images: NDArray[Any],
        stalls: Stalls | None = None,
        input_interval_cycles: int | None = None,
        max_idle_cycles: int = DEFAULT_MAX_IDLE_CYCLES,
        trace_file: Path | None = None,
        on_progress: Callable[[float], None] | None = None,
    ) -> RunResult:
        """Streams images through the design and collects what comes out.

        Args:
            images: per input stream `[N, *shape]` integers; N is the same for all.
            stalls: random pauses; `None` for none.
            input_interval_cycles: throttles the inputs: an image's beats are offered evenly over so many cycles, image
                k's from cycle k × `input_interval_cycles` on; `None` offers them as fast as they are taken.
            max_idle_cycles: cycles without any beat moving after which the design counts as deadlocked; beats that
                the throttle holds back do not count as idle.
            trace_file: waveform (VCD) of this run; the library must have been built with `trace`.
            on_progress: called a few times a second with the fraction of output beats received.

        Raises:
            ContractError: if an array's shape, type or values are not its stream's.
            ConfigError: if the interval is shorter than an image or no trace can be written.
            DeadlockError: if the design stopped moving data.
            SimulationError: if an assertion, `$error`, `$fatal`, a wrong `tlast` or an output that changes while it
                waits ended the run, or the design failed before.
        """
        self._check()
        if self._unfinished:
            raise SimulationError("the last run did not end, its data is still inside: reset the simulator first")
        job = self._job(images, stalls or Stalls(), input_interval_cycles, max_idle_cycles)
        if trace_file is not None and not self._native.trace(trace_file):
            raise ConfigError(f"no waveform at {trace_file}: build with trace=True and give a writable path")
        self._unfinished = True
        try:
            cycles, seconds = self._finish(job, on_progress)
        finally:
            self._native.trace(None)
        self._unfinished = False
        return RunResult(
            outputs=[port.unpack(beats) for port, beats in zip(self._interface.outputs, job.outputs, strict=True)],
            cycles=cycles,
            image_end_cycles=[ends.astype(np.int64) for ends in job.image_end_cycles],
            seconds=seconds,
        )

    def monitors(self) -> dict[str, int]:
        """Returns the observation outputs of an instrumented design, by port name."""
        return self._native.monitors()

    def _job(
        self, images: tuple[NDArray[Any], ...], stalls: Stalls, interval: int | None, max_idle_cycles: int
    ) -> native.Job:
        """Checks and packs a run's inputs and makes room for its outputs."""
        ports = self._interface.inputs
        if len(images) != len(ports):
            raise ContractError(f"{self._interface.top} has {len(ports)} input streams, got {len(images)} arrays")
        arrays = [np.asarray(array) for array in images]
        for port, array in zip(ports, arrays, strict=True):
            if array.dtype.kind not in "iu":
                raise ContractError(f"stream {port.name}: expected integers, got {array.dtype}")
            if array.ndim == 0 or len(array) == 0 or len(array) != len(arrays[0]):
                raise ContractError(f"stream {port.name}: expected as many images as the others have, at least one")
            if interval is not None and interval < port.beats:
                raise ConfigError(
                    f"input_interval_cycles={interval} is shorter than the {port.beats} beats of an image on "
                    f"{port.name}; give at least that or None"
                )
        count = len(arrays[0])
        return native.Job(
            inputs=[np.ascontiguousarray(port.pack(array)) for port, array in zip(ports, arrays, strict=True)],
            outputs=[np.zeros((count * port.beats, port.tdata_bytes), np.uint8) for port in self._interface.outputs],
            image_end_cycles=[np.zeros(count, np.uint64) for _ in self._interface.outputs],
            input_interval_cycles=interval or 0,
            max_idle_cycles=max_idle_cycles,
            seed=stalls.seed,
            input_stall_per_mille=stalls.input_per_mille,
            output_stall_per_mille=stalls.output_per_mille,
        )

    def _finish(self, job: native.Job, on_progress: Callable[[float], None] | None) -> tuple[int, float]:
        """Runs a job in slices, between which Python handles signals; returns cycles and wall seconds."""
        self._native.start(job)
        expected = sum(len(beats) for beats in job.outputs)
        seconds, slice_cycles = 0.0, _FIRST_SLICE_CYCLES
        while True:
            started = time.perf_counter()
            progress = self._native.step(slice_cycles)
            elapsed = time.perf_counter() - started
            seconds += elapsed
            if on_progress is not None:
                on_progress(sum(progress.beats_out) / expected)
            if progress.status == native.DONE:
                return progress.cycles, seconds
            if progress.status == native.IDLE:
                raise self._deadlock(progress, job)
            self._check()
            slice_cycles = min(int(slice_cycles * _SLICE_SECONDS / max(elapsed, 1e-6)) + 1, _MAX_SLICE_CYCLES)

    def _deadlock(self, progress: native.Progress, job: native.Job) -> DeadlockError:
        into = zip(self._interface.inputs, progress.beats_in, job.inputs, strict=True)
        out_of = zip(self._interface.outputs, progress.beats_out, job.outputs, strict=True)
        return DeadlockError(
            cycle=progress.cycles,
            idle_cycles=progress.idle_cycles,
            beats_in={port.name: (done, len(beats)) for port, done, beats in into},
            beats_out={port.name: (done, len(beats)) for port, done, beats in out_of},
        )

    def _check(self) -> None:
        """Raises what the design reported."""
        if error := self._native.error:
            raise SimulationError(f"{self._interface.top}: {error}")
