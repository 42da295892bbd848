"""How each operator of a FINN hardware graph is instantiated.

FINN generates one Verilog wrapper per node and leaves it to the vendor's block design tool to connect them; what
that Tcl knows is written down here once per operator: stream ports, register interfaces to tie off, the weight
memory of a matrix-vector unit, and the files with initial contents.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from hls.stitch.netlist import Instance, PortMap, StreamPin
from hls.stitch.patches import TextEdit
from hw_anon.core.errors import ContractError, ToolError

if TYPE_CHECKING:
    from finn.custom_op.fpgadataflow.hwcustomop import HWCustomOp
    from onnx import NodeProto

__all__ = ["KNOWN_OPS", "NodeHardware", "SourceFile", "instantiate"]

_CLOCK = (PortMap(port="ap_clk", expression="ap_clk"), PortMap(port="ap_rst_n", expression="ap_rst_n"))
_AXILITE_INPUTS = ("AWVALID", "AWADDR", "WVALID", "WDATA", "WSTRB", "ARVALID", "ARADDR")
_AXILITE_OUTPUTS = ("AWREADY", "WREADY", "BVALID", "BRESP", "ARREADY", "RVALID", "RDATA", "RRESP")
_MEMSTREAM = ("axi/hdl/axilite.sv", "memstream/hdl/memstream.sv", "memstream/hdl/memstream_axi.sv")


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFile:
    """A file to be copied into the design."""

    origin: Path
    """Where it is now."""
    name: str
    """Its flat name in the design."""
    edits: tuple[TextEdit, ...] = ()
    """References to rewrite."""
    renames: tuple[tuple[str, str], ...] = ()
    """Identifiers to rewrite after that: what each was, and what it becomes."""
    library: bool = False
    """Whether it is shared by nodes (and may carry a patch) or generated for one node."""


@dataclass(kw_only=True, slots=True)
class NodeHardware:
    """What one graph node becomes."""

    instances: list[Instance] = field(default_factory=list)
    """Module instances, the node's own last."""
    sources: list[SourceFile] = field(default_factory=list)
    """HDL files."""
    memories: list[SourceFile] = field(default_factory=list)
    """Initial memory contents."""
    monitor: str | None = None
    """Name of the top-level output that observes it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Context:
    """A node under instantiation."""

    node: NodeProto
    op: HWCustomOp
    instance: str
    nets: Mapping[str, str]
    instrument: bool

    def number(self, name: str) -> int:
        """Returns an integer attribute, 0 if the operator has none of that name."""
        return int(self.op.get_nodeattr(name)) if name in self.op.get_nodeattr_types() else 0

    def text(self, name: str) -> str:
        """Returns a string attribute, empty if the operator has none of that name."""
        return str(self.op.get_nodeattr(name)) if name in self.op.get_nodeattr_types() else ""

    @property
    def directory(self) -> Path:
        """Directory with the node's generated code."""
        return Path(self.op.get_nodeattr("code_gen_dir_ipgen"))

    @property
    def module(self) -> str:
        """Module of the node's generated wrapper; also the prefix of its generated files."""
        return str(self.op.get_nodeattr("gen_top_module"))

    def refuse(self, why: str) -> ContractError:
        return ContractError(f"node {self.node.name} ({self.node.op_type}) cannot be stitched: {why}")


def _streamed(node: NodeProto, nets: Mapping[str, str]) -> tuple[list[int], list[int]]:
    """Returns the indices of a node's streamed inputs and outputs (those whose tensors have a net)."""
    return (
        [k for k, name in enumerate(node.input) if name in nets],
        [k for k, name in enumerate(node.output) if name in nets],
    )


def instantiate(
    node: NodeProto, op: HWCustomOp, *, instance: str, nets: Mapping[str, str], instrument: bool = False
) -> NodeHardware:
    """Returns the instances and files of one node.

    Args:
        node: the graph node.
        op: its FINN operator object.
        instance: instance name.
        nets: net of each streamed tensor.
        instrument: bring out the fill monitor of FIFOs.

    Raises:
        ContractError: if there is no rule for the operator, it uses a feature that has no stand-alone hardware, or its
            generated code is missing.
    """
    rule = _RULES.get(node.op_type)
    if rule is None:
        raise ContractError(
            f"node {node.name}: no stitching rule for operator {node.op_type}; known: {', '.join(KNOWN_OPS)}"
        )
    context = _Context(node=node, op=op, instance=instance, nets=nets, instrument=instrument)
    if not context.module or not context.directory.is_dir():
        raise context.refuse("its HDL was not generated or is gone; run hls.stitch.generate_hdl first")
    hardware = NodeHardware()
    for path in map(Path, op.get_rtl_file_list(abspath=True)):
        if path.name == "fifo_gauge.sv":  # FINN's unbounded simulation FIFO: never part of a design
            continue
        hardware.sources.append(_source(context, path))
    rule(context, hardware)
    for source in [*hardware.sources, *hardware.memories]:
        if not source.origin.is_file():
            raise context.refuse(f"{source.origin.name} is missing from its generated code; generate it again")
    return hardware


