"""Arms that reach: two-bone inverse kinematics with a bent wrist and a twisted forearm, in closed form.

Frame: metres, z up, the person looks along -y, the person's left is +x. A bone's rotation is given in the axes of the
rest pose and turns about the bone's head, so a bone's transform is `parent @ about(head, rotation)`.

The wrist's place follows from where the hand shall be and how it is turned. Shoulder, elbow and wrist then form a
triangle that can still swivel about the line from shoulder to wrist; all swivels are tried at once and the one that
bends wrist and forearm least is taken. Some 0.5 ms an arm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.errors import ConfigError

__all__ = ["SIDES", "Arm", "ArmPose", "HandTarget", "Skeleton", "axis_rotation", "frame", "rotation_xyz", "unit"]

Vector: TypeAlias = NDArray[np.float64]
Rotations: TypeAlias = dict[str, NDArray[np.float64]]

SIDES = ("L", "R")
"""Names of the arms as the bones' suffixes have them."""
_MAX_TWIST = np.radians(100)
_MAX_BEND = np.radians(60)
_REACH = 0.985
_SWIVELS = np.radians(np.arange(-120, 121, 10))


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


class Skeleton:
    """The rest pose's bones and what follows from their rotations."""

    def __init__(self, names: Sequence[str], parents: Sequence[int], heads: Vector) -> None:
        """Keeps the bones.

        Args:
            names: of the bones, parents before children.
            parents: index of each bone's parent; the first is the root.
            heads: `[B, 3]` metres, where each bone turns.

        Raises:
            ConfigError: if the three do not fit together.
        """
        if not len(names) == len(parents) == len(heads):
            raise ConfigError(f"a skeleton of {len(names)} names, {len(parents)} parents, {len(heads)} heads")
        self.index = {name: number for number, name in enumerate(names)}
        self.heads = np.asarray(heads, np.float64)
        self._names = tuple(names)
        self._parents = tuple(int(parent) for parent in parents)

    def head(self, bone: str) -> Vector:
        """Returns where the bone turns, `[3]` metres, in the rest pose."""
        place: Vector = self.heads[self.index[bone]]
        return place

    def transform(self, bone: str, rotations: Mapping[str, Vector]) -> Vector:
        """Returns the bone's `[4, 4]` transform: from rest to posed coordinates."""
        chain = []
        number = self.index[bone]
        while True:
            chain.append(number)
            if number == 0:
                break
            number = self._parents[number]
        total = np.eye(4)
        for number in reversed(chain):
            rotation = rotations.get(self._names[number])
            if rotation is not None:
                local = np.eye(4)
                local[:3, :3] = rotation
                local[:3, 3] = self.heads[number] - rotation @ self.heads[number]
                total = total @ local
        return total

    def parent(self, bone: str) -> str:
        """Returns the name of the bone's parent."""
        return self._names[self._parents[self.index[bone]]]

    @cached_property
    def arms(self) -> dict[str, Arm]:
        """Both arms, by side."""
        return {side: Arm(self, side) for side in SIDES}


@dataclass(frozen=True, kw_only=True, slots=True)
class HandTarget:
    """Where a hand shall be and how it shall be turned; world coordinates, metres."""

    grip: Vector
    """`[3]`: where the held thing goes through the hand."""
    fingers: Vector
    """`[3]`: direction from wrist to knuckles."""
    palm: Vector
    """`[3]`: direction that the palm faces; its part along `fingers` is ignored."""
    elbow: Vector
    """`[3]`: direction from the line shoulder-wrist in which the elbow should lie."""
    softness: float = 0.35
    """How far the hand may turn from what is asked, radians, where that spares the wrist."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmPose:
    """An arm that reaches its target as well as it can."""

    rotations: Rotations
    """By bone, `[3, 3]`."""
    elbow: Vector
    """`[3]` metres."""
    wrist: Vector
    """`[3]` metres."""
    hand: Vector
    """`[3, 3]`: columns fingers, across (to the index finger), palm, in world axes."""
    grip: Vector
    """`[3]` metres: where the hand's grip got to."""
    swivel: float
    """Radians; handed to the next moment's solution, it keeps the elbow steady."""
    bend: float
    """Radians between forearm and hand."""
    twist: float
    """Radians that the forearm is twisted, from the rest pose."""


