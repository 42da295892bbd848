"""Folds a specialised hardware graph for a target interval under a board's budget, and reports what was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hls.folding.converter import converter_cycles
from hls.folding.network import Network, read_network
from hls.folding.plan import Plan, plan_folding, try_plan
from hls.resources import Resources, estimate_node, node_lanes
from hls.resources.view import Attribute
from hw_anon.core.boards import Board
from hw_anon.core.errors import ConfigError

__all__ = [
    "Budget",
    "ConverterReport",
    "FoldingReport",
    "LayerFolding",
    "fold",
    "max_throughput",
    "plan_within",
    "priced_networks",
    "report_plan",
]


_BRAM_PRICES = (0.25, 0.05, 4.0)
"""Prices of block RAM tried where the balanced folding does not fit: LUTs spared, then block RAMs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """Shares of a board that a design may take by estimate; the rest is for FIFOs, the shell and routing."""

    dsp: float = 1.0
    """Share of the DSP slices."""
    lut: float = 0.7
    """Share of the LUTs."""
    bram18: float = 0.8
    """Share of the block RAMs."""

    def __post_init__(self) -> None:
        """Checks every field.

        Raises:
            ConfigError: naming the field.
        """
        for name, value in asdict(self).items():
            if not 0 < value <= 1:
                raise ConfigError(f"budget {name} = {value}: must be above 0 and at most 1")

    def excess(self, resources: Resources, board: Board) -> list[str]:
        """Returns one line for every kind of resource above its ceiling; empty if the design fits."""
        lines = []
        for kind, ceiling in asdict(self).items():
            needed, available = getattr(resources, kind), getattr(board, kind)
            if needed > ceiling * available:
                lines.append(f"{needed} {kind} of {available} (ceiling {ceiling:.0%}: {int(ceiling * available)})")
        return lines


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerFolding:
    """The folding of one node."""

    name: str
    """Node name."""
    op: str
    """Operator."""
    attributes: dict[str, Attribute]
    """FINN attributes that were set (`PE`, `SIMD`, memory styles)."""
    cycles: int
    """Clock cycles per image when neither side stalls."""
    macs: int
    """Multiplications per image; 0 for all but matrix-vector units."""
    lanes: int
    """Output channels that can share a DSP slice; 0 for all but matrix-vector units."""
    input_lanes: int
    """Elements per input beat."""
    output_lanes: int
    """Elements per output beat."""
    resources: Resources
    """Estimate."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ConverterReport:
    """A width converter that the folding makes necessary."""

    producer: str
    """Node before it."""
    consumer: str
    """Node behind it."""
    input_bits: int
    """Bits of an input beat."""
    output_bits: int
    """Bits of an output beat."""
    cycles: int
    """Clock cycles per image when neither side stalls."""
    resources: Resources
    """Estimate."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FoldingReport:
    """How a graph is folded, and what that costs. Resources are estimates and leave out FIFOs."""

    board: str
    """Board name."""
    target_interval_cycles: int
    """Clock cycles per image asked for."""
    interval_cycles: int
    """Clock cycles per image of the slowest matrix-vector unit: the steady-state interval."""
    bottleneck: str
    """Name of that unit."""
    layers: tuple[LayerFolding, ...]
    """Nodes in graph order."""
    converters: tuple[ConverterReport, ...]
    """Width converters between them."""
    resources: Resources
    """Estimate of nodes and converters."""
    macs_per_inference: int
    """Multiplications per image, all layers."""

    @property
    def dsp_efficiency(self) -> float:
        """Share of the DSP slices' cycles that do as many multiplications as fit their layer's widths, 0 to 1.

        The law of `hls.report.BuildReport.dsp_efficiency`, at the ideal interval instead of the simulated one.
        """
        busy = sum(layer.macs / layer.lanes for layer in self.layers if layer.lanes)
        return busy / (self.interval_cycles * sum(layer.resources.dsp for layer in self.layers))

    def faces_per_s(self, clk_mhz: float) -> float:
        """Returns the throughput at a clock in MHz."""
        return clk_mhz * 1e6 / self.interval_cycles

    def as_json(self) -> dict[str, Any]:
        """Returns the report as plain JSON types."""
        return {**asdict(self), "dsp_efficiency": self.dsp_efficiency}


