"""Hand shapes, bent backs and turned heads, as rotations of bones.

All rotations are in the axes of the rest pose (z up, the person looks along -y, left is +x), as `skeleton_ik` has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hw_anon.core.errors import ConfigError
from hw_anon.data.synthetic.rotations import Rotations, Vector, axis_rotation, rotation_xyz
from hw_anon.data.synthetic.skeleton_ik import Skeleton

__all__ = ["HAND_SHAPES", "Anatomy", "HandShape", "finger_rotations", "hanging_arm", "trunk_rotations"]


@dataclass(frozen=True, kw_only=True, slots=True)
class HandShape:
    """How the fingers are bent."""

    curl: tuple[float, float, float, float]
    """Radians at each of the first two joints, index to little finger; the last joint bends 0.7 of it."""
    thumb: float
    """Radians the thumb bends towards the palm at each joint."""
    oppose: float
    """Radians the thumb turns across the palm at its root."""


HAND_SHAPES: dict[str, HandShape] = {
    "relaxed": HandShape(curl=(0.25, 0.32, 0.38, 0.45), thumb=0.15, oppose=0.1),
    "flat": HandShape(curl=(0.05, 0.04, 0.05, 0.1), thumb=0.1, oppose=0.0),
    "hold": HandShape(curl=(0.62, 0.72, 0.8, 0.85), thumb=0.3, oppose=0.35),
    "fist": HandShape(curl=(1.0, 1.1, 1.15, 1.2), thumb=0.35, oppose=0.45),
    "pinch": HandShape(curl=(0.55, 0.75, 0.9, 1.0), thumb=0.3, oppose=0.4),
    "cup": HandShape(curl=(0.32, 0.36, 0.4, 0.45), thumb=0.2, oppose=0.25),
}
"""The hand shapes in use, by name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Anatomy:
    """Where a person's face is in the rest pose; `[3]` metres each."""

    mouth: Vector
    """Between the lips, at their front."""
    eyes: dict[str, Vector]
    """Front of the eyeball, by side."""
    ears: dict[str, Vector]
    """Middle of the ear, by side."""
    corners: dict[str, Vector]
    """Corner of the mouth, by side."""
    chin: Vector
    """Front of the chin."""


def finger_rotations(skeleton: Skeleton, side: str, shape: HandShape, *, loosen: float = 1.0) -> Rotations:
    """Returns the rotations of one hand's finger bones.

    Args:
        skeleton: whose.
        side: `L` or `R`.
        shape: how they are bent.
        loosen: factor on all angles, around 1.

    Raises:
        ConfigError: if the side is another one.
    """
    if side not in skeleton.arms:
        raise ConfigError(f"side {side!r}: allowed values are {', '.join(skeleton.arms)}")
    arm = skeleton.arms[side]
    fingers, _, palm = arm.rest_hand.T
    axis = np.cross(fingers, palm)
    rotations: Rotations = {}
    for finger, curl in enumerate(shape.curl, start=2):
        for joint, share in ((1, 1.0), (2, 1.0), (3, 0.7)):
            rotations[f"finger{finger}-{joint}.{side}"] = axis_rotation(axis, curl * share * loosen)
    across = axis_rotation(fingers, arm.sign * shape.oppose * loosen)
    rotations[f"finger1-1.{side}"] = axis_rotation(axis, shape.thumb * 0.6 * loosen) @ across
    for joint in (2, 3):
        rotations[f"finger1-{joint}.{side}"] = axis_rotation(axis, shape.thumb * loosen)
    return rotations


def trunk_rotations(
    *, lean: float = 0.0, turn: float = 0.0, tilt: float = 0.0, head: Sequence[float] = (0.0, 0.0, 0.0)
) -> Rotations:
    """Returns the rotations of back, neck and head.

    Args:
        lean: radians the trunk bends forwards.
        turn: radians the trunk turns to the person's left.
        tilt: radians the trunk bends to the person's left.
        head: radians the head turns against the trunk: pitch (positive looks down), roll (positive to the person's
            left shoulder), yaw (positive to the person's left).
    """
    pitch, roll, yaw = head
    rotations: Rotations = {}
    for bone, share in (("spine05", 0.25), ("spine03", 0.35), ("spine02", 0.4)):
        rotations[bone] = rotation_xyz(lean * share, tilt * share, turn * share)
    for bone, share in (("neck02", 0.4), ("head", 0.6)):
        rotations[bone] = rotation_xyz(pitch * share, roll * share, yaw * share)
    return rotations


def hanging_arm(skeleton: Skeleton, side: str, *, out: float = 0.0, bend: float = 0.35) -> Rotations:
    """Returns an arm that hangs down, `out` radians off the body, bent by `bend` radians at the elbow."""
    sign = skeleton.arms[side].sign
    shoulder, elbow = skeleton.head(f"upperarm01.{side}"), skeleton.head(f"lowerarm01.{side}")
    along = elbow - shoulder
    now = float(np.arctan2(abs(along[0]), -along[2]))
    return {
        f"upperarm01.{side}": axis_rotation((0, 1, 0), sign * (now - 0.12 - out)) @ axis_rotation((1, 0, 0), -0.05),
        f"lowerarm01.{side}": axis_rotation((1, 0, 0), -bend),
        **finger_rotations(skeleton, side, HAND_SHAPES["relaxed"]),
    }
