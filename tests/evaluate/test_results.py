"""Results directories: averages by hand-computed values, and every broken file named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hw_anon.core.errors import ContractError
from hw_anon.evaluate.aggregate import combine
from hw_anon.evaluate.limits import find_limits
from hw_anon.evaluate.results import read_results
from hw_anon.evaluate.verification import Estimate
from tests.evaluate.golden import golden_results, row, write_action, write_privacy


def number(value: float, half: float = 0.01, n: int = 100) -> Estimate:
    return Estimate(value=value, low=value - half, high=value + half, n=n)


def test_one_run_keeps_its_interval() -> None:
    measured = combine({None: number(0.5, 0.2)})
    assert (measured.value, measured.low, measured.high, measured.n) == (0.5, 0.3, 0.7, 100)


def test_two_runs_have_the_range_of_the_seeds() -> None:
    measured = combine({1: number(0.6, n=90), 0: number(0.4)})
    assert (measured.value, measured.low, measured.high) == (pytest.approx(0.5), 0.4, 0.6)
    assert (measured.seeds, measured.n) == ((0, 1), 90)


def test_three_runs_have_student_s_interval_unless_the_sample_s_is_wider() -> None:
    # Deviation 0.1, t(2) = 4.303: half = 4.303 * 0.1 / sqrt(3) = 0.24843.
    measured = combine({0: number(0.4), 1: number(0.5), 2: number(0.6)})
    assert measured.low == pytest.approx(0.5 - 0.24843, abs=1e-4)
    assert measured.high == pytest.approx(0.5 + 0.24843, abs=1e-4)
    wide = combine({0: number(0.5, 0.3), 1: number(0.5, 0.3), 2: number(0.5, 0.3)})
    assert (wide.low, wide.high) == (pytest.approx(0.2), pytest.approx(0.8))


def test_methods_seeds_and_views_are_joined(tmp_path: Path) -> None:
    results = golden_results(tmp_path)
    assert results.methods[0] == "original"
    assert results.methods[-2:] == ("mask", "ours")
    assert results.views("att") == (
        ("modified-modified", "dlib"),
        ("modified-modified", "sface"),
        ("adaptive", "pixels"),
    )
    ours = next(r for r in results.select("att", "modified-modified", "dlib") if r.method == "ours")
    assert ours.learned
    assert ours.metrics["accuracy"].value == pytest.approx(0.70)
    assert ours.error is not None
    assert (ours.error.value, ours.error.low, ours.error.high) == (
        pytest.approx(0.30), pytest.approx(0.28), pytest.approx(0.32),
    )  # fmt: skip
    assert (ours.error.n, ours.metrics["rank1"].n, ours.metrics["l1"].n) == (3600, 199, 399)
    parrot = next(r for r in results.select("att", "adaptive", "pixels") if r.method == "ours")
    assert parrot.error is not None
    assert parrot.error.value == pytest.approx(0.2)
    action = next(a for a in results.action if a.method == "ours")
    assert action.map50.value == pytest.approx(0.75)
    assert action.per_class["drinking"] is not None
    assert action.per_class["drinking"].value == pytest.approx(0.63)
    assert action.per_class["drinking"].n == 120
    assert action.per_class["idle"] is None
    assert action.near_face_classes == ("drinking",)
    assert action.clear_detector is not None
    assert action.clear_detector.value == pytest.approx(0.65)
    seen = {(r.method, r.judge) for r in results.privacy if r.judge_seen}
    assert seen == {("ours", "sface")}
    assert {source.command for source in results.sources} >= {"measure ours 1", "train mask None"}


def _changed(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def apply(path: Path) -> None:
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document))

    return apply


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "no json": (lambda path: path.write_text("{"), "not a result"),
    "a list": (lambda path: path.write_text("[]"), "expected a table"),
    "NaN": (lambda path: path.write_text('{"method": NaN}'), "NaN is no JSON number"),
    "no command": (_changed(lambda d: d.pop("command")), "command is missing"),
    "another method": (_changed(lambda d: d.update(method="mask")), "says method 'mask'"),
    "another seed": (_changed(lambda d: d.update(seed=3)), "says seed 3, but its name says 0"),
    "another set": (_changed(lambda d: d.update(dataset="lfw")), "lies with another"),
    "no rows": (_changed(lambda d: d.update(rows=[])), "rows is missing or empty"),
    "no judge": (_changed(lambda d: d["rows"][0].pop("judge")), "a row has no judge"),
    "no interval": (_changed(lambda d: d["rows"][0].pop("accuracy_ci")), "accuracy has no interval"),
    "interval elsewhere": (_changed(lambda d: d["rows"][0].update(accuracy_ci=[0.8, 0.9])), "outside its interval"),
    "text": (_changed(lambda d: d["rows"][0].update(accuracy="good")), "not a number with an interval"),
    "a row twice": (_changed(lambda d: d["rows"].append(d["rows"][0])), "two rows for modified-modified by dlib"),
    "a row less": (_changed(lambda d: d["rows"].pop(0)), "no row for modified-modified by dlib"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_named(tmp_path: Path, name: str) -> None:
    golden_results(tmp_path)
    path = tmp_path / "privacy" / "att" / "ours@0.json"
    spoil, message = BROKEN[name]
    spoil(path)
    with pytest.raises(ContractError, match=message) as caught:
        read_results(tmp_path)
    assert "ours@0.json" in str(caught.value)


def test_attackers_may_be_measured_for_some_seeds_only(tmp_path: Path) -> None:
    golden_results(tmp_path)
    _changed(lambda document: document["rows"].pop())(tmp_path / "privacy" / "att" / "ours@0.json")
    results = read_results(tmp_path)
    (parrot,) = (row for row in results.select("att", "adaptive", "pixels") if row.learned)
    assert (parrot.runs, parrot.metrics["rank1_parrot"].seeds) == (1, (1,))
    limits = find_limits(results)
    assert "Measured for some seeds of ours on att only: parrot (retrained) by pixels (1 of 2)." in limits
    assert any("fewer than 3 seeds: ours (2)" in limit for limit in limits), "the others are no fewer for it"


def test_action_files_are_checked_too(tmp_path: Path) -> None:
    golden_results(tmp_path)
    path = tmp_path / "action" / "ours@1.json"
    document = json.loads(path.read_text())
    for change, message in (
        ({"per_class": {}}, "other classes"),
        ({"map50": None}, "for some seeds only"),
        ({"per_class": []}, "other classes"),
        ({"per_class": [1]}, "per_class is no table"),
        ({"dataset": "daly"}, "several data sets"),
    ):
        path.write_text(json.dumps(document | change))
        with pytest.raises(ContractError, match=message):
            read_results(tmp_path)


def test_a_directory_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="no privacy/"):
        read_results(tmp_path)


def test_a_name_is_not_shared_by_a_baseline_and_a_learnt_method(tmp_path: Path) -> None:
    rows = [row("modified-modified", "dlib", 0.7)]
    write_privacy(tmp_path, "edge", rows)
    write_privacy(tmp_path, "edge", rows, seed=0)
    with pytest.raises(ContractError, match="edge has results with and without a training seed"):
        read_results(tmp_path)


def test_detector_seeds_of_a_baseline_join_its_only_privacy_file(tmp_path: Path) -> None:
    write_privacy(tmp_path, "blur-8", [row("modified-modified", "dlib", 0.7)])
    for seed in (0, 1):
        write_action(tmp_path, "blur-8", 0.6 + 0.02 * seed, seed=seed)
    results = read_results(tmp_path)
    assert results.action[0].map50.value == pytest.approx(0.61)
    assert not results.action[0].learned
