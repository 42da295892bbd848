"""Frame numbers tell what is missing: lost, repeated and reordered frames."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["NUMBERS", "Arrival", "SequenceTracker", "Verdict"]

NUMBERS = 1 << 32
"""Frame numbers wrap here."""


class Verdict(Enum):
    """What a frame's number says about its place."""

    NEXT = "next"
    """It is newer than the one before."""
    DUPLICATE = "duplicate"
    """It is the one before, again."""
    OUT_OF_ORDER = "out of order"
    """It is older than the one before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """A frame's place in the sequence."""

    verdict: Verdict
    """Whether it is newer."""
    lost: int = 0
    """Frames that are missing between the one before and this one."""


class SequenceTracker:
    """Follows the numbers of delivered frames."""

    def __init__(self) -> None:
        self._last: int | None = None
        self._restarted = False

    def arrive(self, number: int) -> Arrival:
        """Judges the next frame's number; only a newer one counts as the new last one.

        Half of all numbers are newer and half are older, so that the counter may wrap.
        """
        step = 1 if self._last is None else (number - self._last) % NUMBERS
        if step == 0:
            return Arrival(verdict=Verdict.DUPLICATE)
        older = step >= NUMBERS // 2
        if older and not self._restarted:
            return Arrival(verdict=Verdict.OUT_OF_ORDER)
        self._last = number
        self._restarted = False
        return Arrival(verdict=Verdict.NEXT, lost=0 if older else step - 1)

    def restart(self) -> None:
        """Allows the next frame to be older: the camera may count from 0 again."""
        self._restarted = True
