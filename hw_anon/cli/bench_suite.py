"""What `hw-anon bench` measures: entries by name, each with its figures and its lines of the one table.

An entry is a function of the `Bench` to a `Measured`; a new one is one line in `ENTRIES`. What an entry needs and does
not find here (another environment, a tool of others) makes it `missing`, with the reason, and not an error.
"""

from __future__ import annotations

from collections.abc import Callable

from hw_anon.cli.bench_deface import measure_deface
from hw_anon.cli.bench_frames import measure_cameras, measure_detector, measure_driver
from hw_anon.cli.bench_setup import Bench, Line, Measured

__all__ = ["ENTRIES"]

_TWIN_CROPS = 256
_SIMULATED_FACES = 3
_BUILD_FIGURES = (
    *("build_s", "fifo_sizing_s", "simulated_kcycles_per_s", "interval_cycles_rtl", "interval_cycles_ideal"),
    *("latency_cycles", "faces_per_s", "clock_mhz", "dsp", "lut", "bram18", "dsp_efficiency"),
)


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


ENTRIES: dict[str, Callable[[Bench], Measured]] = {
    "build": _build,
    "twin": _twin,
    "folding": _folding,
    "simulation": _simulation,
    "camera": measure_cameras,
    "driver": measure_driver,
    "deface": measure_deface,
    "detector": measure_detector,
}
"""Benchmarks by name, in the order in which they run."""