def report_plan(plan: Plan, target_interval_cycles: int) -> FoldingReport:
    """Reports a plan."""
    network = plan.network
    units = set(network.matrix_nodes)
    layers = tuple(
        LayerFolding(
            name=view.name,
            op=view.op,
            attributes=choice.settings,
            cycles=choice.cycles,
            macs=network.macs(index) if index in units else 0,
            lanes=node_lanes(view, network.board) if index in units else 0,
            input_lanes=choice.input_lanes,
            output_lanes=choice.output_lanes,
            resources=choice.resources,
        )
        for index, (view, choice) in enumerate(zip(network.views, plan.choices, strict=True))
    )
    converters = tuple(
        ConverterReport(
            producer=network.views[stream.producer].name,
            consumer=network.views[stream.consumer].name,
            input_bits=view.integer("inWidth"),
            output_bits=view.integer("outWidth"),
            cycles=converter_cycles(stream.elements * stream.bits, view.integer("inWidth"), view.integer("outWidth")),
            resources=estimate_node(view, network.board),
        )
        for stream, view in plan.converters
    )
    return FoldingReport(
        board=network.board.name,
        target_interval_cycles=target_interval_cycles,
        interval_cycles=plan.interval_cycles,
        bottleneck=network.views[plan.bottleneck].name,
        layers=layers,
        converters=converters,
        resources=plan.resources(),
        macs_per_inference=network.macs_per_inference,
    )


def fold(
    model: Any, *, board: Board, target_interval_cycles: int, budget: Budget | None = None, margin: float = 0.9
) -> FoldingReport:
    """Folds a specialised graph in place: sets parallelism and memory styles on every node.

    The interval becomes the slowest matrix-vector unit's ideal (multiplications / (PE · SIMD)), at most the target;
    every other node stays within `margin` of it. DSP slices are the fewest for the target, then LUTs and block RAMs.

    Args:
        model: `ModelWrapper` of RTL operators, before width converters and FIFOs.
        board: target board.
        target_interval_cycles: clock cycles allowed per image.
        budget: shares of the board that may be taken; `Budget()` if not given.
        margin: see `plan_folding`.

    Returns:
        What was chosen, with estimates.

    Raises:
        ConfigError: if no folding meets the target or fits the board; the message says how fast the net can go.
    """
    from qonnx.custom_op.registry import getCustomOp

    budget = budget or Budget()
    networks = priced_networks(model, board)
    plan = plan_within(networks, target_interval_cycles, budget, margin=margin)
    if plan is None:
        plan = plan_folding(networks[0], target_interval_cycles, margin=margin)  # or the reason why there is none
        excess = budget.excess(plan.resources(), board)
        fastest = _fastest_fit(networks, budget, margin)
        remedy = f"the fastest that fits takes {fastest.interval_cycles} cycles" if fastest else "no folding of it fits"
        raise ConfigError(
            f"{target_interval_cycles} cycles per image need {'; '.join(excess)} on {board.device}; {remedy}"
        )
    for node, choice in zip(model.graph.node, plan.choices, strict=True):
        operator = getCustomOp(node)
        for name, value in choice.attributes:
            operator.set_nodeattr(name, value)
    return report_plan(plan, target_interval_cycles)


def max_throughput(model: Any, board: Board, *, budget: Budget | None = None, margin: float = 0.9) -> FoldingReport:
    """Finds the fastest folding that fits a board; leaves the graph as it is.

    Raises:
        ConfigError: if no folding fits.
    """
    networks = priced_networks(model, board)
    plan, network = _fastest_fit(networks, budget or Budget(), margin), networks[0]
    if plan is None:
        slowest = max(option.cycles for index in network.matrix_nodes for option in network.candidates[index])
        smallest = plan_folding(network, slowest, margin=margin).resources()
        raise ConfigError(f"the net does not fit {board.device} at any speed: the smallest folding takes {smallest}")
    return report_plan(plan, plan.interval_cycles)


def priced_networks(model: Any, board: Board) -> tuple[Network, ...]:
    """Reads a graph once for each weighing of block RAMs against LUTs: balanced, then each of them spared."""
    balanced = read_network(model, board)
    return balanced, *(balanced.repriced(price) for price in _BRAM_PRICES)


def plan_within(networks: Sequence[Network], target: int, budget: Budget, *, margin: float = 0.9) -> Plan | None:
    """Returns the first network's plan that meets the target within budget; none if there is none."""
    for network in networks:
        plan = try_plan(network, target, margin=margin)
        if plan is None or not budget.excess(plan.resources(), network.board):
            return plan
    return None


def _fastest_fit(networks: Sequence[Network], budget: Budget, margin: float) -> Plan | None:
    """Searches the fastest plan within budget.

    Only intervals that some matrix-vector unit has exactly can differ in their plans: a binary search over them finds
    where designs stop fitting (resources grow with speed, bar small steps), and a few faster ones are tried after.
    """
    network = networks[0]
    targets = sorted({option.cycles for index in network.matrix_nodes for option in network.candidates[index]})
    low, high, best = 0, len(targets) - 1, None
    while low <= high:
        middle = (low + high) // 2
        plan = plan_within(networks, targets[middle], budget, margin=margin)
        if plan is not None:
            best, high = (middle, plan), middle - 1
        else:
            low = middle + 1
    if best is None:
        return None
    index, plan = best
    for faster in range(max(0, index - 4), index):
        other = plan_within(networks, targets[faster], budget, margin=margin)
        if other is not None and other.interval_cycles < plan.interval_cycles:
            return other
    return plan
