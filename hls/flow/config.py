"""Configuration of one hardware build."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from hw_anon.core.boards import Board, get_board
from hw_anon.core.config import Config, require_range

__all__ = ["MAX_INTERVAL_RATIO", "BuildConfig"]

MAX_INTERVAL_RATIO = 1.02
"""Largest interval of a design over its slowest layer's ideal: window units that fill their buffers make it pause."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildConfig(Config):
    """What to build for: board, clock and speed."""

    board: str = "pynq-z2"
    """Board name, see `hw-anon boards`."""
    clk_mhz: float | None = None
    """Accelerator clock in MHz; the board's default if not given."""
    faces_per_s: float = 120.0
    """Throughput to fold for, in faces per second at that clock."""
    sizing_images: int = 3
    """Faces streamed through the instrumented design to measure FIFO fills (at least 2: one is start-up)."""
    window_fifo_cap: int = 32
    """Deepest FIFO between a sliding window and its matrix-vector unit, or behind one, in beats: a window stream
    repeats every pixel k² times, so back-pressure is better held before the window unit. 32 is one shift register
    LUT per bit."""

    def __post_init__(self) -> None:
        """Checks every field.

        Raises:
            ConfigError: naming the field and what it may be.
        """
        get_board(self.board)
        if self.clk_mhz is not None:
            require_range(self, "clk_mhz", 10, 500, unit="MHz")
        require_range(self, "faces_per_s", 1e-3, 1e6)
        require_range(self, "sizing_images", 2, 64)
        require_range(self, "window_fifo_cap", 2, 4096, unit="beats")

    @property
    def target(self) -> Board:
        """The board's record."""
        return get_board(self.board)

    @property
    def clock_mhz(self) -> float:
        """The clock in MHz."""
        return self.clk_mhz if self.clk_mhz is not None else self.target.clk_mhz

    @property
    def clk_period_ns(self) -> float:
        """The clock period in nanoseconds."""
        return 1e3 / self.clock_mhz

    @property
    def target_interval_cycles(self) -> int:
        """Clock cycles that the slowest layer may take for one face; the rest is for pauses that reach it."""
        return int(self.clock_mhz * 1e6 / self.faces_per_s / MAX_INTERVAL_RATIO)

    def as_json(self) -> dict[str, Any]:
        """Returns the configuration as plain JSON types, defaults and aliases resolved: equal designs, equal text."""
        return {**asdict(self), "board": self.target.name, "clk_mhz": self.clock_mhz}
