"""Privacy against utility: the points of the paper's Figure 4, the line to beat, and comparisons at equal cost.

**The line** joins the un-anonymised frames and the mask, the paper's two one-sided solutions. Hiding a random share of
all faces moves along it, so that a method is worth something if its point lies above and to the right of it.

**Matched comparisons** ask whether a learnt modifier is better than a hand-made one of the same strength. A family of
baselines (blur, noise, super-pixels) is a curve through its members; where it brackets the learnt method's L1, or its
mAP, it is interpolated there linearly, intervals included. Where it does not, there is no baseline to compare with, and
nothing is extrapolated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from hw_anon.evaluate.aggregate import Measured
from hw_anon.evaluate.protocol import MODIFIED_MODIFIED
from hw_anon.evaluate.results import Results
from hw_anon.evaluate.verification import Estimate

__all__ = ["JUDGE_OF_RECORD", "LineVerdict", "Match", "TradeOffPoint", "matched", "trade_off_points", "verdicts"]

JUDGE_OF_RECORD = "dlib"
"""The judge that training never sees."""

_ENDS = ("original", "mask")
_FAMILY = re.compile(r"(blur|noise|superpixel)-([0-9.]+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class TradeOffPoint:
    """One method in the paper's Figure 4."""

    name: str
    """Name of the method."""
    error: Measured
    """Face verification error, 0 to 1: the x-axis. Under an adaptive protocol, the error of identification."""
    map50: Measured | None
    """Action detection mAP at IoU 0.5, 0 to 1: the y-axis; `None` where no detector was trained, for comparisons at
    equal L1."""
    learned: bool = False
    """Whether it is a learnt modifier, drawn as a red square as in the paper."""
    judge_seen: bool = False
    """Whether training used the judge of the x-axis."""
    l1: Measured | None = None
    """Mean absolute difference to the originals inside the regions, 0 to 1."""

    @property
    def utility(self) -> Measured:
        """The mAP of a point of Figure 4, which has one."""
        assert self.map50 is not None, "points of Figure 4 have an mAP"
        return self.map50

    @property
    def runs(self) -> tuple[tuple[float, float], ...]:
        """Error and mAP of each training seed that has both; empty unless there are several."""
        both = [seed for seed in self.error.seeds if seed in self.utility.runs and seed is not None]
        return tuple((self.error.runs[seed].value, self.utility.runs[seed].value) for seed in both if len(both) > 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class LineVerdict:
    """Where a method lies against the line from un-anonymised to mask."""

    name: str
    """Name of the method."""
    above: Estimate
    """mAP above the line at the method's error; negative below it."""
    right: float | None
    """Error to the right of the line at the method's mAP, negative to the left; `None` if the line does not fall."""
    runs_above: tuple[int, int]
    """Training seeds above the line, and training seeds."""

    @property
    def certain(self) -> bool:
        """Whether the interval of `above` leaves out 0."""
        return self.above.low > 0 or self.above.high < 0

    @property
    def text(self) -> str:
        """The verdict as a sentence."""
        side = ("above and to the right of" if self.right is not None else "above") if self.above.value > 0 else "below"
        right = "" if self.right is None else f", {100 * self.right:+.1f} points of error at equal mAP"
        points = f"{100 * abs(self.above.value):.1f} points of mAP"
        interval = f"[{100 * self.above.low:+.1f}, {100 * self.above.high:+.1f}]"
        doubt = "" if self.certain else "; the interval holds 0, so that this is not certain"
        seeds = f"; {self.runs_above[0]} of {self.runs_above[1]} seeds are above it" if self.runs_above[1] else ""
        return f"{self.name} lies {side} the line from un-anonymised to mask: {points} {interval}{right}{seeds}{doubt}."


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """A learnt method beside one family of baselines, brought to the same L1 or the same mAP."""

    name: str
    """Name of the learnt method."""
    family: str
    """`blur`, `noise` or `superpixel`."""
    matched_on: str
    """`l1` or `map50`."""
    at: float
    """The learnt method's value of it."""
    between: tuple[str, str] | None
    """Baselines interpolated between; `None` if the family does not reach this value."""
    reach: tuple[float, float]
    """Smallest and largest value of the family."""
    ours: Estimate
    """What is compared: the learnt method's error."""
    theirs: Estimate | None
    """The family's error at the same value."""
    our_map50: Estimate | None = None
    """The learnt method's mAP, where matched on L1."""
    their_map50: Estimate | None = None
    """The family's mAP there."""

    @property
    def text(self) -> str:
        """The comparison as a sentence."""
        what = "L1" if self.matched_on == "l1" else "mAP"
        at = f"{self.at:.3f}" if self.matched_on == "l1" else f"{100 * self.at:.1f} %"
        if self.theirs is None:
            reach = f"{self.family} reaches {_reach(self.matched_on, self.reach)}"
            return f"{self.name}: no {self.family} baseline at this {what} ({at}: {reach})."
        gain = 100 * (self.ours.value - self.theirs.value)
        certain = self.ours.low > self.theirs.high or self.ours.high < self.theirs.low
        assert self.between is not None, "what was interpolated lies between two baselines"
        return (
            f"{self.name} at {what} {at}: error {100 * self.ours.value:.1f} % against {100 * self.theirs.value:.1f} % "
            f"of {' … '.join(dict.fromkeys(self.between))} ({gain:+.1f} points"
            f"{'' if certain else ', intervals overlap'})."
        )


def trade_off_points(
    results: Results,
    dataset: str,
    *,
    protocol: str = MODIFIED_MODIFIED,
    judge: str = JUDGE_OF_RECORD,
    need_map50: bool = True,
) -> list[TradeOffPoint]:
    """Joins privacy and utility of the methods that have both.

    Args:
        results: everything measured.
        dataset: identity set of the error.
        protocol: protocol of the error.
        judge: judge of the error.
        need_map50: whether methods are left out for which no action detector was trained.
    """
    utility = {row.method: row.map50 for row in results.action}
    return [
        TradeOffPoint(
            name=row.method,
            error=row.error,
            map50=utility.get(row.method),
            learned=row.learned,
            judge_seen=row.judge_seen,
            l1=row.metrics.get("l1"),
        )
        for row in results.select(dataset, protocol, judge)
        if row.error is not None and (row.method in utility or not need_map50)
    ]


def verdicts(points: Sequence[TradeOffPoint], *, learned_only: bool = True) -> list[LineVerdict]:
    """Returns where methods lie against the line; none if there is no such line (an end is missing, or no error apart).

    Intervals take the numbers as independent: half widths are added in quadrature through the line's equation.

    Args:
        points: the methods, `original` and `mask` among them.
        learned_only: whether hand-made methods are left out.
    """
    ends = [point for name in _ENDS for point in points if point.name == name]
    if len(ends) != 2 or not ends[1].error.value > ends[0].error.value:
        return []
    chosen = [p for p in points if p.name not in _ENDS and (p.learned or not learned_only)]
    return [_verdict(point, ends[0], ends[1]) for point in chosen]


def _verdict(point: TradeOffPoint, left: TradeOffPoint, right: TradeOffPoint) -> LineVerdict:
    x0, y0, x1, y1 = left.error.value, left.utility.value, right.error.value, right.utility.value
    slope = (y1 - y0) / (x1 - x0)

    def above(x: float, y: float) -> float:
        return y - y0 - slope * (x - x0)

    share = (point.error.value - x0) / (x1 - x0)
    parts = (
        point.utility.half,
        slope * point.error.half,
        (1 - share) * left.utility.half,
        share * right.utility.half,
        slope * (1 - share) * left.error.half,
        slope * share * right.error.half,
    )
    half = sum(part**2 for part in parts) ** 0.5
    value = above(point.error.value, point.utility.value)
    return LineVerdict(
        name=point.name,
        above=Estimate(value=value, low=value - half, high=value + half, n=min(point.error.n, point.utility.n)),
        right=value / -slope if slope < 0 else None,
        runs_above=(sum(above(*run) > 0 for run in point.runs), len(point.runs)),
    )


def matched(points: Sequence[TradeOffPoint]) -> list[Match]:
    """Compares each learnt method with each family of baselines at equal L1 and at equal mAP, where these are measured.

    Args:
        points: the methods of one set, protocol and judge, those without an mAP among them.
    """
    families: dict[str, list[tuple[float, TradeOffPoint]]] = {}
    for point in points:
        if (found := _FAMILY.fullmatch(point.name)) is not None:
            families.setdefault(found[1], []).append((float(found[2]), point))
    curves = {name: [point for _, point in sorted(members, key=lambda m: m[0])] for name, members in families.items()}
    return [
        match
        for point in points
        if point.learned
        for axis in ("l1", "map50")
        for match in _matches(point, curves, axis)
    ]


def _matches(point: TradeOffPoint, curves: Mapping[str, Sequence[TradeOffPoint]], axis: str) -> list[Match]:
    at: Measured | None = getattr(point, axis)
    if at is None:
        return []
    out = []
    for family, curve in curves.items():
        values = [value.value for member in curve if (value := getattr(member, axis)) is not None]
        if not values:
            continue
        bracket = _bracket(curve, axis, at.value)
        out.append(
            Match(
                name=point.name,
                family=family,
                matched_on=axis,
                at=at.value,
                between=(bracket[0].name, bracket[1].name) if bracket else None,
                reach=(min(values), max(values)),
                ours=point.error.estimate,
                theirs=_between(bracket[0].error, bracket[1].error, bracket[2]) if bracket else None,
                our_map50=point.map50.estimate if point.map50 and axis == "l1" else None,
                their_map50=_map50(*bracket) if bracket and axis == "l1" else None,
            )
        )
    return out


def _bracket(curve: Sequence[TradeOffPoint], axis: str, at: float) -> tuple[TradeOffPoint, TradeOffPoint, float] | None:
    """The first two neighbours of those measured that hold a value between them, and how far along it lies."""
    measured = [member for member in curve if getattr(member, axis) is not None]
    for first, second in pairwise(measured):
        low, high = getattr(first, axis).value, getattr(second, axis).value
        if min(low, high) <= at <= max(low, high):
            return first, second, (at - low) / (high - low) if high != low else 0.0
    return None


def _map50(first: TradeOffPoint, second: TradeOffPoint, share: float) -> Estimate | None:
    return _between(first.map50, second.map50, share) if first.map50 and second.map50 else None


def _between(first: Measured, second: Measured, share: float) -> Estimate:
    value, low, high = (
        (1 - share) * getattr(first, name) + share * getattr(second, name) for name in ("value", "low", "high")
    )
    return Estimate(value=value, low=low, high=high, n=min(first.n, second.n))


def _reach(axis: str, reach: tuple[float, float]) -> str:
    if axis == "l1":
        return f"{reach[0]:.3f} to {reach[1]:.3f}"
    return f"{100 * reach[0]:.1f} to {100 * reach[1]:.1f} %"
