"""Face verification and identification in numbers: pairs, 10-fold accuracy, AUC, EER, TAR at a FAR, rank-1.

**Pairs** follow LFW's restricted protocol (Huang et al. 2007): folds share no person, and each holds as many pairs of
one person as of two. The accuracy's threshold is chosen on the other nine folds. Scores are similarities: higher means
more alike; a pair is accepted if its score is at or above the threshold.

**Intervals** are 95 %: of an accuracy, Student's t over the folds; of all others, percentiles of a bootstrap that
draws *people* with replacement (a pair counts as often as both its people were drawn). Pairs that share a person are
not independent, and a bootstrap over pairs would give intervals that are far too narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.errors import ConfigError, ContractError

__all__ = [
    "Estimate",
    "Pairs",
    "Roc",
    "Verification",
    "best_threshold",
    "bootstrap_people",
    "fold_accuracies",
    "make_pairs",
    "person_draws",
    "rank1",
    "roc",
    "t_quantile",
    "verify",
    "wilson",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_T_975 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)
"""97.5 % quantiles of Student's t for 1 to 15 degrees of freedom."""
_FAR = 1e-3


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A measured number with its 95 % interval and what it was measured on."""

    value: float
    """The number."""
    low: float
    """Lower end of the interval."""
    high: float
    """Upper end of the interval."""
    n: int
    """Sample size: pairs, or probes."""

    def as_json(self) -> dict[str, float | int]:
        """Returns the estimate as plain values."""
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Pairs:
    """Pairs of pictures to be compared."""

    left: Ints
    """`[P]` index of the first picture."""
    right: Ints
    """`[P]` index of the second picture, another one than the first."""
    same: NDArray[np.bool_]
    """`[P]` whether both show one person."""
    fold: Ints
    """`[P]` fold of the pair; no person occurs in two folds."""

    def __len__(self) -> int:
        return len(self.left)


def make_pairs(people: Ints, *, folds: int = 10, seed: int = 0, per_fold: int | None = None) -> Pairs:
    """Draws pairs with subject-disjoint folds.

    Args:
        people: `[N]` person of each picture.
        folds: number of folds; every fold gets at least two people.
        seed: seed of the assignment of people to folds and of the pairs of two people.
        per_fold: pairs of one person in a fold (and as many of two); all pairs of one person if not given.

    Raises:
        ConfigError: if there are too few people or pictures.
    """
    identities = np.unique(people)
    if folds < 2 or len(identities) < 2 * folds:
        raise ConfigError(f"{folds} folds of at least two people each need {2 * max(folds, 2)} people; there are "
                          f"{len(identities)}")  # fmt: skip
    if per_fold is not None and per_fold < 1:
        raise ConfigError(f"per_fold = {per_fold}: allowed range is 1 and above (pairs)")
    generator = np.random.default_rng(seed)
    parts: list[tuple[Ints, Ints, NDArray[np.bool_], Ints]] = []
    for fold, group in enumerate(np.array_split(generator.permutation(identities), folds)):
        members = np.flatnonzero(np.isin(people, group))
        upper = np.triu_indices(len(members), 1)
        left, right = members[upper[0]], members[upper[1]]
        same = people[left] == people[right]
        positive, negative = np.flatnonzero(same), np.flatnonzero(~same)
        count = min(len(positive), len(negative), per_fold or len(positive))
        if not count:
            raise ConfigError("verification needs people with at least two pictures in every fold")
        if count < len(positive):
            positive = np.sort(generator.choice(positive, count, replace=False))
        chosen = np.concatenate([positive, np.sort(generator.choice(negative, count, replace=False))])
        parts.append((left[chosen], right[chosen], same[chosen], np.full(len(chosen), fold)))
    left, right, same, fold_of = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return Pairs(left=left, right=right, same=same, fold=fold_of)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Roc:
    """False and true accept rates over all thresholds, from (0, 0) to (1, 1); tied scores are one step."""

    far: Floats
    """`[K]` false accept rate."""
    tar: Floats
    """`[K]` true accept rate."""

    @property
    def auc(self) -> float:
        """Area under the curve by trapezia: the probability that a pair of one person scores higher (ties: half)."""
        return float(np.sum(np.diff(self.far) * (self.tar[1:] + self.tar[:-1]) / 2))

    @property
    def eer(self) -> float:
        """Equal error rate: where false accepts and false rejects are equal, on straight lines between the points."""
        gap = self.far - (1 - self.tar)  # -1 at the start, 1 at the end, never falling
        index = int(np.argmax(gap >= 0))
        before, after = gap[index - 1], gap[index]
        share = -before / (after - before)
        return float(self.far[index - 1] + share * (self.far[index] - self.far[index - 1]))

    def tar_at_far(self, far: float) -> float:
        """True accept rate of the loosest threshold whose false accept rate is at most `far`."""
        return float(self.tar[np.flatnonzero(self.far <= far + 1e-12)[-1]])


def roc(scores: Floats, same: NDArray[np.bool_], weights: Floats | None = None) -> Roc:
    """Returns the receiver operating characteristic.

    Args:
        scores: `[P]` similarities.
        same: `[P]` whether a pair shows one person.
        weights: `[P]` how often each pair counts; once each if not given.

    Raises:
        ContractError: if a score is not finite, or one of the two kinds of pairs is missing.
    """
    if scores.shape != same.shape or not np.all(np.isfinite(scores)):
        raise ContractError("verification needs one finite score for each pair")
    order = np.argsort(-scores, kind="stable")
    weight = np.ones(len(scores)) if weights is None else weights[order]
    accepted = np.cumsum(weight * same[order]), np.cumsum(weight * ~same[order])
    if not len(scores) or not accepted[0][-1] or not accepted[1][-1]:
        raise ContractError("verification needs pairs of one person and pairs of two people")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)  # ties are accepted together
    true, false = (np.concatenate([[0.0], total[ends] / total[-1]]) for total in accepted)
    return Roc(far=false, tar=true)


def best_threshold(scores: Floats, same: NDArray[np.bool_]) -> float:
    """Returns the threshold of highest accuracy, half-way between two scores; the middle one of equally good ones."""
    ordered = np.unique(scores)
    between = (ordered[1:] + ordered[:-1]) / 2
    candidates = np.concatenate([[ordered[0] - 1.0], between, [ordered[-1] + 1.0]])
    positive, negative = np.sort(scores[same]), np.sort(scores[~same])
    accepted = len(positive) - np.searchsorted(positive, candidates, side="left")
    right = accepted + np.searchsorted(negative, candidates, side="left")
    best = np.flatnonzero(right == right.max())
    return float(candidates[best[len(best) // 2]])


def fold_accuracies(scores: Floats, pairs: Pairs) -> Floats:
    """Returns each fold's accuracy at the threshold that is best on all other folds.

    Args:
        scores: `[P]` similarities.
        pairs: the pairs they belong to.
    """
    accuracies = []
    for fold in np.unique(pairs.fold):
        inside = pairs.fold == fold
        threshold = best_threshold(scores[~inside], pairs.same[~inside])
        accuracies.append(np.mean((scores[inside] >= threshold) == pairs.same[inside]))
    return np.asarray(accuracies, np.float64)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verification:
    """What verification over a set of pairs gives."""

    accuracy: Estimate
    """10-fold accuracy; `1 - accuracy` is the error on the x-axis of the paper's Figure 4."""
    auc: Estimate
    """Area under the ROC."""
    eer: Estimate
    """Equal error rate."""
    tar_at_far: Estimate
    """True accept rate at a false accept rate of 1e-3; with fewer than 1,000 pairs of two people: at none."""


