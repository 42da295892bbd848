"""One build: an exported network becomes a directory with RTL, simulator, twin, proofs, reports and a manifest."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
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
from hls.flow.record import BuildRecord
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
from hw_anon.core.contract import CONTRACT_FILE, MODEL_FILE, load_contract
from hw_anon.core.errors import ContractError
from hw_anon.core.manifest import Manifest, design_id

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

__all__ = ["build"]

_MIN_PROOF_CROPS = 3
_NAMES = {"modifier": ("modifier", ""), "face_detector": ("face_detector", "detector_")}
"""Top module and prefix of a design by its network's role: a camera holds one of each."""


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
        work_dir: scratch directory of FINN; builds may share it, what a build puts there is removed.
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
    role = load_contract(source).role  # a broken export is refused before anything is made
    if role not in _NAMES:
        raise ContractError(f"{source}: a network of role {role!r} cannot be built, only {', '.join(_NAMES)}")
    boot(work_dir)
    with (
        tempfile.TemporaryDirectory(dir=work_dir, prefix="build-") as scratch_name,
        atomic_directory(directory) as partial,
    ):
        scratch = Path(scratch_name)
        graph = compile_graph(_take_model(source, partial), config.target, work_dir=work_dir, on_stage=on_stage)
        folding, sizing, dataflow = _fold_and_size(graph, config, crops_u8, scratch, cache_dir, announce)
        announce("generate and stitch RTL")
        design = _stitch(dataflow, config, role, partial / RTL_DIR, scratch / "hdl")
        announce("compile the simulator")
        simulator = build_simulator(
            design.sources, design.interface, cache_dir=cache_dir, options=SimulatorOptions(asserts=True)
        )
        twin = _save_graph(dataflow, partial)
        announce("prove: full rate, random stalls, choked output")
        expected = twin.modify(crops_u8)
        twin_link = _check_twin(graph, crops_u8[:1], expected[:1])
        proof = _prove(simulator, design, crops_u8, expected)
        record = BuildRecord(
            config=config,
            graph=graph,
            dataflow=dataflow,
            folding=folding,
            sizing=sizing,
            proof=proof,
            links=(twin_link, *proof.links),
            crops_u8=crops_u8,
            modified_u8=expected,
            build_s=time.perf_counter() - start,
        )
        announce("write reports and manifest")
        _finish(record, simulator, partial)
    return load_build(directory)


def _take_model(source: Path, directory: Path) -> Path:
    """Copies the exported network; the copy is compiled and hashed, as the source may be exported anew meanwhile."""
    model_dir = directory / MODEL_DIR
    model_dir.mkdir()
    for name in (MODEL_FILE, CONTRACT_FILE):
        shutil.copyfile(source / name, model_dir / name)
    return model_dir


def _fold_and_size(
    graph: HardwareGraph,
    config: BuildConfig,
    crops_u8: NDArray[np.uint8],
    scratch: Path,
    cache_dir: Path,
    announce: Callable[[str], None],
) -> tuple[FoldingReport, FifoSizing, ModelWrapper]:
    """Folds the graph, measures its FIFOs and returns the graph with FIFOs of the depths they need."""
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
    return folding, sizing, dataflow


def _stitch(dataflow: ModelWrapper, config: BuildConfig, role: str, directory: Path, hdl_dir: Path) -> StitchedDesign:
    """Generates every node's HDL and stitches it into `directory`."""
    top, prefix = _NAMES[role]
    generated = generate_hdl(dataflow, config.target.part, clk_period_ns=config.clk_period_ns, work_dir=hdl_dir)
    return stitch(generated, directory, top=top, prefix=prefix)


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


def _prove(
    simulator: SimulatorBinary, design: StitchedDesign, crops_u8: NDArray[np.uint8], expected_u8: NDArray[np.uint8]
) -> ProofRuns:
    """Runs the crops through the RTL.

    Raises:
        ContractError: if it differs from the twin.
    """
    proof = prove(
        simulator.library, design.interface, data_dir=design.directory, crops_u8=crops_u8, expected_u8=expected_u8
    )
    for link in proof.links:
        if link.differing_bytes:
            raise ContractError(f"the RTL differs from the twin in {link.differing_bytes} bytes ({link.note})")
    return proof


def _finish(record: BuildRecord, simulator: SimulatorBinary, directory: Path) -> None:
    """Adds simulator, reports and, last, the manifest."""
    (directory / LIBRARY_FILE).parent.mkdir()
    shutil.copy2(simulator.library, directory / LIBRARY_FILE)
    inputs, tools, config = inputs_of(directory / MODEL_DIR), tools_of(), record.config.as_json()
    metrics = summarise(record, directory, design_id=design_id(inputs, tools, config), tools=tools)
    Manifest.create(directory, inputs=inputs, tools=tools, config=config, metrics=metrics).save(directory)
