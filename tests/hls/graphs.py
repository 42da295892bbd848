"""Small FINN hardware graphs for tests: build them layer by layer, lower them to RTL operators, execute them in Python.

FINN must have been booted (`hls.flow.boot.boot`) before anything here is called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

__all__ = ["PART", "GraphBuilder", "execute", "lower", "random_images"]

PART = "xc7z020clg400-1"
_ABSTRACT = "finn.custom_op.fpgadataflow"


@dataclass(kw_only=True)
class GraphBuilder:
    """Adds hardware layers one after the other; each method takes and returns tensor names."""

    seed: int = 1
    nodes: list[Any] = field(default_factory=list)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    datatypes: dict[str, str] = field(default_factory=dict)
    constants: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)

    def input(self, name: str, shape: Sequence[int], datatype: str) -> str:
        """Declares an NHWC input."""
        return self._tensor(name, shape, datatype)

    def conv(
        self,
        name: str,
        x: str,
        channels: int,
        *,
        kernel: int = 3,
        stride: int = 1,
        pe: int = 1,
        simd: int = 1,
        pad_simd: int = 1,
        threshold_pe: int = 1,
        weights: str = "INT4",
        output: str = "UINT4",
    ) -> str:
        """Adds padding, window, matrix-vector unit and thresholds: a convolution that keeps or halves the size."""
        _, height, width, c_in = self.shapes[x]
        out = [height // stride, width // stride]
        pad, idt, mw = kernel // 2, self.datatypes[x], kernel * kernel * c_in
        if pad:
            padded = (1, height + 2 * pad, width + 2 * pad, c_in)
            size, pads = {"ImgDim": [height, width], "NumChannels": c_in}, [pad] * 4
            common = {"inputDataType": idt, "numInputVectors": 1, "SIMD": pad_simd}
            x = self._node("FMPadding", f"{name}_pad", [x], padded, idt, Padding=pads, **size, **common)
        x = self._node(
            "ConvolutionInputGenerator",
            f"{name}_swg",
            [x],
            (1, *out, mw),
            idt,
            ConvKernelDim=[kernel] * 2,
            IFMChannels=c_in,
            IFMDim=[height + 2 * pad, width + 2 * pad],
            OFMDim=out,
            SIMD=min(simd, c_in),
            M=1,
            parallel_window=0,
            Stride=[stride, stride],
            Dilation=[1, 1],
            inputDataType=idt,
            outputDataType=idt,
            depthwise=0,
        )
        x = self._matmul(f"{name}_mvu", x, channels, pe=pe, simd=simd, weights=weights)
        return self.threshold(f"{name}_thr", x, pe=threshold_pe, output=output)

    def _matmul(self, name: str, x: str, channels: int, *, pe: int, simd: int, weights: str) -> str:
        from qonnx.core.datatype import DataType

        idt, wdt = DataType[self.datatypes[x]], DataType[weights]
        mw, vectors = self.shapes[x][-1], list(self.shapes[x][:-1])
        high = int(wdt.max())
        values = self.rng.integers(-high, high + 1, (mw, channels)).astype(np.float32)  # narrow range
        bound = int(np.abs(values).sum(0).max() * max(abs(idt.min()), idt.max()))
        acc = f"INT{bound.bit_length() + 1}"
        constant = self._constant(f"{name}_weights", values, weights)
        return self._node(
            "MVAU",
            name,
            [x, constant],
            (*vectors, channels),
            acc,
            MW=mw,
            MH=channels,
            SIMD=simd,
            PE=pe,
            inputDataType=idt.name,
            weightDataType=weights,
            outputDataType=acc,
            accDataType=acc,
            ActVal=0,
            binaryXnorMode=0,
            noActivation=1,
            numInputVectors=vectors,
            mem_mode="internal_decoupled",
            resType="dsp",
        )

    def threshold(self, name: str, x: str, *, pe: int = 1, output: str = "UINT4") -> str:
        """Adds a requantisation with random sorted thresholds that use the whole output range."""
        from qonnx.core.datatype import DataType

        idt, odt, channels = DataType[self.datatypes[x]], DataType[output], self.shapes[x][-1]
        steps = int(odt.max() - odt.min())
        centre, spread = (idt.min() + idt.max()) / 2, (idt.max() - idt.min()) / 8
        values = np.sort(np.rint(self.rng.normal(centre, spread, (channels, steps))), axis=1)
        values = np.clip(values, idt.min() + 1, idt.max()).astype(np.float32)
        constant = self._constant(f"{name}_thresholds", values, idt.name)
        return self._node(
            "Thresholding",
            name,
            [x, constant],
            self.shapes[x],
            output,
            NumChannels=channels,
            PE=pe,
            numSteps=steps,
            inputDataType=idt.name,
            weightDataType=idt.name,
            outputDataType=output,
            ActVal=int(odt.min()),
            numInputVectors=list(self.shapes[x][:-1]),
        )

    def fork(self, name: str, x: str, *, pe: int = 1, branches: int = 2) -> list[str]:
        """Adds a stream fork."""
        outputs = [self._tensor(f"{name}_branch{k}", self.shapes[x], self.datatypes[x]) for k in range(branches)]
        self._append(
            "DuplicateStreams",
            name,
            [x],
            outputs,
            NumChannels=self.shapes[x][-1],
            NumOutputStreams=branches,
            PE=pe,
            inputDataType=self.datatypes[x],
            numInputVectors=list(self.shapes[x][:-1]),
            outFIFODepths=[2] * branches,
        )
        return outputs

    def add(self, name: str, a: str, b: str, *, output: str, pe: int = 1) -> str:
        """Adds an integer sum of two streams."""
        shape = list(self.shapes[a])
        return self._node(
            "ElementwiseAdd",
            name,
            [a, b],
            shape,
            output,
            lhs_shape=shape,
            rhs_shape=shape,
            out_shape=shape,
            lhs_dtype=self.datatypes[a],
            rhs_dtype=self.datatypes[b],
            out_dtype=output,
            lhs_style="input",
            rhs_style="input",
            PE=pe,
            inFIFODepths=[2, 2],
        )

    def concat(self, name: str, *streams: str, simd: int = 1) -> str:
        """Adds a concatenation along the channels."""
        channels = [self.shapes[x][-1] for x in streams]
        vectors, datatype = self.shapes[streams[0]][:-1], self.datatypes[streams[0]]
        return self._node(
            "StreamingConcat",
            name,
            list(streams),
            (*vectors, sum(channels)),
            datatype,
            SIMD=simd,
            ChannelsPerStream=channels,
            inputDataTypes=[self.datatypes[x] for x in streams],
            numInputVectors=list(vectors),
            inFIFODepths=[2] * len(streams),
        )

    def upsample(self, name: str, x: str, *, simd: int = 1, scale: int = 2) -> str:
        """Adds a nearest-neighbour upsampling."""
        _, height, width, channels = self.shapes[x]
        shape = (1, height * scale, width * scale, channels)
        size = {"HI": height, "WI": width, "HO": height * scale, "WO": width * scale}
        common = {"NumChannels": channels, "inputDataType": self.datatypes[x], "batchSize": 1}
        return self._node("UpsampleNearestNeighbour", name, [x], shape, self.datatypes[x], SIMD=simd, **size, **common)

    def build(self, inputs: Sequence[str], outputs: Sequence[str]) -> ModelWrapper:
        """Returns the graph of abstract hardware layers: FINN's Python execution of it is the reference."""
        from onnx import TensorProto, helper
        from qonnx.core.datatype import DataType
        from qonnx.core.modelwrapper import ModelWrapper
        from qonnx.util.basic import qonnx_make_model

        def info(name: str) -> Any:
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(self.shapes[name]))

        inner = [info(name) for name in self.shapes if name not in (*inputs, *outputs)]
        graph = helper.make_graph(
            self.nodes, "graph", [info(n) for n in inputs], [info(n) for n in outputs], value_info=inner
        )
        model = ModelWrapper(qonnx_make_model(graph))
        for name, values in self.constants.items():
            model.set_initializer(name, values)
        for name, datatype in self.datatypes.items():
            model.set_tensor_datatype(name, DataType[datatype])
        return model

    def _node(self, op: str, name: str, inputs: list[str], shape: Sequence[int], datatype: str, **attrs: Any) -> str:
        output = self._tensor(f"{name}_tensor", shape, datatype)
        self._append(op, name, inputs, [output], **attrs)
        return output

    def _append(self, op: str, name: str, inputs: list[str], outputs: list[str], **attrs: Any) -> None:
        from onnx import helper

        fixed = {"domain": _ABSTRACT, "backend": "fpgadataflow", "preferred_impl_style": "rtl"}
        self.nodes.append(helper.make_node(op, inputs, outputs, name=name, **fixed, **attrs))

    def _tensor(self, name: str, shape: Sequence[int], datatype: str) -> str:
        self.shapes[name], self.datatypes[name] = tuple(int(n) for n in shape), datatype
        return name

    def _constant(self, name: str, values: NDArray[np.float32], datatype: str) -> str:
        self.constants[name], self.datatypes[name] = values, datatype
        return name


