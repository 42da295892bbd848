"""What FINN's FIFO really builds, and which memory a FIFO should use on a board.

FINN's `fifo.sv` (finn-plus 1.6.1) takes any depth from 2 on. What it builds:

| style | when | capacity in beats | latency in cycles |
|---|---|---|---|
| `srl` (shift register) | depth ≤ 33 whatever was asked, or asked for | max(depth, 5) | 2 |
| `distributed` (LUT RAM) | asked for, or `auto` up to 257 | depth; memory rounded up to 2^n | 2 |
| `block` (block RAM) | asked for, or `auto` up to 2,028 | ≥ depth + 1 | 3 |
| `ultra` (UltraRAM) | asked for, or `auto` above 2,028 **on every device** | ≥ depth | 6 or more |

Capacities and latencies were measured in Verilator; `implemented_fifo_depth` gives the exact capacity.
The memory styles round depth − 1 up to 2^a or, beyond one primitive (512 or 4,096 words), to 2^a + 2^b, so a depth
costs little more than it must. No style ever holds fewer beats than asked. `auto` must not be left to FINN: above
2,028 beats it takes UltraRAM, which a Zynq-7000 does not have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hls.memory import bram18, uram
from hw_anon.core.boards import Board
from hw_anon.core.errors import ConfigError

__all__ = ["FifoRamStyle", "RamStyleChoice", "choose_fifo_ram_style", "implemented_fifo_depth"]

FifoRamStyle = Literal["srl", "distributed", "block", "ultra"]

_BLOCK_READ_STAGES = 2
"""Read registers behind a block RAM; they hold beats, UltraRAM's drain into its output queue."""
_ALWAYS_SHIFT_DEPTH = 33
"""`fifo.sv` builds a shift register up to here, whatever the style."""
_SHIFT_NARROW_DEPTH = 64
_SHIFT_NARROW_BITS = 12
"""Below 12 bits the pointers of a LUT RAM cost more than the multiplexer of a cascaded shift register."""
_LUT_RAM_DEPTH = 257
"""256 words of LUT RAM and the output register; beyond, a block RAM saves hundreds of LUTs."""
_BRAM18_PER_URAM = 16
"""288 Kib against 18 Kib."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RamStyleChoice:
    """A memory style and why."""

    style: FifoRamStyle
    """Value of FINN's `ram_style` attribute."""
    reason: str
    """One clause for reports."""


def choose_fifo_ram_style(depth: int, width: int, board: Board) -> RamStyleChoice:
    """Chooses the memory of a FIFO.

    Args:
        depth: beats asked for.
        width: bits of a beat, padding included.
        board: decides whether UltraRAM exists.

    Raises:
        ConfigError: if `depth` is below 2, the least FINN's FIFO can build.
    """
    _require_depth(depth)
    if depth <= _ALWAYS_SHIFT_DEPTH:
        return RamStyleChoice(style="srl", reason=f"≤ {_ALWAYS_SHIFT_DEPTH} beats: one shift register a bit")
    if depth <= _SHIFT_NARROW_DEPTH and width < _SHIFT_NARROW_BITS:
        return RamStyleChoice(style="srl", reason=f"narrow and ≤ {_SHIFT_NARROW_DEPTH} beats: cheaper than pointers")
    if depth <= _LUT_RAM_DEPTH:
        return RamStyleChoice(style="distributed", reason=f"≤ {_LUT_RAM_DEPTH} beats: LUT RAM")
    brams, urams = bram18(depth, width), uram(depth, width)
    if board.uram and brams * 2 >= urams * _BRAM18_PER_URAM:
        return RamStyleChoice(style="ultra", reason=f"{urams} UltraRAM instead of {brams} block RAMs")
    why = "" if board.uram else f", {board.device} has no UltraRAM"
    return RamStyleChoice(style="block", reason=f"{brams} block RAM (18 Kib){why}")


def implemented_fifo_depth(depth: int, style: FifoRamStyle = "srl") -> int:
    """Returns how many beats the FIFO holds that FINN builds for `depth`, output registers included.

    Args:
        depth: beats asked for.
        style: FINN's `ram_style`; without effect up to 33 beats.

    Returns:
        At least `depth`; measured in finn-plus 1.6.1's `fifo.sv` (its `DEPTH_ACTUAL` is an upper bound only).

    Raises:
        ConfigError: if `depth` is below 2.
    """
    _require_depth(depth)
    if depth <= _ALWAYS_SHIFT_DEPTH or style == "srl":
        return max(depth, 5)
    if style == "distributed":
        return depth
    ultra = style == "ultra"
    queue = 16 if ultra else 0
    words = depth - queue - 1
    low, high = _clog2(words), 0
    if low > (12 if ultra else 9):
        rest = _clog2(words - 2 ** (low - 1))
        if rest < low - 1:
            low, high = low - 1, max(rest, 1)
    memory = 2**low + (2**high if high else 0)
    return memory + (queue + 1 if ultra else _BLOCK_READ_STAGES)


def _clog2(value: int) -> int:
    return (value - 1).bit_length()


def _require_depth(depth: int) -> None:
    if depth < 2:
        raise ConfigError(f"FIFO depth {depth}: FINN's FIFO holds at least 2 beats; leave the FIFO out or ask for 2")
