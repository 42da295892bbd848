"""Identity sets by name on small trees: which pictures, whose faces, which pairs, and what is remembered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hw_anon.core.boxes import Box
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.data import att
from hw_anon.data.face_detectors import Candidate
from hw_anon.evaluate import faces as faces_module
from hw_anon.evaluate import identity_sets
from hw_anon.evaluate.identity_sets import JudgedSet, SetOptions, open_identity_set

image = pytest.importorskip("PIL.Image", reason="missing: pillow")


class Detector:
    """Finds one face in the middle of every picture that is not black, and counts how often it looked."""

    weights_hash = "0" * 64

    def __init__(self) -> None:
        self.looked = 0

    def find(self, picture: NDArray[np.uint8]) -> Sequence[Candidate]:
        self.looked += 1
        if not picture.any():
            return ()
        height, width = picture.shape[:2]
        box = Box(x=width // 4, y=height // 4, width=width // 2, height=height // 2)
        marks = ((20.0, 20.0), (40.0, 20.0), (30.0, 30.0), (22.0, 40.0), (38.0, 40.0))
        return (Candidate(box=box, score=0.9, landmarks=marks),)


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> Detector:
    fake = Detector()
    monkeypatch.setattr(identity_sets, "face_finder", lambda: fake)
    monkeypatch.setattr(faces_module, "face_finder", lambda: fake)
    return fake


def _tree(root: Path, people: dict[str, int], *, black: Sequence[str] = ()) -> Path:
    generator = np.random.default_rng(0)
    for person, pictures in people.items():
        (root / person).mkdir(parents=True)
        for number in range(1, pictures + 1):
            name = f"{person}/{person}_{number:04d}.jpg"
            pixels = generator.integers(40, 256, (60, 60, 3), dtype=np.uint8) * (name not in black)
            image.fromarray(pixels.astype(np.uint8)).save(root / name, quality=95)
    return root


def _open(spec: str, tmp_path: Path, **options: object) -> JudgedSet:
    chosen = SetOptions(**options)  # type: ignore[arg-type]
    return open_identity_set(spec, downloads=tmp_path / "downloads", cache=tmp_path / "cache", options=chosen)


def test_a_folder_for_each_person(tmp_path: Path, detector: Detector) -> None:
    root = _tree(tmp_path / "My set", {"ann": 3, "bob": 2, "eve": 3}, black=["bob/bob_0002.jpg"])
    judged = _open(f"folder:{root}", tmp_path)
    assert judged.pairs is None
    assert judged.faces.people.tolist() == [0, 0, 0, 1, 2, 2, 2]
    assert (judged.faces.name, judged.faces.not_found, judged.faces.enlarge) == ("my-set", 1, 1.6)
    assert judged.faces.regions[0].width == 48
    assert _open(f"folder:{root}", tmp_path, enlarge=1.2).faces.regions[0].width == 36
    part = _open(f"folder:{root}", tmp_path, people=2, pictures=1, seed=3)
    assert len(part.faces) == 2
    assert detector.looked == 8, "a picture that was looked at once is not looked at again"


def test_another_detector_looks_again(tmp_path: Path, detector: Detector) -> None:
    root = _tree(tmp_path / "set", {"ann": 2, "bob": 2})
    _open(f"folder:{root}", tmp_path)
    detector.weights_hash = "1" * 64
    _open(f"folder:{root}", tmp_path)
    assert detector.looked == 8


@pytest.mark.usefixtures("detector")
def test_casia_may_be_a_subset(tmp_path: Path) -> None:
    judged = _open(f"casia:{_tree(tmp_path / 'set', {'0000045': 2, '0000099': 2})}", tmp_path)
    assert judged.faces.name == "casia"
    assert judged.faces.people.tolist() == [0, 0, 1, 1]


@pytest.mark.usefixtures("detector")
def test_lfw_is_judged_on_its_own_pairs(tmp_path: Path) -> None:
    """Only pictures of pairs are read; pairs with a picture without a face are left out and counted."""
    people = {"Ann": 3, "Bob": 2, "Cid": 2, "Dan": 2, "Eve": 1}
    root = _tree(tmp_path / "lfw", people, black=["Dan/Dan_0002.jpg"])
    lines = ["2\t2", "Ann\t1\t3", "Bob\t1\t2", "Ann\t1\tBob\t1", "Ann\t3\tBob\t2",
             "Cid\t1\t2", "Dan\t1\t2", "Cid\t1\tDan\t1", "Cid\t2\tDan\t1"]  # fmt: skip
    (root / "pairs.txt").write_text("\n".join(lines) + "\n")
    judged = _open(f"lfw:{root}", tmp_path)
    pairs = judged.pairs
    assert pairs is not None
    assert (len(judged.faces), judged.faces.not_found, judged.pairs_lost) == (7, 1, 1)
    people_of = judged.faces.people
    assert pairs.same.tolist() == [True, True, False, False, True, False, False]
    np.testing.assert_array_equal(pairs.same, people_of[pairs.left] == people_of[pairs.right])
    assert pairs.fold.tolist() == [0, 0, 0, 0, 1, 1, 1]
    first = np.asarray(image.open(root / "Ann/Ann_0001.jpg"))
    np.testing.assert_array_equal(judged.faces.pictures[pairs.left[0]], first)
    third = np.asarray(image.open(root / "Ann/Ann_0003.jpg"))
    np.testing.assert_array_equal(judged.faces.pictures[pairs.right[0]], third)
    with pytest.raises(ConfigError, match="published pairs"):
        _open(f"lfw:{root}", tmp_path, people=2)


@pytest.mark.usefixtures("detector")
def test_halves_of_the_att_faces_are_other_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faces = np.random.default_rng(0).integers(40, 256, (6, 2, 112, 92), dtype=np.uint8)
    monkeypatch.setattr(att, "load_att_faces", lambda _: faces)
    whole, odd, even = (_open(name, tmp_path).faces for name in ("att", "att-odd", "att-even"))
    assert [part.name for part in (whole, odd, even)] == ["att", "att-odd", "att-even"]
    assert (len(whole), len(odd), len(even)) == (12, 6, 6)
    assert all((picture == other).all() for picture, other in zip(odd.pictures[:2], whole.pictures[:2], strict=True))
    assert all((picture == other).all() for picture, other in zip(even.pictures[:2], whole.pictures[2:4], strict=True))
    with pytest.raises(ConfigError, match="1 to 3"):
        _open("att-odd", tmp_path, people=4)


@pytest.mark.usefixtures("detector")
def test_wrong_sets_are_named(tmp_path: Path) -> None:
    root = _tree(tmp_path / "set", {"ann": 1, "bob": 1})
    for spec, message in (
        ("foldr:x", "did you mean folder"),
        ("folder", "with :DIRECTORY"),
        ("att:here", "expected att"),
        (":", "no identity set"),
    ):
        with pytest.raises(ConfigError, match=message):
            _open(spec, tmp_path)
    with pytest.raises(ContractError, match="does not exist"):
        _open(f"folder:{tmp_path / 'nowhere'}", tmp_path)
    with pytest.raises(ConfigError, match="has 1 to 2"):
        _open(f"folder:{root}", tmp_path, people=3)
    with pytest.raises(ConfigError, match="people = 0"):
        SetOptions(people=0)


@pytest.mark.usefixtures("detector")
def test_too_many_pictures_are_refused_before_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = _tree(tmp_path / "set", {"ann": 3, "bob": 2})
    monkeypatch.setattr(identity_sets, "_MAX_PICTURES", 4)
    with pytest.raises(ConfigError, match="5 pictures are too many at once"):
        _open(f"folder:{root}", tmp_path)
    assert len(_open(f"folder:{root}", tmp_path, pictures=2).faces) == 4
