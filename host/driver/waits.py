"""Waiting with an end: every loop of the driver that waits for hardware is here or ends by a `Deadline`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hw_anon.core.errors import DeviceError

__all__ = ["Clock", "Deadline", "wait_until"]


class Clock(Protocol):
    """The part of a board that tells time."""

    def now(self) -> float:
        """Returns seconds on a clock that never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Lets so much time go by."""
        ...


class Deadline:
    """A point in time after which nothing waits any longer."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        """Starts to run.

        Args:
            clock: tells the time.
            seconds: time from now on.
        """
        self._clock = clock
        self._end = clock.now() + seconds

    @property
    def left(self) -> float:
        """Seconds that are left, 0 if it has passed."""
        return max(0.0, self._end - self._clock.now())

    @property
    def passed(self) -> bool:
        """Whether it has passed."""
        return self.left <= 0.0


def wait_until(
    condition: Callable[[], bool], clock: Clock, *, timeout_s: float, what: str, interval_s: float = 0.0005
) -> None:
    """Polls until a condition holds.

    Args:
        condition: is asked at least twice: at once, and after the deadline.
        clock: tells the time.
        timeout_s: seconds after which it must hold.
        what: what is waited for and what to do about it, for the message.
        interval_s: seconds between two questions.

    Raises:
        DeviceError: if it does not hold in time.
    """
    deadline = Deadline(clock, timeout_s)
    while not condition():
        if deadline.passed:
            if condition():
                return
            raise DeviceError(f"waited {timeout_s:g} s for {what}")
        clock.sleep(min(interval_s, deadline.left))
