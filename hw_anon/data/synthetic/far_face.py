"""Housework: what hands do, and with what, in the four actions that stay away from the face.

Everything is placed about the shoulders' middle, in the axes of the trunk's turn: x to the person's left, y backwards.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from hw_anon.data.synthetic import props
from hw_anon.data.synthetic.motion import stroke
from hw_anon.data.synthetic.poses import HAND_SHAPES, HandShape
from hw_anon.data.synthetic.props import Piece, any_colour
from hw_anon.data.synthetic.rotations import Vector, axis_rotation, unit
from hw_anon.data.synthetic.skeleton_ik import SIDES, HandTarget

__all__ = ["Chore", "ChoreMoment", "chore"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ChoreMoment:
    """Hands and things at a moment, before the person's turn: about the shoulders' middle, metres."""

    hands: dict[str, HandTarget]
    """By side; an arm that is not named hangs."""
    pieces: list[Piece]
    """Meshes."""

    def turned(self, rotation: Vector, origin: Vector) -> ChoreMoment:
        """Returns the moment in world coordinates: turned, then moved to `origin`."""
        hands = {
            side: HandTarget(
                grip=rotation @ hand.grip + origin,
                fingers=rotation @ hand.fingers,
                palm=rotation @ hand.palm,
                elbow=rotation @ hand.elbow,
                softness=hand.softness,
            )
            for side, hand in self.hands.items()
        }
        return ChoreMoment(hands=hands, pieces=[piece.placed(rotation, origin) for piece in self.pieces])


class Chore(ABC):
    """One action away from the face, with its share of chance."""

    lean: float = 0.1
    """Radians that the trunk bends forwards."""
    look: float = 0.3
    """Radians that the head looks down."""
    shapes: dict[str, HandShape]
    """Of the hands, by side."""

    def __init__(self, rng: np.random.Generator, side: str) -> None:
        self.busy = side
        self.other = "L" if side == "R" else "R"
        self.sign = 1.0 if side == "L" else -1.0
        self.hertz, self.phase = float(rng.uniform(0.35, 0.9)), float(rng.uniform(0, 6.28))
        self.colours = [any_colour(rng) for _ in range(4)]
        self.shapes = dict.fromkeys(SIDES, HAND_SHAPES["hold"])

    @abstractmethod
    def at(self, time_s: float) -> ChoreMoment:
        """Returns hands and things at a time."""

    def _beat(self, time_s: float, factor: float = 1.0) -> float:
        return stroke(time_s, self.hertz * factor, self.phase)


def _hand(
    grip: Vector, fingers: Vector | tuple[float, ...], palm: Vector | tuple[float, ...], sign: float
) -> HandTarget:
    """Returns a target whose elbow hangs out and down."""
    return HandTarget(
        grip=np.asarray(grip, np.float64),
        fingers=unit(fingers),
        palm=unit(palm),
        elbow=unit((sign * 0.5, 0.3, -0.8)),
        softness=0.6,
    )


class _Iron(Chore):
    def __init__(self, rng: np.random.Generator, side: str) -> None:
        super().__init__(rng, side)
        self.lean, self.look = float(rng.uniform(0.12, 0.3)), float(rng.uniform(0.2, 0.45))
        self._height, self._y = float(rng.uniform(-0.4, -0.33)), float(rng.uniform(-0.4, -0.34))
        self._reach = float(rng.uniform(0.06, 0.13))
        self._shift = float(rng.uniform(-0.2, 0.2))
        self.shapes = {self.busy: HAND_SHAPES["fist"], self.other: HAND_SHAPES["flat"]}
        self._cloth = _crumpled(rng, 0.42, 0.26, 0.006)

    def at(self, time_s: float) -> ChoreMoment:
        z, beat = self._height, self._beat(time_s)
        place = np.array([self.sign * 0.16 + self._reach * beat, self._y, z])
        iron = [piece.placed(axis_rotation((0, 0, 1), 0.3 * self.sign), place) for piece in self._iron()]
        board = props.sheet(_board(z - 0.012, self._y, self._shift), self.colours[0])
        under = props.sheet(_board(z - 0.04, self._y, self._shift), self.colours[1])
        cloth = props.sheet(self._cloth + np.array([0.0, self._y, z - 0.004]), self.colours[2])
        rest = np.array([-self.sign * 0.15 + 0.01 * beat, self._y + 0.02, z + 0.045])
        hands = {
            self.busy: _hand(
                place + np.array([0, 0, 0.105]), (-self.sign * 0.35, -0.9, -0.1), (0, -0.1, -1), self.sign
            ),
            self.other: _hand(rest, (self.sign * 0.3, -0.9, -0.25), (0, -0.2, -1), -self.sign),
        }
        return ChoreMoment(hands=hands, pieces=[board, under, cloth, *iron])

    def _iron(self) -> list[Piece]:
        """Returns an iron: its sole at the origin, its point to -y."""
        outline = np.array(
            [(0, -0.15), (0.035, -0.1), (0.055, -0.03), (0.055, 0.09), (-0.055, 0.09), (-0.055, -0.03), (-0.035, -0.1)]
        )
        rings = [
            np.c_[outline * share, np.full(len(outline), z)]
            for share, z in ((1, 0), (1, 0.014), (0.9, 0.03), (0.5, 0.062), (0.02, 0.066))
        ]
        closed = np.stack([np.r_[ring, ring[:1]] for ring in rings])
        sole = props.sheet(closed[:2], (0.6, 0.6, 0.62))
        shell = props.sheet(closed[1:], self.colours[3])
        turn = np.linspace(0, np.pi, 9)[:, None]
        bow = (
            np.array([0, 0.01, 0.055]) + np.array([0, 0.065, 0]) * np.cos(turn) + np.array([0, 0, 0.05]) * np.sin(turn)
        )
        return [sole, shell, props.tube(bow, 0.014, self.colours[1])]


class _Windows(Chore):
    def __init__(self, rng: np.random.Generator, side: str) -> None:
        super().__init__(rng, side)
        self.lean, self.look = float(rng.uniform(-0.02, 0.1)), float(rng.uniform(-0.15, 0.1))
        self._centre = np.array([self.sign * rng.uniform(0.2, 0.34), -0.42, rng.uniform(-0.04, 0.2)])
        self._radius = float(rng.uniform(0.05, 0.11))
        self._wide, self._cross = float(rng.uniform(0.42, 0.55)), float(rng.uniform(-0.3, -0.2))
        self._cloth = _crumpled(rng, 0.15, 0.13, 0.01)
        self._spray = bool(rng.random() < 0.5)
        self._bottle = any_colour(rng)
        self.shapes = {self.busy: HAND_SHAPES["flat"], self.other: HAND_SHAPES["hold" if self._spray else "relaxed"]}

    def at(self, time_s: float) -> ChoreMoment:
        angle = 2 * np.pi * self.hertz * time_s + self.phase
        place = self._centre + self._radius * np.array([np.cos(angle), 0, np.sin(angle)])
        upright = np.stack([self._cloth[..., 0], self._cloth[..., 2], self._cloth[..., 1]], axis=-1)
        cloth = props.sheet(upright + place + np.array([0, -0.05, 0.03]), self.colours[0])
        hands = {self.busy: _hand(place, (-self.sign * 0.15, -0.15, 0.95), (0, -1, 0.1), self.sign)}
        pieces = [cloth, *self._frame()]
        if self._spray:
            grip = np.array([-self.sign * 0.26, -0.3, -0.22])
            hands[self.other] = _hand(grip, (self.sign * 0.3, -0.85, 0.1), (self.sign * 0.9, -0.1, 0), -self.sign)
            pieces += [piece.placed(np.eye(3), grip) for piece in self._sprayer()]
        return ChoreMoment(hands=hands, pieces=pieces)

    def _frame(self) -> list[Piece]:
        """Returns the window's frame in front of the person, its sill and a cross bar below the face."""
        wide, low, high, y = self._wide, -0.62, 0.5, -0.52
        bars = [((0.05, 0.04, high - low), (side * wide, y, (high + low) / 2)) for side in (-1, 1)]
        bars += [((2 * wide, 0.04, 0.05), (0, y, z)) for z in (low, high)] + [
            ((2 * wide, 0.025, 0.025), (0, y, self._cross))
        ]
        return [props.box(size, self.colours[1], centre) for size, centre in bars]

    def _sprayer(self) -> list[Piece]:
        body = props.lathe(
            [(0, -0.16), (0.036, -0.16), (0.038, -0.06), (0.016, -0.01), (0.014, 0.04)], self._bottle, 16
        )
        top = props.box((0.03, 0.075, 0.028), self.colours[3], (0, -0.02, 0.05))
        return [body, top]


