"""The flow's passes: each is reported, names are readable, and what no hardware exists for is refused by name."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hls.flow.stage import StageRunner
from hw_anon.core.contract import CONTRACT_FILE, MODEL_FILE
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.hashing import sha256_file

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

    from hls.flow.pipeline import HardwareGraph

pytestmark = pytest.mark.finn

STAGES = [
    "ingest",
    "convert quantisers",
    "streamline",
    "lower convolutions",
    "check integer graph",
    "map to hardware layers",
    "check hardware graph",
    "minimise datatypes",
    "name nodes",
    "specialise",
]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds `net`, an exported network with a residual block, and FINN's scratch directory."""
    from quant.export import export_net
    from quant.modifier import ModifierConfig
    from quant.zoo import random_net

    root = tmp_path_factory.mktemp("stages")
    export_net(random_net(3, ModifierConfig(input_size=32, widths=(3, 4, 5), blocks=1)), "tiny", root / "net")
    return root


@pytest.fixture(scope="module")
def integer_graph(work: Path) -> ModelWrapper:
    """The network as a graph of integer operators."""
    from hls.flow.boot import boot
    from hls.flow.ingest import ingest, read_model
    from hls.flow.streamline import convert_quantisers, lower_convolutions, streamline

    boot(work / "finn")
    model, contract = read_model(work / "net")
    return lower_convolutions(streamline(convert_quantisers(ingest(model, contract))))


def _compile(source: Path, work: Path) -> HardwareGraph:
    from hls.flow.pipeline import compile_graph
    from hw_anon.core.boards import BOARDS

    return compile_graph(source, BOARDS["pynq-z2"], work_dir=work / "finn")


def _edited(work: Path, directory: Path, edit: Callable[[ModelWrapper], None]) -> Path:
    """Copies the export with its model changed and a contract that matches the new bytes."""
    from qonnx.core.modelwrapper import ModelWrapper

    shutil.copytree(work / "net", directory)
    path, contract = directory / MODEL_FILE, directory / CONTRACT_FILE
    before = sha256_file(path)
    model = ModelWrapper(str(path))
    edit(model)
    model.save(str(path))
    contract.write_text(contract.read_text().replace(before, sha256_file(path)))
    return directory


def _first(model: ModelWrapper, op: str) -> Any:
    return next(node for node in model.graph.node if node.op_type == op)


def test_every_stage_is_reported_with_what_it_changed(xs_graph: HardwareGraph) -> None:
    assert [stage.name for stage in xs_graph.stages] == STAGES
    reports = {stage.name: stage.as_json() for stage in xs_graph.stages}
    assert reports["ingest"]["nodes"]["Conv"] == 8
    assert reports["convert quantisers"]["nodes"]["MultiThreshold"] == 9
    assert "Quant: 17 → 0" in reports["convert quantisers"]["changes"]
    assert "BatchNormalization: 8 → 0" in reports["streamline"]["changes"]
    assert "FLOAT32" not in reports["streamline"]["datatypes"]
    assert {"MatMul: 0 → 8", "Transpose: 2 → 0"} <= set(reports["lower convolutions"]["changes"])
    assert "DuplicateStreams: 0 → 1" in reports["map to hardware layers"]["changes"]
    assert "tensors INT32: 9 → 0" in reports["minimise datatypes"]["changes"]
    assert reports["check hardware graph"]["changes"] == []
    for before, after in zip(xs_graph.stages, xs_graph.stages[1:], strict=False):
        changed = {change.split(":")[0] for change in after.changes if not change.startswith("tensors ")}
        keys = before.nodes.keys() | after.nodes.keys()
        assert changed == {key for key in keys if before.nodes.get(key) != after.nodes.get(key)}
    assert all(stage.seconds >= 0 for stage in xs_graph.stages)


