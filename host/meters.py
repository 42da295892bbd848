"""Rates and latencies over the last moments, for people to read; safe to read while another thread writes."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

import numpy as np

__all__ = ["Meter"]

_WINDOW = 128


class Meter:
    """Counts things that take time.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._ends: deque[float] = deque(maxlen=_WINDOW)
        self._durations: deque[float] = deque(maxlen=_WINDOW)
        self._count = 0

    def add(self, duration_s: float = 0.0) -> None:
        """Counts one that ends now.

        Args:
            duration_s: how long it took.
        """
        with self._lock:
            self._count += 1
            self._ends.append(self._clock())
            self._durations.append(duration_s)

    @property
    def count(self) -> int:
        """How many there were."""
        return self._count

    def per_second(self) -> float:
        """Returns the rate over the last 128 of them, 0 before the second; it falls while none comes."""
        with self._lock:
            if len(self._ends) < 2:
                return 0.0
            span = max(self._ends[-1], self._clock() - self._mean_gap()) - self._ends[0]
            return (len(self._ends) - 1) / span if span > 0 else 0.0

    def gap_s(self) -> float:
        """Returns the mean seconds from one to the next over the last 128 of them, 0 before the second."""
        with self._lock:
            return self._mean_gap() if len(self._ends) > 1 else 0.0

    def _mean_gap(self) -> float:
        return (self._ends[-1] - self._ends[0]) / (len(self._ends) - 1)

    def milliseconds(self, quantile: float) -> float:
        """Returns a quantile of the last 128 durations, 0 if there is none.

        Args:
            quantile: 0 (the shortest) to 1 (the longest).
        """
        with self._lock:
            durations = list(self._durations)
        return float(np.quantile(durations, quantile)) * 1e3 if durations else 0.0