class Arm:
    """One arm of one skeleton."""

    def __init__(self, skeleton: Skeleton, side: str) -> None:
        self._skeleton = skeleton
        self.side = side
        self.sign = 1.0 if side == "L" else -1.0
        shoulder, elbow, wrist = (skeleton.head(f"{bone}.{side}") for bone in ("upperarm01", "lowerarm01", "wrist"))
        self._shoulder, self._elbow, self._wrist = shoulder, elbow, wrist
        self.upper = float(np.linalg.norm(elbow - shoulder))
        self.lower = float(np.linalg.norm(wrist - elbow))
        along = unit(elbow - shoulder)
        self._upper_frame = frame(along, np.cross(along, (0.0, -1.0, 0.0)))
        self._lower_axis = unit(wrist - elbow)
        self._second_axis = unit(wrist - skeleton.head(f"lowerarm02.{side}"))
        knuckle, index, little = (skeleton.head(f"finger{number}-1.{side}") for number in (3, 2, 5))
        fingers = unit(knuckle - wrist)
        across = unit((index - little) - fingers * (fingers @ (index - little)))
        self.rest_hand = np.stack([fingers, across, self.sign * np.cross(fingers, across)], axis=-1)
        self._grip = 0.2 * wrist + 0.8 * knuckle + 0.035 * self.rest_hand[:, 2]

    def base(self, rotations: Mapping[str, Vector]) -> Vector:
        """Returns the `[4, 4]` transform of what the arm hangs on."""
        return self._skeleton.transform(self._skeleton.parent(f"upperarm01.{self.side}"), rotations)

    def shoulder(self, rotations: Mapping[str, Vector]) -> Vector:
        """Returns where the shoulder joint is, `[3]` metres."""
        base = self.base(rotations)
        place: Vector = base[:3, :3] @ self._shoulder + base[:3, 3]
        return place

    def solve(
        self, target: HandTarget, rotations: Mapping[str, Vector], *, swivel: float | None = None, passes: int = 2
    ) -> ArmPose:
        """Finds the arm's rotations.

        Args:
            target: where the hand shall be; out of reach, the arm stretches towards it.
            rotations: of spine and collar bones, which are not changed.
            swivel: an earlier moment's, to keep; the most comfortable one if `None`.
            passes: repetitions that let the wrist's place follow a hand which could not turn as asked.
        """
        base = self.base(rotations)
        shoulder = base[:3, :3] @ self._shoulder + base[:3, 3]
        asked = self._hand_rotation(target)
        hands = asked[None]
        angle = swivel
        for number in range(passes):
            if number == 0 and target.softness > 0:
                hands = _variants(asked, target.softness)
            solution = self._best(target, base, shoulder, hands, asked, angle)
            hands, angle = solution["hand"][None], float(solution["swivel"])
        return self._pose(solution, target)

    def _hand_rotation(self, target: HandTarget) -> Vector:
        axes = frame(target.fingers, target.palm)
        wanted = np.stack([axes[:, 0], -self.sign * axes[:, 2], axes[:, 1]], axis=-1)
        rotation: Vector = wanted @ self.rest_hand.T
        return rotation

    def _best(
        self, target: HandTarget, base: Vector, shoulder: Vector, hands: Vector, asked: Vector, swivel: float | None
    ) -> dict[str, Vector]:
        """Tries `[K]` hand rotations times all swivels; returns the cheapest solution's parts."""
        angles = _SWIVELS if swivel is None else np.array([swivel])
        rows = np.repeat(np.arange(len(hands)), len(angles))
        angle = np.tile(angles, len(hands))
        hand = hands[rows]
        wrist = target.grip - hand @ (self._grip - self._wrist)
        elbow, wrist = self._triangle(shoulder, wrist, angle, target.elbow)
        upper, fore = unit(elbow - shoulder), unit(wrist - elbow)
        hinge = np.cross(upper, fore) + 1e-6 * self._upper_frame[:, 1]
        turned_upper = frame(upper, hinge) @ self._upper_frame.T
        local_fore = np.einsum("nji,nj->ni", turned_upper, fore)
        flex = _shortest(self._lower_axis, local_fore)
        forearm = turned_upper @ flex
        relative = forearm.transpose(0, 2, 1) @ hand
        twist, swing = _twist_swing(relative, self._lower_axis)
        bend = np.arccos(np.clip((np.trace(swing, axis1=1, axis2=2) - 1) / 2, -1, 1))
        shoulder_twist, _ = _twist_swing(base[None, :3, :3].transpose(0, 2, 1) @ turned_upper, self._upper_frame[:, 0])
        cost = _discomfort(twist, bend, shoulder_twist) + 1.5 * (1 - np.cos(angle))
        away = np.trace(hand @ asked.T, axis1=1, axis2=2)
        cost = cost + 0.8 * (3 - away) + 30 * np.maximum(0, elbow[:, 2] - shoulder[2] - 0.02)
        best = int(np.argmin(cost))
        twist_kept = np.clip(twist[best], -_MAX_TWIST, _MAX_TWIST)
        swing_kept = _limited(swing[best], _MAX_BEND)
        kept = forearm[best] @ axis_rotation(self._lower_axis, twist_kept) @ swing_kept
        return {
            "hand": kept, "swivel": angle[best], "elbow": elbow[best], "wrist": wrist[best], "twist": twist_kept,
            "upper": base[:3, :3].T @ turned_upper[best], "flex": flex[best], "swing": swing_kept,
            "bend": min(bend[best], _MAX_BEND),
        }  # fmt: skip

    def _triangle(self, shoulder: Vector, wrist: Vector, angle: Vector, pole: Vector) -> tuple[Vector, Vector]:
        """Returns elbows and reachable wrists, `[N, 3]` each, for wanted wrists `[N, 3]` and swivels `[N]`."""
        line = wrist - shoulder
        wanted = np.linalg.norm(line, axis=1, keepdims=True)
        shortest = abs(self.upper - self.lower) + 0.25 * self.lower
        length = np.clip(wanted, shortest, _REACH * (self.upper + self.lower))
        line = line / wanted
        along = (self.upper**2 - self.lower**2 + length**2) / (2 * length)
        height = np.sqrt(np.maximum(self.upper**2 - along**2, 0))
        axes = frame(line, np.broadcast_to(pole, line.shape))
        circle = np.cos(angle)[:, None] * axes[..., 1] + np.sin(angle)[:, None] * axes[..., 2]
        return shoulder + along * line + height * circle, shoulder + length * line

    def _pose(self, part: dict[str, Vector], target: HandTarget) -> ArmPose:
        side, axis = self.side, self._lower_axis
        twist = float(part["twist"])
        first, second = axis_rotation(axis, 0.4 * twist), axis_rotation(self._second_axis, 0.6 * twist)
        rotations = {
            f"upperarm01.{side}": part["upper"],
            f"lowerarm01.{side}": part["flex"] @ first,
            f"lowerarm02.{side}": second,
            f"wrist.{side}": (first @ second).T @ axis_rotation(axis, twist) @ part["swing"],
        }
        hand = part["hand"]
        return ArmPose(
            rotations=rotations,
            elbow=part["elbow"],
            wrist=part["wrist"],
            hand=hand @ self.rest_hand,
            grip=part["wrist"] + hand @ (self._grip - self._wrist),
            swivel=float(part["swivel"]),
            bend=float(part["bend"]),
            twist=twist,
        )