def test_nodes_are_named_by_their_place(xs_graph: HardwareGraph) -> None:
    convolution = ("pad", "swg", "mvu", "thr")
    expected = [f"conv{n}_{part}" for n in (0, 1, 2) for part in convolution]
    expected += ["res0_fork", *(f"conv{n}_{part}" for n in (3, 4) for part in convolution), "res0_add", "res0_thr"]
    for up, convolutions in enumerate(((5,), (6, 7))):
        expected += [f"up{up}", *(f"conv{n}_{part}" for n in convolutions for part in convolution)]
    assert [node.name for node in xs_graph.abstract.graph.node] == expected
    assert [node.name for node in xs_graph.specialised.graph.node] == expected
    assert {node.op_type.rsplit("_", 1)[1] for node in xs_graph.specialised.graph.node} == {"rtl"}


def test_a_stage_is_announced_before_it_runs(integer_graph: ModelWrapper) -> None:
    seen: list[str] = []

    def stage(model: ModelWrapper) -> ModelWrapper:
        seen.append("runs")
        return model

    StageRunner(on_stage=seen.append).run("tidy up", integer_graph, stage)
    assert seen == ["tidy up", "runs"]


@pytest.mark.parametrize("cause", [AssertionError("FM dims"), KeyError("PE"), Exception(), TypeError("None")])
def test_a_failure_inside_a_library_names_the_stage(integer_graph: ModelWrapper, cause: Exception) -> None:
    def broken(model: ModelWrapper) -> ModelWrapper:
        raise cause

    runner = StageRunner()
    with pytest.raises(ContractError, match=f"stage 'streamline' cannot .*{type(cause).__name__}: ") as caught:
        runner.run("streamline", integer_graph, broken)
    assert (str(cause) or "no message") in str(caught.value)
    assert caught.value.__cause__ is cause
    assert runner.reports == []


@pytest.mark.parametrize("cause", [ConfigError("pe = 3"), OSError(28, "No space left on device")])
def test_our_own_and_system_errors_pass_through(integer_graph: ModelWrapper, cause: Exception) -> None:
    def broken(model: ModelWrapper) -> ModelWrapper:
        raise cause

    with pytest.raises(type(cause)) as caught:
        StageRunner().run("streamline", integer_graph, broken)
    assert caught.value is cause


def _rescale(factor: float, find: Callable[[ModelWrapper], Any]) -> Callable[[ModelWrapper], None]:
    def edit(model: ModelWrapper) -> None:
        quant = find(model)
        model.set_initializer("new_scale", np.asarray(model.get_initializer(quant.input[1]) * factor, np.float32))
        quant.input[1] = "new_scale"

    return edit


def _branch_quantiser(model: ModelWrapper) -> Any:
    add = _first(model, "Add")
    found = [model.find_producer(name) for name in add.input]
    return next(node for node in found if node.op_type == "Quant" and len(model.find_consumers(node.output[0])) == 1)


def _output_quantiser(model: ModelWrapper) -> Any:
    return [node for node in model.graph.node if node.op_type == "Quant"][-1]


def test_branches_of_different_scale_are_refused_with_the_node_left_over(work: Path, tmp_path: Path) -> None:
    source = _edited(work, tmp_path / "net", _rescale(1.3, _branch_quantiser))
    with pytest.raises(ContractError, match=r"Mul \(Mul_\d\): .*residual add need identical scales"):
        _compile(source, work)


def test_an_output_scale_that_no_threshold_absorbs_is_refused(work: Path, tmp_path: Path) -> None:
    source = _edited(work, tmp_path / "net", _rescale(0.37, _output_quantiser))
    with pytest.raises(ContractError, match=r"not integer operators remain.*\n.*Mul \(Mul_\d\): a scale could not"):
        _compile(source, work)


def test_linear_upsampling_is_refused_by_name(work: Path, tmp_path: Path) -> None:
    def edit(model: ModelWrapper) -> None:
        mode = next(a for a in _first(model, "Resize").attribute if a.name == "mode")
        mode.s = b"linear"

    with pytest.raises(ContractError, match=r"Resize_0.*nearest"):
        _compile(_edited(work, tmp_path / "net", edit), work)


