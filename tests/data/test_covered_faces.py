"""Covered faces: the same moment with and without what is held, and to the pixel what that is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="missing: torch")
pytest.importorskip("numba", reason="missing: numba")
pytest.importorskip("cv2", reason="missing: opencv-python-headless")

from hw_anon.core.errors import ConfigError, ContractError  # noqa: E402
from hw_anon.data import covered_bank as banks  # noqa: E402
from hw_anon.data.covered_bank import CoveredBank, covered_bank  # noqa: E402
from hw_anon.data.covered_faces import CoveredFace, covered_faces  # noqa: E402
from hw_anon.data.synthetic.plan import SynthesisConfig  # noqa: E402

SIZE = 96


@pytest.fixture(scope="module")
def drinker() -> list[CoveredFace]:
    return covered_faces(100, "drinking", 5, pictures=3, size=SIZE)


def _inside(shot: CoveredFace) -> tuple[slice, slice]:
    left, top, right, bottom = (int(edge) for edge in shot.face_box)
    return slice(top, bottom), slice(left, right)


def test_what_covers_a_face_is_known_to_the_pixel(drinker: list[CoveredFace]) -> None:
    for shot in drinker:
        assert shot.picture.shape == shot.bare.shape == (SIZE, SIZE, 3)
        within = shot.cover[_inside(shot)]
        assert 0.02 < (within > 127).mean() < 0.6, "a cup and a hand take a part of the face"
        apart = np.abs(shot.picture.astype(int) - shot.bare).mean(2)
        assert np.median(apart[shot.cover == 0]) <= 1, "but for shadows the rest is the same"
        assert np.median(apart[shot.cover == 255]) > 20


def test_landmarks_are_those_of_the_bare_face(drinker: list[CoveredFace]) -> None:
    for shot in drinker:
        left, top, right, bottom = shot.face_box
        assert shot.landmarks.shape == (5, 2)
        assert ((shot.landmarks > (left, top)) & (shot.landmarks < (right, bottom))).all()
        assert 0.3 < (bottom - top) / SIZE < 0.75, "as near as a portrait"


def test_equal_arguments_give_equal_pictures(drinker: list[CoveredFace]) -> None:
    again = covered_faces(100, "drinking", 5, pictures=3, size=SIZE)
    assert all(np.array_equal(a.picture, b.picture) for a, b in zip(drinker, again, strict=True))
    other = covered_faces(100, "drinking", 6, pictures=1, size=SIZE)[0]
    assert not np.array_equal(drinker[0].picture, other.picture)


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        covered_faces(1, "drinking", 1, pictures=0, size=SIZE)
    with pytest.raises(ConfigError, match="juggling"):
        covered_faces(1, "juggling", 1, pictures=1, size=SIZE)


def _bank(cache: Path) -> CoveredBank:
    config = SynthesisConfig(people=3, test_people=1, clips=0, test_clips=0, seed=3)
    return covered_bank(config, "train", rounds=1, size=64, cache=cache)


def test_a_bank_is_rendered_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bank = _bank(tmp_path)
    assert bank.faces.pictures.shape == bank.bare.shape == (8, 3, 64, 64)
    assert bank.covers.shape == (8, 1, 64, 64)
    assert bank.faces.labels.tolist() == [0] * 4 + [1] * 4
    monkeypatch.setattr(banks, "_rendered", None)
    again = _bank(tmp_path)
    assert again.faces.content_hash() == bank.faces.content_hash()
    assert torch.equal(again.covers, bank.covers)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(ContractError, match="delete it"):
        _bank(tmp_path)


def test_a_split_without_people_is_refused(tmp_path: Path) -> None:
    config = SynthesisConfig(people=2, test_people=0, clips=0, test_clips=0)
    with pytest.raises(ContractError, match="0 people of the test split"):
        covered_bank(config, "test", rounds=1, size=64, cache=tmp_path)
