"""What the LUTs and flip-flops of a node grow with: the terms of the fitted model.

Each operator's estimate is a sum of a few terms that its RTL explains, times coefficients fitted to syntheses
(`calibration.json`). Terms of memories count primitives by law (`memory.py`).
"""

from __future__ import annotations

import math

from hls.memory import lutram_luts, rom_luts
from hls.resources.view import NodeView

__all__ = ["FIFO_SHIFT_DEPTH", "Terms", "fifo_beat_bits", "fifo_style", "fit_key", "terms"]

Terms = dict[str, float]
"""Terms by name; `lut:` and `ff:` prefixes tell which sum they belong to."""

FIFO_SHIFT_DEPTH = 33
"""Up to this depth `fifo.sv` uses shift registers, whatever the style asked for."""


def _bits(values: int) -> int:
    """Bits of a counter over `values` states."""
    return max(1, math.ceil(math.log2(max(2, values))))


def _pad8(bits: int) -> int:
    return -(-bits // 8) * 8


def fifo_beat_bits(view: NodeView) -> int:
    """Returns the bits of a FIFO's beat, padded to bytes as FINN's wrapper does."""
    folded = view.attributes.get("folded_shape", (1,))
    assert isinstance(folded, tuple), "folded_shape is a list of integers"
    return _pad8(folded[-1] * view.input_bits)


def fifo_style(view: NodeView) -> str:
    """Returns the memory that `fifo.sv` chooses: shift, distributed, block or ultra."""
    depth, width, style = view.integer("depth"), fifo_beat_bits(view), view.text("ram_style", "auto")
    if depth <= FIFO_SHIFT_DEPTH:
        return "shift"
    if style != "auto":
        return "shift" if style == "srl" else style
    if depth <= 64 and width < 12:
        return "shift"
    if depth <= 257 or width < 5:
        return "distributed"
    return "block" if depth <= 2028 else "ultra"


def fit_key(view: NodeView) -> str:
    """Returns the name of the fit that a node belongs to: its operator, with a variant where the RTL has several."""
    if view.op == "StreamingFIFO_rtl":
        style = fifo_style(view)
        return f"{view.op}.{'block' if style == 'ultra' else style}"
    if view.op == "ConvolutionInputGenerator_rtl":
        return f"{view.op}.{'parallel' if view.integer('parallel_window', 0) else 'default'}"
    return view.op


def terms(view: NodeView) -> Terms:
    """Returns the terms of a node's LUT and flip-flop sums.

    Raises:
        KeyError: if the operator is not modelled.
    """
    return _TERMS[view.op](view) | {"lut:one": 1.0, "ff:one": 1.0}


def _mvau_core(view: NodeView) -> Terms:
    """Output queue, lane-overflow tracking, adder trees over SIMD, replay buffer of the activations."""
    pe, simd = view.integer("PE"), view.integer("SIMD")
    steps, rounds = view.integer("MW") // simd, view.integer("MH") // pe
    replay = lutram_luts(steps, simd * view.input_bits) if rounds > 1 else 0
    tree = pe * (simd - 1) * (view.input_bits + view.other_bits)
    sums: dict[str, float] = {"output": pe * view.output_bits, "lanes": pe * simd, "tree": tree}
    return (
        {f"lut:{name}": value for name, value in sums.items()}
        | {f"ff:{name}": value for name, value in sums.items()}
        | {"lut:replay": replay, "ff:replay": simd * view.input_bits if rounds > 1 else 0}
    )


def _memstream(view: NodeView) -> Terms:
    """Credit queue (a shift register per bit) and the ROM, unless that is in block RAM."""
    depth, width = view.integer("depth"), view.input_bits
    logic = view.text("ram_style", "auto") != "block"
    return {
        "lut:queue": width,
        "lut:address": _bits(depth),
        "lut:rom": rom_luts(depth, width) if logic else 0,
        "ff:queue": width,
        "ff:rom": width if logic else 0,
    }


def _thresholding(view: NodeView) -> Terms:
    """Binary search: per PE one comparison, one ROM and two pipeline registers a stage; output queue."""
    pe, stages = view.integer("PE"), math.ceil(math.log2(view.integer("numSteps") + 1))
    fold = view.integer("NumChannels") // pe if view.threshold_rows > 1 else 1
    trigger = view.integer("depth_trigger_bram", 0)
    logic = [fold << stage for stage in range(stages) if not trigger or (fold << stage) < trigger]
    return {
        "lut:compare": pe * stages * view.input_bits,
        "lut:rom": pe * sum(rom_luts(depth, view.other_bits) for depth in logic),
        "lut:queue": pe * stages,
        "ff:pipeline": pe * stages * view.input_bits,
        "ff:rom": pe * len(logic) * view.other_bits,
        "ff:pointer": pe * stages * (stages + _bits(fold)),
    }


def _window(view: NodeView) -> Terms:
    """Cyclic buffer with addressing, or registers for a whole window with line buffers."""
    from hls.resources.window import buffer_shape

    depth, width, count = buffer_shape(view)
    distributed = view.text("ram_style", "auto") == "distributed"
    storage = count * lutram_luts(depth, width) if distributed and depth else 0
    kernel_h, kernel_w = view.pair("ConvKernelDim")
    return {
        "lut:storage": storage,
        "lut:address": _bits(max(2, depth)),
        "ff:address": _bits(max(2, depth)),
        "lut:registers": kernel_h * kernel_w * width,
        "ff:registers": kernel_h * kernel_w * width,
        "ff:output": count * width if distributed else 0,
    }


def _padding(view: NodeView) -> Terms:
    """Skid buffer of two beats, counters over the image."""
    width = _pad8(view.integer("SIMD") * view.input_bits)
    rows, columns = view.pair("ImgDim")
    counters = _bits(rows + 2) + _bits(columns + 2) + _bits(view.integer("NumChannels") // view.integer("SIMD"))
    return {"lut:beat": width, "lut:counters": counters, "ff:beat": width, "ff:counters": counters}


def _converter(view: NodeView) -> Terms:
    """Buffer of one beat of each side; a barrel shifter aligns input words of several parts."""
    in_bits, out_bits = view.integer("inWidth"), view.integer("outWidth")
    parts = in_bits // math.gcd(in_bits, out_bits)
    capacity = in_bits + out_bits
    return {"lut:barrel": capacity * math.log2(parts), "lut:buffer": capacity, "ff:buffer": capacity}


def _fifo(view: NodeView) -> Terms:
    """Storage by style, output register, fill counters."""
    depth, width = view.integer("depth"), fifo_beat_bits(view)
    storage = {
        "shift": width * math.ceil((depth - 1) / 32) * (1 if depth <= FIFO_SHIFT_DEPTH else 1.5),
        "distributed": float(lutram_luts(1 << _bits(depth - 1), width)),
    }.get(fifo_style(view), 0.0)
    selection = width if fifo_style(view) == "block" else 0.0
    return {
        "lut:storage": storage,
        "lut:selection": selection,
        "lut:counters": _bits(depth),
        "ff:beat": width,
        "ff:counters": _bits(depth),
    }


def _fork(view: NodeView) -> Terms:
    """One flag a branch."""
    branches = view.integer("NumOutputStreams")
    return {"lut:branches": branches, "ff:branches": branches}


def _add(view: NodeView) -> Terms:
    """Adders and one output register."""
    sums = view.integer("PE", 1) * view.output_bits
    return {"lut:sum": sums, "ff:sum": sums}


def _upsample(view: NodeView) -> Terms:
    """Buffer of two rows, pointers into it."""
    width, fold = view.integer("SIMD") * view.input_bits, view.integer("NumChannels") // view.integer("SIMD")
    depth = 2 * view.integer("WI") * fold
    distributed = view.text("ram_style", "auto") == "distributed"
    return {
        "lut:storage": lutram_luts(depth, width) if distributed else 0,
        "lut:address": _bits(depth),
        "ff:address": _bits(depth),
        "ff:beat": width if distributed else 0,
    }


def _tlast(view: NodeView) -> Terms:
    """A beat counter."""
    bits = _bits(view.integer("beats"))
    return {"lut:counter": bits, "ff:counter": bits}


_TERMS = {
    "MVAU_core": _mvau_core,
    "memstream": _memstream,
    "Thresholding_rtl": _thresholding,
    "ConvolutionInputGenerator_rtl": _window,
    "FMPadding_rtl": _padding,
    "StreamingDataWidthConverter_rtl": _converter,
    "StreamingFIFO_rtl": _fifo,
    "DuplicateStreams_rtl": _fork,
    "ElementwiseAdd_rtl": _add,
    "UpsampleNearestNeighbour_rtl": _upsample,
    "axis_tlast": _tlast,
}
