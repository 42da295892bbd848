"""The boards the toolkit targets, with what their programmable logic holds (vendor data sheets)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hw_anon.core.errors import ConfigError

__all__ = ["BOARDS", "Board", "get_board"]

DspKind = Literal["DSP48E1", "DSP48E2"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Board:
    """A board and the resources of its programmable logic."""

    name: str
    """Short name used on the command line."""
    device: str
    """Device family member, e.g. `xc7z020`."""
    part: str
    """Full vendor part number, as the vendor's tools and FINN expect it."""
    dsp_kind: DspKind
    """DSP slice: decides how many multiplications share one (DSP48E1: 25×18, DSP48E2: 27×18)."""
    dsp: int
    """DSP slices."""
    lut: int
    """6-input look-up tables."""
    ff: int
    """Flip-flops."""
    bram18: int
    """18-Kib block RAMs (a 36-Kib block counts as two)."""
    uram: int
    """288-Kib UltraRAM blocks."""
    clk_mhz: float
    """Default clock of the accelerator, in MHz."""

    @property
    def clk_period_ns(self) -> float:
        """Default clock period in nanoseconds."""
        return 1e3 / self.clk_mhz


BOARDS: dict[str, Board] = {
    board.name: board
    for board in (
        # Zynq-7000 overview, DS190: xc7z020 has 140 36-Kib blocks.
        Board(
            name="pynq-z2",
            device="xc7z020",
            part="xc7z020clg400-1",
            dsp_kind="DSP48E1",
            dsp=220,
            lut=53_200,
            ff=106_400,
            bram18=280,
            uram=0,
            clk_mhz=100.0,
        ),
        # Kria K26 SOM data sheet, DS987: 144 36-Kib blocks, 64 UltraRAM.
        Board(
            name="kv260",
            device="xck26",
            part="xck26-sfvc784-2LV-c",
            dsp_kind="DSP48E2",
            dsp=1_248,
            lut=117_120,
            ff=234_240,
            bram18=288,
            uram=64,
            clk_mhz=200.0,
        ),
        # Zynq UltraScale+ overview, DS891: xczu7ev has 312 36-Kib blocks, 96 UltraRAM.
        Board(
            name="zcu104",
            device="xczu7ev",
            part="xczu7ev-ffvc1156-2-e",
            dsp_kind="DSP48E2",
            dsp=1_728,
            lut=230_400,
            ff=460_800,
            bram18=624,
            uram=96,
            clk_mhz=200.0,
        ),
    )
}


def get_board(name: str) -> Board:
    """Returns the board called `name` (its name, its device or its full part number).

    Raises:
        ConfigError: if there is no such board; the message lists the known ones.
    """
    for board in BOARDS.values():
        if name in (board.name, board.device, board.part):
            return board
    known = ", ".join(f"{b.name} ({b.device})" for b in BOARDS.values())
    raise ConfigError(f"unknown board {name!r}; known boards: {known}")
