"""One build: an exported network becomes a directory with RTL, simulator, twin, proofs, reports and a manifest."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hls.flow.boot import boot
from hls.flow.config import BuildConfig
from hls.flow.fifos import insert_fifos, insert_width_converters
from hls.flow.finished import (
    GRAPH_FILE,
    LIBRARY_FILE,
    MODEL_DIR,
    RTL_DIR,
    TWIN_FILE,
    FinishedBuild,
    load_build,
)
from hls.flow.identity import inputs_of, tools_of
from hls.flow.pipeline import HardwareGraph, compile_graph
from hls.flow.prove import ProofRuns, prove
from hls.flow.sizing import FifoSizing, size_fifos
from hls.flow.summary import summarise
from hls.folding import FoldingReport, fold
from hls.sim.verilate import SimulatorBinary, SimulatorOptions, build_simulator
from hls.stitch import StitchedDesign, stitch
from hls.stitch.codegen import generate_hdl, set_fifo_ram_styles
from hls.twin.lift import lift
from hls.twin.run import Twin
from hw_anon.core.atomic import atomic_directory
from hw_anon.core.backend import Link, compare_outputs
from hw_anon.core.errors import ContractError
from hw_anon.core.manifest import Manifest, design_id

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

__all__ = ["BuildRecord", "build"]

_MIN_PROOF_CROPS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildRecord:
    """Everything a build measured, for the reports."""

    config: BuildConfig
    """The configuration."""
    graph: HardwareGraph
    """The compiled network and the stages it went through."""
    dataflow: ModelWrapper
    """The folded graph with its FIFOs."""
    folding: FoldingReport
    """Chosen parallelism."""
    sizing: FifoSizing
    """FIFO fills and depths."""
    simulator: SimulatorBinary
    """The compiled simulator of the sized design."""
    proof: ProofRuns
    """Interval and equality of the sized design in RTL."""
    links: tuple[Link, ...]
    """Equalities checked during the build."""
    crops_u8: NDArray[np.uint8]
    """Faces used, `[N, H, W, 3]`."""
    modified_u8: NDArray[np.uint8]
    """What the design made of them."""
    build_s: float
    """Wall time of the build until the reports, in seconds."""


def build(
    source: Path,
    directory: Path,
    config: BuildConfig,
    *,
    crops_u8: NDArray[np.uint8],
    work_dir: Path,
    cache_dir: Path,
    on_stage: Callable[[str], None] | None = None,
) -> FinishedBuild:
    """Builds the accelerator of an exported network.

    Args:
        source: export directory with `model.onnx` and `contract.json`.
        directory: build directory; an earlier one is replaced when the new one is complete and proven.
        config: board, clock, throughput.
        crops_u8: `[N, H, W, 3]` uint8 faces for the proof runs, N at least 3.
        work_dir: scratch directory of FINN; what the build puts there is removed.
        cache_dir: cache of compiled simulators.
        on_stage: called with each stage's name before it runs.

    Raises:
        ConfigError: if the throughput cannot be reached or does not fit the board.
        ContractError: if the model is outside the family, or a stage's output differs from the one before.
        ToolError: if a tool is missing or fails.
    """
    start = time.perf_counter()
    announce = on_stage or (lambda name: None)
    assert len(crops_u8) >= _MIN_PROOF_CROPS, "the steady state shows from the third face on"
    boot(work_dir)
    scratch = work_dir / "build"
    shutil.rmtree(scratch, ignore_errors=True)
    with atomic_directory(directory) as partial:
        graph = compile_graph(source, config.target, work_dir=work_dir, on_stage=on_stage)
        announce("fold")
        folding = fold(graph.specialised, board=config.target, target_interval_cycles=config.target_interval_cycles)
        model = insert_width_converters(graph.specialised, config.target.part)
        announce("size FIFOs: one instrumented simulation")
        sizing = size_fifos(
            model,
            config,
            slowest_layer_cycles=folding.interval_cycles,
            crops_u8=crops_u8,
            work_dir=scratch / "sizing",
            cache_dir=cache_dir,
        )
        dataflow = insert_fifos(model, sizing.sites, sizing.depths)
        set_fifo_ram_styles(dataflow, config.target)
        announce("generate and stitch RTL")
        design = _stitch(dataflow, config, partial / RTL_DIR, scratch / "hdl")
        announce("compile the simulator")
        simulator = build_simulator(
            design.sources, design.interface, cache_dir=cache_dir, options=SimulatorOptions(asserts=True)
        )
        twin = _save_graph(dataflow, partial)
        announce("prove: full rate, then random stalls")
        expected = twin.modify(crops_u8)
        links = [_check_twin(graph, crops_u8[:1], expected[:1])]
        proof = prove(
            simulator.library,
            design.interface,
            data_dir=design.directory,
            crops_u8=crops_u8,
            expected_u8=expected,
            stall_per_mille=config.proof_stall_per_mille,
        )
        links += _require_equal(proof, config)
        record = BuildRecord(
            config=config,
            graph=graph,
            dataflow=dataflow,
            folding=folding,
            sizing=sizing,
            simulator=simulator,
            proof=proof,
            links=tuple(links),
            crops_u8=crops_u8,
            modified_u8=expected,
            build_s=time.perf_counter() - start,
        )
        announce("write reports and manifest")
        _finish(record, source, simulator, partial)
    shutil.rmtree(scratch, ignore_errors=True)
    return load_build(directory)


def _stitch(dataflow: ModelWrapper, config: BuildConfig, directory: Path, hdl_dir: Path) -> StitchedDesign:
    """Generates every node's HDL and stitches it into `directory`."""
    generated = generate_hdl(dataflow, config.target.part, clk_period_ns=config.clk_period_ns, work_dir=hdl_dir)
    return stitch(generated, directory, top="modifier")