class _Floor(Chore):
    def __init__(self, rng: np.random.Generator, side: str) -> None:
        super().__init__(rng, side)
        self.lean, self.look = float(rng.uniform(0.15, 0.38)), float(rng.uniform(0.25, 0.5))
        self._swing, self._across = float(rng.uniform(0.06, 0.14)), float(rng.uniform(-0.05, 0.12))
        self._thick = float(rng.uniform(0.011, 0.015))
        self.shapes = dict.fromkeys(SIDES, HAND_SHAPES["fist"])

    def at(self, time_s: float) -> ChoreMoment:
        beat = self._beat(time_s)
        top = np.array([self.sign * (0.1 + self._across), -0.26 - 0.3 * self._swing * beat, -0.08])
        foot = np.array([-self.sign * 0.25 + 0.6 * self._swing * beat, -0.85 - self._swing * beat, -1.35])
        along = unit(foot - top)
        high, low = top + 0.1 * along, top + 0.36 * along
        stick = props.rod(top - 0.04 * along, foot, self._thick, self.colours[0])
        head = props.box((0.34, 0.12, 0.05), self.colours[1], tuple(foot))
        hands = {
            self.busy: _hand(high, (-self.sign * 0.75, -0.5, -0.3), (-self.sign * 0.3, -0.5, -0.6), self.sign),
            self.other: _hand(low, (self.sign * 0.75, -0.6, -0.1), (self.sign * 0.3, -0.4, 0.8), -self.sign),
        }
        return ChoreMoment(hands=hands, pieces=[stick, head])


