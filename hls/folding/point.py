"""A point of the design space, as it is listed, drawn and written."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DesignPoint"]


@dataclass(frozen=True, kw_only=True, slots=True)
class DesignPoint:
    """One folding of a network for one board; resources are estimates without FIFOs."""

    board: str
    """Board name."""
    device: str
    """Its device."""
    clk_mhz: float
    """Clock in MHz."""
    faces_per_s: float
    """Throughput at that clock."""
    interval_cycles: int
    """Clock cycles per face: the slowest layer's."""
    dsp: int
    """DSP slices."""
    lut: int
    """6-input LUTs."""
    ff: int
    """Flip-flops."""
    bram18: int
    """18-Kib block RAMs."""
    dsp_efficiency: float
    """See `FoldingReport.dsp_efficiency`."""
    fits: bool
    """Whether it stays within the budget on this board."""
    limits: str
    """What exceeds the budget; empty if it fits."""
