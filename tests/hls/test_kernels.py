"""The FINN plug-in: SpecializeLayers picks our operators, they compute what FINN's do, in Python and in RTL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hls.flow.boot import boot
from hls.interface import DesignInterface
from hls.kernels import estimates, register, unregister
from hw_anon.core.errors import ConfigError
from tests.rtl.harness import port, random_images, simulator

pytestmark = pytest.mark.finn

PARTS = ("xc7z020clg400-1", "xck26-sfvc784-2LV-c", "xczu7ev-ffvc1156-2-e")
SHAPE = [1, 3, 4, 6]
FORK = {"NumChannels": 6, "PE": 2, "NumOutputStreams": 3, "inputDataType": "UINT4", "numInputVectors": [1, 3, 4]}
ADD = {
    **{"lhs_dtype": "INT4", "rhs_dtype": "UINT4", "out_dtype": "INT6", "PE": 3},
    **{"lhs_shape": SHAPE, "rhs_shape": SHAPE, "out_shape": SHAPE},
}
UPSAMPLE = {"SIMD": 3, "HI": 3, "WI": 4, "HO": 6, "WO": 8, "NumChannels": 6, "inputDataType": "INT5"}
CONCAT = {
    **{"SIMD": 2, "ChannelsPerStream": [4, 6, 2], "inputDataTypes": ["INT5"] * 3, "numInputVectors": [1, 3, 4]},
}
NODES = {
    "DuplicateStreams": FORK,
    "ElementwiseAdd": ADD,
    "StreamingConcat": CONCAT,
    "UpsampleNearestNeighbour": UPSAMPLE,
}


@pytest.fixture(autouse=True, scope="module")
def finn(tmp_path_factory: pytest.TempPathFactory) -> None:
    boot(tmp_path_factory.mktemp("finn"))
    register()


@pytest.fixture
def registered_again() -> Iterator[None]:
    """Leaves the operators registered, as the other tests of this process expect them."""
    yield
    register()


def _model(op: str, **changes: Any) -> Any:
    """Returns a graph of one abstract node."""
    from onnx import TensorProto, helper
    from qonnx.core.datatype import DataType
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.util.basic import qonnx_make_model

    attributes = {**NODES[op], **changes}
    shapes, types, y_shape = _tensors(op, attributes)
    inputs = [f"x{k}" for k in range(len(shapes))]
    outputs = [f"y{k}" for k in range(FORK["NumOutputStreams"] if op == "DuplicateStreams" else 1)]
    node = helper.make_node(
        op, inputs, outputs, name="n", domain="finn.custom_op.fpgadataflow", backend="fpgadataflow", **attributes
    )
    declare = helper.make_tensor_value_info
    graph = helper.make_graph(
        [node],
        "g",
        [declare(name, TensorProto.FLOAT, shape) for name, shape in zip(inputs, shapes, strict=True)],
        [declare(name, TensorProto.FLOAT, y_shape) for name in outputs],
    )
    model = ModelWrapper(qonnx_make_model(graph))
    for name, datatype in zip(inputs, types, strict=True):
        model.set_tensor_datatype(name, DataType[datatype])
    return model


def _tensors(op: str, attributes: dict[str, Any]) -> tuple[list[Any], list[str], list[int]]:
    """Returns the shapes and datatypes of a node's inputs and the shape of its outputs."""
    if op == "ElementwiseAdd":
        return (
            [attributes["lhs_shape"], attributes["rhs_shape"]],
            [attributes["lhs_dtype"], attributes["rhs_dtype"]],
            SHAPE,
        )
    if op == "StreamingConcat":
        channels = CONCAT["ChannelsPerStream"]
        return [[*SHAPE[:-1], n] for n in channels], attributes["inputDataTypes"], [*SHAPE[:-1], sum(channels)]
    y_shape = [1, attributes["HO"], attributes["WO"], SHAPE[-1]] if op == "UpsampleNearestNeighbour" else SHAPE
    return [SHAPE], [attributes["inputDataType"]], y_shape


def _specialise(model: Any, part: str = PARTS[0]) -> Any:
    from finn.transformation.fpgadataflow.specialize_layers import SpecializeLayers

    return model.transform(SpecializeLayers(part))


def _operator(model: Any) -> Any:
    from qonnx.custom_op.registry import getCustomOp

    return getCustomOp(model.graph.node[0])


