"""Within a family arms do not tell the actions apart; what does lies inside the face region."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from hw_anon.core.errors import ConfigError
from hw_anon.data.synthetic.actions import ACTIONS, AT_EYE, AT_MOUTH, NEAR_FACE, family_of
from hw_anon.data.synthetic.body import load_body
from hw_anon.data.synthetic.choreography import Choreography, Moment
from hw_anon.data.synthetic.person import make_person, sample_identity
from hw_anon.data.synthetic.poses import Anatomy
from hw_anon.data.synthetic.scene import ClipScene, anatomy_of, make_clip, make_portrait, skeleton_of
from hw_anon.data.synthetic.skeleton_ik import Skeleton

Perform = Callable[[str, int], Choreography]
REGION = 0.8


@pytest.fixture(scope="module")
def body() -> tuple[Skeleton, Anatomy]:
    person = make_person(sample_identity(11), 0)
    return skeleton_of(person), anatomy_of(person)


@pytest.fixture(scope="module")
def perform(body: tuple[Skeleton, Anatomy]) -> Perform:
    return lambda action, seed: Choreography(*body, action, seed)


def test_every_near_face_action_has_a_family() -> None:
    assert len(ACTIONS) == len(set(ACTIONS)) == 11
    assert set(AT_MOUTH) | set(AT_EYE) == set(NEAR_FACE)
    assert [family_of(action) for action in ("drinking", "phoning", "ironing", "idle")] == ["mouth", "eye", None, None]


@pytest.mark.parametrize("family", [AT_MOUTH, AT_EYE])
def test_one_stance_puts_all_arms_of_a_family_alike(perform: Perform, family: tuple[str, ...]) -> None:
    for seed in range(12):
        moments = [perform(action, seed).at(0.4) for action in family]
        for moment in moments[1:]:
            assert moment.arms.keys() == moments[0].arms.keys()
            for side, arm in moment.arms.items():
                np.testing.assert_array_equal(arm.grip, moments[0].arms[side].grip)
                np.testing.assert_array_equal(arm.elbow, moments[0].arms[side].elbow)


@pytest.mark.parametrize("family", [AT_MOUTH, AT_EYE])
def test_hands_and_elbows_come_from_one_distribution(perform: Perform, family: tuple[str, ...]) -> None:
    means = []
    for row, action in enumerate(family):
        places = []
        for seed in range(1000 * row, 1000 * row + 30):
            clip = perform(action, seed)
            arm, flip = clip.at(0.0).arms[clip.stance.side], np.array([1 if clip.stance.side == "L" else -1, 1, 1])
            places.append(np.concatenate([arm.grip * flip, arm.elbow * flip]))
        means.append(np.mean(places, 0))
    assert np.ptp(means, axis=0).max() < 0.03, "metres between the means of two actions"


def test_idle_people_have_their_hands_there_too(perform: Perform) -> None:
    clips = [perform("idle", seed) for seed in range(60)]
    families = [clip.family for clip in clips]
    assert min(families.count(kind) for kind in ("mouth", "eye", None)) >= 8
    assert all(not clip.at(0.3).pieces for clip in clips)
    drinks = {seed: perform("drinking", seed).at(0.3) for seed in range(60) if families[seed] == "mouth"}
    for seed, moment in drinks.items():
        side = clips[seed].stance.side
        np.testing.assert_array_equal(clips[seed].at(0.3).arms[side].grip, moment.arms[side].grip)


@pytest.mark.parametrize("action", NEAR_FACE)
def test_things_reach_from_the_hand_to_the_face(perform: Perform, body: tuple[Skeleton, Anatomy], action: str) -> None:
    skeleton, anatomy = body
    for seed in range(8):
        clip = perform(action, seed)
        moment = clip.at(0.7)
        head, side = skeleton.transform("head", moment.rotations), clip.stance.side
        rest = {"mouth": anatomy.mouth, "phoning": anatomy.ears[side], "taking_photos": anatomy.eyes[side]}
        place = head[:3, :3] @ rest[action if action in AT_EYE else "mouth"] + head[:3, 3]
        corners = np.concatenate([piece.vertices for piece in moment.pieces])
        middle = np.concatenate([piece.vertices[piece.faces].mean(1) for piece in moment.pieces])
        near_face = np.linalg.norm(np.concatenate([corners, middle]) - place, axis=1).min()
        assert near_face < (0.05 if action in AT_EYE else 0.025)
        near_hand = np.linalg.norm(corners - moment.arms[side].grip, axis=1).min()
        assert near_hand < 0.065, "the hand holds it"
        assert np.ptp(corners, axis=0).max() < 0.22


@pytest.mark.parametrize("action", ACTIONS)
def test_motion_is_smooth_and_remembers_nothing(perform: Perform, action: str) -> None:
    names = set(load_body().actions.names)
    for seed in range(3):
        clip = perform(action, seed)
        moments = [clip.at(number / 8) for number in range(8)]
        again = perform(action, seed).at(5 / 8)
        for side, arm in again.arms.items():
            np.testing.assert_array_equal(arm.grip, moments[5].arms[side].grip)
            steps = [np.linalg.norm(b.arms[side].grip - a.arms[side].grip) for a, b in _pairs(moments)]
            turns = [np.linalg.norm(b.arms[side].elbow - a.arms[side].elbow) for a, b in _pairs(moments)]
            assert max(steps) < 0.12
            assert max(turns) < 0.12
        for moment in moments:
            assert set(moment.expression) <= names
            assert all(0 <= value <= 1 for value in moment.expression.values())


def _pairs(moments: list[Moment]) -> list[tuple[Moment, Moment]]:
    return list(itertools.pairwise(moments))


@pytest.mark.parametrize("action", ACTIONS)
def test_hands_stay_out_of_the_head(perform: Perform, body: tuple[Skeleton, Anatomy], action: str) -> None:
    skeleton, anatomy = body
    middle = 0.5 * (anatomy.ears["L"] + anatomy.ears["R"])
    for seed in range(10):
        moment = perform(action, seed).at(0.2)
        head = skeleton.transform("head", moment.rotations)
        for arm in moment.arms.values():
            inside = head[:3, :3].T @ (np.stack([arm.grip, arm.wrist, arm.elbow]) - head[:3, 3]) - middle
            assert np.linalg.norm(inside / [0.075, 0.1, 0.12], axis=1).min() > 1, "an egg about the ears' middle"


@pytest.mark.parametrize("action", NEAR_FACE)
def test_the_thing_lies_inside_the_face_region(action: str) -> None:
    shares = []
    for seed in range(3):
        clip = make_clip(sample_identity(seed), action, 50 + seed)
        shares.append(_share_in_region(clip, 0.5))
    assert np.mean(shares) > 0.9
    assert min(shares) > 0.8


def _share_in_region(clip: ClipScene, time_s: float) -> float:
    """Returns the share of the things' vertices inside the face's box enlarged 1.6 times."""
    moment = clip.moment(time_s)
    posed = clip.person.pose(moment.rotations, moment.expression)
    camera = clip.camera(time_s)
    face = camera.project(posed.vertices[clip.person.face_vertices], (256, 256))[:, :2]
    low, high = face.min(0), face.max(0)
    assert low.min() >= 0
    assert high.max() <= 256
    points = np.concatenate([camera.project(prop.vertices, (256, 256))[:, :2] for prop in clip.props(moment, posed)])
    away = np.abs(points - (low + high) / 2) / (high - low)
    return float((away <= REGION).all(1).mean())


@pytest.mark.parametrize("action", ["playing_harmonica", "cleaning_floor", "idle"])
def test_frames_are_labelled_and_repeatable(action: str) -> None:
    shots = [make_clip(sample_identity(4), action, 9).frame(0.25, 128) for _ in range(2)]
    np.testing.assert_array_equal(shots[0].picture, shots[1].picture)
    left, top, right, bottom = shots[0].face_box
    assert 0 <= left < right <= 128
    assert 0 <= top < bottom <= 128
    assert 0.1 < (bottom - top) / 128 < 0.32
    assert 0 <= shots[0].person_box[0] < shots[0].person_box[2] <= 128
    assert shots[0].face_visible_share > 0.25
    assert shots[0].picture.std() > 12


def test_portraits_differ_and_hold_the_face() -> None:
    identity = sample_identity(4)
    pictures = [make_portrait(identity, seed).picture(96) for seed in range(3)]
    for shot in pictures:
        left, top, right, bottom = shot.face_box
        assert min(left, top) > -2
        assert max(right, bottom) < 98
        assert shot.face_visible_share > 0.8
    assert np.abs(pictures[0].picture.astype(int) - pictures[1].picture).mean() > 10


def test_wrong_requests_are_refused() -> None:
    identity = sample_identity(1)
    with pytest.raises(ConfigError, match="did you mean drinking"):
        make_clip(identity, "drinkin", 0)
    with pytest.raises(ConfigError, match="more than 0 frames a second"):
        make_clip(identity, "idle", 0, fps=0)
