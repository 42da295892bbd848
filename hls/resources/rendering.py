"""A synthesisable top for each node that the resource model is calibrated on.

Each is one instance of FINN's (or our) RTL with its AXI-Lite port tied off, as in a stitched design.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hls.resources.view import NodeView

__all__ = ["Rendering", "render"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendering:
    """What the synthesiser needs for one point."""

    top: str
    """Top module."""
    sources: tuple[Path, ...]
    """HDL files."""
    data: tuple[Path, ...] = ()
    """Memory initialisation files."""


_LIBRARY = {
    "MVAU_core": (
        "mvu_vvu_axi",
        ("mvu/mvu_pkg.sv", "mvu/mvu_vvu_axi.sv", "mvu/replay_buffer.sv", "mvu/mvu.sv", "mvu/mvu_vvu_8sx9_dsp58.sv",
         "mvu/add_multi.sv"),
    ),
    "memstream": ("memstream", ("memstream/hdl/memstream.sv",)),
    "Thresholding_rtl": (
        "thresholding_axi",
        ("axi/hdl/axilite.sv", "thresholding/hdl/thresholding.sv", "thresholding/hdl/thresholding_axi.sv"),
    ),
    "FMPadding_rtl": ("fmpadding", ("fmpadding/hdl/fmpadding.sv",)),
    "StreamingDataWidthConverter_rtl": ("dwc_axi", ("dwc/hdl/dwc_axi.sv", "dwc/hdl/vpc.sv")),
    "StreamingFIFO_rtl": ("fifo", ("fifo/hdl/fifo.sv",)),
}  # fmt: skip
"""FINN's modules: top and files below its RTL library."""

_KERNELS = {
    "DuplicateStreams_rtl": "axis_fork",
    "ElementwiseAdd_rtl": "axis_add",
    "UpsampleNearestNeighbour_rtl": "axis_upsample",
    "axis_tlast": "axis_tlast",
}
"""Our modules, one per file."""


def render(view: NodeView, directory: Path, library: Path, kernels: Path) -> Rendering:
    """Writes the top of a point into `directory`.

    Args:
        view: the point.
        directory: where generated files go; it exists.
        library: FINN's RTL library.
        kernels: our RTL kernels.
    """
    if view.op == "ConvolutionInputGenerator_rtl":
        return _render_window(view, directory)
    data = _write_memories(view, directory)
    if view.op in _KERNELS:
        module, files = _KERNELS[view.op], [kernels / f"{_KERNELS[view.op]}.sv"]
    else:
        module, relative = _LIBRARY[view.op]
        files = [library / name for name in relative]
    top = directory / "point.sv"
    top.write_text(_instance(view, module))
    return Rendering(top="point", sources=(*files, top), data=data)