def _streams(operator: Any, inputs: bool) -> list[Any]:
    count = len(operator.onnx_node.input if inputs else operator.onnx_node.output)
    prefix, fold = ("in", operator.get_folded_input_shape) if inputs else ("out", operator.get_folded_output_shape)
    shape, datatype = (
        (operator.get_normal_input_shape, operator.get_input_datatype)
        if inputs
        else (operator.get_normal_output_shape, operator.get_output_datatype)
    )
    return [
        port(
            f"{prefix}{k}_V",
            tuple(int(n) for n in shape(k))[1:],
            datatype(k).bitwidth(),
            elements=int(fold(k)[-1]),
            signed=datatype(k).signed(),
            padded=True,
        )
        for k in range(count)
    ]


def _execute(model: Any, images: list[Any]) -> list[Any]:
    """Executes the model in Python, one image after the other."""
    from finn.core.onnx_exec import execute_onnx

    results = []
    for k in range(len(images[0])):
        feed = {f"x{i}": x[k : k + 1].astype(np.float32) for i, x in enumerate(images)}
        results.append(list(execute_onnx(model, feed).values()))
    return [np.concatenate(output).astype(np.int64) for output in zip(*results, strict=True)]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("op", NODES)
def test_specialize_layers_picks_our_operator(op: str, part: str) -> None:
    from hls.kernels import operators

    operator = _operator(_specialise(_model(op), part))
    assert operator.onnx_node.op_type == f"{op}_rtl"
    assert type(operator) is getattr(operators, f"{op}_rtl")


@pytest.mark.sim
@pytest.mark.parametrize("op", NODES)
def test_abstract_node_equals_python_equals_rtl(op: str, request: pytest.FixtureRequest) -> None:
    from finn.transformation.fpgadataflow.prepare_ip import PrepareIP

    model = _model(op)
    specialised = _specialise(model).transform(PrepareIP(PARTS[0], 10.0))
    operator = _operator(specialised)
    interface = DesignInterface(
        top=operator.get_nodeattr("gen_top_module"),
        inputs=tuple(_streams(operator, inputs=True)),
        outputs=tuple(_streams(operator, inputs=False)),
    )
    images = [random_images(stream, 5, 3 + k) for k, stream in enumerate(interface.inputs)]
    expected = _execute(model, images)
    sources = [Path(path) for path in operator.get_rtl_file_list(abspath=True)]
    with simulator(interface, request.config.cache.mkdir("kernels"), sources=sources) as design:
        result = design.run(*images)
    for golden, python, rtl in zip(expected, _execute(specialised, images), result.outputs, strict=True):
        np.testing.assert_array_equal(golden, python)
        np.testing.assert_array_equal(golden, rtl)
    assert all(set(intervals) == {operator.get_exp_cycles()} for intervals in result.intervals)


def test_code_generation_is_deterministic_and_named(tmp_path: Path) -> None:
    operator = _operator(_specialise(_model("UpsampleNearestNeighbour")))
    texts = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        operator.set_nodeattr("code_gen_dir_ipgen", str(tmp_path / name))
        operator.generate_hdl(None, PARTS[0], 10.0)
        texts.append(Path(operator.get_rtl_file_list(abspath=True)[1]).read_bytes())
    assert texts[0] == texts[1]
    assert str(tmp_path).encode() not in texts[0]
    assert operator.get_rtl_file_list() == ["axis_upsample.sv", "UpsampleNearestNeighbour_rtl_0.v"]
    assert operator.code_generation_ipi()[-1].endswith(
        "-reference UpsampleNearestNeighbour_rtl_0 UpsampleNearestNeighbour_rtl_0"
    )


@pytest.mark.parametrize(
    ("op", "changes", "message"),
    [
        ("DuplicateStreams", {"NumOutputStreams": 2}, "NumOutputStreams = 2 with 3 outputs"),
        ("DuplicateStreams", {"PE": 4}, "PE = 4 does not divide"),
        ("DuplicateStreams", {"inputDataType": "FLOAT32"}, "FLOAT32 is not an integer"),
        ("ElementwiseAdd", {"PE": 5}, "PE = 5 does not divide"),
        ("ElementwiseAdd", {"out_dtype": "INT5"}, "INT5 cannot hold -8 to 22"),
        ("ElementwiseAdd", {"out_dtype": "UINT8"}, "UINT8 cannot hold"),
        ("StreamingConcat", {"SIMD": 4}, "SIMD = 4 does not divide its 6 channels"),
        ("StreamingConcat", {"ChannelsPerStream": [6, 6]}, "with 3 inputs"),
        ("StreamingConcat", {"inputDataTypes": ["INT5", "INT4", "INT5"]}, "inputs are INT5, INT4, INT5"),
        ("UpsampleNearestNeighbour", {"HO": 7}, "one whole factor"),
        ("UpsampleNearestNeighbour", {"WO": 4}, "one whole factor"),
        ("UpsampleNearestNeighbour", {"SIMD": 4}, "SIMD = 4 does not divide"),
        ("UpsampleNearestNeighbour", {"inputDataType": "FIXED<4,2>"}, "is not an integer"),
    ],
)
def test_bad_attributes_are_refused(op: str, changes: dict[str, Any], message: str) -> None:
    operator = _operator(_specialise(_model(op, **changes)))
    for call in (operator.get_exp_cycles, lambda: operator.generate_hdl(None, PARTS[0], 10.0)):
        with pytest.raises(ConfigError, match=rf"node {op}_rtl_0 \({op}_rtl\): .*{message}"):
            call()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rhs_shape": [1, 1, 1, 6]}, "must have one shape"),
        ({"rhs_style": "const"}, "adds two streams only"),
        ({"rhs_dtype": "FLOAT32"}, "FLOAT32 is not an integer"),
        ({"rhs_dtype": "BIPOLAR"}, "BIPOLAR is not two's complement"),
    ],
)
def test_other_adds_are_not_picked_and_refused_if_forced(changes: dict[str, Any], message: str) -> None:
    model = _model("ElementwiseAdd", **changes)
    assert _operator(_specialise(model)).onnx_node.op_type == "ElementwiseAdd_hls"
    node = model.graph.node[0]
    node.op_type, node.domain = "ElementwiseAdd_rtl", "finn.custom_op.fpgadataflow.rtl"
    with pytest.raises(ConfigError, match=f"node n .*{message}"):
        _operator(model).get_exp_cycles()


