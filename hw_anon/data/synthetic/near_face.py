"""What is inside the face region: the thing held, where it touches the face, and what the mouth does about it.

`Holding` is made once a clip. The arm does not depend on it: hands go where the stance and the family put them, and the
thing reaches from there to the face.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from hw_anon.data.synthetic import props
from hw_anon.data.synthetic.motion import stroke
from hw_anon.data.synthetic.poses import HAND_SHAPES, Anatomy, HandShape
from hw_anon.data.synthetic.props import Colour, Piece
from hw_anon.data.synthetic.rotations import Vector, frame, unit

__all__ = ["Face", "Holding", "holding"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Face:
    """A face at one moment, and the hand beside it; world coordinates, metres."""

    anatomy: Anatomy
    """The face at rest."""
    head: Vector
    """`[4, 4]` transform of the head."""
    grip: Vector
    """`[3]`: where the hand holds."""
    sign: float
    """+1 for the left hand, -1 for the right one."""
    time_s: float
    """Seconds into the clip."""
    beat: float
    """Metres that the hand has moved outwards in its to and fro."""

    def place(self, rest: Vector, offset: tuple[float, float, float] = (0, 0, 0)) -> Vector:
        """Returns where a point of the resting head is; `offset` counts outwards, backwards, up."""
        moved = rest + np.array(offset) * np.array([self.sign, 1, 1])
        place: Vector = self.head[:3, :3] @ moved + self.head[:3, 3]
        return place

    def along(self, outwards: float, backwards: float, up: float) -> Vector:
        """Returns a direction given in the head's axes, x to the hand's side; unit length."""
        return unit(self.head[:3, :3] @ np.array([self.sign * outwards, backwards, up]))


class Holding(ABC):
    """One action's thing."""

    shape: HandShape = HAND_SHAPES["hold"]
    lips: Colour | None = None
    """Colour painted on the lips."""

    @abstractmethod
    def pieces(self, face: Face) -> list[Piece]:
        """Returns the thing's meshes at a moment."""

    @abstractmethod
    def expression(self, time_s: float) -> dict[str, float]:
        """Returns facial actions in 0 to 1, added to the resting expression."""


class _Drink(Holding):
    def __init__(self, rng: np.random.Generator) -> None:
        self._mug = props.mug(rng)
        self._tilt, self._sip = float(rng.uniform(0.5, 0.85)), float(rng.uniform(0.1, 0.25))
        self._hertz, self._phase = float(rng.uniform(0.2, 0.5)), float(rng.uniform(0, 6.28))

    def pieces(self, face: Face) -> list[Piece]:
        tilt = self._tilt + self._sip * np.sin(2 * np.pi * self._hertz * face.time_s + self._phase)
        axis = face.along(0, np.sin(tilt), np.cos(tilt))
        contact = face.place(face.anatomy.mouth, (0, -0.004, -0.002))
        return props.mug_pieces(self._mug, axis, face.along(0, 1, 0), contact, face.grip)

    def expression(self, time_s: float) -> dict[str, float]:
        return {"jawOpen": 0.12, "mouthFunnel": 0.3}


class _Brush(Holding):
    def __init__(self, rng: np.random.Generator) -> None:
        self._brush, self._foam = props.toothbrush(rng), props.foam(rng)
        self._hertz, self._phase = float(rng.uniform(1.5, 3)), float(rng.uniform(0, 6.28))
        self._side, self._face_on = float(rng.uniform(-0.014, 0.008)), float(rng.uniform(-0.5, 0.5))

    def pieces(self, face: Face) -> list[Piece]:
        across = self._side + 0.014 * stroke(face.time_s, self._hertz, self._phase)
        tip = face.place(face.anatomy.mouth, (across - 0.012, -0.007, 0.003))
        mouth = face.place(face.anatomy.mouth)
        foam = [piece.placed(face.head[:3, :3], mouth) for piece in self._foam]
        return [*props.toothbrush_pieces(self._brush, tip, face.grip, face.along(0, self._face_on, 0.9)), *foam]

    def expression(self, time_s: float) -> dict[str, float]:
        stretch = {
            f"mouth{part}{side}": 0.5 for part in ("Stretch", "UpperUp", "LowerDown") for side in ("Left", "Right")
        }
        return {"jawOpen": 0.16, **stretch}


