"""The foldings that each node of a hardware graph can take, with their cycles, stream widths and resources.

Cycles follow FINN's operators (`get_exp_cycles`); a folding is listed only if FINN generates code for it: PE divides
the output channels, SIMD the input channels (of a matrix: its columns), and a sliding window unit that delivers whole
windows takes all channels at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from hls.resources import NodeView, Resources, estimate_node, node_lanes
from hls.resources.view import Attribute
from hls.resources.window import is_parallel, startup_cycles
from hw_anon.core.boards import Board
from hw_anon.core.errors import ConfigError

__all__ = ["Candidate", "Scales", "candidates", "divisors", "node_cycles"]

_PE_OPERATORS = ("Thresholding_rtl", "DuplicateStreams_rtl", "ElementwiseAdd_rtl")
_SIMD_OPERATORS = ("FMPadding_rtl", "UpsampleNearestNeighbour_rtl")
_WINDOW = "ConvolutionInputGenerator_rtl"
_STYLES = ("distributed", "block")
_NEVER_BLOCK = 1 << 20
"""A threshold memory is never this deep: as `depth_trigger_bram` it keeps all of them out of block RAM."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """One folding of one node."""

    attributes: tuple[tuple[str, Attribute], ...]
    """FINN attributes that this folding sets."""
    cycles: int
    """Clock cycles per image when neither side stalls."""
    input_lanes: int
    """Elements per input beat."""
    output_lanes: int
    """Elements per output beat."""
    resources: Resources
    """Estimate."""
    startup: int = 0
    """Cycles at an image's start in which a sliding window unit delivers nothing."""

    @property
    def settings(self) -> dict[str, Attribute]:
        """`attributes` as a dictionary."""
        return dict(self.attributes)


