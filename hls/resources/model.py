"""Estimates what a hardware node takes of a device, before any synthesis.

DSP slices follow exactly from the RTL, block RAMs from the memories' shapes and styles. LUTs and flip-flops are fitted
to open synthesis (Yosys, 7-series) of representative nodes: they are estimates, with the errors that
`calibration_errors` returns. Vendor tools usually end below them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cache
from importlib import resources as package_resources
from typing import Any

from hls.memory import bram18, uram
from hls.resources.amounts import Resources
from hls.resources.features import fifo_beat_bits, fifo_style, fit_key, terms
from hls.resources.mvu import dsp_lanes, mvu_dsps
from hls.resources.view import NodeView, view_model
from hls.resources.window import buffer_shape
from hw_anon.core.boards import Board
from hw_anon.core.errors import ConfigError

__all__ = ["CALIBRATION_FILE", "calibration_errors", "estimate_model", "estimate_node", "node_lanes", "total"]

CALIBRATION_FILE = "calibration.json"
"""Package data beside this module, written by `calibrate.py`."""


@cache
def _calibration() -> dict[str, Any]:
    text = package_resources.files("hls.resources").joinpath(CALIBRATION_FILE).read_text()
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@cache
def _coefficients(key: str) -> tuple[tuple[str, float], ...]:
    return tuple(_calibration()["fits"][key].items())


def calibration_errors() -> dict[str, float]:
    """Returns the fit's errors over the measured nodes: `lut_mean`, `lut_max`, `lut_total` and the same for `ff`.

    Mean and maximum are relative to a node's measured amount (nodes below 50 count as 50); `*_total` is the error of
    the sum over all nodes. `held_out_*` are the errors of nodes that the fit had not seen.
    """
    return dict(_calibration()["errors"])


def fitted(view: NodeView, coefficients: Mapping[str, float]) -> tuple[int, int]:
    """Returns LUTs and flip-flops of a node by the given coefficients."""
    sums = {"lut": 0.0, "ff": 0.0}
    for name, value in terms(view).items():
        sums[name.split(":")[0]] += value * coefficients.get(name, 0.0)
    return math.ceil(sums["lut"]), math.ceil(sums["ff"])


def _logic(view: NodeView) -> Resources:
    lut, ff = fitted(view, dict(_coefficients(fit_key(view))))
    return Resources(lut=lut, ff=ff)


def node_lanes(view: NodeView, board: Board) -> int:
    """Returns the output channels per DSP slice of an `MVAU_rtl` node on `board`."""
    return dsp_lanes(board.dsp_kind, view.other_bits, view.input_bits, narrow=view.narrow)


def _mvau(view: NodeView, board: Board) -> Resources:
    """Compute core plus its weight memory (`memstream`)."""
    pe, simd = view.integer("PE"), view.integer("SIMD")
    depth = view.integer("MW") * view.integer("MH") // (pe * simd)
    width = pe * simd * view.other_bits
    style = view.text("ram_style", "auto")
    block = style == "block" or (style == "auto" and depth * width > 8192 and depth > 128)
    memory = NodeView(
        name=view.name, op="memstream", attributes={"depth": depth, "ram_style": "block" if block else "distributed"},
        input_bits=width, output_bits=width,
    )  # fmt: skip
    core = NodeView(
        name=view.name, op="MVAU_core", attributes=view.attributes, input_bits=view.input_bits,
        output_bits=view.output_bits, other_bits=view.other_bits, narrow=view.narrow,
    )  # fmt: skip
    fixed = Resources(dsp=mvu_dsps(pe, simd, node_lanes(view, board)), bram18=bram18(depth, width) if block else 0)
    return fixed + _logic(memory) + _logic(core)


def _thresholding(view: NodeView) -> Resources:
    """Search pipeline; the deep stages' thresholds in block RAM if `depth_trigger_bram` says so."""
    pe, stages = view.integer("PE"), math.ceil(math.log2(view.integer("numSteps") + 1))
    fold = view.integer("NumChannels") // pe if view.threshold_rows > 1 else 1
    trigger = view.integer("depth_trigger_bram", 0)
    depths = [fold << stage for stage in range(stages) if trigger and (fold << stage) >= trigger]
    return _logic(view) + Resources(bram18=pe * sum(bram18(depth, view.other_bits) for depth in depths))


def _window(view: NodeView) -> Resources:
    """Window buffer in distributed or block RAM (`auto` counts as block)."""
    depth, width, count = buffer_shape(view)
    block = depth > 0 and view.text("ram_style", "auto") != "distributed"
    return _logic(view) + Resources(bram18=count * bram18(depth, width) if block else 0)


def _fifo(view: NodeView) -> Resources:
    depth, width, style = view.integer("depth"), fifo_beat_bits(view), fifo_style(view)
    return _logic(view) + Resources(
        bram18=bram18(depth, width) if style == "block" else 0, uram=uram(depth, width) if style == "ultra" else 0
    )


def _upsample(view: NodeView) -> Resources:
    """Row buffer in distributed or block RAM (`auto` counts as block from 64 words on)."""
    width, fold = view.integer("SIMD") * view.input_bits, view.integer("NumChannels") // view.integer("SIMD")
    depth = 2 * view.integer("WI") * fold
    style = view.text("ram_style", "auto")
    if style == "auto":
        style = "block" if depth * width > 4096 else "distributed"
    return _logic(view.change(ram_style=style)) + Resources(bram18=bram18(depth, width) if style == "block" else 0)


_SPECIAL = {
    "Thresholding_rtl": _thresholding,
    "ConvolutionInputGenerator_rtl": _window,
    "StreamingFIFO_rtl": _fifo,
    "UpsampleNearestNeighbour_rtl": _upsample,
}
_PLAIN = (
    "FMPadding_rtl",
    "StreamingDataWidthConverter_rtl",
    "DuplicateStreams_rtl",
    "ElementwiseAdd_rtl",
    "axis_tlast",
)


def estimate_node(view: NodeView, board: Board) -> Resources:
    """Estimates one node.

    Args:
        view: the node, with its folding attributes.
        board: target, whose DSP slices decide the packing.

    Raises:
        ConfigError: if the operator is not modelled, or its widths do not fit the DSP slices.
    """
    if view.op == "MVAU_rtl":
        return _mvau(view, board)
    if view.op in _SPECIAL:
        return _SPECIAL[view.op](view)
    if view.op in _PLAIN:
        return _logic(view)
    known = ", ".join(("MVAU_rtl", *_SPECIAL, *_PLAIN))
    raise ConfigError(f"node {view.name}: no resource model for operator {view.op}; modelled: {known}")


def estimate_model(model: Any, board: Board) -> dict[str, Resources]:
    """Estimates every node of a hardware graph (`ModelWrapper`), FIFOs and width converters where it has them.

    Returns:
        Estimates by node name, in graph order.
    """
    return {view.name: estimate_node(view, board) for view in view_model(model)}


def total(amounts: Mapping[str, Resources]) -> Resources:
    """Sums estimates."""
    result = Resources()
    for amount in amounts.values():
        result = result + amount
    return result
