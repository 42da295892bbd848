"""Chooses the folding of every node for a target interval: fewest DSP slices, then least area.

The slowest matrix-vector unit sets the interval; every other node must be faster by a margin, so that FIFOs refill
after a pause. DSP counts of the units are independent of each other, but their stream widths are coupled with their
neighbours' through width converters, so the area is minimised over the whole graph at once (`elimination.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hls.folding.converter import converter_cycles
from hls.folding.elimination import Table, minimise
from hls.folding.network import Network, Stream
from hls.folding.space import Candidate, Scales
from hls.resources import NodeView, Resources, estimate_node
from hw_anon.core.errors import ConfigError

__all__ = ["Plan", "fastest_interval", "plan_folding", "try_plan", "width_converter"]

_DSP_COST = 1e3
"""Cost of one DSP slice; areas, as shares of a board, stay far below."""
_GAP_COST = 50.0
"""Cost of an interval that a window unit's start-up lengthens by 100 %, above what is tolerated."""
_GAP_TOLERANCE = 0.01
"""Lengthening of the interval that costs nothing: half of what the project allows in all."""
_FIFO_DEPTH = 32
"""Depth assumed for the FIFO on every stream: what one shift-register LUT per bit holds."""
_CONVERTER_WEIGHT = 1.25
"""A converter costs more than its area: its barrel shifter is slow in the device and in simulation."""
_MAX_ROUNDS = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A chosen folding of every node of a network."""

    network: Network
    """The network."""
    choices: tuple[Candidate, ...]
    """Folding of each node."""

    @property
    def bottleneck(self) -> int:
        """Index of the slowest matrix-vector unit (the first one of several)."""
        return max(self.network.matrix_nodes, key=lambda index: self.choices[index].cycles)

    @property
    def interval_cycles(self) -> int:
        """Clock cycles from one image to the next: the slowest unit's."""
        return self.choices[self.bottleneck].cycles

    @property
    def converters(self) -> tuple[tuple[Stream, NodeView], ...]:
        """Streams whose ends differ in width, with the converter each needs."""
        result = []
        for stream in self.network.streams:
            source, sink = self.choices[stream.producer].output_lanes, self.choices[stream.consumer].input_lanes
            if source != sink:
                result.append((stream, width_converter(source * stream.bits, sink * stream.bits)))
        return tuple(result)

    def resources(self) -> Resources:
        """Estimates the nodes and width converters together; FIFOs are not sized yet and not included."""
        result = Resources()
        for choice in self.choices:
            result = result + choice.resources
        for _, view in self.converters:
            result = result + estimate_node(view, self.network.board)
        return result


def width_converter(input_bits: int, output_bits: int) -> NodeView:
    """Views a stream width converter."""
    return NodeView(
        name="dwc",
        op="StreamingDataWidthConverter_rtl",
        attributes={"inWidth": input_bits, "outWidth": output_bits},
        input_bits=1,
        output_bits=1,
    )


def fastest_interval(network: Network, margin: float) -> tuple[int, str]:
    """Returns a lower bound of the interval at full parallelism, and the node that sets it."""
    bounds = []
    for view, options in zip(network.views, network.candidates, strict=True):
        cycles = min(option.cycles for option in options)
        bounds.append((cycles if view.op == "MVAU_rtl" else math.ceil(cycles / margin), view.name))
    return max(bounds, key=lambda bound: bound[0])


def plan_folding(network: Network, target_interval_cycles: int, *, margin: float = 0.9) -> Plan:
    """Folds a network for a target interval, whatever the board's budget.

    Args:
        network: nodes, foldings, streams.
        target_interval_cycles: clock cycles allowed per image.
        margin: cycles of every node but the matrix-vector units, at most, as a fraction of the slowest unit's.

    Raises:
        ConfigError: if no folding meets the target; the message says which node limits and how fast the net can go.
    """
    plan = try_plan(network, target_interval_cycles, margin=margin)
    if plan is not None:
        return plan
    bound, limiting = fastest_interval(network, margin)
    fastest = _fastest_plan(network, margin)
    reachable = f"the fastest folding takes {fastest.interval_cycles} cycles" if fastest else "no folding of it works"
    raise ConfigError(
        f"no folding takes {target_interval_cycles} cycles per image with every node but the slowest matrix-vector "
        f"unit within {margin:g} of it: {limiting} alone needs {bound} at full parallelism; {reachable}"
    )


def try_plan(network: Network, target_interval_cycles: int, *, margin: float = 0.9) -> Plan | None:
    """Like `plan_folding`, but returns none if no folding meets the target."""
    if fastest_interval(network, margin)[0] > target_interval_cycles:
        return None
    units = set(network.matrix_nodes)
    pace = _reachable_pace(network, target_interval_cycles)
    for _ in range(_MAX_ROUNDS):
        choices = _solve(network, target_interval_cycles, pace, margin)
        if choices is None:
            return None
        plan = Plan(network=network, choices=choices)
        others = [choice.cycles for index, choice in enumerate(choices) if index not in units]
        if max(others, default=0) <= margin * plan.interval_cycles:
            return plan
        pace = plan.interval_cycles
    return None


