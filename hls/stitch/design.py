"""Stitches a FINN hardware graph into one self-contained directory of RTL, without any vendor tool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from hls.interface import FILE_LIST, DesignInterface, StreamPort
from hls.kernels import kernel_source
from hls.stitch.emit import emit_verilog
from hls.stitch.netlist import Instance, Netlist, PortMap, StreamPin, connect, identifier, unique_identifiers
from hls.stitch.nodes import NodeHardware, SourceFile, instantiate
from hls.stitch.prefix import with_prefix
from hls.stitch.sources import SourceSet
from hw_anon.core.atomic import atomic_directory
from hw_anon.core.errors import ConfigError, ContractError

if TYPE_CHECKING:
    from finn.custom_op.fpgadataflow.hwcustomop import HWCustomOp
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper

__all__ = ["StitchedDesign", "stitch"]

_TLAST_MODULE = "axis_tlast"


@dataclass(frozen=True, kw_only=True, slots=True)
class StitchedDesign:
    """A stitched design on disk."""

    directory: Path
    """Holds all HDL, `.dat` memory contents, `files.f` and `interface.json`; may be moved as a whole."""
    interface: DesignInterface
    """Ports of the top module."""
    sources: tuple[Path, ...]
    """HDL files in compile order, the top module last."""


def stitch(
    model: ModelWrapper, directory: Path, *, top: str, prefix: str = "", instrument_fifos: bool = False
) -> StitchedDesign:
    """Stitches a graph of generated nodes into one AXI4-Stream design.

    Args:
        model: hardware graph of RTL operators whose HDL `generate_hdl` made.
        directory: output directory; replaced as a whole once the design is complete, byte-identical for equal inputs.
        top: name of the top module.
        prefix: what the names of all generated modules and files but the top begin with: two designs can be in one
            chip if no more than one of them has none (`merge_designs`).
        instrument_fifos: bring out every FIFO's highest fill as a 32-bit output `mon_<instance>`.

    Raises:
        ConfigError: if `top` is not a Verilog identifier, or `prefix` cannot begin one.
        ContractError: if an operator has no stitching rule, generated code is missing, or the two ends of a
            stream do not fit.
        ToolError: if FINN's RTL library is not the release the patches were made for.
    """
    if identifier(top) != top:
        raise ConfigError(f"top module name {top!r} is not a Verilog identifier; {identifier(top)!r} would be")
    if prefix and identifier(prefix) != prefix:
        raise ConfigError(f"prefix {prefix!r} cannot begin a Verilog identifier; {identifier(prefix)!r} could")
    netlist, hardware = _assemble(model, top, prefix, instrument=instrument_fifos)
    sources = SourceSet()
    for part in hardware:
        sources.add(part.sources, part.memories)
    tlast = kernel_source(_TLAST_MODULE)
    sources.add([SourceFile(origin=tlast, name=tlast.name, library=True)])
    sources.add_text(f"{top}.v", emit_verilog(netlist))
    interface = DesignInterface(top=top, inputs=netlist.inputs, outputs=netlist.outputs, monitors=netlist.monitors)
    with atomic_directory(directory) as partial:
        names = [path.name for path in sources.write(partial)]
        (partial / FILE_LIST).write_text("".join(f"{name}\n" for name in names))
        interface.save(partial)
    return StitchedDesign(directory=directory, interface=interface, sources=tuple(directory / name for name in names))


def _assemble(model: ModelWrapper, top: str, prefix: str, *, instrument: bool) -> tuple[Netlist, list[NodeHardware]]:
    """Instantiates every node and joins them."""
    from qonnx.transformation.general import SortGraph

    model = model.transform(SortGraph())  # drivers before consumers: wires are declared before they are used
    nodes = list(model.graph.node)
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [value.name for value in model.graph.input if value.name not in constants]
    outputs = [value.name for value in model.graph.output]
    names = unique_identifiers([node.name for node in nodes])
    nets = _name_nets(nodes, names, inputs, outputs)
    hardware = [
        instantiate(node, _operator(node), instance=names[node.name], nets=nets, instrument=instrument)
        for node in nodes
    ]
    hardware = with_prefix(hardware, prefix)
    in_ports = tuple(_port(model, name, nets[name], hardware, "in") for name in inputs)
    m_axis = _port_names("m_axis", len(outputs))
    tails = [
        _tlast(_port(model, name, nets[name], hardware, "out"), port)
        for name, port in zip(outputs, m_axis, strict=True)
    ]
    netlist = connect(
        top,
        [*(i for part in hardware for i in part.instances), *(instance for instance, _ in tails)],
        inputs=in_ports,
        outputs=tuple(port for _, port in tails),
        monitors=tuple(part.monitor for part in hardware if part.monitor),
    )
    return netlist, hardware


def _operator(node: NodeProto) -> HWCustomOp:
    """Returns FINN's operator object of a node."""
    from finn.util.basic import getHWCustomOp

    try:
        return getHWCustomOp(node)
    except Exception as exc:  # qonnx's registry raises whatever the missing module or class raises
        raise ContractError(f"node {node.name}: {node.op_type} ({node.domain}) is not a known operator: {exc}") from exc


