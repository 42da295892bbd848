"""How a scene is lit and filmed: lights drawn by chance, a hand-held camera, the part of the room that it shows."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hw_anon.data.synthetic.backdrops import make_backdrop
from hw_anon.data.synthetic.motion import Sway
from hw_anon.data.synthetic.render import Camera, Light
from hw_anon.data.synthetic.rotations import Vector

__all__ = ["Shot", "aim", "sample_light"]

_FACE_HEIGHT_M = 0.176
"""An ordinary face's height, metres."""


def sample_light(rng: np.random.Generator) -> Light:
    """Draws a key light from somewhere in front, a weaker one from anywhere, and the surroundings' light."""

    def direction(azimuth: float, height: float) -> tuple[float, float, float]:
        return (
            float(np.sin(azimuth) * np.cos(height)),
            float(-np.cos(azimuth) * np.cos(height)),
            float(np.sin(height)),
        )

    def colour(strength: float, warmth: float) -> tuple[float, float, float]:
        return strength * (1 + 0.12 * warmth), strength, strength * (1 - 0.14 * warmth)

    warm, cool = rng.uniform(-1, 1, 2)
    key, fill = float(rng.uniform(0.45, 1.05)), float(rng.uniform(0.05, 0.35))
    around = float(rng.uniform(0.36, 0.65))
    return Light(
        directions=(
            direction(rng.uniform(-1.1, 1.1), rng.uniform(0.1, 1.0)),
            direction(rng.uniform(-2.4, 2.4), rng.uniform(-0.1, 0.7)),
        ),
        colours=(colour(key, float(warm)), colour(fill, float(cool))),
        above=colour(around, -float(warm) * 0.5),
        below=colour(around * float(rng.uniform(0.35, 0.6)), float(cool) * 0.5),
        exposure=float(rng.uniform(0.8, 1.2)),
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Shot:
    """A hand-held camera and the room behind."""

    centre: Vector
    """`[3]` metres: what is in the middle of the picture."""
    away: Vector
    """`[3]` metres: from there to the camera."""
    fov: float
    """Radians."""
    roll: float
    """Radians."""
    sway: Sway
    """`[7]`: camera x, y, z; centre x, z; roll; zoom."""
    room: NDArray[np.float32]
    """`[side, side, 3]` linear RGB, larger than what is shown."""
    corner: Vector
    """`[2]` in 0 to 1: which part of the room is shown."""
    zoom: float
    """Share of the room that is shown."""

    def camera(self, time_s: float) -> Camera:
        """Returns the camera at a time."""
        sway = self.sway.at(time_s)
        centre = self.centre + np.array([sway[3], 0, sway[4]])
        place = centre + self.away * (1 + sway[6]) + sway[:3]
        return Camera(
            position=(float(place[0]), float(place[1]), float(place[2])),
            target=(float(centre[0]), float(centre[1]), float(centre[2])),
            fov=self.fov,
            roll=self.roll + float(sway[5]),
        )

    def background(self, time_s: float, side: int) -> NDArray[np.float32]:
        """Returns what is shown of the room at a time, `[side, side, 3]` linear RGB."""
        sway = self.sway.at(time_s)
        whole = self.room.shape[0]
        shown = self.zoom * whole * (1 - 0.5 * sway[6])
        free = whole - shown - 1
        left, top = np.clip(
            free * self.corner + whole * 0.6 * np.array([sway[3] - sway[0], sway[2] - sway[4]]), 0, free
        )
        scale = shown / side
        matrix = np.array([[scale, 0, left], [0, scale, top]], np.float64)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        drawn = cv2.warpAffine(self.room, matrix, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(drawn, np.float32)


def aim(
    rng: np.random.Generator,
    face: Vector,
    *,
    face_share: float,
    row: float,
    column: float,
    azimuth: float,
    height: float,
) -> Shot:
    """Puts the camera so that the face has a size and a place in the picture.

    Args:
        rng: where the rest comes from.
        face: `[3]` metres, the middle of the face.
        face_share: height of the face in parts of the picture's.
        row: where the face's middle is, 0 top to 1 bottom.
        column: 0 left to 1 right.
        azimuth: radians of the camera around the person; positive is on the person's left.
        height: radians of the camera above the horizon.
    """
    fov = float(rng.uniform(0.34, 0.6))
    tall = _FACE_HEIGHT_M / face_share
    distance = tall / 2 / np.tan(fov / 2)
    away = distance * np.array([np.sin(azimuth) * np.cos(height), -np.cos(azimuth) * np.cos(height), np.sin(height)])
    right = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
    centre = face - right * (column - 0.5) * tall + np.array([0, 0, (row - 0.5) * tall])
    return Shot(
        centre=centre,
        away=away,
        fov=fov,
        roll=float(rng.normal(0, 0.02)),
        sway=Sway.sample(rng, [0.015, 0.01, 0.012, 0.008, 0.008, 0.006, 0.015], hertz=0.15),
        room=make_backdrop(rng),
        corner=rng.random(2),
        zoom=float(rng.uniform(0.6, 0.9)),
    )
