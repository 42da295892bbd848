"""The line to beat and matched comparisons, by hand-computed values."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hw_anon.evaluate.aggregate import Measured, combine
from hw_anon.evaluate.results import read_results
from hw_anon.evaluate.trade_off import TradeOffPoint, matched, trade_off_points, verdicts
from hw_anon.evaluate.verification import Estimate
from tests.evaluate.golden import golden_results


def exact(value: float) -> Measured:
    return combine({None: Estimate(value=value, low=value, high=value, n=10)})


def point(name: str, error: float, map50: float, *, learned: bool = False, l1: float | None = None) -> TradeOffPoint:
    distance = None if l1 is None else exact(l1)
    return TradeOffPoint(name=name, error=exact(error), map50=exact(map50), learned=learned, l1=distance)


ENDS = [point("original", 0.0, 0.8), point("mask", 0.4, 0.6)]


def test_points_join_error_map_and_l1(tmp_path: Path) -> None:
    points = {p.name: p for p in trade_off_points(golden_results(tmp_path), "att")}
    assert set(points) == {"original", "blur-16", "blur-8", "mask", "ours"}
    ours = points["ours"]
    assert (ours.error.value, ours.map50.value) == (pytest.approx(0.3), pytest.approx(0.75))
    assert ours.learned
    assert not ours.judge_seen
    assert [tuple(round(v, 6) for v in run) for run in ours.runs] == [(0.28, 0.74), (0.32, 0.76)]
    assert points["mask"].runs == ()


def test_the_verdict_of_the_golden_results(tmp_path: Path) -> None:
    # Line from (0.02, 0.8) to (0.42, 0.6): slope -0.5, 0.66 at the error 0.30 of ours.
    (verdict,) = verdicts(trade_off_points(golden_results(tmp_path), "att"))
    assert verdict.name == "ours"
    assert verdict.above.value == pytest.approx(0.09)
    assert verdict.right == pytest.approx(0.18)
    assert verdict.runs_above == (2, 2)
    # 0.03 (mAP), 0.5 * 0.02 (error), 0.3 * 0.03 and 0.7 * 0.03 (ends' mAP), 0.5 * 0.3 * 0.02, 0.5 * 0.7 * 0.02.
    assert verdict.above.high - verdict.above.value == pytest.approx(0.00158**0.5)
    assert verdict.certain
    assert "above and to the right" in verdict.text
    assert "9.0 points of mAP [+5.0, +13.0], +18.0 points of error" in verdict.text
    assert "2 of 2 seeds" in verdict.text


def test_below_the_line_and_not_certain() -> None:
    (below,) = verdicts([*ENDS, point("ours", 0.2, 0.65, learned=True)])
    assert (below.above.value, below.right) == (pytest.approx(-0.05), pytest.approx(-0.1))
    assert "below" in below.text
    wide = replace(
        point("ours", 0.2, 0.65, learned=True), map50=combine({None: Estimate(value=0.65, low=0.5, high=0.8, n=9)})
    )
    (doubtful,) = verdicts([*ENDS, wide])
    assert not doubtful.certain
    assert "not certain" in doubtful.text


def test_there_is_no_verdict_without_a_line() -> None:
    ours = point("ours", 0.2, 0.7, learned=True)
    assert verdicts([ENDS[0], ours]) == []
    assert verdicts([point("original", 0.4, 0.8), point("mask", 0.4, 0.6), ours]) == []
    (rising,) = verdicts([point("original", 0.0, 0.6), point("mask", 0.4, 0.8), ours])
    assert rising.right is None
    assert rising.above.value == pytest.approx(0.0)


def test_matched_at_l1_between_two_blurs(tmp_path: Path) -> None:
    # L1 0.10 lies half-way between blur 16 (0.05) and blur 8 (0.15): error (0.1 + 0.3) / 2, mAP (0.7 + 0.65) / 2.
    found = {(m.family, m.matched_on): m for m in matched(trade_off_points(golden_results(tmp_path), "att"))}
    at_l1 = found["blur", "l1"]
    assert at_l1.theirs is not None
    assert at_l1.their_map50 is not None
    assert at_l1.between == ("blur-8", "blur-16")
    assert (at_l1.theirs.value, at_l1.their_map50.value) == (pytest.approx(0.2), pytest.approx(0.675))
    assert at_l1.theirs.high - at_l1.theirs.value == pytest.approx(0.02)
    assert at_l1.ours.value == pytest.approx(0.3)
    assert "(+10.0 points)" in at_l1.text
    at_map = found["blur", "map50"]
    assert at_map.theirs is None
    assert "no blur baseline at this mAP (75.0 %: blur reaches 65.0 to 70.0 %)" in at_map.text


def test_families_are_ordered_by_their_parameter() -> None:
    ours = point("ours", 0.3, 0.7, learned=True, l1=0.2)
    curve = [
        point("noise-0.5", 0.5, 0.5, l1=0.3),
        point("noise-0.1", 0.2, 0.7, l1=0.1),
        point("noise-0.3", 0.4, 0.6, l1=0.25),
    ]
    match = next(m for m in matched([*ENDS, ours, *curve]) if m.matched_on == "l1")
    assert match.between == ("noise-0.1", "noise-0.3")
    assert match.theirs is not None
    assert match.theirs.value == pytest.approx(0.2 + 0.2 * (0.2 - 0.1) / 0.15)


def test_a_baseline_without_an_action_detector_does_not_part_its_neighbours() -> None:
    between = TradeOffPoint(name="blur-6", error=exact(0.35), map50=None, learned=False, l1=exact(0.08))
    curve = [point("blur-4", 0.4, 0.6), between, point("blur-8", 0.3, 0.8)]
    match = next(m for m in matched([*ENDS, point("ours", 0.2, 0.7, learned=True), *curve]) if m.matched_on == "map50")
    assert match.between == ("blur-4", "blur-8")
    assert match.theirs is not None and match.theirs.value == pytest.approx(0.35)


def test_a_baseline_alone_is_no_match() -> None:
    assert matched([*ENDS, point("blur-8", 0.3, 0.7, l1=0.1)]) == []
    ours = point("ours", 0.3, 0.7, learned=True, l1=0.2)
    assert [m.theirs for m in matched([ours, point("blur-8", 0.3, 0.6, l1=0.1)])] == [None, None]


def test_privacy_is_compared_at_equal_l1_where_no_action_detector_was_trained(tmp_path: Path) -> None:
    golden_results(tmp_path)
    for method in ("blur-8", "ours@0", "ours@1"):
        (tmp_path / "action" / f"{method}.json").unlink()
    results = read_results(tmp_path)
    assert {p.name for p in trade_off_points(results, "att")} == {"original", "blur-16", "mask"}
    (match,) = matched(trade_off_points(results, "att", need_map50=False))
    assert (match.matched_on, match.between) == ("l1", ("blur-8", "blur-16"))
    assert match.theirs is not None
    assert match.theirs.value == pytest.approx(0.2)
    assert (match.our_map50, match.their_map50) == (None, None)