def _source(context: _Context, path: Path, edits: tuple[TextEdit, ...] = ()) -> SourceFile:
    library = path.parent != context.directory
    return SourceFile(origin=path, name=path.name, edits=edits, library=library)


def _pins(context: _Context) -> tuple[StreamPin, ...]:
    """Returns the node's stream pins; port widths are what the operator declares for its wrapper."""
    op, node = context.op, context.node
    inputs, outputs = _streamed(node, context.nets)
    return (
        *(
            _pin(context, "in", k, node.input[k], op.get_instream_width(k), op.get_folded_input_shape(k))
            for k in inputs
        ),
        *(
            _pin(context, "out", k, node.output[k], op.get_outstream_width(k), op.get_folded_output_shape(k))
            for k in outputs
        ),
    )


def _pin(
    context: _Context, direction: Literal["in", "out"], k: int, tensor: str, bits: int, folded_shape: Sequence[int]
) -> StreamPin:
    declared = context.op.get_verilog_top_module_intf_names()
    widths = {name: int(width) for name, width in [*declared["s_axis"], *declared["m_axis"]]}
    prefix = f"{direction}{k}_V"
    if prefix not in widths:
        raise context.refuse(f"its wrapper has no stream {prefix} for tensor {tensor}")
    return StreamPin(
        prefix=prefix,
        direction=direction,
        net=context.nets[tensor],
        payload_bits=int(bits),
        port_bits=widths[prefix],
        beats=int(np.prod(folded_shape[:-1])),
    )


def _axilite_ties() -> tuple[PortMap, ...]:
    """Ties off an AXI4-Lite slave: no requests, responses accepted."""
    return (
        *(PortMap(port=f"s_axilite_{name}", expression="0") for name in _AXILITE_INPUTS),
        *(PortMap(port=f"s_axilite_{name}", expression="1'b1") for name in ("BREADY", "RREADY")),
        *(PortMap(port=f"s_axilite_{name}", expression="") for name in _AXILITE_OUTPUTS),
    )


def _add(
    context: _Context,
    hardware: NodeHardware,
    *,
    extra_streams: tuple[StreamPin, ...] = (),
    ties: tuple[PortMap, ...] = (),
) -> None:
    """Appends the node's own instance."""
    hardware.instances.append(
        Instance(
            name=context.instance,
            module=context.module,
            node=context.node.name,
            streams=(*_pins(context), *extra_streams),
            ties=(*_CLOCK, *ties),
            comment=_describe(context),
        )
    )


def _describe(context: _Context) -> str:
    """Returns the comment line of a node: operator, folding, cycles."""
    if context.node.op_type == "StreamingFIFO_rtl":
        return f"StreamingFIFO_rtl, depth {context.number('depth')}, ram_style {context.text('ram_style')}"
    numbers = [(name, context.number(name)) for name in ("MW", "MH", "NumChannels", "IFMChannels", "PE", "SIMD")]
    folding = [f"{name} {value}" for name, value in numbers if value]
    return ", ".join([context.node.op_type, *folding, f"{int(context.op.get_exp_cycles())} cycles an image expected"])


def _plain(context: _Context, hardware: NodeHardware) -> None:
    """An operator that is nothing but streams."""
    _add(context, hardware)


def _window(context: _Context, hardware: NodeHardware) -> None:
    if context.number("dynamic_mode"):
        raise context.refuse("dynamic_mode needs a register bus, which a stitched design does not have")
    _add(context, hardware)


def _padding(context: _Context, hardware: NodeHardware) -> None:
    if context.number("dynamic_mode"):
        raise context.refuse("dynamic_mode needs a register bus, which a stitched design does not have")
    _add(context, hardware, ties=_axilite_ties())


def _fifo(context: _Context, hardware: NodeHardware) -> None:
    if context.text("impl_style") != "rtl":
        raise context.refuse("impl_style must be rtl; the virtual FIFO is a measuring device of FINN's")
    monitor = f"mon_{context.instance}" if context.instrument else None
    hardware.monitor = monitor
    _add(
        context,
        hardware,
        ties=(PortMap(port="count", expression=""), PortMap(port="maxcount", expression=monitor or "")),
    )


def _thresholding(context: _Context, hardware: NodeHardware) -> None:
    """Threshold memories are files `<prefix>threshs_<pe>_<stage>.dat`; the prefix stands in the wrapper."""
    if context.number("runtime_writeable_weights"):
        raise context.refuse("runtime_writeable_weights needs a register bus, which a stitched design does not have")
    prefix = f"{context.instance}_"
    edit = TextEdit(old=f'"./{context.module}_"', new=f'"./{prefix}"')
    hardware.sources = [_source(context, s.origin, () if s.library else (edit,)) for s in hardware.sources]
    bits = context.op.get_output_datatype().bitwidth()
    for pe in range(context.number("PE")):
        for stage in range(bits):
            part = f"threshs_{pe}_{stage}.dat"
            origin = context.directory / f"{context.module}_{part}"
            hardware.memories.append(SourceFile(origin=origin, name=prefix + part))
    # in1_V selects one of several threshold sets; there is one.
    ties = (
        PortMap(port="in1_V_TVALID", expression="1'b0"),
        PortMap(port="in1_V_TDATA", expression="8'd0"),
        PortMap(port="in1_V_TREADY", expression=""),
    )
    _add(context, hardware, ties=(*_axilite_ties(), *ties))


