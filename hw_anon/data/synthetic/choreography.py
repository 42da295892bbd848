"""One clip's motion: from a person, an action and a seed to rotations, expression and things at any time.

Nothing is remembered between moments: `at(t)` is the same whatever was asked before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hw_anon.data.synthetic.actions import family_of, require_action
from hw_anon.data.synthetic.far_face import Chore, chore
from hw_anon.data.synthetic.near_face import Face, Holding, holding
from hw_anon.data.synthetic.poses import (
    HAND_SHAPES,
    Anatomy,
    HandShape,
    finger_rotations,
    hanging_arm,
    trunk_rotations,
)
from hw_anon.data.synthetic.props import Colour, Piece
from hw_anon.data.synthetic.rotations import Rotations, axis_rotation, rotation_xyz, unit
from hw_anon.data.synthetic.skeleton_ik import ArmPose, HandTarget, Skeleton
from hw_anon.data.synthetic.stance import FAMILIES, Stance

__all__ = ["Choreography", "Moment"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Moment:
    """A person at a time."""

    rotations: Rotations
    """Of bones, `[3, 3]` each."""
    expression: dict[str, float]
    """Facial actions in 0 to 1."""
    pieces: list[Piece]
    """Things, in world coordinates."""
    arms: dict[str, ArmPose]
    """The arms that reach for something, by side."""
    lips: Colour | None
    """Colour painted on the lips."""


class Choreography:
    """What a person does in one clip."""

    def __init__(self, skeleton: Skeleton, anatomy: Anatomy, action: str, seed: int) -> None:
        """Draws the clip.

        Args:
            skeleton: the person's bones.
            anatomy: the person's face at rest.
            action: one of `ACTIONS`.
            seed: of the clip.

        Raises:
            ConfigError: if there is no such action.
        """
        require_action(action)
        shared, own = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(2))
        self._skeleton, self._anatomy, self.action = skeleton, anatomy, action
        self.stance = Stance.sample(shared)
        family = family_of(action)
        self._holding: Holding | None = holding(action, own) if family else None
        self._chore: Chore | None = None
        if family is None and action != "idle":
            self._chore = chore(action, own, self.stance.side)
        idle = self.stance.idle if action == "idle" and self.stance.idle != "stand" else None
        self.family = family or idle
        self._idle_shape = HAND_SHAPES[str(own.choice(["relaxed", "cup", "flat", "hold"]))]
        self._swivels: dict[str, float] = {}
        self._swivels = {side: arm.swivel for side, arm in self.at(0.0).arms.items()}

    def at(self, time_s: float) -> Moment:
        """Returns the person at a time.

        Args:
            time_s: seconds into the clip.
        """
        rotations = self._trunk(time_s)
        expression = self.stance.expression(time_s)
        if self._chore is not None:
            return self._at_work(self._chore, rotations, expression, time_s)
        if self.family is None:
            arms = self._second_arm(rotations, self.stance.other_side, time_s, calm=True)
            arms |= self._second_arm(rotations, self.stance.side, time_s, calm=True)
            return Moment(rotations=rotations, expression=expression, pieces=[], arms=arms, lips=None)
        return self._at_face(rotations, expression, time_s)

    def _trunk(self, time_s: float) -> Rotations:
        stance = self.stance
        sway = stance.sway.at(time_s)
        head = stance.head_at(time_s)
        lean = stance.lean
        if self._chore is not None:
            lean = self._chore.lean
            head = head * np.array([0.5, 1, 0.6]) + np.array([self._chore.look, 0, 0])
        rotations = trunk_rotations(
            lean=lean + float(sway[3]),
            turn=stance.turn + float(sway[4]),
            tilt=stance.tilt,
            head=(float(head[0]), float(head[1]), float(head[2])),
        )
        for eye in ("eye.L", "eye.R"):
            rotations[eye] = rotation_xyz(float(stance.gaze[0]), 0.0, float(stance.gaze[1]))
        return rotations

    def _at_face(self, rotations: Rotations, expression: dict[str, float], time_s: float) -> Moment:
        assert self.family is not None, "only families come here"
        stance = self.stance
        head = self._skeleton.transform("head", rotations)
        target = stance.target(FAMILIES[self.family], self._anatomy, head, stance.side, time_s)
        shape = self._holding.shape if self._holding else self._idle_shape
        arms = self._reach(rotations, stance.side, target, shape)
        arms |= self._second_arm(rotations, stance.other_side, time_s, calm=False)
        pieces: list[Piece] = []
        if self._holding is not None:
            arm = arms[stance.side]
            face = Face(
                anatomy=self._anatomy,
                head=head,
                grip=arm.grip,
                sign=self._skeleton.arms[stance.side].sign,
                time_s=time_s,
                beat=stance.beat_at(time_s),
            )
            pieces = self._holding.pieces(face)
            for name, value in self._holding.expression(time_s).items():
                expression[name] = min(1.0, expression.get(name, 0.0) + value)
            expression |= {name: 0.3 * value for name, value in expression.items() if name.startswith("mouthSmile")}
        lips = self._holding.lips if self._holding else None
        return Moment(rotations=rotations, expression=expression, pieces=pieces, arms=arms, lips=lips)

    def _at_work(self, work: Chore, rotations: Rotations, expression: dict[str, float], time_s: float) -> Moment:
        shoulders = [arm.shoulder(rotations) for arm in self._skeleton.arms.values()]
        turn = axis_rotation((0, 0, 1), self.stance.turn)
        moment = work.at(time_s).turned(turn, (shoulders[0] + shoulders[1]) / 2)
        arms: dict[str, ArmPose] = {}
        for side in self._skeleton.arms:
            if side in moment.hands:
                arms |= self._reach(rotations, side, moment.hands[side], work.shapes[side])
            else:
                rotations |= hanging_arm(self._skeleton, side)
        return Moment(rotations=rotations, expression=expression, pieces=moment.pieces, arms=arms, lips=None)

    def _reach(self, rotations: Rotations, side: str, target: HandTarget, shape: HandShape) -> dict[str, ArmPose]:
        """Puts one arm's and hand's rotations into `rotations`; returns the arm by its side."""
        arm = self._skeleton.arms[side].solve(target, rotations, swivel=self._swivels.get(side))
        rotations |= arm.rotations
        rotations |= finger_rotations(self._skeleton, side, shape)
        return {side: arm}

    def _second_arm(self, rotations: Rotations, side: str, time_s: float, *, calm: bool) -> dict[str, ArmPose]:
        """Does what the stance has for the other arm; `calm` keeps it down."""
        kind = self.stance.other
        if kind == "hang" or (calm and kind == "raised"):
            rotations |= hanging_arm(self._skeleton, side, out=0.06 + float(self.stance.sway.at(time_s)[8]))
            return {}
        arm = self._skeleton.arms[side]
        turn = axis_rotation((0, 0, 1), self.stance.turn)
        flip = np.array([arm.sign, 1, 1])
        places = {
            "waist": ((-0.04, -0.17, -0.36), (-0.9, -0.3, 0.0), (0, 1, 0.1)),
            "chest": ((-0.1, -0.2, -0.18), (-0.85, -0.2, 0.4), (0, 1, 0)),
            "raised": ((0.0, -0.26, -0.06), (-0.35, -0.2, 0.9), (-0.7, 0.5, 0)),
        }
        offset, fingers, palm = (np.array(part) * flip for part in places[kind])
        drift = np.array([0.02, 0.015, 0.03]) * self.stance.drift + self.stance.sway.at(time_s)[8] * np.ones(3)
        target = HandTarget(
            grip=arm.shoulder(rotations) + turn @ (offset + drift),
            fingers=turn @ unit(fingers),
            palm=turn @ unit(palm),
            elbow=turn @ unit(np.array([arm.sign * 0.5, 0.3, -0.8])),
            softness=0.6,
        )
        return self._reach(rotations, side, target, HAND_SHAPES["relaxed"])
