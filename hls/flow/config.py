"""Configuration of one hardware build."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from hw_anon.core.boards import Board, get_board
from hw_anon.core.errors import ConfigError

__all__ = ["BuildConfig"]


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildConfig:
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
    proof_stall_per_mille: int = 300
    """Probability, in 1/1000 per cycle, with which each port stalls in the deadlock run on the sized design."""

    def __post_init__(self) -> None:
        """Checks every field.

        Raises:
            ConfigError: naming the field and what it may be.
        """
        get_board(self.board)
        if self.clk_mhz is not None and not 10 <= self.clk_mhz <= 500:
            raise ConfigError(f"clk_mhz = {self.clk_mhz}: must be 10 to 500 MHz")
        if not 0 < self.faces_per_s <= 1e6:
            raise ConfigError(f"faces_per_s = {self.faces_per_s}: must be above 0 and at most 1,000,000")
        if not 2 <= self.sizing_images <= 64:
            raise ConfigError(f"sizing_images = {self.sizing_images}: must be 2 to 64")
        if not 2 <= self.window_fifo_cap <= 4096:
            raise ConfigError(f"window_fifo_cap = {self.window_fifo_cap}: must be 2 to 4096 beats")
        if not 0 <= self.proof_stall_per_mille <= 900:
            raise ConfigError(f"proof_stall_per_mille = {self.proof_stall_per_mille}: must be 0 to 900")

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
        """Clock cycles available for one face."""
        return int(self.clock_mhz * 1e6 / self.faces_per_s)

    def as_json(self) -> dict[str, Any]:
        """Returns the configuration as plain JSON types, defaults and aliases resolved: equal designs, equal text."""
        return {**asdict(self), "board": self.target.name, "clk_mhz": self.clock_mhz}
