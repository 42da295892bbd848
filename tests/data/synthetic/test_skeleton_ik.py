"""Arms reach what they are asked to reach, and their joints stay within what joints do."""

from __future__ import annotations

import numpy as np
import pytest

from hw_anon.core.errors import ConfigError
from hw_anon.data.synthetic.body import load_body, transforms_of
from hw_anon.data.synthetic.poses import HAND_SHAPES, finger_rotations, trunk_rotations
from hw_anon.data.synthetic.rotations import axis_rotation, frame, rotation_xyz, unit
from hw_anon.data.synthetic.skeleton_ik import SIDES, HandTarget, Skeleton


@pytest.fixture(scope="module")
def skeleton() -> Skeleton:
    body = load_body()
    return Skeleton(body.bone_names, [int(parent) for parent in body.bone_parents], body.template_bones)


def _target(skeleton: Skeleton, side: str, rng: np.random.Generator) -> HandTarget:
    """Returns a place in front of the shoulder that an arm reaches easily."""
    arm = skeleton.arms[side]
    length = arm.upper + arm.lower
    towards = unit((arm.sign * rng.uniform(-0.2, 0.5), rng.uniform(-1, -0.6), rng.uniform(-0.6, 0.6)))
    return HandTarget(
        grip=arm.shoulder({}) + towards * length * rng.uniform(0.6, 0.95),
        fingers=unit((-arm.sign * rng.uniform(0, 0.6), rng.uniform(-0.6, 0), 1)),
        palm=unit((-arm.sign, rng.uniform(-0.3, 0.6), 0)),
        elbow=unit((arm.sign * 0.5, 0.2, -0.8)),
    )


def test_turns_are_right_handed() -> None:
    np.testing.assert_allclose(axis_rotation((0, 0, 1), np.pi / 2) @ [1, 0, 0], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(rotation_xyz(0.3, 0, 0), axis_rotation((1, 0, 0), 0.3), atol=1e-12)
    axes = frame((0, 0, 2), (0, 1, 5))
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(axes), 1)


def test_one_bone_moves_as_the_body_model_says(skeleton: Skeleton) -> None:
    rotations = trunk_rotations(lean=0.3, turn=0.4, tilt=-0.1, head=(0.2, 0.1, -0.5))
    posed = transforms_of(skeleton.heads, load_body(), rotations)
    for bone in ("head", "wrist.L", "spine03"):
        np.testing.assert_allclose(skeleton.transform(bone, rotations), posed[skeleton.index[bone]], atol=1e-12)


@pytest.mark.parametrize("side", SIDES)
def test_hands_arrive(skeleton: Skeleton, side: str) -> None:
    rng = np.random.default_rng(3)
    missed = []
    for _ in range(60):
        target = _target(skeleton, side, rng)
        trunk = trunk_rotations(lean=0.1, turn=float(rng.uniform(-0.2, 0.2)))
        arm = skeleton.arms[side].solve(target, trunk)
        missed.append(np.linalg.norm(arm.grip - target.grip))
        posed = transforms_of(skeleton.heads, load_body(), trunk | arm.rotations)
        wrist = posed[skeleton.index[f"wrist.{side}"]] @ [*skeleton.head(f"wrist.{side}"), 1]
        elbow = posed[skeleton.index[f"lowerarm01.{side}"]] @ [*skeleton.head(f"lowerarm01.{side}"), 1]
        np.testing.assert_allclose(wrist[:3], arm.wrist, atol=1e-9)
        np.testing.assert_allclose(elbow[:3], arm.elbow, atol=1e-9)
        assert arm.bend <= np.radians(60) + 1e-9
        assert abs(arm.twist) <= np.radians(100) + 1e-9
    assert np.quantile(missed, 0.9) < 0.003
    assert max(missed) < 0.05


def test_an_arm_stretches_towards_what_is_too_far(skeleton: Skeleton) -> None:
    arm = skeleton.arms["L"]
    target = HandTarget(
        grip=arm.shoulder({}) + np.array([0.1, -2.0, 0.1]),
        fingers=np.array([0, -1.0, 0]),
        palm=np.array([0, 0, -1.0]),
        elbow=np.array([0, 0, -1.0]),
    )
    solved = arm.solve(target, {})
    reach = solved.wrist - arm.shoulder({})
    assert 0.95 * (arm.upper + arm.lower) < np.linalg.norm(reach) < arm.upper + arm.lower
    assert unit(reach) @ unit(target.grip - arm.shoulder({})) > 0.99


def test_a_kept_swivel_keeps_the_elbow_steady(skeleton: Skeleton) -> None:
    arm, rng = skeleton.arms["R"], np.random.default_rng(5)
    target = _target(skeleton, "R", rng)
    first = arm.solve(target, {})
    near = HandTarget(
        grip=target.grip + 0.004, fingers=target.fingers, palm=target.palm, elbow=target.elbow, softness=0.0
    )
    assert np.linalg.norm(arm.solve(near, {}, swivel=first.swivel).elbow - first.elbow) < 0.06


def test_fingers_bend_towards_the_palm(skeleton: Skeleton) -> None:
    body = load_body()
    for side in SIDES:
        rotations = finger_rotations(skeleton, side, HAND_SHAPES["fist"])
        posed = transforms_of(skeleton.heads, body, rotations)
        bone = skeleton.index[f"finger3-3.{side}"]
        moved = posed[bone] @ [*skeleton.heads[bone], 1]
        palm = skeleton.arms[side].rest_hand[:, 2]
        assert (moved[:3] - skeleton.heads[bone]) @ palm > 0.01
    with pytest.raises(ConfigError, match="side 'left': allowed values are L, R"):
        finger_rotations(skeleton, "left", HAND_SHAPES["fist"])


def test_bones_without_parents_are_refused() -> None:
    with pytest.raises(ConfigError, match="2 names, 1 parents"):
        Skeleton(["a", "b"], [-1], np.zeros((2, 3)))
