"""`hw-anon bench`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from hw_anon.cli.build import note_stage
from hw_anon.cli.workspace import NetOption, WorkOption, Workspace, with_keys
from hw_anon.console.output import JsonOption, emit_document, note, print_table
from hw_anon.core.atomic import write_text_atomically

__all__ = ["register"]

_TWIN_CROPS = 256
_SIMULATED_FACES = 3


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("bench")(bench)


def bench(
    net: NetOption = "modifier-s",
    out: Annotated[Path, typer.Option("--out", help="File for the figures.")] = Path("build/bench.json"),
    work: WorkOption = Path("build"),
    as_json: JsonOption = False,
) -> None:
    """Measure the toolkit: twin against FINN's Python, folding against FINN's, simulation speed, build time.

    Speeds depend on the machine; ratios are measured within one run. Cycle counts are exact.

    Example: hw-anon bench --out build/bench.json
    """
    from hls.bench import folding, simulation, twin
    from hls.flow.config import BuildConfig
    from hls.flow.finished import GRAPH_FILE

    config, workspace = BuildConfig(), Workspace(work)
    finished = workspace.built(net, config, on_stage=note_stage)
    _, size, _, channels = finished.contract.input.shape
    note_stage("twin against FINN's Python execution")
    twin_figures = twin.run(
        finished.directory / GRAPH_FILE,
        with_keys(workspace.crops(_TWIN_CROPS, size).crops, channels),
        work_dir=workspace.finn,
    )
    note_stage("folding against FINN's")
    folding_figures = folding.run(workspace.exported(net), config, work_dir=workspace.finn)
    note_stage("simulation, full RTL against fast models")
    simulation_figures = simulation.run(
        finished, with_keys(workspace.faces(_SIMULATED_FACES, size).crops, channels), cache_dir=workspace.simulators
    )
    build_figures = {key: finished.report[key] for key in ("build_s", "fifo_sizing_s", "simulated_kcycles_per_s")}
    document: dict[str, Any] = {
        "net": net,
        "design_id": finished.manifest.design_id,
        "twin": twin_figures,
        "folding": folding_figures,
        "simulation": simulation_figures,
        "build": build_figures,
    }
    write_text_atomically(out, json.dumps(document, indent=2, sort_keys=True) + "\n")
    if as_json:
        emit_document(document)
        return
    rows = [
        (group, figure, value)
        for group in ("twin", "folding", "simulation", "build")
        for figure, value in document[group].items()
        if not isinstance(value, str)
    ]
    print_table(f"Benchmark of {net}", ("group", "figure", "value"), rows)
    note(f"figures: {out}")