def _variants(rotation: Vector, softness: float) -> Vector:
    """Returns `[K, 3, 3]`: the rotation and ones turned by up to `softness` radians about the world's axes."""
    turns = [rotation]
    for axis in np.eye(3):
        turns += [axis_rotation(axis, sign * softness * part) @ rotation for sign in (-1, 1) for part in (0.5, 1.0)]
    return np.stack(turns)


def _discomfort(twist: Vector, bend: Vector, shoulder_twist: Vector) -> Vector:
    """Returns what the joints' angles (radians, `[N]`) cost: little in the middle, much near their limits."""
    cost: Vector = 0.15 * twist**2 + 0.6 * bend**2 + 0.1 * shoulder_twist**2
    for angle, limit in ((twist, 1.4), (bend, 0.8), (shoulder_twist, 1.4)):
        cost = cost + 12 * np.maximum(0, np.abs(angle) - limit) ** 2
    return cost


def _shortest(start: Vector, ends: Vector) -> Vector:
    """Returns the `[N, 3, 3]` least rotations that take `start` `[3]` to each of `ends` `[N, 3]` (unit vectors)."""
    cross = np.cross(start, ends)
    cosine = ends @ start
    skew = np.zeros((len(ends), 3, 3))
    skew[:, 0, 1], skew[:, 0, 2], skew[:, 1, 2] = -cross[:, 2], cross[:, 1], -cross[:, 0]
    skew -= skew.transpose(0, 2, 1)
    return np.eye(3) + skew + (skew @ skew) / np.maximum(1 + cosine, 1e-6)[:, None, None]


def _twist_swing(rotation: Vector, axis: Vector) -> tuple[Vector, Vector]:
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


def _limited(rotation: Vector, limit: float) -> Vector:
    """Returns the `[3, 3]` rotation, or one by `limit` radians about the same axis if it turns further."""
    angle = np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1))
    if angle <= limit:
        return rotation
    axis = np.array([rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]])
    if np.linalg.norm(axis) < 1e-6:
        return np.eye(3)
    return axis_rotation(axis, limit)