def _write_memories(view: NodeView, directory: Path) -> tuple[Path, ...]:
    """Writes random contents (seeded) for the memories of a point."""
    generator = np.random.default_rng(1)
    contents: dict[str, np.ndarray] = {}
    if view.op == "memstream":
        contents["weights.dat"] = generator.integers(0, 16, (view.integer("depth"), -(-view.input_bits // 4)))
    if view.op == "Thresholding_rtl":
        pe, fold = view.integer("PE"), view.integer("NumChannels") // view.integer("PE")
        for row in range(pe):
            for stage in range(view.output_bits):
                digits = -(-view.other_bits // 4)
                values = generator.integers(0, 16, (fold << stage, digits))
                values[:, 0] %= 1 << (view.other_bits - 4 * (digits - 1))
                contents[f"threshs_{row}_{stage}.dat"] = values
    paths = []
    for name, values in contents.items():
        path = directory / name
        path.write_text("".join("".join(f"{digit:x}" for digit in row) + "\n" for row in values))
        paths.append(path)
    return tuple(paths)


def _parameters(view: NodeView) -> dict[str, int | str]:
    """Module parameters of a point."""
    number = view.integer
    match view.op:
        case "MVAU_core":
            return {
                "IS_MVU": 1, "VERSION": 1, "MW": number("MW"), "MH": number("MH"), "PE": number("PE"),
                "SIMD": number("SIMD"), "ACTIVATION_WIDTH": view.input_bits, "WEIGHT_WIDTH": view.other_bits,
                "ACCU_WIDTH": view.output_bits, "NARROW_WEIGHTS": int(view.narrow),
            }  # fmt: skip
        case "memstream":
            return {
                "SETS": 1, "DEPTH": number("depth"), "WIDTH": view.input_bits, "INIT_FILE": '"weights.dat"',
                # Without a write port, distributed memory is a ROM of look-up tables; Yosys calls that logic.
                "RAM_STYLE": '"block"' if view.text("ram_style", "auto") == "block" else '"logic"',
            }  # fmt: skip
        case "Thresholding_rtl":
            return {
                "WI": view.input_bits, "WT": view.other_bits, "N": number("numSteps"), "C": number("NumChannels"),
                "PE": number("PE"), "SIGNED": 1, "BIAS": 0, "THRESHOLDS_PATH": '"./"', "USE_AXILITE": 0,
                "DEPTH_TRIGGER_BRAM": number("depth_trigger_bram"), "DEEP_PIPELINE": 1,
            }  # fmt: skip
    return _stream_parameters(view)


def _stream_parameters(view: NodeView) -> dict[str, int | str]:
    """Like `_parameters`, for what only moves, repeats or adds streams."""
    number = view.integer
    match view.op:
        case "FMPadding_rtl":
            height, width = view.pair("ImgDim")
            return {
                "XCOUNTER_BITS": (width + 2).bit_length(), "YCOUNTER_BITS": (height + 2).bit_length(),
                "NUM_CHANNELS": number("NumChannels"), "SIMD": number("SIMD"), "ELEM_BITS": view.input_bits,
                "INIT_XON": 1, "INIT_XOFF": 1 + width, "INIT_XEND": 1 + width, "INIT_YON": 1,
                "INIT_YOFF": 1 + height, "INIT_YEND": 1 + height,
            }  # fmt: skip
        case "StreamingDataWidthConverter_rtl":
            return {"IBITS": number("inWidth"), "OBITS": number("outWidth")}
        case "StreamingFIFO_rtl":
            return {
                "DEPTH": number("depth"), "DATA_WIDTH": view.input_bits,
                "RAM_STYLE": f'"{view.text("ram_style", "auto")}"',
            }  # fmt: skip
        case "DuplicateStreams_rtl":
            return {"DataWidth": number("PE") * view.input_bits, "Branches": number("NumOutputStreams")}
        case "ElementwiseAdd_rtl":
            return {
                "Pe": number("PE"), "AWidth": view.input_bits, "ASigned": 1, "BWidth": view.other_bits,
                "BSigned": 1, "SumWidth": view.output_bits,
            }  # fmt: skip
        case "axis_tlast":
            return {"DataWidth": view.input_bits, "Beats": number("beats")}
    return {
        "DataWidth": number("SIMD") * view.input_bits, "Width": number("WI"),
        "ChannelFold": number("NumChannels") // number("SIMD"), "Scale": number("WO") // number("WI"),
        "RamStyle": f'"{view.text("ram_style", "auto")}"',
    }  # fmt: skip


def _ports(view: NodeView) -> tuple[dict[str, int], dict[str, int], dict[str, str]]:
    """Ports of a point's module: inputs and outputs to bring out (bits), and what the others are tied to."""

    def bytes_of(bits: int) -> int:
        return -(-bits // 8) * 8

    def stream(prefix: str, bits: int, separator: str = "_") -> tuple[dict[str, int], dict[str, int]]:
        return {f"{prefix}{separator}tdata": bits, f"{prefix}{separator}tvalid": 1}, {f"{prefix}{separator}tready": 1}

    simd, pe, bits = view.integer("SIMD", 1), view.integer("PE", 1), view.input_bits
    match view.op:
        case "MVAU_core":
            weights = stream("s_axis_weights", bytes_of(pe * simd * view.other_bits))
            source = stream("s_axis_input", bytes_of(simd * bits))
            sink = stream("m_axis_output", bytes_of(pe * view.output_bits))
            clock = {"ap_clk": "clk", "ap_clk2x": "clk", "ap_rst_n": "rst_n"}
            return weights[0] | source[0] | sink[1], weights[1] | source[1] | sink[0], clock
        case "memstream":
            tied = {"clk": "clk", "rst": "!rst_n", "config_ce": "1'b0", "config_we": "1'b0", "config_address": "'0"}
            return {"ordy": 1}, {"ovld": 1, "odat": bits}, tied | {"config_d0": "'0", "sidx": "'0", "svld": "1'b0"}
        case "Thresholding_rtl":
            source, sink = stream("s_axis", bytes_of(pe * bits)), stream("m_axis", bytes_of(pe * view.output_bits))
            tied = {"ap_clk": "clk", "ap_rst_n": "rst_n", "s_axis_set_tvalid": "1'b0", "s_axis_set_tdata": "'0"}
            for name in ("AWVALID", "AWADDR", "WVALID", "WDATA", "WSTRB", "BREADY", "ARVALID", "ARADDR", "RREADY"):
                tied[f"s_axilite_{name}"] = "'0"
            return source[0] | sink[1], source[1] | sink[0], tied
        case "FMPadding_rtl" | "StreamingDataWidthConverter_rtl":
            widths = (view.integer("inWidth", simd * bits), view.integer("outWidth", simd * bits))
            source, sink = stream("s_axis", bytes_of(widths[0])), stream("m_axis", bytes_of(widths[1]))
            tied = {"ap_clk": "clk", "ap_rst_n": "rst_n"}
            if view.op == "FMPadding_rtl":
                tied |= {"we": "1'b0", "wa": "'0", "wd": "'0"}
            return source[0] | sink[1], source[1] | sink[0], tied
        case "StreamingFIFO_rtl":
            tied = {"clk": "clk", "rst": "!rst_n"}
            return {"idat": bits, "ivld": 1, "ordy": 1}, {"irdy": 1, "odat": bits, "ovld": 1}, tied
    return _kernel_ports(view)


def _kernel_ports(view: NodeView) -> tuple[dict[str, int], dict[str, int], dict[str, str]]:
    """Like `_ports`, for our kernels."""
    pe, clock = view.integer("PE", 1), {"clk_i": "clk", "rst_ni": "rst_n"}
    sources = {"s_axis": view.integer("SIMD", pe) * view.input_bits}
    sink, branches = view.integer("SIMD", pe) * view.output_bits, 1
    if view.op == "ElementwiseAdd_rtl":
        sources = {"s_axis_a": pe * view.input_bits, "s_axis_b": pe * view.other_bits}
    if view.op == "DuplicateStreams_rtl":
        branches = view.integer("NumOutputStreams")
    last = {"m_axis_tlast": 1} if view.op == "axis_tlast" else {}
    inputs, outputs = {"m_axis_tready": branches}, {"m_axis_tdata": branches * sink, "m_axis_tvalid": branches} | last
    for prefix, bits in sources.items():
        inputs |= {f"{prefix}_tdata": bits, f"{prefix}_tvalid": 1}
        outputs[f"{prefix}_tready"] = 1
    return inputs, outputs, clock


def _instance(view: NodeView, module: str) -> str:
    """The Verilog of a top that holds one instance of `module`."""
    inputs, outputs, tied = _ports(view)
    ports = ["input wire clk", "input wire rst_n"]
    ports += [f"input wire [{bits - 1}:0] {name}" for name, bits in inputs.items()]
    ports += [f"output wire [{bits - 1}:0] {name}" for name, bits in outputs.items()]
    connections = [f".{name}({name})" for name in (*inputs, *outputs)]
    connections += [f".{name}({value})" for name, value in tied.items()]
    parameters = ", ".join(f".{name}({value})" for name, value in _parameters(view).items())
    return (
        f"module point (\n  {(',' + chr(10) + '  ').join(ports)}\n);\n"
        f"  {module} #({parameters}) dut (\n    {(',' + chr(10) + '    ').join(connections)}\n  );\nendmodule\n"
    )


def _render_window(view: NodeView, directory: Path) -> Rendering:
    """Lets FINN generate a sliding window unit, whose controller is a filled-in template."""
    from onnx import TensorProto, helper
    from qonnx.core.datatype import DataType
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.custom_op.registry import getCustomOp

    datatype = f"UINT{view.input_bits}"
    attributes = {name: list(value) if isinstance(value, tuple) else value for name, value in view.attributes.items()}
    node = helper.make_node(
        view.op, ["in"], ["out"], name="point", domain="finn.custom_op.fpgadataflow.rtl", backend="fpgadataflow",
        inputDataType=datatype, outputDataType=datatype, **attributes,
    )  # fmt: skip
    (height, width), (rows, columns) = view.pair("IFMDim"), view.pair("OFMDim")
    channels = view.integer("IFMChannels")
    graph = helper.make_graph(
        [node],
        "point",
        [helper.make_tensor_value_info("in", TensorProto.FLOAT, [1, height, width, channels])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, rows, columns, 9 * channels])],
    )
    model = ModelWrapper(helper.make_model(graph))
    for tensor in ("in", "out"):
        model.set_tensor_datatype(tensor, DataType[datatype])
    instance = getCustomOp(model.graph.node[0])
    instance.set_nodeattr("code_gen_dir_ipgen", str(directory))
    instance.generate_hdl(model, "xc7z020clg400-1", 10.0)
    sources = tuple(Path(file) for file in instance.get_rtl_file_list(abspath=True))
    return Rendering(top=instance.get_nodeattr("gen_top_module"), sources=sources)