def lower(model: ModelWrapper, *, depths: Mapping[str, int] | None = None, fifo_depth: int = 4) -> ModelWrapper:
    """Returns the graph as RTL operators with width converters and a FIFO on every stream.

    Args:
        model: abstract hardware layers; not changed.
        depths: FIFO depth behind a tensor, where it is not `fifo_depth`.
        fifo_depth: depth of all other FIFOs.

    Nodes keep their names; a converter or FIFO is called after the node behind it, or before it at the graph's end.
    """
    from finn.transformation.fpgadataflow.insert_dwc import InsertDWC
    from finn.transformation.fpgadataflow.insert_fifo import InsertFIFO
    from finn.transformation.fpgadataflow.specialize_layers import SpecializeLayers
    from finn.util.basic import getHWCustomOp

    import hls.kernels

    hls.kernels.register()
    names = {node.output[0]: node.name for node in model.graph.node}
    for step in (SpecializeLayers(PART), InsertDWC(), SpecializeLayers(PART)):
        model = model.transform(step)
    for node in model.graph.node:
        node.name = names.get(node.output[0], "")
        op = getHWCustomOp(node)
        wanted = [(depths or {}).get(name, fifo_depth) for name in node.output]
        op.set_nodeattr("outFIFODepths", wanted)
        op.set_nodeattr("inFIFODepths", [2] * sum(name in model.get_all_tensor_names() for name in node.input))
    _name_inserted(model, "dwc")
    names = {node.output[0]: node.name for node in model.graph.node}
    for step in (InsertFIFO(create_shallow_fifos=True), SpecializeLayers(PART)):
        model = model.transform(step)
    for node in model.graph.node:
        node.name = "" if node.op_type.startswith("StreamingFIFO") else names.get(node.output[0], node.name)
    _restore_last_names(model, names)
    _name_inserted(model, "fifo")
    return model