def _fastest_plan(network: Network, margin: float) -> Plan | None:
    """Returns the plan of the tightest target that has one, among the intervals that units can have."""
    bound, _ = fastest_interval(network, margin)
    targets = {option.cycles for index in network.matrix_nodes for option in network.candidates[index]}
    plans = (try_plan(network, target, margin=margin) for target in sorted(targets) if target >= bound)
    return next((plan for plan in plans if plan is not None), None)


def _dsp_minimal(options: Sequence[Candidate], target: int) -> list[Candidate]:
    """Foldings that meet the target with the fewest DSP slices."""
    legal = [option for option in options if option.cycles <= target]
    fewest = min(option.resources.dsp for option in legal)
    return [option for option in legal if option.resources.dsp == fewest]


def _reachable_pace(network: Network, target: int) -> int:
    """Interval that fewest-DSP foldings reach: no choice among them makes the slowest unit faster."""
    return max(
        min(option.cycles for option in _dsp_minimal(network.candidates[index], target))
        for index in network.matrix_nodes
    )


def _solve(network: Network, target: int, pace: int, margin: float) -> tuple[Candidate, ...] | None:
    """Finds the cheapest foldings with units within `target` and all else within `margin * pace`."""
    units = set(network.matrix_nodes)
    domains = []
    for index, options in enumerate(network.candidates):
        limit = target if index in units else margin * pace
        domains.append([option for option in options if option.cycles <= limit])
        if not domains[-1]:
            return None
    tables = [
        Table((index,), np.array([_DSP_COST * o.resources.dsp + network.scales.area(o.resources) for o in domain]))
        for index, domain in enumerate(domains)
    ]
    stream_cost = _stream_costs(network.scales)
    for stream in network.streams:
        table = _stream_table(stream, domains[stream.producer], domains[stream.consumer], stream_cost, pace)
        if stream.consumer in units:
            table = table + _gap_table(domains[stream.producer], domains[stream.consumer], network, stream, pace)
        tables.append(Table((stream.producer, stream.consumer), table))
    values, cost = minimise([len(domain) for domain in domains], tables)
    if math.isinf(cost):
        return None
    return tuple(domain[value] for domain, value in zip(domains, values, strict=True))


def _stream_costs(scales: Scales) -> Callable[[int, int], float]:
    """Returns a function of a stream's bits at both ends: area of its FIFO and, if they differ, of its converter."""
    known: dict[tuple[int, int], float] = {}

    def fifo(bits: int) -> float:
        view = NodeView(
            name="fifo", op="StreamingFIFO_rtl", attributes={"depth": _FIFO_DEPTH, "folded_shape": (bits,)},
            input_bits=1, output_bits=1,
        )  # fmt: skip
        return scales.area(estimate_node(view, scales.board))

    def cost(source: int, sink: int) -> float:
        if (source, sink) not in known:
            value = fifo(source)
            if source != sink:
                converter = estimate_node(width_converter(source, sink), scales.board)
                value += fifo(sink) + _CONVERTER_WEIGHT * scales.area(converter)
            known[source, sink] = value
        return known[source, sink]

    return cost


def _stream_table(
    stream: Stream,
    producers: Sequence[Candidate],
    consumers: Sequence[Candidate],
    cost: Callable[[int, int], float],
    pace: int,
) -> NDArray[np.float64]:
    """Costs of a stream for every pair of foldings.

    A converter must keep pace; it never pauses, so it needs no margin.
    """
    table = np.zeros((len(producers), len(consumers)))
    for row, producer in enumerate(producers):
        for column, consumer in enumerate(consumers):
            source, sink = producer.output_lanes, consumer.input_lanes
            if source != sink and converter_cycles(stream.elements, source, sink) > pace:
                table[row, column] = math.inf
            else:
                table[row, column] = cost(source * stream.bits, sink * stream.bits)
    return table


def _gap_table(
    producers: Sequence[Candidate], consumers: Sequence[Candidate], network: Network, stream: Stream, pace: int
) -> NDArray[np.float64]:
    """Costs of pauses that reach a matrix-vector unit.

    A window unit delivers nothing while it fills its buffer; the unit behind it works on from the FIFO between them
    and then waits. What exceeds the tolerated lengthening of the interval costs.
    """
    table = np.zeros((len(producers), len(consumers)))
    rounds = network.views[stream.consumer].integer("MH")
    for row, producer in enumerate(producers):
        if not producer.startup:
            continue
        for column, consumer in enumerate(consumers):
            covered = _FIFO_DEPTH * producer.output_lanes * (rounds / consumer.output_lanes) / consumer.input_lanes
            gap = max(0.0, producer.startup - covered)
            table[row, column] = _GAP_COST * max(0.0, (consumer.cycles + gap) / pace - 1 - _GAP_TOLERANCE)
    return table