def _save_graph(dataflow: ModelWrapper, directory: Path) -> Twin:
    """Saves the sized graph and its twin's program; returns the twin."""
    (directory / GRAPH_FILE).parent.mkdir()
    dataflow.save(str(directory / GRAPH_FILE))
    program = lift(dataflow)
    program.save(directory / TWIN_FILE)
    return Twin(program)


def _check_twin(graph: HardwareGraph, crops_u8: NDArray[np.uint8], expected_u8: NDArray[np.uint8]) -> Link:
    """Compares the twin with FINN's Python execution of the unfolded graph.

    Raises:
        ContractError: if they differ.
    """
    from hls.flow.execute import GraphBackend

    link = compare_outputs(
        "hardware_graph", "twin", GraphBackend(graph.abstract).modify(crops_u8), expected_u8, note="during the build"
    )
    if link.differing_bytes:
        raise ContractError(f"the twin differs from the hardware graph in {link.differing_bytes} bytes")
    return link


def _require_equal(proof: ProofRuns, config: BuildConfig) -> list[Link]:
    """Turns the proof runs into links.

    Raises:
        ContractError: if the RTL differs from the twin.
    """
    stalls = f"random stalls, {config.proof_stall_per_mille / 10:g} % of cycles on each port"
    links = [
        Link(source="twin", target="rtl", crops=proof.crops, differing_bytes=proof.differing_bytes, note="full rate"),
        Link(
            source="twin",
            target="rtl",
            crops=proof.stalled_crops,
            differing_bytes=proof.stalled_differing_bytes,
            note=stalls,
        ),
    ]
    for link in links:
        if link.differing_bytes:
            raise ContractError(f"the RTL differs from the twin in {link.differing_bytes} bytes ({link.note})")
    return links


def _finish(record: BuildRecord, source: Path, simulator: SimulatorBinary, directory: Path) -> None:
    """Adds model, simulator, reports and, last, the manifest."""
    shutil.copytree(source, directory / MODEL_DIR)
    (directory / LIBRARY_FILE).parent.mkdir()
    shutil.copy2(simulator.library, directory / LIBRARY_FILE)
    inputs, tools, config = inputs_of(source), tools_of(), record.config.as_json()
    metrics = summarise(record, directory, design_id=design_id(inputs, tools, config), tools=tools)
    Manifest.create(directory, inputs=inputs, tools=tools, config=config, metrics=metrics).save(directory)