def _restore_last_names(model: ModelWrapper, names: Mapping[str, str]) -> None:
    """Names the nodes whose output `InsertFIFO` renamed: those in front of the graph's last FIFOs."""
    for value in model.graph.output:
        fifo = model.find_producer(value.name)
        producer = model.find_producer(fifo.input[0])
        producer.name = names.get(value.name, producer.name)


def _name_inserted(model: ModelWrapper, suffix: str) -> None:
    for node in model.graph.node:
        if not node.name:
            consumer = model.find_consumer(node.output[0])
            anchor = consumer if consumer is not None else model.find_producer(node.input[0])
            port = list(consumer.input).index(node.output[0]) if consumer is not None else "_out"
            node.name = f"{anchor.name}_{suffix}{port or ''}"


def random_images(model: ModelWrapper, count: int, *, seed: int = 1) -> list[NDArray[np.int64]]:
    """Returns random images `[count, H, W, C]` for every input, over its datatype's whole range."""
    rng = np.random.default_rng(seed)
    images = []
    for value in model.graph.input:
        datatype, shape = model.get_tensor_datatype(value.name), model.get_tensor_shape(value.name)
        images.append(rng.integers(int(datatype.min()), int(datatype.max()) + 1, (count, *shape[1:])))
    return images


def execute(model: ModelWrapper, images: Sequence[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
    """Executes the abstract graph with FINN's Python and returns `[N, ...]` integers for every output."""
    from finn.core.onnx_exec import execute_onnx

    results: list[list[NDArray[Any]]] = [[] for _ in model.graph.output]
    for image in zip(*images, strict=True):
        feeds = {v.name: x[None].astype(np.float32) for v, x in zip(model.graph.input, image, strict=True)}
        produced = execute_onnx(model, feeds)
        for k, value in enumerate(model.graph.output):
            results[k].append(produced[value.name][0])
    return [np.rint(np.stack(r)).astype(np.int64) for r in results]
