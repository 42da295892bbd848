"""Verification numbers against cases done by hand, scikit-learn, and known distributions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.evaluate.verification import (
    Pairs,
    best_threshold,
    bootstrap_people,
    fold_accuracies,
    make_pairs,
    rank1,
    roc,
    verify,
)

PEOPLE = np.repeat(np.arange(20), 5)


def test_pairs_are_balanced_and_folds_share_no_person() -> None:
    pairs = make_pairs(PEOPLE, folds=10, seed=1)
    assert len(pairs) == 2 * 20 * 10  # ten pairs of one person for each, as many of two
    np.testing.assert_array_equal(pairs.same, PEOPLE[pairs.left] == PEOPLE[pairs.right])
    assert np.all(pairs.left != pairs.right)
    in_fold = [set(PEOPLE[pairs.left[pairs.fold == f]]) | set(PEOPLE[pairs.right[pairs.fold == f]]) for f in range(10)]
    assert sum(map(len, in_fold)) == 20
    assert set.union(*in_fold) == set(range(20))
    for fold in range(10):
        assert pairs.same[pairs.fold == fold].mean() == 0.5
    assert len({frozenset(p) for p in zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)}) == len(pairs)


def test_pairs_depend_on_the_seed_alone_and_can_be_limited() -> None:
    first, again, other = (make_pairs(PEOPLE, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.right, again.right)
    assert not np.array_equal(first.right, other.right)
    folds = [frozenset(PEOPLE[pairs.left[pairs.fold == 0]].tolist()) for pairs in (first, other)]
    assert folds[0] != folds[1]
    assert folds[0] != {0, 1}, "people are assigned to folds at random, not in the order of the set"
    few = make_pairs(PEOPLE, seed=1, per_fold=3)
    assert len(few) == 60
    assert few.same.sum() == 30


def test_too_few_people_or_pictures_are_refused() -> None:
    with pytest.raises(ConfigError, match="need 20 people; there are 19"):
        make_pairs(np.repeat(np.arange(19), 2), folds=10)
    with pytest.raises(ConfigError, match="at least two pictures"):
        make_pairs(np.arange(20), folds=10)
    with pytest.raises(ConfigError, match="per_fold"):
        make_pairs(PEOPLE, per_fold=0)


def test_a_curve_done_by_hand() -> None:
    """Falling scores: s d s s d d, with the third and fourth tied."""
    scores = np.array([0.9, 0.8, 0.7, 0.7, 0.4, 0.1])
    same = np.array([True, False, True, True, False, False])
    curve = roc(scores, same)
    np.testing.assert_allclose(curve.far, [0, 0, 1 / 3, 1 / 3, 2 / 3, 1])
    np.testing.assert_allclose(curve.tar, [0, 1 / 3, 1 / 3, 1, 1, 1])
    assert curve.auc == pytest.approx(7 / 9)  # of nine comparisons, seven right
    assert curve.eer == pytest.approx(1 / 3)
    assert curve.tar_at_far(0.001) == pytest.approx(1 / 3)
    assert curve.tar_at_far(0.34) == pytest.approx(1.0)


def test_ties_count_half() -> None:
    same = np.array([True, True, False, False])
    curve = roc(np.zeros(4), same)
    assert curve.auc == 0.5
    assert curve.eer == 0.5
    assert curve.tar_at_far(1e-3) == 0
    assert roc(np.array([1.0, 0.0, 0.0, 0.0]), same).auc == pytest.approx(0.75)


def test_one_false_accept_in_a_thousand_is_one_in_a_thousand() -> None:
    """2,000 pairs of two people: two may be accepted. Four better pairs of one person stand before the third."""
    scores = np.concatenate([[9.0, 7.0, 5.0], np.zeros(1997), [10.0, 8.0, 6.0, 5.5, 4.0]])
    same = np.arange(len(scores)) >= 2000
    curve = roc(scores, same)
    assert curve.tar_at_far(1e-3) == pytest.approx(4 / 5)
    assert curve.tar_at_far(0.9e-3) == pytest.approx(2 / 5)
    assert curve.tar_at_far(1.5e-3) == pytest.approx(1)


def test_perfect_and_perfectly_wrong() -> None:
    same = np.array([True, True, False, False])
    good, bad = roc(np.array([4.0, 3, 2, 1]), same), roc(np.array([1.0, 2, 3, 4]), same)
    assert (good.auc, good.eer, good.tar_at_far(1e-3)) == (1, 0, 1)
    assert (bad.auc, bad.eer, bad.tar_at_far(1e-3)) == (0, 1, 0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 60), st.booleans())
def test_the_curve_is_scikit_learn_s(seed: int, count: int, tied: bool) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="missing: scikit-learn")
    generator = np.random.default_rng(seed)
    same = generator.permutation(np.arange(count) % 2 == 0)
    scores = generator.normal(0, 1, count) + same
    scores = np.round(scores) if tied else scores
    curve = roc(scores, same)
    assert curve.auc == pytest.approx(metrics.roc_auc_score(same, scores))
    far, tar, _ = metrics.roc_curve(same, scores, drop_intermediate=False)
    np.testing.assert_allclose(curve.far, far)
    np.testing.assert_allclose(curve.tar, tar)
    weights = generator.integers(0, 3, count).astype(float)
    if weights[same].any() and weights[~same].any():
        expected = metrics.roc_auc_score(same, scores, sample_weight=weights)
        assert roc(scores, same, weights).auc == pytest.approx(expected)


def test_the_threshold_lies_between_the_scores_it_divides() -> None:
    scores = np.array([0.1, 0.2, 0.6, 0.8])
    assert best_threshold(scores, np.array([False, False, True, True])) == pytest.approx(0.4)
    assert best_threshold(np.array([0.3, 0.3]), np.array([True, False])) > 0.3, "indistinct: everything is refused"
    np.testing.assert_equal(best_threshold(np.array([0.2, 0.7]), np.array([True, True])) < 0.2, True)


def test_fold_accuracy_uses_the_other_folds_threshold() -> None:
    """Fold 1's scores are shifted: its own threshold would give 1.0, fold 0's gives 0.5."""
    pairs = Pairs(
        left=np.zeros(8, int),
        right=np.ones(8, int),
        same=np.array([True, True, False, False] * 2),
        fold=np.repeat([0, 1], 4),
    )
    scores = np.array([0.9, 0.8, 0.2, 0.1, 5.9, 5.8, 5.2, 5.1])
    np.testing.assert_allclose(fold_accuracies(scores, pairs), [0.5, 0.5])
    np.testing.assert_allclose(fold_accuracies(scores - 5 * pairs.fold, pairs), [1, 1])


def test_intervals_hold_the_truth_and_shrink() -> None:
    """Normal scores one σ apart: AUC = Φ(1/√2) = 0.7602, EER = Φ(−1/2) = 0.3085."""
    people = np.repeat(np.arange(60), 6)
    pairs = make_pairs(people, seed=2)
    scores = np.random.default_rng(5).normal(0, 1, len(pairs)) + pairs.same
    result = verify(scores, pairs, people, seed=3)
    assert result.auc.low < 0.7602 < result.auc.high
    assert result.eer.low < 0.3085 < result.eer.high
    assert result.accuracy.low < 0.6915 < result.accuracy.high
    assert 0.01 < result.auc.high - result.auc.low < 0.1
    assert result.auc.n == len(pairs)
    assert result == verify(scores, pairs, people, seed=3)
    small = verify(scores[pairs.fold < 3], _only(pairs, pairs.fold < 3), people, seed=3)
    assert small.auc.high - small.auc.low > result.auc.high - result.auc.low


def test_the_bootstrap_draws_people_not_pairs() -> None:
    """All pictures of a person agree: the interval is that of 20 people, however many pictures each has."""
    right = np.arange(20) % 2 == 0

    def width(pictures: int) -> float:
        people = np.repeat(np.arange(20), pictures)
        low, high = bootstrap_people(
            people, lambda count: np.array([np.average(right[people], weights=count[people])]), resamples=400, seed=0
        )
        return float(high[0] - low[0])

    assert width(50) == pytest.approx(width(1))
    assert width(1) == pytest.approx(2 * 1.96 * 0.5 / 20**0.5, rel=0.15)


def test_rank1_by_hand() -> None:
    gallery, probes = np.array([0, 1, 2]), np.array([0, 1, 2, 2])
    alike = np.array([[9, 1, 1], [1, 2, 9], [0, 0, 1], [5, 5, 5]], float)  # right, wrong, right, three tied
    assert rank1(alike, gallery, probes).value == pytest.approx((1 + 0 + 1 + 1 / 3) / 4)
    assert rank1(alike, gallery, probes).n == 4
    with pytest.raises(ContractError, match="finite similarity"):
        rank1(alike.T, gallery, probes)


def test_scores_that_are_no_scores_are_refused() -> None:
    same = np.array([True, False])
    with pytest.raises(ContractError, match="finite score"):
        roc(np.array([np.nan, 1.0]), same)
    with pytest.raises(ContractError, match="pairs of one person and pairs of two"):
        roc(np.array([0.0, 1.0]), np.array([True, True]))


def _only(pairs: Pairs, kept: np.ndarray) -> Pairs:
    return Pairs(left=pairs.left[kept], right=pairs.right[kept], same=pairs.same[kept], fold=pairs.fold[kept])