class _Harmonica(Holding):
    def __init__(self, rng: np.random.Generator) -> None:
        self._pieces = props.harmonica(rng)
        self._hertz, self._phase = float(rng.uniform(0.4, 1.2)), float(rng.uniform(0, 6.28))
        self._pitch = float(rng.uniform(-0.25, 0.1))

    def pieces(self, face: Face) -> list[Piece]:
        slide = 0.01 * stroke(face.time_s, self._hertz, self._phase) + 0.3 * face.beat
        place = face.place(face.anatomy.mouth, (slide + 0.006, -0.001, 0.001))
        along = face.along(1, 0, -0.06)
        axes = frame(along * face.sign, face.along(0, 1, self._pitch))
        return [piece.placed(axes, place) for piece in self._pieces]

    def expression(self, time_s: float) -> dict[str, float]:
        puff = 0.25 + 0.2 * stroke(time_s, self._hertz * 1.7, self._phase)
        return {"mouthPucker": 0.45, "cheekPuff": puff}


class _MakeUp(Holding):
    def __init__(self, rng: np.random.Generator) -> None:
        self._stick = props.lipstick(rng)
        self.lips = self._stick.tip
        self._hertz, self._phase = float(rng.uniform(0.4, 1.1)), float(rng.uniform(0, 6.28))
        self.shape = HAND_SHAPES["pinch"]

    def pieces(self, face: Face) -> list[Piece]:
        across = 0.014 * np.sin(2 * np.pi * self._hertz * face.time_s + self._phase)
        lower = face.place(face.anatomy.mouth, (across, -0.004, -0.006))
        return props.lipstick_pieces(self._stick, lower, face.grip)

    def expression(self, time_s: float) -> dict[str, float]:
        return {"jawOpen": 0.22, "mouthFunnel": 0.2, "browInnerUp": 0.25}


class _Phone(Holding):
    shape = HAND_SHAPES["cup"]

    def __init__(self, rng: np.random.Generator) -> None:
        self._pieces = props.phone(rng)
        self._roll, self._hertz = float(rng.uniform(0.35, 0.8)), float(rng.uniform(1.5, 3))
        self._phase, self._talks = float(rng.uniform(0, 6.28)), bool(rng.random() < 0.6)

    def pieces(self, face: Face) -> list[Piece]:
        side = "L" if face.sign > 0 else "R"
        ear = face.place(face.anatomy.ears[side], (0.002, -0.034, 0.006))
        cheek = face.place(face.anatomy.corners[side], (0.034, -0.002, 0.0))
        up = unit(ear - cheek)
        outwards = face.along(np.cos(self._roll), -np.sin(self._roll), 0)
        axes = frame(up, -outwards)
        rotation = np.stack([np.cross(axes[:, 1], up), axes[:, 1], up], axis=1)
        centre = 0.5 * (ear + cheek) + 0.013 * outwards
        return [piece.placed(rotation, centre) for piece in self._pieces]

    def expression(self, time_s: float) -> dict[str, float]:
        talk = max(0.0, 0.25 * np.sin(2 * np.pi * self._hertz * time_s + self._phase)) if self._talks else 0.0
        return {"jawOpen": float(talk)}


class _Photo(Holding):
    shape = HAND_SHAPES["cup"]

    def __init__(self, rng: np.random.Generator) -> None:
        self._pieces = props.camera(rng)
        self._roll, self._wink = float(rng.normal(0, 0.06)), bool(rng.random() < 0.6)
        self._inwards = float(rng.uniform(0.004, 0.014))

    def pieces(self, face: Face) -> list[Piece]:
        side = "L" if face.sign > 0 else "R"
        place = face.place(face.anatomy.eyes[side], (0.012 - self._inwards, -0.022, 0.004))
        axes = frame(face.along(1, 0, self._roll) * face.sign, face.along(0, 1, 0))
        return [piece.placed(axes, place) for piece in self._pieces]

    def expression(self, time_s: float) -> dict[str, float]:
        return {"eyeSquintLeft": 0.5, "eyeSquintRight": 0.5} | (
            {"browDownLeft": 0.4, "browDownRight": 0.4} if self._wink else {}
        )


_HOLDINGS: dict[str, type[Holding]] = {
    "drinking": _Drink,
    "brushing_teeth": _Brush,
    "playing_harmonica": _Harmonica,
    "applying_make_up_on_lips": _MakeUp,
    "phoning": _Phone,
    "taking_photos": _Photo,
}


def holding(action: str, rng: np.random.Generator) -> Holding:
    """Returns what a near-face action holds, drawn by chance."""
    made: Holding = _HOLDINGS[action](rng)  # type: ignore[call-arg]
    return made
