"""Folding: fewest DSP slices for a target, a matrix-vector unit sets the pace, every choice is legal."""

from __future__ import annotations

import re
from itertools import pairwise, product
from math import ceil, inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hls.folding import Budget, Network, Plan, fold, max_throughput, plan_folding, read_network, report_plan
from hls.folding.converter import converter_cycles
from hls.folding.elimination import Table, minimise
from hls.folding.fold import plan_within
from hls.folding.plan import fastest_interval
from hls.folding.space import divisors, node_cycles
from hls.resources import NodeView, dsp_lanes
from hw_anon.core.boards import BOARDS, get_board
from hw_anon.core.errors import ConfigError
from tests.hls.networks import NetworkBuilder, modifier_network

ZYNQ = get_board("xc7z020")
FACES_120 = int(100e6 / 120)


@pytest.fixture(scope="module")
def modifier() -> Network:
    return modifier_network(ZYNQ)


def require_legal(plan: Plan, target: int) -> None:
    """Asserts what FINN's code generation and the steady-state interval need."""
    network = plan.network
    for index, (view, choice) in enumerate(zip(network.views, plan.choices, strict=True)):
        folded = view.change(**choice.settings)
        assert node_cycles(folded) == choice.cycles
        if view.op == "MVAU_rtl":
            assert view.integer("MH") % folded.integer("PE") == 0
            assert view.integer("MW") % folded.integer("SIMD") == 0
            assert choice.cycles == network.macs(index) // (folded.integer("PE") * folded.integer("SIMD"))
            assert choice.cycles <= min(target, plan.interval_cycles)
            continue
        assert choice.cycles <= 0.9 * plan.interval_cycles, view.name
        if view.op == "ConvolutionInputGenerator_rtl":
            channels, simd = view.integer("IFMChannels"), folded.integer("SIMD")
            assert channels % simd == 0
            assert not folded.integer("parallel_window") or simd == channels
        else:
            name = "SIMD" if "SIMD" in choice.settings else "PE"
            assert view.channels % folded.integer(name) == 0
    for stream in network.streams:
        ends = plan.choices[stream.producer].output_lanes, plan.choices[stream.consumer].input_lanes
        assert stream.elements % ends[0] == 0 and stream.elements % ends[1] == 0
        assert ends[0] == ends[1] or converter_cycles(stream.elements, *ends) <= plan.interval_cycles


def test_modifier_meets_the_dsp_bar(modifier: Network) -> None:
    plan = plan_folding(modifier, FACES_120)
    require_legal(plan, FACES_120)
    assert plan.resources().dsp == 20
    assert not Budget().excess(plan.resources(), ZYNQ)
    report = report_plan(plan, FACES_120)
    assert report.interval_cycles == 786_432
    assert report.faces_per_s(100.0) >= 120
    assert 0.8 < report.dsp_efficiency <= 1
    assert report.as_json()["resources"]["dsp"] == 20


def test_lower_bound_on_dsps_by_brute_force(modifier: Network) -> None:
    fewest = 0
    for index in modifier.matrix_nodes:
        view = modifier.views[index]
        lanes = dsp_lanes("DSP48E1", view.other_bits, view.input_bits, narrow=view.narrow)
        fewest += min(
            ceil(pe / lanes) * simd
            for pe, simd in product(divisors(view.integer("MH")), divisors(view.integer("MW")))
            if modifier.macs(index) <= pe * simd * FACES_120
        )
    assert plan_folding(modifier, FACES_120).resources().dsp == fewest


def test_plan_is_reproducible(modifier: Network) -> None:
    assert plan_folding(modifier, FACES_120).choices == plan_folding(modifier_network(ZYNQ), FACES_120).choices


def test_faster_targets_never_need_fewer_dsps(modifier: Network) -> None:
    targets = [int(4_000_000 / 1.6**step) for step in range(13)]
    plans = [plan_folding(modifier, target) for target in targets]
    for plan, target in zip(plans, targets, strict=True):
        require_legal(plan, target)
    dsps = [plan.resources().dsp for plan in plans]
    assert dsps == sorted(dsps) and dsps[-1] > 20 * dsps[0] / 2
    assert all(a.interval_cycles >= b.interval_cycles for a, b in pairwise(plans))


@settings(max_examples=25, deadline=None)
@given(
    size=st.sampled_from([32, 48, 64, 96]),
    widths=st.tuples(*[st.sampled_from([2, 3, 4, 5, 7, 8, 12, 13, 16])] * 3),
    blocks=st.integers(0, 2),
    bits=st.integers(2, 8),
    weight_bits=st.integers(2, 8),
    board=st.sampled_from(sorted(BOARDS)),
    effort=st.floats(0.0, 1.0),
)
def test_random_nets_fold_legally(
    size: int, widths: tuple[int, int, int], blocks: int, bits: int, weight_bits: int, board: str, effort: float
) -> None:
    network = modifier_network(
        get_board(board), size=size, widths=widths, blocks=blocks, bits=bits, weight_bits=weight_bits
    )
    slowest = max(network.macs(index) for index in network.matrix_nodes)
    fastest, _ = fastest_interval(network, 0.9)
    target = int(slowest * (2 * fastest / slowest) ** effort)
    require_legal(plan_folding(network, target), target)


