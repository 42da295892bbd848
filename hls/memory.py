"""How many memory primitives of a device an array of `depth` words of `width` bits takes."""

from __future__ import annotations

import math

__all__ = ["bram18", "lutram_luts", "rom_luts", "uram"]

_BRAM18_SHAPES = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
"""Depths and widths of an 18-Kib block RAM with one read and one write port (UG473, UG573)."""


def bram18(depth: int, width: int) -> int:
    """Returns the 18-Kib block RAMs of an array: the best single aspect ratio, cascaded in depth and width."""
    return min(math.ceil(depth / d) * math.ceil(width / w) for d, w in _BRAM18_SHAPES)


def uram(depth: int, width: int) -> int:
    """Returns the UltraRAM blocks (4096 × 72) of an array."""
    return math.ceil(depth / 4096) * math.ceil(width / 72)


def lutram_luts(depth: int, width: int) -> int:
    """Returns the LUTs of a distributed RAM with separate read port: RAM32M or RAM64M, four LUTs each (UG474).

    RAM32M stores 32 words of 6 bits, RAM64M 64 words of 3 bits.
    """
    if depth <= 32:
        return 4 * math.ceil(width / 6)
    return 4 * math.ceil(width / 3) * math.ceil(depth / 64)


def rom_luts(depth: int, width: int) -> float:
    """Returns the LUTs of a ROM of incompressible contents: 64 words of a bit per LUT, shallow ones shared."""
    return width * (math.ceil(depth / 64) if depth > 16 else depth / 16)
