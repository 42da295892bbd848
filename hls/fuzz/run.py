"""The fuzzer: batches of faults through the simulated camera and its golden model, and the count of raw face pixels.

A batch is one run of the bench with every fault once and a good frame after each; it follows from the seed and its
own number, so that it can be replayed alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, astuple, dataclass, field
from itertools import count
from typing import Any

import numpy as np

from hls.fuzz.batch import GOOD, Batch, FuzzModel
from hls.fuzz.bench import EOL, SOF, BenchResult, CameraBench
from hls.fuzz.cases import fill
from hls.fuzz.pictures import THRESHOLD, raw_pixels
from hls.sim.errors import DeadlockError, SimulationError
from hls.sim.simulator import Stalls
from hw_anon.core.camera import CameraConfig, NetworkTiming
from hw_anon.core.frame import AnonymisedFrame, Fault
from hw_anon.core.metadata import Metadata, pack_metadata

__all__ = ["FuzzReport", "Outcome", "fuzz", "fuzz_config"]

_SPARE_FRAMES = 2
_STALLS_PER_MILLE = (0, 0, 300, 700)


@dataclass(kw_only=True, slots=True)
class Outcome:
    """What became of the frames of one fault."""

    frames: int = 0
    """Frames delivered."""
    correct: int = 0
    """Of them, pictures equal to the golden model's."""
    black: int = 0
    """Of them, black with the golden model's fault code."""


@dataclass(kw_only=True, slots=True)
class FuzzReport:
    """What a run of the fuzzer saw."""

    stores: int
    """Frame stores of the camera."""
    seed: int
    """Seed of the run."""
    batches: int = 0
    """Batches that were run."""
    frames: int = 0
    """Frames that began at the camera's input."""
    delivered: int = 0
    """Frames delivered."""
    black: int = 0
    """Frames delivered with a fault."""
    raw_face_pixels: int = 0
    """Delivered pixels with a raw byte inside a face's region, or anywhere in a frame that had to be black."""
    hangs: int = 0
    """Batches that did not end."""
    mismatches: int = 0
    """Frames (picture, marks, metadata) and register read-outs that differ from the golden model; failed assertions."""
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    """By fault."""
    failures: list[str] = field(default_factory=list)
    """What was wrong, and how to replay it."""
    seconds: float = 0.0
    """Wall time, without building the simulator the first time."""

    @property
    def clean(self) -> bool:
        """Whether nothing was wrong."""
        return not (self.raw_face_pixels or self.hangs or self.mismatches)

    def document(self) -> dict[str, Any]:
        """Returns everything in plain types."""
        return asdict(self)


def fuzz_config(stores: int = 1) -> CameraConfig:
    """Returns the small camera that is fuzzed: 48×48, two faces at most."""
    timing = NetworkTiming(interval_cycles=300, latency_cycles=300)  # the bench's accelerators, with room for stalls
    return CameraConfig(
        detector=timing,
        modifier=timing,
        width=48,
        height=48,
        crop_size=8,
        max_faces=2,
        buffers=stores,
        threshold=THRESHOLD,
        source_timeout_cycles=300,
    )