@settings(max_examples=60, deadline=None)
@given(
    tables=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 2**31)), min_size=1, max_size=7),
    sizes=st.lists(st.integers(1, 4), min_size=5, max_size=5),
)
def test_elimination_finds_the_optimum(tables: list[tuple[int, int, int]], sizes: list[int]) -> None:
    built = []
    for a, b, seed in tables:
        scope = (a,) if a == b else (a, b)
        costs = np.random.default_rng(seed).integers(0, 9, [sizes[v] for v in scope]).astype(float)
        costs[costs == 8] = inf
        built.append(Table(scope, costs))

    def cost(values: tuple[int, ...]) -> float:
        return sum(float(table.costs[tuple(values[v] for v in table.scope)]) for table in built)

    values, best = minimise(sizes, built)
    assert best == min(cost(choice) for choice in product(*(range(size) for size in sizes)))
    assert best == inf or cost(tuple(values)) == best


@pytest.mark.parametrize(
    ("lanes", "cycles"),
    [
        ((1, 4), 600),  # a beat of the narrower side in every cycle
        ((6, 1), 600),
        ((4, 8), 150),
        ((2, 3), 400),  # holds 2, 4, 1, 3, 2, …: two output beats in four cycles, not three
        ((4, 6), 200),  # the same, in pairs
    ],
)
def test_converter_cycles_by_hand(lanes: tuple[int, int], cycles: int) -> None:
    assert converter_cycles(600, *lanes) == cycles


def test_infeasible_target_says_what_can_be_reached(modifier: Network) -> None:
    pattern = r"takes 3000 cycles.*MVAU_rtl_2 alone needs 12288.*fastest folding takes (\d+) cycles"
    with pytest.raises(ConfigError, match=pattern) as caught:
        plan_folding(modifier, 3000)
    found = re.search(pattern, str(caught.value))
    assert found is not None
    fastest = int(found[1])
    assert plan_folding(modifier, fastest).interval_cycles == fastest
    with pytest.raises(ConfigError):
        plan_folding(modifier, fastest - 1)


@pytest.mark.parametrize("step", range(12))
def test_targets_near_the_limit_fold_or_say_why(step: int, modifier: Network) -> None:
    target = int(8800 * 1.12**step)
    try:
        require_legal(plan_folding(modifier, target), target)
    except ConfigError as exc:
        assert step < 3 and "fastest folding takes" in str(exc)


def test_window_units_go_parallel_when_they_must(modifier: Network) -> None:
    plan = plan_folding(modifier, 20_000)
    require_legal(plan, 20_000)
    parallel = [choice for choice in plan.choices if choice.settings.get("parallel_window")]
    assert parallel and all(choice.output_lanes == 9 * choice.input_lanes for choice in parallel)


def test_wider_margin_makes_helpers_faster(modifier: Network) -> None:
    plan = plan_folding(modifier, FACES_120, margin=0.5)
    units = set(modifier.matrix_nodes)
    slowest = max(c.cycles for index, c in enumerate(plan.choices) if index not in units)
    assert slowest <= 0.5 * plan.interval_cycles


def test_converters_are_listed_where_widths_differ(modifier: Network) -> None:
    plan = plan_folding(modifier, FACES_120)
    report = report_plan(plan, FACES_120)
    by_name = {layer.name: layer for layer in report.layers}
    listed = {(c.producer, c.consumer) for c in report.converters}
    for stream in modifier.streams:
        ends = modifier.views[stream.producer].name, modifier.views[stream.consumer].name
        differ = by_name[ends[0]].output_lanes != by_name[ends[1]].input_lanes
        assert (ends in listed) == differ
    nodes = [layer.resources for layer in report.layers]
    assert sum(r.lut for r in nodes) < report.resources.lut


def test_deep_weight_memories_go_to_block_ram(modifier: Network) -> None:
    plan = plan_folding(modifier, FACES_120)
    styles = {}
    for index in modifier.matrix_nodes:
        choice = plan.choices[index]
        depth = modifier.macs(index) // modifier.views[index].vectors // (choice.input_lanes * choice.output_lanes)
        styles[depth] = choice.settings["ram_style"]
    assert styles[max(styles)] == "block" and styles[min(styles)] == "distributed"


def test_scarce_luts_are_spared_with_block_rams() -> None:
    balanced = modifier_network(get_board("kv260"))
    tight = Budget(lut=0.12)
    target = 1_700_000
    assert tight.excess(plan_folding(balanced, target).resources(), balanced.board)
    plan = plan_within([balanced, balanced.repriced(0.25), balanced.repriced(0.05)], target, tight)
    assert plan is not None
    require_legal(plan, target)
    assert plan.resources().dsp == plan_folding(balanced, target).resources().dsp
    assert plan.resources().bram18 > plan_folding(balanced, target).resources().bram18


