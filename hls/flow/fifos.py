"""Places FIFOs on every stream of a folded graph and sizes them from one instrumented simulation.

Policy. A feature-map stream (between layers, and on a residual bypass) gets exactly the depth it was seen to need.
A window stream (inside a convolution, and behind an upsampler) repeats every pixel several times, so letting it
queue wastes memory: its depth is capped at one shift-register LUT per bit, and back-pressure then holds the data in
the feature-map FIFO before it, where it is smallest. The instrumented run uses the caps as depths. A FIFO that never
held more than n beats there gets n + 1: FINN's FIFO refuses a beat in the very cycle in which it gives one away while
full, so with room for n + 1 it never refuses one in that schedule. Its latency is that of the deep FIFO or less, and a
dataflow of fixed rates is monotone: beats that arrive no later leave no later. So sizing should cost no speed;
the proof run measures the interval of the sized design.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from hls.flow.streamline import tidy

if TYPE_CHECKING:
    from onnx import NodeProto
    from qonnx.core.modelwrapper import ModelWrapper

__all__ = ["MIN_FIFO_DEPTH", "FifoSite", "insert_fifos", "insert_width_converters", "plan_fifos", "sized_depths"]

MIN_FIFO_DEPTH = 2
"""Shallowest FIFO: one register stage each way, which cuts the combinational ready path between operators."""

_WINDOW_PRODUCERS = ("FMPadding", "ConvolutionInputGenerator", "MVAU", "UpsampleNearestNeighbour")


@dataclass(frozen=True, kw_only=True, slots=True)
class FifoSite:
    """One stream of the graph and the FIFO that will stand on it."""

    name: str
    """Instance name, e.g. `conv3_pad_fifo` (in front of `conv3_pad`) or `res0_add_bypass_fifo`."""
    tensor: str
    """Tensor the stream carries."""
    producer: str
    """Name of the node that writes it."""
    consumer: str
    """Name of the node that reads it."""
    kind: Literal["feature", "bypass", "window"]
    """`feature` and `bypass` streams are sized by measurement, `window` streams are capped."""
    width_bits: int
    """Bits of one beat."""
    beats: int
    """Beats of one image."""
    max_depth: int
    """Depth in the instrumented design."""


def _is_width_converter(node: NodeProto) -> bool:
    return bool(node.op_type.startswith("StreamingDataWidthConverter"))


def insert_width_converters(model: ModelWrapper, part: str) -> ModelWrapper:
    """Inserts stream width converters where folding left neighbours with different widths, and names them.

    A converter is called after the node it feeds, e.g. `conv3_pad_dwc`.
    """
    from finn.transformation.fpgadataflow.insert_dwc import InsertDWC
    from finn.transformation.fpgadataflow.specialize_layers import SpecializeLayers
    from qonnx.custom_op.registry import getCustomOp

    names = {node.output[0]: node.name for node in model.graph.node}
    model = model.transform(InsertDWC())
    for node in model.graph.node:
        if _is_width_converter(node):
            getCustomOp(node).set_nodeattr("preferred_impl_style", "rtl")
    model = tidy(model.transform(SpecializeLayers(part)))
    for node in model.graph.node:
        if not _is_width_converter(node):
            node.name = names.get(node.output[0], node.name)
    for node in model.graph.node:
        if _is_width_converter(node):
            consumer = model.find_consumer(node.output[0])
            # At the graph's output there is no consumer: the converter is called after its producer.
            anchor = consumer if consumer is not None else model.find_producer(node.input[0])
            port = list(consumer.input).index(node.output[0]) if consumer is not None else 0
            node.name = f"{anchor.name}_dwc{port or ''}"
    return model


def _kind(model: ModelWrapper, producer: NodeProto, consumer: NodeProto) -> Literal["feature", "bypass", "window"]:
    """Classifies a stream by its ends; a width converter is transparent."""
    while _is_width_converter(producer):
        before = model.find_producer(producer.input[0])
        if before is None:
            return "window"
        producer = before
    while _is_width_converter(consumer):
        behind = model.find_consumer(consumer.output[0])
        if behind is None:
            return "window"
        consumer = behind
    if producer.op_type.startswith("DuplicateStreams") and consumer.op_type.startswith("ElementwiseAdd"):
        return "bypass"
    return "window" if producer.op_type.startswith(_WINDOW_PRODUCERS) else "feature"


def plan_fifos(model: ModelWrapper, *, window_cap: int) -> tuple[FifoSite, ...]:
    """Returns a FIFO site for every stream between two nodes.

    Args:
        model: folded graph with width converters, without FIFOs.
        window_cap: deepest window FIFO, in beats.
    """
    from finn.util.basic import getHWCustomOp

    sites = []
    for producer in model.graph.node:
        for port, tensor in enumerate(producer.output):
            consumer = model.find_consumer(tensor)
            if consumer is None:
                continue
            op: Any = getHWCustomOp(producer)
            folded = op.get_folded_output_shape(port)
            beats = int(np.prod(folded[:-1]))
            kind = _kind(model, producer, consumer)
            side = list(consumer.input).index(tensor)
            suffix = "_bypass_fifo" if kind == "bypass" else f"_fifo{side or ''}"
            sites.append(
                FifoSite(
                    name=consumer.name + suffix,
                    tensor=tensor,
                    producer=producer.name,
                    consumer=consumer.name,
                    kind=kind,
                    width_bits=int(op.get_outstream_width(port)),
                    beats=beats,
                    max_depth=max(MIN_FIFO_DEPTH, min(window_cap, beats) if kind == "window" else beats),
                )
            )
    return tuple(sites)


def sized_depths(sites: tuple[FifoSite, ...], fills: Mapping[str, int]) -> dict[str, int]:
    """Returns the depth of each FIFO: one beat more than the instrumented run filled, at most what it had there.

    Args:
        sites: the planned FIFOs.
        fills: highest fill of each, by FIFO name, in beats.
    """
    return {site.name: min(max(MIN_FIFO_DEPTH, fills[site.name] + 1), site.max_depth) for site in sites}


def insert_fifos(model: ModelWrapper, sites: tuple[FifoSite, ...], depths: Mapping[str, int]) -> ModelWrapper:
    """Inserts one RTL FIFO per site; code generation chooses its memory by depth, width and board.

    Tensors are renamed after their nodes: qonnx gives new ones random names, and equal builds have equal bytes.

    Args:
        model: the graph the sites were planned on; it is not changed.
        sites: where.
        depths: depth of each FIFO in beats, by name.
    """
    import copy

    from finn.util.basic import getHWCustomOp
    from onnx import helper
    from qonnx.transformation.general import GiveReadableTensorNames

    model = copy.deepcopy(model)
    by_name = {node.name: node for node in model.graph.node}
    for site in sites:
        producer, consumer = by_name[site.producer], by_name[site.consumer]
        op: Any = getHWCustomOp(producer)
        port = list(producer.output).index(site.tensor)
        behind = f"{site.tensor}_{site.name}"
        shape = [int(n) for n in op.get_normal_output_shape(port)]
        fifo = helper.make_node(
            "StreamingFIFO_rtl",
            [site.tensor],
            [behind],
            name=site.name,
            domain="finn.custom_op.fpgadataflow.rtl",
            backend="fpgadataflow",
            depth=depths[site.name],
            folded_shape=[int(n) for n in op.get_folded_output_shape(port)],
            normal_shape=shape,
            dataType=op.get_output_datatype(port).name,
            ram_style="auto",
        )
        for side, name in enumerate(consumer.input):
            if name == site.tensor:
                consumer.input[side] = behind
        model.set_tensor_shape(behind, shape)
        model.set_tensor_datatype(behind, op.get_output_datatype(port))
        model.graph.node.append(fifo)
    return tidy(model).transform(GiveReadableTensorNames())