def fuzz(
    bench: CameraBench,
    *,
    frames: int,
    seed: int,
    only_batch: int | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> FuzzReport:
    """Fuzzes a camera.

    Args:
        bench: the camera, with a configuration of `fuzz_config`.
        frames: batches are run until so many frames began.
        seed: equal seeds give equal runs.
        only_batch: runs this batch and no other.
        on_progress: called after each batch with the frames so far.

    Raises:
        ToolError: if the simulator cannot be built.
    """
    report = FuzzReport(stores=bench.config.buffers, seed=seed)
    started = time.perf_counter()
    for number in count() if only_batch is None else (only_batch,):
        _run_batch(bench, number, report)
        report.seconds = round(time.perf_counter() - started, 1)
        if on_progress is not None:
            on_progress(report.frames)
        if report.frames >= frames:
            break
    return report


def _run_batch(bench: CameraBench, number: int, report: FuzzReport) -> None:
    """Runs one batch and adds what it saw to the report."""
    rng = np.random.default_rng([report.seed, number])
    batch = Batch(bench.config, rng)
    fill(batch)
    stalls = Stalls(
        input_per_mille=int(rng.choice(_STALLS_PER_MILLE)),
        output_per_mille=int(rng.choice(_STALLS_PER_MILLE)),
        seed=int(rng.integers(0, 1 << 32)),
    )
    begun = batch.shadow.counters.frames_in
    report.batches += 1
    report.frames += begun
    replay = f"hw-anon fuzz --stores {report.stores} --seed {report.seed} --only-batch {number}"
    try:
        result = bench.run(batch.script, frames=begun + _SPARE_FRAMES, stalls=stalls)
    except DeadlockError as exc:
        report.hangs += 1
        report.failures.append(f"{exc}; {replay}")
    except SimulationError as exc:
        report.mismatches += 1
        report.failures.append(f"{exc}; {replay}")
    else:
        _compare(batch, result, report, replay)


def _compare(batch: Batch, result: BenchResult, report: FuzzReport, replay: str) -> None:
    """Compares what was delivered with the golden model's frames."""
    observed = _observed(result)
    model = FuzzModel(batch.config, observed)
    kinds: dict[int, str] = {}
    for k, (step, kind) in enumerate(zip(batch.script.steps, batch.kinds, strict=True)):
        first = model.counters.frames_in
        model.certain = k in batch.certain_steps
        step(model)
        kinds |= dict.fromkeys(range(first, model.counters.frames_in), kind)
    expected = model.take()
    report.delivered += len(result.metadata)
    for k in range(max(len(expected), len(result.metadata))):
        frame = expected[k] if k < len(expected) else None
        wrong = _check_frame(batch.config, frame, result, k, report, kinds)
        if wrong:
            report.mismatches += 1
            report.failures.append(f"delivered frame {k}: {wrong}; {replay}")
    faults = sum(1 << fault for fault in model.faults)
    last = pack_metadata(Metadata.of(expected[-1]), max_faces=batch.config.max_faces).view("<u4")
    if result.registers != [faults, *astuple(model.counters), *last.tolist()]:
        report.mismatches += 1
        report.failures.append(f"registers at the end: {result.registers}; {replay}")


def _check_frame(
    config: CameraConfig,
    frame: AnonymisedFrame | None,
    result: BenchResult,
    k: int,
    report: FuzzReport,
    kinds: dict[int, str],
) -> str:
    """Enters delivered frame `k` into the report; returns what is wrong with it."""
    if k >= len(result.metadata):
        return "not delivered"
    video = result.video[k]
    picture = frame is not None and frame.fault is Fault.NONE and not result.metadata[k][4]
    raw = raw_pixels(video[..., :3], frame.boxes if frame is not None and picture else None)
    report.raw_face_pixels += raw
    report.black += bool(result.metadata[k][4])
    if frame is None:
        return "one too many"
    outcome = report.outcomes.setdefault(kinds[frame.number], Outcome())
    outcome.frames += 1
    if raw:
        return f"{raw} raw pixels of a face"
    if not np.array_equal(result.metadata[k], pack_metadata(Metadata.of(frame), max_faces=config.max_faces)):
        return f"metadata differs from the model's: number {frame.number}, {frame.fault.name}"
    if not np.array_equal(video[..., :3], frame.frame) or not np.array_equal(video[..., 3], _marks(config)):
        return f"picture or marks differ from the model's: number {frame.number}, {frame.fault.name}"
    if kinds[frame.number] == GOOD and not picture:
        return f"the good frame after a fault is no picture: {frame.fault.name}"
    outcome.correct += picture
    outcome.black += not picture
    return ""


def _observed(result: BenchResult) -> dict[int, Fault]:
    """Returns the fault of each delivered frame by its number; a code that is none counts as no fault."""
    codes = {int(beat[:4].view("<u4")[0]): int(beat[4]) for beat in result.metadata}
    return {number: Fault(code) if code in set(Fault) else Fault.NONE for number, code in codes.items()}


def _marks(config: CameraConfig) -> np.ndarray:
    """Returns the marks of start of frame and end of line `[H, W]`."""
    marks = np.zeros((config.height, config.width), np.uint8)
    marks[0, 0] = SOF
    marks[:, -1] |= EOL
    return marks
