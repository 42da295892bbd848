"""Crop sets: deterministic, labelled, and holding what the equivalence bar names."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hw_anon.core.boxes import face_region
from hw_anon.core.errors import ConfigError, ContractError, ToolError
from hw_anon.core.hashing import sha256_bytes
from hw_anon.core.video_path import crop_resize
from hw_anon.data import crops as crops_module
from hw_anon.data.crops import adversarial_crops, att_crops, equivalence_crops, load_faces, real_crops
from hw_anon.data.portrait import PORTRAIT_FACE, load_portrait, portrait_crops

pytest.importorskip("skimage", reason="missing: scikit-image")


@pytest.fixture(scope="module")
def faces() -> NDArray[np.uint8]:
    """Stand-ins for the AT&T faces: 5 people × 4 pictures."""
    return np.random.default_rng(1).integers(0, 256, (5, 4, 112, 92), dtype=np.uint8)


def test_portrait_is_the_known_picture() -> None:
    portrait = load_portrait()
    assert (portrait.shape, portrait.dtype) == ((512, 512, 3), np.uint8)
    assert sha256_bytes(portrait.tobytes()) == "a8c429c18afa7b0fd5673e598d73a21225d94c864a71bbb3885126fdecb41071"


def test_without_scikit_image_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(ToolError, match="needs scikit-image; install it with"):
        load_portrait()


def test_first_portrait_crop_is_the_chips_own_and_the_others_vary() -> None:
    portrait = load_portrait()
    region = face_region(PORTRAIT_FACE, 512, 512)
    assert region is not None
    crops = portrait_crops(12, 48, seed=3)
    assert (crops[0] == crop_resize(portrait, region, 48)).all()
    assert len({crop.tobytes() for crop in crops}) == 12
    assert (portrait_crops(12, 48, seed=3) == crops).all()
    assert (portrait_crops(12, 48, seed=4)[1:] != crops[1:]).any()
    assert (portrait_crops(5, 48, seed=3) == crops[:5]).all(), "fewer crops are the first ones"


def test_portrait_crops_stay_in_the_picture_for_many_seeds() -> None:
    for seed in range(20):
        assert portrait_crops(10, 8, seed).shape == (10, 8, 8, 3)


def test_no_portrait_crops() -> None:
    assert portrait_crops(0, 8, 0).shape == (0, 8, 8, 3)
    with pytest.raises(ConfigError, match="count = -1"):
        portrait_crops(-1, 8, 0)


def test_att_crops_are_the_middle_square_in_grey(faces: NDArray[np.uint8]) -> None:
    crops = att_crops(faces, 92)
    assert crops.shape == (20, 92, 92, 3)
    assert (crops[7, ..., 0] == faces[1, 3, 10:102]).all()
    assert (crops == crops[..., :1]).all()


@pytest.mark.parametrize("shape", [(5, 4, 92, 112), (92,), (5, 112, 91)])
def test_att_crops_refuse_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ContractError, match=r"expected uint8 \[\.\.\., 112, 92\]"):
        att_crops(np.zeros(shape, np.uint8), 64)


def test_att_crops_refuse_other_types(faces: NDArray[np.uint8]) -> None:
    with pytest.raises(ContractError, match="faces are float64"):
        att_crops(faces / 255.0, 64)


@pytest.mark.parametrize("n", [1, 4, 13, 60])
def test_real_crops_mix_people_and_portrait(faces: NDArray[np.uint8], n: int) -> None:
    real = real_crops(n, 32, seed=5, faces=faces)
    assert real.crops.shape == (n, 32, 32, 3)
    assert len(set(real.labels)) == len(real) == n
    everyone = att_crops(faces, 32)
    for crop, label in zip(real.crops, real.labels, strict=True):
        if label.startswith("att s"):
            person, picture = map(int, label[5:].split("/"))
            assert (crop == everyone[(person - 1) * 4 + picture - 1]).all()
    assert sum(label.startswith("att") for label in real.labels) == min(20, n - -(-n // 4))


def test_real_crops_without_faces_are_portraits_and_say_so() -> None:
    real = real_crops(6, 32, seed=5)
    assert (real.crops == portrait_crops(6, 32, 5)).all()
    assert "portrait alone" in real.note


def test_adversarial_patterns_are_what_their_names_say() -> None:
    patterns = adversarial_crops(8, seed=0)
    by_name = dict(zip(patterns.labels, patterns.crops.astype(int), strict=True))
    assert patterns.labels[:4] == ("all-0", "all-255", "checkerboard", "random")
    assert not by_name["all-0"].any()
    assert (by_name["all-255"] == 255).all()
    board = by_name["checkerboard"]
    assert (board[:, 1:] + board[:, :-1] == 255).all()
    assert (board[1:] + board[:-1] == 255).all()
    assert (by_name["checkerboard inverse"] + board == 255).all()
    assert set(np.unique(by_name["random 0 or 255"])) == {0, 255}
    for axis, name in ((1, "gradient horizontal"), (0, "gradient vertical")):
        gradient = by_name[name]
        assert (gradient.min(), gradient.max()) == (0, 255)
        assert (np.diff(gradient, axis=axis) > 0).all()
        assert not np.diff(gradient, axis=1 - axis).any()
    assert by_name["impulse"].sum() == 3 * 255
    assert len({crop.tobytes() for crop in patterns.crops}) == len(patterns)


@pytest.mark.parametrize("size", [1, 7, 32, 64, 96])
def test_patterns_exist_at_every_size(size: int) -> None:
    assert adversarial_crops(size, seed=0).crops.shape[1:] == (size, size, 3)


@pytest.mark.parametrize("with_faces", [False, True])
def test_the_first_eight_hold_what_the_bar_names(faces: NDArray[np.uint8], with_faces: bool) -> None:
    crops = equivalence_crops(8, 32, seed=1, faces=faces if with_faces else None)
    assert crops.labels[:4] == ("all-0", "all-255", "checkerboard", "random")
    assert sum(label.startswith(("att", "portrait")) for label in crops.labels) == 4
    assert any(label.startswith("att") for label in crops.labels) == with_faces
    assert ("AT&T" in crops.note) == with_faces


@pytest.mark.parametrize("n", [1, 3, 8, 9, 20, 21, 22, 64])
def test_fewer_crops_are_the_first_of_more(faces: NDArray[np.uint8], n: int) -> None:
    many, few = equivalence_crops(64, 32, seed=1, faces=faces), equivalence_crops(n, 32, seed=1, faces=faces)
    assert few.crops.shape == (n, 32, 32, 3)
    assert len(set(few.labels)) == n
    shared = min(n, 20)
    assert few.labels[:shared] == many.labels[:shared]
    assert (few.crops[:shared] == many.crops[:shared]).all()


def test_the_mixture_depends_on_its_seed_alone(faces: NDArray[np.uint8]) -> None:
    one, two = (equivalence_crops(64, 32, seed=1, faces=faces) for _ in range(2))
    assert (one.crops == two.crops).all()
    assert one.labels == two.labels
    other = equivalence_crops(64, 32, seed=2, faces=faces)
    for index, label in enumerate(one.labels):
        if label.startswith("random"):
            assert (one.crops[index] != other.crops[index]).any(), label
    assert [x for x in other.labels if x.startswith("att")] != [x for x in one.labels if x.startswith("att")]
    assert len({crop.tobytes() for crop in one.crops}) == 64


@pytest.mark.parametrize(("n", "size"), [(0, 32), (-1, 32), (8, 0), (8, 513)])
def test_arguments_out_of_range_are_refused(n: int, size: int) -> None:
    with pytest.raises(ConfigError, match="allowed range is"):
        equivalence_crops(n, size, seed=0)


def test_faces_that_cannot_be_fetched_are_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(_: Path) -> NDArray[np.uint8]:
        raise ToolError("no network", log="a long log\nof pip")

    monkeypatch.setattr(crops_module, "load_att_faces", offline)
    found, note = load_faces(tmp_path)
    assert found is None
    assert note == ("real faces: scikit-image's portrait alone, the AT&T faces could not be fetched (no network)")


def test_a_wrong_wheel_is_not_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def swapped(_: Path) -> NDArray[np.uint8]:
        raise ContractError("another wheel")

    monkeypatch.setattr(crops_module, "load_att_faces", swapped)
    with pytest.raises(ContractError, match="another wheel"):
        load_faces(tmp_path)