class _Fold(Chore):
    def __init__(self, rng: np.random.Generator, side: str) -> None:
        super().__init__(rng, side)
        self.lean, self.look = float(rng.uniform(0.0, 0.15)), float(rng.uniform(0.15, 0.4))
        self._top = np.array([rng.uniform(-0.05, 0.05), rng.uniform(-0.42, -0.34), rng.uniform(-0.2, -0.04)])
        self._narrow, self._wide = float(rng.uniform(0.06, 0.12)), float(rng.uniform(0.2, 0.3))
        self._long, self._stripes = float(rng.uniform(0.3, 0.5)), bool(rng.random() < 0.4)
        self._waves = rng.uniform(0, 6.28, 4)
        self.shapes = dict.fromkeys(SIDES, HAND_SHAPES["pinch"])

    def at(self, time_s: float) -> ChoreMoment:
        open_share = 0.5 + 0.5 * self._beat(time_s, 0.6)
        half = self._narrow + (self._wide - self._narrow) * open_share
        ends = {side: self._top + np.array([sign * half, 0, 0]) for side, sign in (("L", 1.0), ("R", -1.0))}
        x, z = np.meshgrid(np.linspace(-half, half, 15), np.linspace(0, -self._long, 10))
        depth = 0.02 * np.sin(9 * x / self._wide + self._waves[0] + 3 * z) * (0.3 + 2 * (1 - open_share) - z)
        sag = 0.06 * (1 - (x / half) ** 2) * (1.2 - open_share)
        grid = np.stack([x, depth - 0.015, z - sag], axis=-1) + self._top
        pieces = [props.sheet(grid, self.colours[0])]
        if self._stripes:
            pieces += [
                props.sheet(grid[row : row + 2] + np.array([0, -0.004, 0]), self.colours[1]) for row in (1, 4, 7)
            ]
        hands = {
            side: _hand(end, (-sign * 0.45, -0.85, 0.05), (-sign * 0.75, 0.1, -0.5), sign)
            for (side, end), sign in zip(ends.items(), (1.0, -1.0), strict=True)
        }
        return ChoreMoment(hands=hands, pieces=pieces)


def _crumpled(rng: np.random.Generator, wide: float, deep: float, height: float) -> Vector:
    """Returns a cloth lying in the x-y plane, `[9, 11, 3]`."""
    x, y = np.meshgrid(np.linspace(-wide / 2, wide / 2, 11), np.linspace(-deep / 2, deep / 2, 9))
    edge = rng.normal(0, 0.03 * wide, (2, 9, 11))
    return np.stack([x + edge[0], y + edge[1], rng.uniform(0, height, x.shape)], axis=-1)


def _board(z: float, y: float, shift: float) -> Vector:
    """Returns an ironing board's top, `[2, 13, 3]`: straight at one end, tapered at the other."""
    x = np.linspace(-0.65, 0.65, 13)
    half = 0.17 * np.sqrt(np.clip((0.68 - x) / 0.45, 0, 1))
    return np.stack([np.stack([x + shift, y + side * half, np.full_like(x, z)], axis=-1) for side in (-1, 1)])


_CHORES: dict[str, type[Chore]] = {
    "ironing": _Iron,
    "cleaning_windows": _Windows,
    "cleaning_floor": _Floor,
    "folding_textile": _Fold,
}


def chore(action: str, rng: np.random.Generator, side: str) -> Chore:
    """Returns one of the actions away from the face, drawn by chance; `side` is the busy hand's."""
    return _CHORES[action](rng, side)
