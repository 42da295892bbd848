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

import numpy as np

from hw_anon.core.errors import ConfigError
from hw_anon.data.synthetic.rotations import (
    Rotations,
    Vector,
    axis_rotation,
    frame,
    limited,
    shortest,
    twist_swing,
    unit,
    variants,
)

__all__ = ["SIDES", "Arm", "ArmPose", "HandTarget", "Skeleton"]

SIDES = ("L", "R")
"""Names of the arms as the bones' suffixes have them."""
_MAX_TWIST = np.radians(100)
_MAX_BEND = np.radians(60)
_REACH = 0.985
_SWIVELS = np.radians(np.arange(-120, 121, 10))


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
                hands = variants(asked, target.softness)
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
        flex = shortest(self._lower_axis, local_fore)
        forearm = turned_upper @ flex
        relative = forearm.transpose(0, 2, 1) @ hand
        twist, swing = twist_swing(relative, self._lower_axis)
        bend = np.arccos(np.clip((np.trace(swing, axis1=1, axis2=2) - 1) / 2, -1, 1))
        shoulder_twist, _ = twist_swing(base[None, :3, :3].transpose(0, 2, 1) @ turned_upper, self._upper_frame[:, 0])
        cost = _discomfort(twist, bend, shoulder_twist) + 1.5 * (1 - np.cos(angle))
        away = np.trace(hand @ asked.T, axis1=1, axis2=2)
        cost = cost + 0.8 * (3 - away) + 30 * np.maximum(0, elbow[:, 2] - shoulder[2] - 0.02)
        best = int(np.argmin(cost))
        twist_kept = np.clip(twist[best], -_MAX_TWIST, _MAX_TWIST)
        swing_kept = limited(swing[best], _MAX_BEND)
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


def _discomfort(twist: Vector, bend: Vector, shoulder_twist: Vector) -> Vector:
    """Returns what the joints' angles (radians, `[N]`) cost: little in the middle, much near their limits."""
    cost: Vector = 0.15 * twist**2 + 0.6 * bend**2 + 0.1 * shoulder_twist**2
    for angle, limit in ((twist, 1.4), (bend, 0.8), (shoulder_twist, 1.4)):
        cost = cost + 12 * np.maximum(0, np.abs(angle) - limit) ** 2
    return cost