def _matrix_vector(context: _Context, hardware: NodeHardware) -> None:
    """A matrix-vector unit and the memory that streams its weights for ever."""
    _require_plain_mvau(context)
    weights = f"{context.instance}_weights"
    bits, padded = context.op.get_instream_width(1), context.op.get_instream_width_padded(1)
    _add_weight_memory(context, hardware, name=weights, bits=bits, padded=padded)
    pin = StreamPin(prefix="in1_V", direction="in", net=weights, payload_bits=bits, port_bits=padded, beats=0)
    fast_clock = PortMap(port="ap_clk2x", expression="ap_clk")
    _add(context, hardware, extra_streams=(pin,), ties=(fast_clock,))


def _require_plain_mvau(context: _Context) -> None:
    if (mode := context.text("mem_mode")) != "internal_decoupled":
        raise context.refuse(f"mem_mode is {mode}, only internal_decoupled carries its weights with it")
    for name in ("pumpedCompute", "pumpedMemory"):
        if context.number(name):
            raise context.refuse(f"{name} needs a second clock at twice the frequency")
    for name in ("runtime_writeable_weights", "dynamic_input", "mlo_max_iter"):
        if context.number(name):
            raise context.refuse(f"{name} is not supported")
    if context.number("TH") > 1:
        raise context.refuse("tiled matrix-vector units (TH > 1) are not supported")


def _add_weight_memory(context: _Context, hardware: NodeHardware, *, name: str, bits: int, padded: int) -> None:
    """Adds FINN's weight streamer, which the node's own file list leaves out."""
    library = _finn_rtllib()
    hardware.sources += [SourceFile(origin=library / f, name=Path(f).name, library=True) for f in _MEMSTREAM]
    wrapper = context.directory / f"{context.module}_memstream_wrapper.v"
    contents = context.directory / "memblock.dat"
    if wrapper.is_file() and f'"{contents}"' not in wrapper.read_text():
        raise context.refuse(
            "its weight memory has no initial contents (ram_style ultra has none on this device); choose block or auto"
        )
    edit = TextEdit(old=f'"{contents}"', new=f'"./{context.instance}_memblock.dat"')
    hardware.sources.append(_source(context, wrapper, (edit,)))
    hardware.memories.append(SourceFile(origin=contents, name=f"{context.instance}_memblock.dat"))
    pin = StreamPin(
        prefix="m_axis_0",
        direction="out",
        net=name,
        payload_bits=bits,
        port_bits=padded,
        beats=0,
        suffixes=("tdata", "tvalid", "tready"),
    )
    ties = (
        *_CLOCK,
        PortMap(port="ap_clk2x", expression="ap_clk"),
        *_axilite_ties(),
        PortMap(port="s_axilite_AWPROT", expression="3'd0"),
        PortMap(port="s_axilite_ARPROT", expression="3'd0"),
        PortMap(port="s_axis_0_tvalid", expression="1'b0"),
        PortMap(port="s_axis_0_tdata", expression="1'b0"),
        PortMap(port="s_axis_0_tready", expression=""),
    )
    hardware.instances.append(
        Instance(
            name=name,
            module=wrapper.stem,
            node=context.node.name,
            streams=(pin,),
            ties=ties,
            comment=f"weights of {context.instance}: {padded} bits a beat",
        )
    )


def _finn_rtllib() -> Path:
    spec = importlib.util.find_spec("finn")
    if spec is None or not spec.submodule_search_locations:
        raise ToolError("FINN+ is not installed; install the compiler's extra: pip install 'hw-anon[finn]'")
    return Path(spec.submodule_search_locations[0]) / "finn-rtllib"


_RULES: dict[str, Callable[[_Context, NodeHardware], None]] = {
    "ConvolutionInputGenerator_rtl": _window,
    "DuplicateStreams_rtl": _plain,
    "ElementwiseAdd_rtl": _plain,
    "FMPadding_rtl": _padding,
    "MVAU_rtl": _matrix_vector,
    "StreamingConcat_rtl": _plain,
    "StreamingDataWidthConverter_rtl": _plain,
    "StreamingFIFO_rtl": _fifo,
    "Thresholding_rtl": _thresholding,
    "UpsampleNearestNeighbour_rtl": _plain,
}

KNOWN_OPS = tuple(_RULES)
"""Operators that can be stitched."""