@pytest.mark.parametrize(
    ("lhs", "rhs", "total"),
    [("INT4", "UINT4", "INT6"), ("UINT4", "INT4", "INT6"), ("UINT4", "UINT8", "UINT9"), ("INT2", "INT8", "INT9")],
)
def test_minimised_sum_type_does_not_depend_on_the_order(lhs: str, rhs: str, total: str) -> None:
    from finn.transformation.fpgadataflow.minimize_accumulator_width import MinimizeAccumulatorWidth

    model = _specialise(_model("ElementwiseAdd", lhs_dtype=lhs, rhs_dtype=rhs, out_dtype="INT32"))
    operator = _operator(model.transform(MinimizeAccumulatorWidth()))
    assert operator.out_dtype.name == total
    operator.require_supported()


@pytest.mark.usefixtures("registered_again")
def test_register_is_idempotent_and_reversible() -> None:
    import finn.custom_op.fpgadataflow.rtl as rtl
    from finn.transformation.fpgadataflow import specialize_layers

    register()
    register()
    unregister()
    assert "DuplicateStreams_rtl" not in rtl.custom_op
    assert rtl.custom_op["ElementwiseAdd_rtl"].__module__ == "finn.custom_op.fpgadataflow.rtl.elementwise_binary_rtl"
    assert specialize_layers._elementwise_rtl_possible.__module__ == specialize_layers.__name__
    for op in NODES:
        assert _operator(_specialise(_model(op))).onnx_node.op_type == f"{op}_hls"
    unregister()
    register()
    assert _operator(_specialise(_model("ElementwiseAdd"))).onnx_node.op_type == "ElementwiseAdd_rtl"


@pytest.mark.parametrize(("style", "expected"), [("auto", "distributed"), ("block", "block")])
def test_ram_style_reaches_kernel_and_estimate(style: str, expected: str) -> None:
    operator = _operator(_specialise(_model("UpsampleNearestNeighbour")))
    operator.set_nodeattr("ram_style", style)
    assert operator.kernel_parameters()["RamStyle"] == expected
    assert operator.node_res_estimation(PARTS[0])["BRAM_18K"] == (expected == "block")


@pytest.mark.parametrize("measured", [m for m in estimates.MEASURED if m.kernel != "axis_tlast"], ids=str)
def test_estimates_follow_the_measurements(measured: estimates.Measurement) -> None:
    p: dict[str, Any] = dict(measured.parameters)
    bram18 = 0
    if measured.kernel == "axis_fork":
        luts = estimates.fork_luts(p["Branches"])
    elif measured.kernel == "axis_add":
        luts = estimates.add_luts(p["Pe"], p["AWidth"], p["BWidth"])
    elif measured.kernel == "axis_concat":
        words = p["Beats"].split("h")[1].split("_")
        luts = estimates.concat_luts(p["DataWidth"], p["Inputs"], max(int(word, 16) for word in words))
    else:
        depth = 2 * p["Width"] * p["ChannelFold"]
        luts = estimates.upsample_luts(p["DataWidth"], depth, p["RamStyle"])
        bram18 = estimates.upsample_bram18(p["DataWidth"], depth) if p["RamStyle"] == "block" else 0
    assert luts == pytest.approx(measured.luts, rel=0.1, abs=3)
    assert bram18 == measured.bram18