@cache
def divisors(number: int) -> tuple[int, ...]:
    """Returns the divisors of a positive number, ascending."""
    return tuple(d for d in range(1, number + 1) if number % d == 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scales:
    """How resources are weighed against each other on a board."""

    board: Board
    """Target."""
    bram_price: float = 1.0
    """Price of a share of the block RAMs, in shares of the LUTs."""

    def area(self, resources: Resources) -> float:
        """Returns what is minimised among foldings of equal DSP count: the shares of LUTs and block RAMs, added."""
        return resources.lut / self.board.lut + self.bram_price * resources.bram18 / self.board.bram18


def node_cycles(view: NodeView) -> int:
    """Returns the clock cycles of a node per image.

    Raises:
        ConfigError: if the operator is not one of the folded family.
    """
    if view.op == "MVAU_rtl":
        rounds = view.integer("MH") // view.integer("PE")
        return rounds * (view.integer("MW") // view.integer("SIMD")) * view.vectors
    if view.op in _PE_OPERATORS:
        return view.vectors * view.channels // view.integer("PE", 1)
    if view.op in _SIMD_OPERATORS:
        return view.vectors * view.channels // view.integer("SIMD", 1)
    if view.op == _WINDOW:
        return _window_cycles(view)
    raise ConfigError(
        f"node {view.name}: folding knows no operator {view.op}; fold before width converters and FIFOs are inserted"
    )


def _window_cycles(view: NodeView) -> int:
    """Cycles of a sliding window unit: it does not overlap images, so its buffer's filling adds to its windows."""
    (kernel_h, kernel_w), (height, width) = view.pair("ConvKernelDim"), view.pair("IFMDim")
    (rows, columns), (_, stride_w) = view.pair("OFMDim"), view.pair("Stride")
    fold = view.integer("IFMChannels") // view.integer("SIMD")
    if is_parallel(view):
        return height * width * fold + 2
    if 1 in (height, width):
        return max(rows, columns) * kernel_h * kernel_w * fold + 2
    row = max(columns * kernel_w * kernel_h, stride_w * width) * fold
    return startup_cycles(view) + rows * row


def candidates(view: NodeView, scales: Scales) -> tuple[Candidate, ...]:
    """Returns every legal folding of a node, each with its cheapest memory style.

    Raises:
        ConfigError: if the operator is not one of the folded family.
    """
    if view.op == "MVAU_rtl":
        return tuple(_mvau(view, scales))
    if view.op == _WINDOW:
        return tuple(_windows(view, scales))
    if view.op == "Thresholding_rtl":
        return tuple(_thresholds(view, scales))
    if view.op == "UpsampleNearestNeighbour_rtl":
        return tuple(
            _cheapest([view.change(SIMD=simd, ram_style=style) for style in _STYLES], ("SIMD", "ram_style"), scales)
            for simd in divisors(view.channels)
        )
    node_cycles(view)  # refuses foreign operators
    name = "PE" if view.op in _PE_OPERATORS else "SIMD"
    return tuple(_cheapest([view.change(**{name: n})], (name,), scales) for n in divisors(view.channels))


def _cheapest(variants: Iterable[NodeView], names: tuple[str, ...], scales: Scales) -> Candidate:
    """Returns the variant of least area; the first one if several are equal."""
    estimates = [(variant, estimate_node(variant, scales.board)) for variant in variants]
    view, resources = min(estimates, key=lambda pair: scales.area(pair[1]))
    source, sink = _stream_lanes(view)
    return Candidate(
        attributes=tuple((name, view.attributes[name]) for name in names),
        cycles=node_cycles(view),
        input_lanes=source,
        output_lanes=sink,
        resources=resources,
        startup=startup_cycles(view) if view.op == _WINDOW else 0,
    )


def _stream_lanes(view: NodeView) -> tuple[int, int]:
    """Elements per input and per output beat."""
    if view.op == "MVAU_rtl":
        return view.integer("SIMD"), view.integer("PE")
    if view.op == _WINDOW and view.integer("parallel_window", 0):
        return view.integer("SIMD"), math.prod(view.pair("ConvKernelDim")) * view.integer("SIMD")
    lanes = view.integer("PE" if view.op in _PE_OPERATORS else "SIMD")
    return lanes, lanes


def _mvau(view: NodeView, scales: Scales) -> Iterable[Candidate]:
    """Every PE and SIMD but SIMD = MW.

    With one result per cycle the output queue of FINN's unit (`mvu_vvu_axi.sv`, finn-plus 1.6.1) is one entry too
    short: under back-pressure it drops results.
    """
    node_lanes(view, scales.board)  # refuses widths that no DSP slice takes
    for pe in divisors(view.integer("MH")):
        for simd in divisors(view.integer("MW"))[:-1]:
            variants = [view.change(PE=pe, SIMD=simd, ram_style=style) for style in _STYLES]
            yield _cheapest(variants, ("PE", "SIMD", "ram_style"), scales)


def _windows(view: NodeView, scales: Scales) -> Iterable[Candidate]:
    names = ("SIMD", "parallel_window", "ram_style")
    channels = view.integer("IFMChannels")
    for simd in divisors(channels):
        yield _cheapest(
            [view.change(SIMD=simd, parallel_window=0, ram_style=style) for style in _STYLES], names, scales
        )
    if view.pair("ConvKernelDim") != (1, 1):
        yield _cheapest(
            [view.change(SIMD=channels, parallel_window=1, ram_style=style) for style in _STYLES], names, scales
        )


def _thresholds(view: NodeView, scales: Scales) -> Iterable[Candidate]:
    """Every PE, with the deepest threshold memories in block RAM where that is cheaper."""
    stages = math.ceil(math.log2(view.integer("numSteps") + 1))
    for pe in divisors(view.channels):
        fold = view.channels // pe if view.threshold_rows > 1 else 1
        triggers = [_NEVER_BLOCK, *(fold << stage for stage in range(stages) if fold << stage >= 64)]
        variants = [view.change(PE=pe, depth_trigger_bram=trigger) for trigger in triggers]
        yield _cheapest(variants, ("PE", "depth_trigger_bram"), scales)
