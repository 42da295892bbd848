"""Amounts of programmable-logic resources."""

from __future__ import annotations

from dataclasses import dataclass

from hw_anon.core.boards import Board

__all__ = ["Resources"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Resources:
    """What a block takes of a device."""

    dsp: int = 0
    """DSP slices."""
    lut: int = 0
    """6-input look-up tables, those used as memory or shift registers included."""
    ff: int = 0
    """Flip-flops."""
    bram18: int = 0
    """18-Kib block RAMs."""
    uram: int = 0
    """288-Kib UltraRAM blocks."""

    def __add__(self, other: Resources) -> Resources:
        """Adds amounts, kind by kind."""
        return Resources(
            dsp=self.dsp + other.dsp,
            lut=self.lut + other.lut,
            ff=self.ff + other.ff,
            bram18=self.bram18 + other.bram18,
            uram=self.uram + other.uram,
        )

    def shares(self, board: Board) -> dict[str, float]:
        """Returns the fraction of `board` taken, by kind; infinite where the board has none of what is needed."""
        return {
            kind: (needed / available if available else (float("inf") if needed else 0.0))
            for kind, needed, available in (
                ("dsp", self.dsp, board.dsp),
                ("lut", self.lut, board.lut),
                ("ff", self.ff, board.ff),
                ("bram18", self.bram18, board.bram18),
                ("uram", self.uram, board.uram),
            )
        }