def test_a_threshold_that_still_scales_is_refused_by_name(integer_graph: ModelWrapper) -> None:
    from qonnx.custom_op.registry import getCustomOp

    from hls.flow.convert import refuse_software_leftovers, to_hardware_layers

    model = copy.deepcopy(integer_graph)
    node = _first(model, "MultiThreshold")
    getCustomOp(node).set_nodeattr("out_scale", 0.5)
    runner = StageRunner()
    with pytest.raises(ContractError, match=f"{node.name}.*scale"):
        runner.run("check", runner.run("map", model, to_hardware_layers), refuse_software_leftovers)


def test_every_leftover_is_listed_with_its_cause(integer_graph: ModelWrapper) -> None:
    from onnx import helper

    from hls.flow.convert import refuse_software_leftovers
    from hls.flow.streamline import refuse_float_leftovers

    assert refuse_float_leftovers(integer_graph) is integer_graph
    model = copy.deepcopy(integer_graph)
    for op in ("Mul", "Relu", "Erf"):
        model.graph.node.append(helper.make_node(op, ["a"], ["b"], name=f"the_{op}"))
    with pytest.raises(ContractError) as caught:
        refuse_float_leftovers(model)
    for line in ("Mul (the_Mul): a scale", "Relu (the_Relu): a ReLU without", "Erf (the_Erf): no integer form"):
        assert line in str(caught.value)
    with pytest.raises(ContractError, match=r"MatMul \(MatMul_0\): its weights"):
        refuse_software_leftovers(integer_graph)


TERMS = ["INT4+UINT4", "UINT4+INT4", "UINT4+UINT4", "INT5+UINT2", "INT8+INT8", "UINT3+UINT8"]


@pytest.mark.parametrize("operands", TERMS)
def test_a_sum_gets_the_smallest_type_that_holds_all_sums(operands: str, xs_graph: HardwareGraph) -> None:
    from qonnx.core.datatype import DataType
    from qonnx.custom_op.registry import getCustomOp

    from hls.flow.convert import _exact_sums

    model, terms = copy.deepcopy(xs_graph.abstract), operands.split("+")
    add = next(node for node in model.graph.node if node.name == "res0_add")
    for name, term in zip(add.input, terms, strict=True):
        model.set_tensor_datatype(name, DataType[term])
    found = _exact_sums(model).get_tensor_datatype(add.output[0])
    assert getCustomOp(add).get_nodeattr("out_dtype") == found.name
    low, high = (sum(getattr(DataType[term], end)() for term in terms) for end in ("min", "max"))
    assert found.min() <= low and found.max() >= high
    narrower = DataType[f"{'INT' if found.signed() else 'UINT'}{found.bitwidth() - 1}"]
    assert narrower.min() > low or narrower.max() < high
    assert found.signed() == (low < 0)


@pytest.mark.parametrize(("extreme", "bits"), [(-8, 5), (8, 5), (-7, 4), (7, 4), (1, 2), (-127, 8)])
def test_weights_get_the_narrow_type_that_holds_them(extreme: int, bits: int, xs_graph: HardwareGraph) -> None:
    from qonnx.custom_op.registry import getCustomOp

    from hls.flow.convert import _narrow_weights

    model = copy.deepcopy(xs_graph.abstract)
    unit = next(node for node in model.graph.node if node.name == "conv3_mvu")
    others = {n.name: model.get_tensor_datatype(n.input[1]) for n in model.graph.node if n.op_type == "MVAU"}
    weights = np.zeros_like(model.get_initializer(unit.input[1]))
    weights[1, 2] = extreme
    model.set_initializer(unit.input[1], weights)
    model = _narrow_weights(model)
    assert model.get_tensor_datatype(unit.input[1]).name == f"INT{bits}"
    assert getCustomOp(unit).get_nodeattr("weightDataType") == f"INT{bits}"
    for node in model.graph.node:
        if node.op_type == "MVAU" and node.name != "conv3_mvu":
            assert model.get_tensor_datatype(node.input[1]) == others[node.name]
