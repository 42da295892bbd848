"""What docs/findings.md says of the tools is so; a test that fails here means that a work-around can go."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hls.sim.errors import SimulationError
from hls.sim.simulator import Simulator, Stalls
from hls.sim.verilate import SimulatorOptions, build_simulator
from hls.stitch import stitch
from tests.hls.finn_nodes import mvau, side_by_side

PART = "xc7z020clg400-1"


@pytest.mark.sim
@pytest.mark.finn
def test_matrix_unit_overflows_with_one_result_per_cycle(tmp_path: Path, simulator_cache: Path) -> None:
    """With SIMD below the matrix width it does not: `test_fast_models` shows that, under the same stalls."""
    weights = np.random.default_rng(5).integers(-7, 8, (16, 8))
    node = mvau(weights, pe=8, simd=16, inputs="UINT4", weight_type="INT4", outputs="INT16", vectors=64)
    design = stitch(side_by_side([node], PART, tmp_path / "finn"), tmp_path / "rtl", top="unit")
    checked = SimulatorOptions(asserts=True)
    library = build_simulator(design.sources, design.interface, cache_dir=simulator_cache, options=checked).library
    images = np.random.default_rng(6).integers(0, 16, (4, *node.shapes[0][1:]))
    with (
        Simulator(library, design.interface, data_dir=design.directory) as simulator,
        pytest.raises(SimulationError, match="Overflowing output queue"),
    ):
        simulator.run(images, stalls=Stalls(output_per_mille=800))


@pytest.mark.finn
def test_finn_gives_a_mixed_sum_too_few_bits(tmp_path: Path) -> None:
    from hls.flow.boot import boot

    boot(tmp_path)
    from finn.custom_op.fpgadataflow.elementwise_binary import ElementwiseAdd
    from onnx import helper
    from qonnx.core.datatype import DataType

    shapes = {"lhs_shape": [1], "rhs_shape": [1], "out_shape": [1]}
    node = helper.make_node(
        "ElementwiseAdd", ["a", "b"], ["y"], domain="finn.custom_op.fpgadataflow", backend="fpgadataflow",
        lhs_dtype="INT4", rhs_dtype="UINT4", out_dtype="INT8", **shapes,
    )  # fmt: skip
    derived = ElementwiseAdd(node)._derive_out_dtype(None)
    assert derived.name == "INT5"
    assert derived.max() < DataType["INT4"].max() + DataType["UINT4"].max()