def test_nothing_to_fold_and_foreign_nodes_are_refused() -> None:
    builder = NetworkBuilder(4, 8, 4)
    builder.upsample()
    with pytest.raises(ConfigError, match="no matrix-vector unit"):
        builder.build(ZYNQ)
    converter = NodeView(
        name="dwc", op="StreamingDataWidthConverter_rtl", attributes={"inWidth": 4, "outWidth": 8}, input_bits=4,
        output_bits=4,
    )  # fmt: skip
    with pytest.raises(ConfigError, match="before width converters"):
        Network.build([converter], [], ZYNQ)


def test_budget_is_validated_and_named() -> None:
    with pytest.raises(ConfigError, match="lut = 1.5"):
        Budget(lut=1.5)


# --- With FINN: the model's cycles are FINN's, and FINN generates code for every folding chosen.


@pytest.fixture(scope="module")
def specialised(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A small specialised graph of random weights: a residual block, up- and downsampling, odd widths."""
    pytest.importorskip("finn", reason="needs FINN+ (extra: finn)")
    from hls.flow.pipeline import compile_graph
    from quant.export import export_net
    from quant.modifier import ModifierConfig
    from quant.zoo import random_net

    root = tmp_path_factory.mktemp("folding")
    config = ModifierConfig(input_size=32, widths=(3, 5, 7), blocks=1)
    export_net(random_net(3, config), "odd", root / "net")
    return compile_graph(root / "net", ZYNQ, work_dir=root / "finn").specialised


def _targets(model: Any) -> list[int]:
    network = read_network(model, ZYNQ)
    slowest = max(network.macs(index) for index in network.matrix_nodes)
    fastest, _ = fastest_interval(network, 0.9)
    return [slowest, slowest // 3, slowest // 17, 6 * fastest, int(2.5 * fastest)]


@pytest.mark.finn
def test_cycles_and_widths_are_finns(specialised: Any) -> None:
    from finn.transformation.fpgadataflow.insert_dwc import InsertDWC
    from qonnx.custom_op.registry import getCustomOp

    for target in _targets(specialised):
        report = fold(specialised, board=ZYNQ, target_interval_cycles=target)
        for node, layer in zip(specialised.graph.node, report.layers, strict=True):
            operator = getCustomOp(node)
            assert int(operator.get_exp_cycles()) == layer.cycles, node.name
            assert operator.get_folded_input_shape()[-1] == layer.input_lanes
            assert operator.get_folded_output_shape()[-1] == layer.output_lanes
        converted = specialised.transform(InsertDWC())
        inserted = [n for n in converted.graph.node if n.op_type.startswith("StreamingDataWidthConverter")]
        widths = sorted(
            (getCustomOp(n).get_nodeattr("inWidth"), getCustomOp(n).get_nodeattr("outWidth")) for n in inserted
        )
        assert widths == sorted((c.input_bits, c.output_bits) for c in report.converters)


@pytest.mark.finn
def test_finn_generates_code_for_every_choice(specialised: Any, tmp_path: Path) -> None:
    from qonnx.custom_op.registry import getCustomOp

    for number, target in enumerate(_targets(specialised)):
        fold(specialised, board=ZYNQ, target_interval_cycles=target)
        for node in specialised.graph.node:
            directory = tmp_path / f"{number}_{node.name}"
            directory.mkdir()
            operator = getCustomOp(node)
            operator.set_nodeattr("code_gen_dir_ipgen", str(directory))
            operator.generate_hdl(specialised, ZYNQ.part, 10.0)
            assert list(directory.glob("*.v")), node.name


@pytest.mark.finn
def test_budget_error_names_the_fastest_that_fits(specialised: Any) -> None:
    target = _targets(specialised)[-1]
    tight = Budget(dsp=0.05)
    with pytest.raises(
        ConfigError, match=r"dsp of 220 \(ceiling 5%: 11\).*fastest that fits takes (\d+) cycles"
    ) as error:
        fold(specialised, board=ZYNQ, target_interval_cycles=target, budget=tight)
    fastest = max_throughput(specialised, ZYNQ, budget=tight)
    assert f"takes {fastest.interval_cycles} cycles" in str(error.value)
    assert fastest.resources.dsp <= 11
    assert fold(specialised, board=ZYNQ, target_interval_cycles=fastest.interval_cycles, budget=tight) == fastest


@pytest.mark.finn
def test_net_that_never_fits_is_refused(specialised: Any) -> None:
    with pytest.raises(ConfigError, match="does not fit xc7z020 at any speed"):
        max_throughput(specialised, ZYNQ, budget=Budget(dsp=0.005))
