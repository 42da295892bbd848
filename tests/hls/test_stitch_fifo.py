"""What FINN's FIFO builds, measured in Verilator, and the choice of its memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hls.interface import DesignInterface, StreamPort
from hls.stitch.fifo import choose_fifo_ram_style, implemented_fifo_depth
from hls.stitch.patches import patch_source
from hw_anon.core.boards import get_board
from hw_anon.core.errors import ConfigError

_SHAPES = [
    (2, "srl"),
    (5, "block"),
    (33, "ultra"),
    (70, "srl"),
    (40, "distributed"),
    (100, "distributed"),
    (64, "block"),
    (513, "block"),
    (514, "block"),
    (600, "block"),
    (1500, "block"),
    (300, "ultra"),
]


@pytest.mark.finn
@pytest.mark.sim
def test_implemented_depth_is_what_the_rtl_holds(tmp_path: Path, simulator_cache: Path) -> None:
    """FIFOs are filled and never read; each must stop at the predicted number of beats."""
    import finn

    from hls.sim.simulator import Simulator
    from hls.sim.verilate import SimulatorOptions, build_simulator

    original = Path(finn.__file__).parent / "finn-rtllib" / "fifo" / "hdl" / "fifo.sv"
    (tmp_path / "fifo.sv").write_bytes(patch_source("fifo.sv", original.read_bytes()))
    body = []
    for depth, style in _SHAPES:
        name = f"{style}_{depth}"
        rtl_style = "shift" if style == "srl" else style
        body.append(
            f'fifo #(.DEPTH({depth}), .DATA_WIDTH(8), .RAM_STYLE("{rtl_style}")) i_{name} (.clk(ap_clk), '
            ".rst(!ap_rst_n), .idat(8'd0), .ivld(1'b1), .irdy(), .odat(), .ovld(), .ordy(1'b0), "
            f".count(count_{name}), .maxcount());\n"
            f"wire [$clog2({depth + 1}):0] count_{name}; assign mon_{name} = 32'(count_{name});"
        )
    monitors = [f"mon_{style}_{depth}" for depth, style in _SHAPES]
    ports = ", ".join(f"output logic [31:0] {m}" for m in monitors)
    (tmp_path / "top.sv").write_text(
        "module top (input ap_clk, input ap_rst_n, input [7:0] s_axis_tdata, input s_axis_tvalid, "
        f"output s_axis_tready, output [7:0] m_axis_tdata, output m_axis_tvalid, input m_axis_tready, {ports});\n"
        "assign m_axis_tdata = s_axis_tdata; assign m_axis_tvalid = s_axis_tvalid;\n"
        "assign s_axis_tready = m_axis_tready;\n" + "\n".join(body) + "\nendmodule\n"
    )
    common = {"element_bits": 8, "elements_per_beat": 1, "signed": False, "shape": (2500,), "tdata_bits": 8}
    interface = DesignInterface(
        top="top",
        inputs=(StreamPort(name="s_axis", **common),),
        outputs=(StreamPort(name="m_axis", **common),),
        monitors=tuple(monitors),
    )
    sources = [tmp_path / "fifo.sv", tmp_path / "top.sv"]
    quick = SimulatorOptions(optimisation="-O0")
    binary = build_simulator(sources, interface, cache_dir=simulator_cache, options=quick)
    with Simulator(binary.library, interface, data_dir=tmp_path) as simulator:
        simulator.run(np.zeros((1, 2500), np.int64))
        held = simulator.monitors()
    for depth, style in _SHAPES:
        assert held[f"mon_{style}_{depth}"] == implemented_fifo_depth(depth, style), (depth, style)
        assert held[f"mon_{style}_{depth}"] >= depth


@pytest.mark.parametrize(
    ("depth", "width", "board", "style"),
    [
        (2, 8, "pynq-z2", "srl"),
        (33, 512, "kv260", "srl"),
        (64, 8, "pynq-z2", "srl"),
        (64, 16, "pynq-z2", "distributed"),
        (257, 32, "pynq-z2", "distributed"),
        (258, 32, "pynq-z2", "block"),
        (4096, 72, "pynq-z2", "block"),
        (4096, 72, "kv260", "ultra"),
        (2029, 8, "kv260", "block"),
        (16384, 8, "zcu104", "block"),
        (16384, 72, "zcu104", "ultra"),
    ],
)
def test_memory_follows_depth_width_and_board(depth: int, width: int, board: str, style: str) -> None:
    choice = choose_fifo_ram_style(depth, width, get_board(board))
    assert choice.style == style
    assert choice.reason


def test_a_zynq_7000_never_gets_ultraram() -> None:
    for depth in (2, 34, 258, 2029, 4097, 65536):
        assert choose_fifo_ram_style(depth, 128, get_board("pynq-z2")).style != "ultra"


def test_depth_below_two_is_refused() -> None:
    for function in (implemented_fifo_depth, lambda d: choose_fifo_ram_style(d, 8, get_board("kv260"))):
        with pytest.raises(ConfigError, match="at least 2"):
            function(1)