def verify(scores: Floats, pairs: Pairs, people: Ints, *, resamples: int = 200, seed: int = 0) -> Verification:
    """Measures verification on scored pairs.

    Args:
        scores: `[P]` similarities.
        pairs: the pairs.
        people: `[N]` person of each picture.
        resamples: bootstrap resamples for the intervals.
        seed: seed of the bootstrap.

    Raises:
        ContractError: if a score is not finite.
    """
    curve = roc(scores, pairs.same)
    left, right = people[pairs.left], people[pairs.right]

    def resampled(count: Floats) -> Floats | None:
        weights = np.where(pairs.same, count[left], count[left] * count[right])
        if not weights[pairs.same].any() or not weights[~pairs.same].any():
            return None
        drawn = roc(scores, pairs.same, weights)
        return np.array([drawn.auc, drawn.eer, drawn.tar_at_far(_FAR)])

    low, high = bootstrap_people(people, resampled, resamples=resamples, seed=seed)
    point = (curve.auc, curve.eer, curve.tar_at_far(_FAR))
    n = len(pairs)
    auc, eer, tar = (
        Estimate(value=value, low=min(value, float(a)), high=max(value, float(b)), n=n)
        for value, a, b in zip(point, low, high, strict=True)
    )
    return Verification(accuracy=_t_estimate(fold_accuracies(scores, pairs), n), auc=auc, eer=eer, tar_at_far=tar)


