"""What `hw-anon bench` measures: entries by name, each with its figures and its lines of the one table.

An entry is a function of the `Bench` to a `Measured`; a new one is one line in `ENTRIES`. What an entry needs and does
not find here (another environment, an exported detector) makes it `missing`, with the reason, and not an error.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hw_anon
from hw_anon.cli.build import note_stage
from hw_anon.cli.workspace import Workspace, with_keys
from hw_anon.core.errors import ToolError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hls.flow.config import BuildConfig
    from hls.flow.finished import FinishedBuild

__all__ = ["ENTRIES", "Bench", "Line", "Measured"]

_TWIN_CROPS = 256
_SIMULATED_FACES = 3
_DRIVER_FRAMES = 2000
_DRIVER_TIMEOUT_S = 600
_DETECTOR_FRAMES = 30
_SEED = 1
_BUILD_FIGURES = (
    *("build_s", "fifo_sizing_s", "simulated_kcycles_per_s", "interval_cycles_rtl", "interval_cycles_ideal"),
    *("latency_cycles", "faces_per_s", "clock_mhz", "dsp", "lut", "bram18", "dsp_efficiency"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line of the table."""

    what: str
    """What was measured, with its unit."""
    value: float
    """The figure."""
    peer: str = ""
    """What it is compared with, if there is something."""
    peer_value: float | None = None
    """The peer's figure, measured in the same run."""
    ratio: float | None = None
    """How many times better than the peer; below 1 it is worse."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What an entry found."""

    figures: dict[str, Any]
    """Everything, for the file."""
    lines: tuple[Line, ...] = ()
    """The table's lines."""
    missing: str = ""
    """What was not there, if nothing could be measured."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What is measured."""

    net: str
    """The modifier's name, or its directory."""
    workspace: Workspace
    """Where builds and caches are."""
    cameras: tuple[Path, ...]
    """Configurations of cameras, or their directories."""
    detector: Path | None
    """Directory of an exported action detector."""
    board_python: Path | None
    """Python of the board's environment, if there is one."""

    @cached_property
    def config(self) -> BuildConfig:
        """Board and rate of the README's network."""
        from hls.flow.config import BuildConfig

        return BuildConfig()

    @cached_property
    def finished(self) -> FinishedBuild:
        """The network's build, made now if it is not there."""
        return self.workspace.built(self.net, self.config, on_stage=note_stage)

    def crops(self, count: int, *, faces_only: bool = False) -> NDArray[np.uint8]:
        """Returns `[count, S, S, C]` uint8 for the network: real faces, and patterns unless `faces_only`."""
        _, size, _, channels = self.finished.contract.input.shape
        some = self.workspace.faces if faces_only else self.workspace.crops
        return with_keys(some(count, size).crops, channels)


def _twin(bench: Bench) -> Measured:
    from hls.bench import twin
    from hls.flow.finished import GRAPH_FILE

    model = bench.finished.directory / GRAPH_FILE
    figures = twin.run(model, bench.crops(_TWIN_CROPS), work_dir=bench.workspace.finn)
    ours, theirs = figures["crops_per_s"], figures["finn_crops_per_s"]
    line = Line(
        what=f"software twin, {figures['threads']} cores, crops/s",
        value=ours,
        peer="FINN's Python execution",
        peer_value=theirs,
        ratio=figures["ratio"],
    )
    return Measured(figures=figures, lines=(line,))


def _folding(bench: Bench) -> Measured:
    from hls.bench import folding

    figures = folding.run(bench.workspace.exported(bench.net), bench.config, work_dir=bench.workspace.finn)
    line = Line(
        what=f"DSP slices at {bench.config.faces_per_s:g} faces/s",
        value=figures["dsp"],
        peer="FINN's own folding",
        peer_value=figures["dsp_stock"],
        ratio=figures["ratio"],
    )
    return Measured(figures=figures, lines=(line,))


def _simulation(bench: Bench) -> Measured:
    from hls.bench import simulation

    faces = bench.crops(_SIMULATED_FACES, faces_only=True)
    figures = simulation.run(bench.finished, faces, cache_dir=bench.workspace.simulators)
    line = Line(
        what="simulation with fast models, kcycles/s",
        value=figures["fast_kcycles_per_s"],
        peer="full RTL",
        peer_value=figures["full_kcycles_per_s"],
        ratio=figures["ratio"],
    )
    return Measured(figures=figures, lines=(line,))


