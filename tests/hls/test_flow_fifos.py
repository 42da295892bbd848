"""FIFOs: every stream gets one of the right kind and cap, depths follow fills, and nothing they carry changes."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hls.flow.config import BuildConfig
from hls.flow.fifos import (
    MIN_FIFO_DEPTH,
    FifoSite,
    insert_fifos,
    insert_width_converters,
    plan_fifos,
    sized_depths,
)

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

    from hls.flow.pipeline import HardwareGraph

CAP = 17


def _set(model: ModelWrapper, node: str, **attributes: int) -> None:
    from finn.util.basic import getHWCustomOp

    operator: Any = getHWCustomOp(next(n for n in model.graph.node if n.name == node))
    for name, value in attributes.items():
        operator.set_nodeattr(name, value)


@pytest.fixture(scope="module")
def model(xs_graph: HardwareGraph, xs_config: BuildConfig) -> ModelWrapper:
    """Modifier-xs, folded so that converters stand on the bypass, too."""
    from hls.folding import fold

    graph = copy.deepcopy(xs_graph.specialised)
    fold(graph, board=xs_config.target, target_interval_cycles=xs_config.target_interval_cycles)
    _set(graph, "res0_fork", PE=4)
    _set(graph, "res0_add", PE=2)
    _set(graph, "res0_thr", PE=1)
    return insert_width_converters(graph, xs_config.target.part)


@pytest.fixture(scope="module")
def sites(model: ModelWrapper) -> dict[str, FifoSite]:
    return {site.name: site for site in plan_fifos(model, window_cap=CAP)}


@pytest.mark.finn
def test_every_inner_stream_has_one_site(model: ModelWrapper, sites: dict[str, FifoSite]) -> None:
    consumed = {name for node in model.graph.node for name in node.input}
    inner = [name for node in model.graph.node for name in node.output if name in consumed]
    planned = plan_fifos(model, window_cap=CAP)
    assert sorted(site.tensor for site in planned) == sorted(inner)
    assert len(sites) == len(planned), "names are unique"
    nodes = {node.name for node in model.graph.node}
    assert not nodes & sites.keys()
    for site in planned:
        assert {site.producer, site.consumer} <= nodes
        assert site.consumer in site.name


@pytest.mark.finn
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("conv0_swg_fifo", "window"),
        ("conv0_mvu_fifo", "window"),
        ("conv0_thr_fifo", "window"),
        ("conv5_pad_fifo", "window"),  # behind the upsampler
        ("conv1_pad_fifo", "feature"),
        ("conv3_pad_fifo", "feature"),  # the fork's other branch
        ("up0_fifo", "feature"),
        ("res0_thr_fifo", "feature"),
        ("res0_add_fifo", "feature"),  # the branch's end
        ("res0_add_bypass_fifo", "bypass"),
    ],
)
def test_streams_are_told_apart(name: str, kind: str, sites: dict[str, FifoSite]) -> None:
    assert sites[name].kind == kind


@pytest.mark.finn
def test_a_width_converter_is_transparent(model: ModelWrapper, sites: dict[str, FifoSite]) -> None:
    converters = [n.name for n in model.graph.node if n.op_type.startswith("StreamingDataWidthConverter")]
    bypass = [site for site in sites.values() if site.kind == "bypass"]
    assert [site.producer for site in bypass] == ["res0_fork", bypass[0].consumer]
    assert bypass[0].consumer in converters and bypass[1].consumer == "res0_add"
    assert [site.width_bits for site in bypass] == [4 * 4, 2 * 4]
    for name in converters:
        around = {site.kind for site in sites.values() if name in (site.producer, site.consumer)}
        assert len(around) == 1, f"{name} has streams of {around} around it"


@pytest.mark.finn
def test_caps_follow_the_kind(sites: dict[str, FifoSite]) -> None:
    assert {site.kind for site in sites.values()} == {"feature", "bypass", "window"}
    for site in sites.values():
        assert site.max_depth == max(MIN_FIFO_DEPTH, min(CAP, site.beats) if site.kind == "window" else site.beats)
    assert sites["res0_add_bypass_fifo"].beats == 8 * 8 * 24 // 2
    assert sites["conv1_pad_fifo"].width_bits * sites["conv1_pad_fifo"].beats == 32 * 32 * 8 * 4


def _site(name: str, max_depth: int) -> FifoSite:
    return FifoSite(
        name=name, tensor=name, producer="p", consumer="a", kind="window", width_bits=8, beats=64, max_depth=max_depth
    )


@pytest.mark.parametrize(
    ("fill", "depth"),
    [(0, MIN_FIFO_DEPTH), (1, 2), (2, 3), (31, 32), (32, 32)],
    ids=["unused", "one", "two", "one below the cap", "at the cap"],
)
def test_a_fifo_has_room_for_one_beat_more_than_it_held(fill: int, depth: int) -> None:
    """A full FIFO refuses a beat even while it gives one away; only a capped one was full in the instrumented run."""
    assert sized_depths((_site("a", 32), _site("b", 64)), {"a": fill, "b": 7}) == {"a": depth, "b": 8}


def test_a_fifo_that_was_not_measured_gets_no_depth() -> None:
    with pytest.raises(KeyError, match="a_fifo"):
        sized_depths((_site("a_fifo", 32),), {"b_fifo": 3})


@pytest.mark.finn
def test_fifos_change_no_value_and_no_neighbour(model: ModelWrapper, sites: dict[str, FifoSite]) -> None:
    from finn.util.basic import getHWCustomOp

    from hls.flow.execute import GraphBackend

    depths = {name: 3 + index for index, name in enumerate(sites)}
    with_fifos = insert_fifos(model, tuple(sites.values()), depths)
    fifos = {n.name: n for n in with_fifos.graph.node if n.op_type == "StreamingFIFO_rtl"}
    assert fifos.keys() == sites.keys()
    assert not any(n.op_type == "StreamingFIFO_rtl" for n in model.graph.node), "the argument is not changed"
    for name, node in fifos.items():
        operator: Any = getHWCustomOp(node)
        assert operator.get_nodeattr("depth") == depths[name]
        assert operator.get_instream_width() == sites[name].width_bits
        assert with_fifos.find_producer(node.input[0]).name == sites[name].producer
        assert with_fifos.find_consumer(node.output[0]).name == sites[name].consumer
    crop = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), dtype=np.uint8)
    expected = GraphBackend(model).modify(crop)
    assert len(np.unique(expected)) > 20
    np.testing.assert_array_equal(GraphBackend(with_fifos).modify(crop), expected)
