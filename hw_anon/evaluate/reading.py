"""Which actions can be read in modified faces by who never met the modifier's own detector.

Every detector of a comparison that begins with the same weights may read what the modifier learned to write for them. A
network from random weights cannot: what it reads is there for anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw_anon.evaluate.verification import Estimate, bootstrap_people

__all__ = ["ReadingResult", "share_named"]

_RESAMPLES = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadingResult:
    """What was read behind a method."""

    method: str
    """The method."""
    seed: int | None
    """The modifier's seed; `None` if it has none."""
    reader_seed: int
    """The reader's."""
    dataset: str
    """What was read in."""
    named: Estimate
    """Share of faces whose action was named."""
    by_action: Mapping[str, float]
    """The same for each action."""
    clips: int
    """Clips that the faces are of."""
    command: str
    """Command line."""
    training: Mapping[str, Any] = field(default_factory=dict)
    """How the reader was trained."""

    @property
    def title(self) -> str:
        """The method, with its seed if it has one."""
        return self.method if self.seed is None else f"{self.method}@{self.seed}"

    def as_json(self) -> dict[str, Any]:
        """Returns the file of a results directory; `named_ci` is the 95 % interval, `named_n` the number of faces."""
        return {
            "method": self.method,
            "seed": self.seed,
            "reader_seed": self.reader_seed,
            "dataset": self.dataset,
            "command": self.command,
            "named": round(self.named.value, 6),
            "named_ci": [round(self.named.low, 6), round(self.named.high, 6)],
            "named_n": self.named.n,
            "clips": self.clips,
            "by_action": {name: round(share, 6) for name, share in self.by_action.items()},
            "training": dict(self.training),
        }


def share_named(clips: NDArray[np.int64], right: NDArray[np.bool_], *, seed: int) -> Estimate:
    """Returns the share of faces whose action was named, with a 95 % interval from a bootstrap over clips.

    Args:
        clips: `[N]` clip of each face: faces of one clip are not independent.
        right: `[N]` whether the right action was named.
        seed: seed of the bootstrap.

    Raises:
        ConfigError: if there is no face.
    """
    _, groups = np.unique(clips, return_inverse=True)

    def share(drawn: NDArray[np.float64]) -> NDArray[np.float64]:
        weights = drawn[groups]
        return np.atleast_1d((weights * right).sum() / weights.sum())

    low, high = bootstrap_people(groups, share, resamples=_RESAMPLES, seed=seed)
    return Estimate(value=float(right.mean()), low=float(low[0]), high=float(high[0]), n=len(right))