def _build(bench: Bench) -> Measured:
    report = bench.finished.report
    figures = {name: report[name] for name in _BUILD_FIGURES}
    rtl, ideal = figures["interval_cycles_rtl"], figures["interval_cycles_ideal"]
    interval = Line(
        what="interval between faces in RTL, cycles",
        value=rtl,
        peer="ideal of the slowest layer",
        peer_value=ideal,
        ratio=round(ideal / rtl, 3),
    )
    others = {
        "latency of a face in RTL, cycles": "latency_cycles",
        "LUT, estimated": "lut",
        "18-Kib block RAM, estimated": "bram18",
        "DSP efficiency, of 1": "dsp_efficiency",
        "build, seconds": "build_s",
    }
    return Measured(
        figures=figures, lines=(interval, *(Line(what=what, value=figures[key]) for what, key in others.items()))
    )


def _cameras(bench: Bench) -> Measured:
    """MAX_FACES faces and none through each simulated camera, beside the budget."""
    measured = {path.stem: _camera(path, bench.workspace) for path in bench.cameras}
    figures = {name: part.figures for name, part in measured.items()}
    return Measured(figures=figures, lines=tuple(line for part in measured.values() for line in part.lines))


def _camera(given: Path, workspace: Workspace) -> Measured:
    from hls.camera.equality import compare_frames, faces_found
    from hls.camera.golden import load_golden
    from hw_anon.cli.camera import built_camera
    from hw_anon.cli.simulate_camera import face_patches
    from hw_anon.core.camera_directory import CameraDirectory
    from hw_anon.data.face_frames import frames_with

    made = CameraDirectory.load(given) if given.is_dir() else built_camera(given, None, workspace)
    golden, config = load_golden(made), made.config
    pictures = frames_with(
        [config.max_faces, 0],
        face_patches(False, _SEED, workspace),
        lambda picture: faces_found(golden, picture),
        width=config.width,
        height=config.height,
        seed=_SEED,
    )
    figures = compare_frames(made, pictures).as_json(made) | {"resources": made.manifest.metrics["resources"]}
    budget, latency = figures["budget"], figures["latency_cycles_by_faces"]
    needed = Line(
        what=f"{given.stem}: worst case of a frame, cycles",
        value=budget["needed_cycles"],
        peer="a frame's time",
        peer_value=budget["available_cycles"],
        ratio=round(budget["available_cycles"] / budget["needed_cycles"], 3),
    )
    rows = tuple(
        Line(what=f"{given.stem}: last raw to first anonymised pixel, {faces} faces, RTL cycles", value=cycles)
        for faces, cycles in latency.items()
    )
    shares = tuple(
        Line(what=f"{given.stem}: share of the device's {kind}, estimated", value=round(share, 3))
        for kind, share in figures["resources"]["share"].items()
        if share
    )
    return Measured(figures=figures, lines=(needed, *rows, *shares))


def _driver(bench: Bench) -> Measured:
    """The driver's own time for a frame, in the board's environment."""
    if bench.board_python is None:
        return Measured(figures={}, missing="no environment of the board: `make test-board` makes it")
    root = str(Path(hw_anon.__file__).resolve().parents[1])
    command = [str(bench.board_python), "-m", "host.bench", "--frames", str(_DRIVER_FRAMES)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=_DRIVER_TIMEOUT_S,
        env={**os.environ, "PYTHONPATH": root},
    )
    if done.returncode:
        raise ToolError("the driver's benchmark failed", command=command, log=done.stderr, returncode=done.returncode)
    figures = json.loads(done.stdout)
    lines = (
        Line(what="driver: own time of a frame, median, ms", value=figures["overhead_ms"]),
        Line(what="driver: the same, 99th percentile, ms", value=figures["overhead_p99_ms"]),
        Line(what=f"driver: frames copied, of {figures['frames']}", value=figures["copies"]),
    )
    return Measured(figures=figures, lines=lines)


def _detector(bench: Bench) -> Measured:
    """The action detector's time for a frame with one face, on one thread of ONNX Runtime."""
    if bench.detector is None:
        return Measured(figures={}, missing="no --detector: `hw-anon export-detector` makes one")
    from host.actions.detector import OnnxDetector
    from hw_anon.core.video_path import resample
    from hw_anon.data.portrait import load_portrait

    detector = OnnxDetector(bench.detector, threads=1)
    frame = resample(load_portrait(), detector.model.height, detector.model.width)
    for _ in range(_DETECTOR_FRAMES):
        detector.detect(frame)
    figures = {
        "width": detector.model.width,
        "height": detector.model.height,
        "frames": _DETECTOR_FRAMES,
        "median_ms": round(detector.meter.milliseconds(0.5), 2),
    }
    size = f"{figures['width']}×{figures['height']}"
    line = Line(what=f"action detector, {size}, one thread, ms a frame", value=figures["median_ms"])
    return Measured(figures=figures, lines=(line,))


ENTRIES: dict[str, Callable[[Bench], Measured]] = {
    "build": _build,
    "twin": _twin,
    "folding": _folding,
    "simulation": _simulation,
    "camera": _cameras,
    "driver": _driver,
    "detector": _detector,
}
"""Benchmarks by name, in the order in which they run."""
