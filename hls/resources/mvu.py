"""The matrix-vector unit's DSP law, from the RTL itself (`mvu.sv`, `mvu_vvu_axi.sv` of FINN's RTL library)."""

from __future__ import annotations

import math

from hw_anon.core.boards import DspKind
from hw_anon.core.errors import ConfigError

__all__ = ["A_PORT_BITS", "dsp_lanes", "mvu_dsps"]

A_PORT_BITS: dict[DspKind, int] = {"DSP48E1": 25, "DSP48E2": 27}
"""Bits of the multiplier's wide port, which carries the weights (`mvu.sv`: `25 + 2*(VERSION > 1)`)."""


def dsp_lanes(dsp_kind: DspKind, weight_bits: int, activation_bits: int, *, narrow: bool) -> int:
    """Returns how many output channels share one DSP slice.

    `mvu.sv` lays weights of several output channels side by side on the wide port (A bits) and multiplies them by
    one activation on the other. Neighbouring weights stand `W + A_act - 1` bits apart, which confines overflow
    between lanes to -1, 0 or 1 (tracked outside the DSP). The leftmost weight needs only its own W bits, and one bit
    more if it may be the most negative number (weights not *narrow*), as the pre-adder would overflow:

        lanes = 1                                              if W = A
        lanes = 1 + floor((A - [not narrow] - W) / (W + A_act - 1))   else

    Args:
        dsp_kind: DSP slice of the device.
        weight_bits: W, at least 2.
        activation_bits: A_act, at least 2, signed or not.
        narrow: whether no weight of the layer is -2^(W-1).

    Raises:
        ConfigError: if the unit cannot be built for these widths.
    """
    width = A_PORT_BITS[dsp_kind]
    if weight_bits < 2 or activation_bits < 2:
        raise ConfigError(
            f"weights of {weight_bits} bits with activations of {activation_bits} bits: the matrix-vector unit needs "
            "at least 2 bits of each"
        )
    if weight_bits > width or activation_bits > 17:
        raise ConfigError(
            f"weights of {weight_bits} bits with activations of {activation_bits} bits exceed the ports of a "
            f"{dsp_kind} ({width} and 17 bits)"
        )
    if weight_bits == width:
        return 1
    spare = width - (0 if narrow else 1) - weight_bits
    return 1 + spare // (weight_bits + activation_bits - 1)


def mvu_dsps(pe: int, simd: int, lanes: int) -> int:
    """Returns the DSP slices of a unit: `ceil(PE / lanes)` pipes of SIMD slices each (`mvu.sv`: `PIPE_COUNT`)."""
    return math.ceil(pe / lanes) * simd
