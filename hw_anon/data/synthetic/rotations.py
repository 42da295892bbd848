"""Rotations of three dimensions, as matrices: made, taken apart and limited.

Axes are right-handed, angles are radians, vectors lie along the last axis of an array.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Rotations",
    "Vector",
    "axis_rotation",
    "frame",
    "limited",
    "rotation_xyz",
    "shortest",
    "twist_swing",
    "unit",
    "variants",
]

Vector: TypeAlias = NDArray[np.float64]
Rotations: TypeAlias = dict[str, NDArray[np.float64]]


def unit(vector: Sequence[float] | Vector) -> Vector:
    """Returns the vector(s) scaled to length 1 along the last axis."""
    array = np.asarray(vector, np.float64)
    return array / np.linalg.norm(array, axis=-1, keepdims=True)


def axis_rotation(axis: Sequence[float] | Vector, angle: float) -> Vector:
    """Returns the `[3, 3]` rotation by `angle` radians about `axis` (Rodrigues' formula)."""
    x, y, z = unit(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)


def rotation_xyz(x: float, y: float, z: float) -> Vector:
    """Returns the `[3, 3]` rotation about x, then y, then z (fixed axes, radians)."""
    return axis_rotation((0, 0, 1), z) @ axis_rotation((0, 1, 0), y) @ axis_rotation((1, 0, 0), x)


def frame(first: Sequence[float] | Vector, second: Sequence[float] | Vector) -> Vector:
    """Returns right-handed orthonormal axes as columns: along `first`, towards `second`, and their product."""
    a = unit(first)
    b = np.asarray(second, np.float64)
    b = unit(b - np.sum(a * b, axis=-1, keepdims=True) * a)
    return np.stack([a, b, np.cross(a, b)], axis=-1)


def variants(rotation: Vector, softness: float) -> Vector:
    """Returns `[K, 3, 3]`: the rotation and ones turned by up to `softness` radians about the world's axes."""
    turns = [rotation]
    for axis in np.eye(3):
        turns += [axis_rotation(axis, sign * softness * part) @ rotation for sign in (-1, 1) for part in (0.5, 1.0)]
    return np.stack(turns)


def shortest(start: Vector, ends: Vector) -> Vector:
    """Returns the `[N, 3, 3]` least rotations that take `start` `[3]` to each of `ends` `[N, 3]` (unit vectors)."""
    cross = np.cross(start, ends)
    cosine = ends @ start
    skew = np.zeros((len(ends), 3, 3))
    skew[:, 0, 1], skew[:, 0, 2], skew[:, 1, 2] = -cross[:, 2], cross[:, 1], -cross[:, 0]
    skew -= skew.transpose(0, 2, 1)
    return np.eye(3) + skew + (skew @ skew) / np.maximum(1 + cosine, 1e-6)[:, None, None]


def twist_swing(rotation: Vector, axis: Vector) -> tuple[Vector, Vector]:
    """Splits `[N, 3, 3]` rotations into `twist about axis @ swing`; returns angles `[N]` in -π…π and swings.

    The quaternion's vector part along the axis and its scalar part give the twist's half angle; both are, up to one
    common factor, read off the matrix: `axis · (skew part)` and `1 + trace`.
    """
    skew = np.stack(
        [
            rotation[:, 2, 1] - rotation[:, 1, 2],
            rotation[:, 0, 2] - rotation[:, 2, 0],
            rotation[:, 1, 0] - rotation[:, 0, 1],
        ],
        axis=1,
    )
    angle = 2 * np.arctan2(skew @ axis, 1 + np.trace(rotation, axis1=1, axis2=2))
    angle = (angle + np.pi) % (2 * np.pi) - np.pi
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    untwist = np.eye(3) - np.sin(angle)[:, None, None] * cross + (1 - np.cos(angle))[:, None, None] * (cross @ cross)
    return angle, untwist @ rotation


def limited(rotation: Vector, limit: float) -> Vector:
    """Returns the `[3, 3]` rotation, or one by `limit` radians about the same axis if it turns further."""
    angle = np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1))
    if angle <= limit:
        return rotation
    axis = np.array([rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]])
    if np.linalg.norm(axis) < 1e-6:
        return np.eye(3)
    return axis_rotation(axis, limit)