def rank1(similarity: Floats, gallery: Ints, probes: Ints, *, resamples: int = 200, seed: int = 0) -> Estimate:
    """Returns the share of probes whose most similar gallery picture shows the same person.

    Where several are most similar (all black pictures, for instance), the probe counts by the share of right ones.

    Args:
        similarity: `[probes, gallery]`.
        gallery: `[G]` person of each gallery picture.
        probes: `[Q]` person of each probe.
        resamples: bootstrap resamples over people for the interval.
        seed: seed of the bootstrap.
    """
    if similarity.shape != (len(probes), len(gallery)) or not np.all(np.isfinite(similarity)):
        raise ContractError("identification needs a finite similarity of each probe to each gallery picture")
    top = similarity == similarity.max(axis=1, keepdims=True)
    right = (top & (gallery[None, :] == probes[:, None])).sum(axis=1) / top.sum(axis=1)

    def resampled(count: Floats) -> Floats | None:
        weights = count[probes]
        return np.array([np.average(right, weights=weights)]) if weights.any() else None

    low, high = bootstrap_people(probes, resampled, resamples=resamples, seed=seed)
    return Estimate(value=float(right.mean()), low=float(low[0]), high=float(high[0]), n=len(probes))


def person_draws(people: Ints, *, resamples: int, seed: int) -> Iterator[Floats]:
    """Yields how often each person (or video) was drawn, indexed by its number, for each bootstrap resample.

    Args:
        people: person of each picture, numbers from 0 up.
        resamples: number of resamples, at least 10.
        seed: seed of the draws.

    Raises:
        ConfigError: if `resamples` is too small.
    """
    if resamples < 10:
        raise ConfigError(f"resamples = {resamples}: allowed range is 10 and above")
    identities = np.unique(people)
    generator = np.random.default_rng(seed)
    for _ in range(resamples):
        drawn = generator.choice(identities, len(identities))
        yield np.bincount(drawn, minlength=int(identities[-1]) + 1).astype(np.float64)


def bootstrap_people(
    people: Ints, measure: Callable[[Floats], Floats | None], *, resamples: int, seed: int
) -> tuple[Floats, Floats]:
    """Returns the 2.5 and 97.5 percentiles of a measure over resampled people.

    Args:
        people: person of each picture, numbers from 0 up.
        measure: given how often each person was drawn (indexed by person), returns numbers, `None` if undefined.
        resamples: number of resamples, at least 10.
        seed: seed of the draws.

    Raises:
        ConfigError: if `resamples` is too small or no resample could be measured.
    """
    values = [v for count in person_draws(people, resamples=resamples, seed=seed) if (v := measure(count)) is not None]
    if not values:
        raise ConfigError("too few people for an interval: no resample holds both kinds of pairs")
    low, high = np.percentile(np.stack(values), [2.5, 97.5], axis=0)
    return low, high


def t_quantile(freedom: int) -> float:
    """Returns the 97.5 % quantile of Student's t for `freedom` degrees of freedom, at least 1."""
    return _T_975[freedom - 1] if freedom <= len(_T_975) else 1.96 + 2.5 / freedom


def wilson(hits: int, n: int) -> Estimate:
    """Returns a share with Wilson's 95 % interval (1927).

    Args:
        hits: how many of them.
        n: how many there are, at least 1.
    """
    z2, share = 1.96**2, hits / n
    centre = (hits + z2 / 2) / (n + z2)
    half = 1.96 * (hits * (n - hits) / n + z2 / 4) ** 0.5 / (n + z2)
    return Estimate(value=share, low=min(share, centre - half), high=max(share, centre + half), n=n)


def _t_estimate(values: Floats, n: int) -> Estimate:
    mean, half = float(values.mean()), float(t_quantile(len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return Estimate(value=mean, low=max(0.0, mean - half), high=min(1.0, mean + half), n=n)
