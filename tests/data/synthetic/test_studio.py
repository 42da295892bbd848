"""The real studio: what the generator asks for is what the renderer draws."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from hw_anon.data.synthetic.studio import Shot, Studio, load_studio

pytest.importorskip("numba", reason="missing: numba")
pytest.importorskip("cv2", reason="missing: opencv-python-headless")


@pytest.fixture(scope="module")
def studio() -> Studio:
    """The studio, made once."""
    return load_studio()


def check(shot: Shot, size: int) -> None:
    assert shot.picture.shape == (size, size, 3)
    assert shot.picture.std() > 5
    left, top, right, bottom = shot.person
    assert 0 <= left < right <= size
    assert 0 <= top < bottom <= size
    assert shot.face is not None
    face_left, face_top, face_right, face_bottom = shot.face.box
    assert left - 2 <= face_left < face_right <= right + 2
    eye, other_eye, nose, mouth, other_mouth = shot.face.landmarks
    assert eye[0] < other_eye[0]
    assert mouth[0] < other_mouth[0]
    assert max(eye[1], other_eye[1]) < nose[1] < max(mouth[1], other_mouth[1])
    for x, y in shot.face.landmarks:
        assert face_left - 1 <= x <= face_right
        assert face_top - 1 <= y <= face_bottom


def test_portraits_follow_from_their_seeds(studio: Studio) -> None:
    first, second = studio.portraits(1, [5, 6], 64)
    check(first, 64)
    check(second, 64)
    (again,) = studio.portraits(1, [6], 64)
    assert (again.picture == second.picture).all(), "no picture depends on those before it"
    assert (first.picture != second.picture).any()
    (other,) = studio.portraits(2, [6], 64)
    assert (other.picture != second.picture).any()


def test_clips_move_coherently(studio: Studio) -> None:
    frames = list(studio.clip(1, studio.near_face[0], 3, frames=3, fps=8, size=96))
    for shot in frames:
        check(shot, 96)
    for before, after in itertools.pairwise(frames):
        step = np.abs(before.picture.astype(int) - after.picture).mean()
        assert 0 < step < 25
        assert before.face is not None
        assert after.face is not None
        assert np.abs(np.subtract(before.face.landmarks, after.face.landmarks)).max() < 8
    again = list(studio.clip(1, studio.near_face[0], 3, frames=2, fps=8, size=96))
    assert (again[1].picture == frames[1].picture).all()


def test_people_have_traits(studio: Studio) -> None:
    traits = [studio.traits(person) for person in range(12)]
    assert {trait.gender for trait in traits} == {"female", "male"}
    assert all(18 <= trait.age <= 90 for trait in traits)
    assert max(trait.skin for trait in traits) - min(trait.skin for trait in traits) > 20


def test_the_version_names_what_draws(studio: Studio) -> None:
    assert len(studio.version) == 64
    assert studio.version == load_studio().version
    here = Path(__file__).parents[3] / "hw_anon/data/synthetic"
    assert (here / "render.py").is_file(), "part of the version"
    assert set(studio.near_face) < set(studio.actions)
