"""One number from several training runs: their mean, and an interval that covers both sources of doubt.

A number measured once carries the interval of its test sample (people, videos). Trained several times with different
seeds, a method has a second doubt: the training itself. The interval of the mean is the wider of the two at each end:
the mean interval of the test samples, and of the seeds Student's t (three seeds or more) or their range (two).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hw_anon.core.errors import ContractError
from hw_anon.evaluate.verification import Estimate, t_quantile

__all__ = ["Measured", "combine"]

SeedKey = int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """A number of one method, with every run behind it."""

    value: float
    """Mean over the runs."""
    low: float
    """Lower end of the 95 % interval."""
    high: float
    """Upper end of the 95 % interval."""
    n: int
    """Sample size of one run (pairs, probes, pictures, frames); the smallest if runs differ."""
    runs: Mapping[SeedKey, Estimate]
    """The number of each run by its training seed; `None` is the seed of what is not trained."""

    @property
    def seeds(self) -> tuple[SeedKey, ...]:
        """Training seeds of the runs, in order."""
        return tuple(self.runs)

    @property
    def spread(self) -> tuple[float, float]:
        """Smallest and largest value of the runs."""
        values = [run.value for run in self.runs.values()]
        return min(values), max(values)

    @property
    def half(self) -> float:
        """Half the interval's width."""
        return (self.high - self.low) / 2

    @property
    def estimate(self) -> Estimate:
        """The mean with its interval, without the runs."""
        return Estimate(value=self.value, low=self.low, high=self.high, n=self.n)

    def mapped(self, function: Callable[[float], float]) -> Measured:
        """Returns the number under a monotone function, `1 - x` for instance; ends change places if it falls."""
        return combine({seed: _map(run, function) for seed, run in self.runs.items()})

    def as_json(self) -> dict[str, object]:
        """Returns the number as plain values."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "n": self.n,
            "seeds": len(self.runs),
            "by_seed": {str(seed): run.value for seed, run in self.runs.items() if seed is not None},
        }


def combine(runs: Mapping[SeedKey, Estimate]) -> Measured:
    """Returns the mean of several runs with its interval; one run keeps its own.

    Args:
        runs: the number by training seed, at least one.

    Raises:
        ContractError: if there is none.
    """
    if not runs:
        raise ContractError("there is no run to average")
    ordered = dict(sorted(runs.items(), key=lambda item: -1 if item[0] is None else item[0]))
    estimates = list(ordered.values())
    values = [run.value for run in estimates]
    mean = math.fsum(values) / len(values)
    low = math.fsum(run.low for run in estimates) / len(values)
    high = math.fsum(run.high for run in estimates) / len(values)
    if len(values) == 2:
        low, high = min(low, *values), max(high, *values)
    elif len(values) > 2:
        deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
        half = t_quantile(len(values) - 1) * deviation / math.sqrt(len(values))
        low, high = min(low, max(mean - half, 0.0)), max(high, min(mean + half, 1.0))
    n = min(run.n for run in estimates)
    return Measured(value=mean, low=min(low, mean), high=max(high, mean), n=n, runs=ordered)


def _map(run: Estimate, function: Callable[[float], float]) -> Estimate:
    low, high = sorted((function(run.low), function(run.high)))
    return Estimate(value=function(run.value), low=low, high=high, n=run.n)
