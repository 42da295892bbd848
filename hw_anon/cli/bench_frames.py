"""The benchmarks of `hw-anon bench` that take whole frames: simulated cameras, driver, action detector."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import hw_anon
from hw_anon.cli.bench_setup import Bench, Line, Measured
from hw_anon.cli.camera import open_camera
from hw_anon.cli.workspace import Workspace
from hw_anon.core.errors import ToolError

__all__ = ["measure_cameras", "measure_detector", "measure_driver", "run_driver"]

_DRIVER_FRAMES = 2000
_DRIVER_TIMEOUT_S = 600
_DETECTOR_FRAMES = 30
_DETECTOR_SIZE = 320, 240
_SEED = 1


def measure_cameras(bench: Bench) -> Measured:
    """MAX_FACES faces and none through each simulated camera, beside the budget."""
    measured = {path.stem: _camera(path, bench.workspace) for path in bench.cameras}
    figures = {name: part.figures for name, part in measured.items()}
    return Measured(figures=figures, lines=tuple(line for part in measured.values() for line in part.lines))


def _camera(given: Path, workspace: Workspace) -> Measured:
    from hls.camera.equality import compare_frames, faces_found
    from hls.camera.golden import load_golden
    from hw_anon.cli.simulate_camera import face_patches
    from hw_anon.data.face_frames import frames_with

    made = open_camera(given, workspace)
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


def measure_driver(bench: Bench) -> Measured:
    """The driver's own time for a frame, in the board's environment."""
    if bench.board_python is None:
        return Measured(figures={}, missing="no environment of the board: `make test-board` makes it")
    figures = run_driver(bench.board_python)
    lines = (
        Line(what="driver: own time of a frame, median, ms", value=figures["overhead_ms"]),
        Line(what="driver: the same, 99th percentile, ms", value=figures["overhead_p99_ms"]),
        Line(what=f"driver: frames copied, of {figures['frames']}", value=figures["copies"]),
    )
    return Measured(figures=figures, lines=lines)


def run_driver(python: Path, *, width: int = 320, height: int = 240) -> dict[str, Any]:
    """Returns the figures of the driver's own benchmark, `host.bench`, for frames of a size.

    Args:
        python: Python of the board's environment.
        width: columns.
        height: rows.

    Raises:
        ToolError: if it fails.
    """
    root = str(Path(hw_anon.__file__).resolve().parents[1])
    command = [str(python), "-m", "host.bench", "--frames", str(_DRIVER_FRAMES)]
    command += ["--width", str(width), "--height", str(height)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=_DRIVER_TIMEOUT_S, env={**os.environ, "PYTHONPATH": root}
    )
    if done.returncode:
        raise ToolError("the driver's benchmark failed", command=command, log=done.stderr, returncode=done.returncode)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def measure_detector(bench: Bench) -> Measured:
    """The action detector's time for a frame with one face, on one thread of ONNX Runtime."""
    from host.actions.detector import OnnxDetector
    from hw_anon.core.video_path import resample
    from hw_anon.data.portrait import load_portrait

    directory = bench.detector or _shipped_detector(bench.workspace)
    if directory is None:
        return Measured(figures={}, missing="no action detector is among the weights: name an export with --detector")
    detector = OnnxDetector(directory, threads=1)
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


def _shipped_detector(workspace: Workspace) -> Path | None:
    """Returns the export of the action detector among the weights, `None` if there is none."""
    from hw_anon.cli.demo.actions import exported_detector
    from hw_anon.nets.shipped_detector import find_shipped

    shipped = find_shipped()
    return None if shipped is None else exported_detector(shipped, workspace, _DETECTOR_SIZE)
