"""Resources of the kernels, fitted to synthesis.

`MEASURED` holds what Yosys 0.70 reported for xc7 after

    read_slang --ignore-assertions --top KERNEL -G NAME=VALUE KERNEL.sv
    synth_xilinx -family xc7 -flatten -top KERNEL; stat -json

(`LUT*` and `INV` as LUTs; RAM32M and RAM64M as 4, `FD*` as flip-flops, RAMB36E1 as two BRAM18). A test holds the
functions below against the table. Flip-flops are not estimated: FINN's resource reports have no column for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from hls.memory import bram18

__all__ = [
    "MEASURED",
    "Measurement",
    "add_luts",
    "concat_luts",
    "fork_luts",
    "upsample_bram18",
    "upsample_luts",
    "upsample_ram_style",
]

_LUTS_PER_BRAM18 = 190
"""What one BRAM18 is worth: xc7z020 has 53,200 LUTs and 280 BRAM18."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One synthesis result."""

    kernel: str
    """Module."""
    parameters: Mapping[str, int | str]
    """The parameters that were set."""
    luts: int
    """LUTs, those used as memory included."""
    flip_flops: int
    """Flip-flops."""
    bram18: int = 0
    """BRAM18 equivalents."""


def fork_luts(branches: int) -> int:
    """Estimates `axis_fork`: some LUTs a branch for its handshake, none for the data."""
    return ceil(2.5 * branches) + 1


def add_luts(pe: int, a_bits: int, b_bits: int) -> int:
    """Estimates `axis_add`: a carry chain over the narrower operand's bits and the handshake."""
    return pe * min(a_bits, b_bits) + 3


def concat_luts(bits: int, inputs: int, beats: int) -> int:
    """Estimates `axis_concat`: multiplexer, handshake and counters; `beats` of the longest input."""
    return bits * ceil((inputs - 1) / 3) + 2 * inputs + (beats - 1).bit_length() + 1


def upsample_bram18(bits: int, depth: int) -> int:
    """Estimates the BRAM18 of `axis_upsample`'s row buffer of `depth` words."""
    return bram18(depth, bits)


def upsample_luts(bits: int, depth: int, ram_style: str) -> int:
    """Estimates the LUTs of `axis_upsample`, distributed memory included."""
    pointer_bits = max(1, (depth - 1).bit_length())
    logic = ceil(8.5 * pointer_bits) + 9
    return logic + (_memory_luts(bits, depth) if ram_style == "distributed" else 0)


def upsample_ram_style(bits: int, depth: int) -> str:
    """Returns "distributed" or "block", whichever takes the smaller share of the smallest board."""
    cheap = _memory_luts(bits, depth) < _LUTS_PER_BRAM18 * upsample_bram18(bits, depth)
    return "distributed" if cheap else "block"


def _memory_luts(bits: int, depth: int) -> int:
    """LUTs of a simple dual port memory of RAM32M (32 × 6) or RAM64M (64 × 3) cells and its output multiplexer."""
    if depth <= 32:
        return 4 * ceil(bits / 6)
    banks = ceil(depth / 64)
    return banks * (4 * ceil(bits / 3) + 1) + bits * ceil((banks - 1) / 3)


def _block(bits: int, width: int, fold: int, scale: int = 2) -> dict[str, int | str]:
    return {"DataWidth": bits, "Width": width, "ChannelFold": fold, "Scale": scale, "RamStyle": "block"}


def _distributed(bits: int, width: int, fold: int, scale: int = 2) -> dict[str, int | str]:
    return {**_block(bits, width, fold, scale), "RamStyle": "distributed"}


def _add(pe: int, a: tuple[int, int], b: tuple[int, int], total: int) -> dict[str, int | str]:
    return {"Pe": pe, "AWidth": a[0], "ASigned": a[1], "BWidth": b[0], "BSigned": b[1], "SumWidth": total}


def _concat(bits: int, *beats: int) -> dict[str, int | str]:
    words = "_".join(f"{n:08x}" for n in reversed(beats))
    return {"DataWidth": bits, "Inputs": len(beats), "Beats": f"{32 * len(beats)}'h{words}"}


MEASURED = (
    Measurement("axis_fork", {"DataWidth": 1, "Branches": 2}, luts=5, flip_flops=2),
    Measurement("axis_fork", {"DataWidth": 64, "Branches": 2}, luts=5, flip_flops=2),
    Measurement("axis_fork", {"DataWidth": 16, "Branches": 3}, luts=10, flip_flops=3),
    Measurement("axis_fork", {"DataWidth": 16, "Branches": 4}, luts=12, flip_flops=4),
    Measurement("axis_fork", {"DataWidth": 32, "Branches": 5}, luts=14, flip_flops=5),
    Measurement("axis_fork", {"DataWidth": 16, "Branches": 8}, luts=22, flip_flops=8),
    Measurement("axis_add", _add(1, (4, 0), (4, 0), 5), luts=7, flip_flops=6),
    Measurement("axis_add", _add(4, (4, 0), (4, 1), 6), luts=19, flip_flops=25),
    Measurement("axis_add", _add(16, (4, 1), (4, 1), 5), luts=67, flip_flops=81),
    Measurement("axis_add", _add(8, (8, 1), (8, 1), 9), luts=67, flip_flops=73),
    Measurement("axis_add", _add(4, (16, 1), (9, 0), 17), luts=39, flip_flops=69),
    Measurement("axis_concat", _concat(8, 3, 2), luts=15, flip_flops=3),
    Measurement("axis_concat", _concat(16, 5, 1, 2), luts=29, flip_flops=5),
    Measurement("axis_concat", _concat(4, 32, 32, 32, 32), luts=15, flip_flops=7),
    Measurement("axis_concat", _concat(64, 1, 1), luts=68, flip_flops=1),
    Measurement("axis_upsample", _distributed(32, 16, 1), luts=75, flip_flops=71),
    Measurement("axis_upsample", _distributed(4, 8, 4), luts=74, flip_flops=50),
    Measurement("axis_upsample", _distributed(16, 16, 2), luts=89, flip_flops=62),
    Measurement("axis_upsample", _distributed(16, 16, 2, scale=4), luts=94, flip_flops=64),
    Measurement("axis_upsample", _distributed(8, 32, 4), luts=144, flip_flops=68),
    Measurement("axis_upsample", _distributed(12, 24, 1), luts=78, flip_flops=56),
    Measurement("axis_upsample", _distributed(24, 48, 2), luts=207, flip_flops=82),
    Measurement("axis_upsample", _distributed(8, 1, 1), luts=28, flip_flops=19),
    Measurement("axis_upsample", _block(16, 24, 6), luts=93, flip_flops=65, bram18=1),
    Measurement("axis_upsample", _block(128, 16, 4), luts=71, flip_flops=53, bram18=4),
    Measurement("axis_upsample", _block(64, 16, 8), luts=78, flip_flops=60, bram18=2),
    Measurement("axis_upsample", _block(32, 32, 8), luts=85, flip_flops=67, bram18=1),
    Measurement("axis_upsample", _block(16, 16, 32), luts=93, flip_flops=74, bram18=1),
    Measurement("axis_upsample", _block(8, 32, 32), luts=103, flip_flops=81, bram18=1),
    Measurement("axis_upsample", _block(4, 16, 64), luts=102, flip_flops=81, bram18=1),
    Measurement("axis_tlast", {"DataWidth": 24, "Beats": 4096}, luts=5, flip_flops=12),
    Measurement("axis_tlast", {"DataWidth": 8, "Beats": 65536}, luts=7, flip_flops=16),
)
