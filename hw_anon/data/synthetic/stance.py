"""How somebody stands and moves, drawn by chance without regard to what they do with the thing in their hand.

A near-face action's arms follow from a stance and the family (hand at the mouth, hand beside the eye) alone. The action
itself adds what is inside the face region. This makes the families confusable once faces are hidden.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hw_anon.data.synthetic.motion import Sway, blink, stroke
from hw_anon.data.synthetic.poses import Anatomy
from hw_anon.data.synthetic.rotations import Vector, unit
from hw_anon.data.synthetic.skeleton_ik import HandTarget

__all__ = ["FAMILIES", "Family", "Stance"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """Where the hand of a family is; x counts outwards to the hand's side, in the head's axes."""

    anchor: str
    """`mouth` or `eye`: from where `offset` counts."""
    offset: tuple[float, float, float]
    """Mean of the grip, metres."""
    spread: tuple[float, float, float]
    """Standard deviation of it, metres."""
    fingers: tuple[float, float, float]
    """Mean direction from wrist to knuckles."""
    palm: tuple[float, float, float]
    """Mean direction the palm faces."""
    elbow: tuple[float, float, float]
    """Mean direction in which the elbow hangs."""


FAMILIES: dict[str, Family] = {
    "mouth": Family(
        anchor="mouth",
        offset=(0.072, -0.045, -0.036),
        spread=(0.008, 0.008, 0.01),
        fingers=(-0.5, 0.05, 0.8),
        palm=(-0.7, 0.6, 0.0),
        elbow=(0.45, 0.05, -0.85),
    ),
    "eye": Family(
        anchor="eye",
        offset=(0.078, 0.014, -0.036),
        spread=(0.006, 0.01, 0.01),
        fingers=(-0.1, 0.12, 0.95),
        palm=(-0.9, 0.1, 0.1),
        elbow=(0.5, 0.1, -0.8),
    ),
}
"""The confusable families by name."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Stance:
    """One clip's share of chance that every action uses in the same way."""

    side: str
    """Which hand is the busy one."""
    lean: float
    turn: float
    tilt: float
    head: Vector
    """`[3]` radians: pitch, roll, yaw."""
    drift: Vector
    """`[3]`: the grip's deviation from the family's mean, in its standard deviations."""
    aim: Vector
    """`[3, 3]`: deviations of finger, palm and elbow directions."""
    other: str
    """What the other arm does: `hang`, `waist`, `chest` or `raised`."""
    idle: str
    """What somebody idle does: `stand`, `mouth` or `eye`."""
    sway: Sway
    """`[9]`: head pitch, roll, yaw; lean, turn; grip x, y, z; the other hand."""
    beat: tuple[float, float, float]
    """Hertz, phase and reach (metres) of the busy hand's to and fro."""
    mood: Vector
    """`[6]` in 0 to 1: smile, brows up, brows down, squint, blinking's period and phase."""
    gaze: Vector
    """`[2]` radians: down, left."""

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Stance:
        """Draws a stance."""
        return cls(
            side="R" if rng.random() < 0.65 else "L",
            lean=float(rng.uniform(-0.04, 0.12)),
            turn=float(rng.uniform(-0.25, 0.25)),
            tilt=float(rng.uniform(-0.06, 0.06)),
            head=np.array([rng.uniform(-0.22, 0.14), rng.uniform(-0.13, 0.13), rng.uniform(-0.32, 0.32)]),
            drift=np.clip(rng.normal(0, 1, 3), -2, 2),
            aim=rng.normal(0, 0.13, (3, 3)),
            other=str(rng.choice(["hang", "waist", "chest", "raised"], p=[0.45, 0.2, 0.2, 0.15])),
            idle=str(rng.choice(["stand", "mouth", "eye"], p=[0.4, 0.35, 0.25])),
            sway=Sway.sample(rng, [0.05, 0.03, 0.07, 0.015, 0.03, 0.006, 0.005, 0.006, 0.01]),
            beat=(float(rng.uniform(0.5, 2.2)), float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(0.004, 0.016))),
            mood=rng.random(6),
            gaze=rng.normal(0, 0.12, 2),
        )

    @property
    def other_side(self) -> str:
        """The arm that is not the busy one."""
        return "L" if self.side == "R" else "R"

    def beat_at(self, time_s: float) -> float:
        """Returns the busy hand's to and fro, metres outwards."""
        hertz, phase, reach = self.beat
        return reach * stroke(time_s, hertz, phase)

    def head_at(self, time_s: float) -> Vector:
        """Returns pitch, roll and yaw of the head against the trunk, `[3]` radians."""
        turned: Vector = self.head + self.sway.at(time_s)[:3]
        return turned

    def target(self, family: Family, anatomy: Anatomy, head: Vector, side: str, time_s: float) -> HandTarget:
        """Returns where the hand of that side is, if it is the family's.

        Args:
            family: which.
            anatomy: the person's face at rest.
            head: `[4, 4]` transform of the head.
            side: `L` or `R`.
            time_s: seconds into the clip.
        """
        flip = np.array([1.0 if side == "L" else -1.0, 1.0, 1.0])
        anchor = anatomy.mouth if family.anchor == "mouth" else anatomy.eyes[side]
        away = np.array(family.offset) + self.drift * np.array(family.spread) + self.sway.at(time_s)[5:8]
        away[0] += self.beat_at(time_s)
        turn = head[:3, :3]
        fingers, palm, elbow = (
            unit((np.array(mean) + self.aim[row]) * flip)
            for row, mean in enumerate((family.fingers, family.palm, family.elbow))
        )
        return HandTarget(
            grip=turn @ (anchor + away * flip) + head[:3, 3], fingers=turn @ fingers, palm=turn @ palm, elbow=elbow
        )

    def expression(self, time_s: float) -> dict[str, float]:
        """Returns the face's resting expression at a time: facial actions in 0 to 1."""
        smile, up, down, squint, period, phase = self.mood
        closed = blink(time_s, 2.5 + 3 * period, phase)
        smile, up, down = max(0.0, 1.3 * smile - 0.7), max(0.0, 1.2 * up - 0.7), max(0.0, 1.1 * down - 0.7)
        both = {"mouthSmile": smile, "browDown": down, "eyeSquint": 0.3 * squint, "eyeBlink": closed}
        values = {f"{name}{side}": float(value) for name, value in both.items() for side in ("Left", "Right")}
        return {**values, "browInnerUp": float(up)}