def _port_names(prefix: str, count: int) -> list[str]:
    return [prefix] if count == 1 else [f"{prefix}_{k}" for k in range(count)]


def _name_nets(
    nodes: Sequence[NodeProto], names: dict[str, str], inputs: Sequence[str], outputs: Sequence[str]
) -> dict[str, str]:
    """Names the net of every streamed tensor: after its port, or after the node that drives it."""
    nets = dict(zip(inputs, _port_names("s_axis", len(inputs)), strict=True))
    for node in nodes:
        several = len(node.output) > 1
        for k, tensor in enumerate(node.output):
            nets[tensor] = f"{names[node.name]}_out{k if several else ''}"
    if missing := [name for name in outputs if name not in nets]:
        raise ContractError(f"no node drives the graph's output {missing[0]}")
    return nets


def _port(model: ModelWrapper, tensor: str, net: str, hardware: Sequence[NodeHardware], direction: str) -> StreamPort:
    """Describes the stream at one end of the graph."""
    pins = [
        pin
        for part in hardware
        for i in part.instances
        for pin in i.streams
        if pin.net == net and pin.direction == direction
    ]
    if len(pins) != 1:
        raise ContractError(f"{len(pins)} nodes connect to the graph's end {tensor}, it needs exactly one")
    datatype, shape = model.get_tensor_datatype(tensor), model.get_tensor_shape(tensor)
    if shape[0] != 1:
        raise ContractError(f"tensor {tensor} has batch {shape[0]}; a stitched design takes one image at a time")
    if not datatype.is_integer():
        raise ContractError(f"tensor {tensor} is {datatype.name}; a stitched design streams integers only")
    pin, bits = pins[0], int(datatype.bitwidth())
    if int(np.prod(shape)) * bits != pin.payload_bits * pin.beats:
        raise ContractError(
            f"tensor {tensor} ({datatype.name}, {list(shape)}) is not what its node streams: {pin.beats} beats of "
            f"{pin.payload_bits} bits; run InferShapes and InferDataTypes"
        )
    return StreamPort(
        name=net,
        element_bits=bits,
        elements_per_beat=pin.payload_bits // bits,
        signed=bool(datatype.signed()),
        shape=tuple(int(n) for n in shape[1:]),
        tdata_bits=pin.port_bits,
    )


def _tlast(tail: StreamPort, name: str) -> tuple[Instance, StreamPort]:
    """Returns the kernel that marks the last beat of every image, and the output port behind it."""

    def pin(prefix: str, direction: Literal["in", "out"], net: str) -> StreamPin:
        return StreamPin(
            prefix=prefix,
            direction=direction,
            net=net,
            payload_bits=tail.element_bits * tail.elements_per_beat,
            port_bits=tail.tdata_bits,
            beats=tail.beats,
            suffixes=("tdata", "tvalid", "tready"),
        )

    instance = Instance(
        name=f"{name}_tlast_marker",
        module=_TLAST_MODULE,
        node=f"{_TLAST_MODULE} at {name}",
        streams=(pin("s_axis", "in", tail.name), pin("m_axis", "out", name)),
        ties=(
            PortMap(port="clk_i", expression="ap_clk"),
            PortMap(port="rst_ni", expression="ap_rst_n"),
            PortMap(port="m_axis_tlast", expression=f"{name}_tlast"),
        ),
        parameters=(("DataWidth", tail.tdata_bits), ("Beats", tail.beats)),
        comment=f"marks the last of every {tail.beats} beats",
    )
    return instance, replace(tail, name=name, has_tlast=True)
