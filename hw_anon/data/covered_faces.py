"""Faces of synthetic people with their own hands and things before them, beside the same faces bare.

What a modifier must leave alone in a video is what is held to a face: a cup, a phone, the hand and the sleeve that come
with it. Here both pictures are rendered, the covered face and the same person at the same moment with empty hands that
hang down, and what covers is known to the pixel. The camera looks at the face as for a portrait.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.errors import ConfigError
from hw_anon.data.synthetic import raster
from hw_anon.data.synthetic.backdrops import make_backdrop
from hw_anon.data.synthetic.person import Person, Posed, sample_identity
from hw_anon.data.synthetic.poses import hanging_arm
from hw_anon.data.synthetic.render import Camera, Prop, Rendered, render
from hw_anon.data.synthetic.scene import ClipScene, make_clip, skeleton_of
from hw_anon.data.synthetic.skeleton_ik import SIDES

__all__ = ["CoveredFace", "covered_faces"]

Floats = NDArray[np.float64]

_SUPERSAMPLE = 2
_MOVED_M = 0.03  # farther than a breath, nearer than any reach
_ARM_OUT = 0.06
_FACE_HEIGHT_M = 0.176  # brow to chin
_FACE_SHARE = (0.40, 0.58)
_OFF_CENTRE = 0.07
_LAST_S = 1.8


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CoveredFace:
    """One face, covered and bare; places in pixels as in `render.Rendered`."""

    picture: NDArray[np.uint8]
    """`[S, S, 3]` uint8 RGB: with what is held to it."""
    bare: NDArray[np.uint8]
    """`[S, S, 3]` uint8 RGB: the same moment, nothing held, arms down."""
    cover: NDArray[np.uint8]
    """`[S, S]` uint8: how much of each pixel hands, arms and things take."""
    landmarks: Floats
    """`[5, 2]` (x, y), seen or not."""
    face_box: tuple[float, float, float, float]
    """Left, top, right, bottom, brow to chin and ear to ear."""


def covered_faces(person: int, action: str, seed: int, *, pictures: int, size: int) -> list[CoveredFace]:
    """Renders moments of one action from near by; equal arguments give equal pictures.

    Args:
        person: seed of the person, as in `plan.PersonJob`.
        action: one of the near-face actions.
        seed: seed of clothes, motion, light, room, moments and camera.
        pictures: how many moments.
        size: rows and columns.

    Raises:
        ConfigError: if there is no such action, or a number is not positive.
    """
    if pictures < 1 or size < 1:
        raise ConfigError(f"covered_faces: {pictures} pictures of {size} pixels; expected at least 1")
    rng = np.random.default_rng((seed, 0x636F76))
    scene = make_clip(sample_identity(person), action, seed)
    return [_picture(scene, float(time_s), rng, size) for time_s in np.sort(rng.uniform(0.0, _LAST_S, pictures))]


def _picture(scene: ClipScene, time_s: float, rng: np.random.Generator, size: int) -> CoveredFace:
    moment, person = replace(scene.moment(time_s), lips=None), scene.person
    skeleton = skeleton_of(person)
    down = {bone: turn for side in SIDES for bone, turn in hanging_arm(skeleton, side, out=_ARM_OUT).items()}
    busy = person.pose(moment.rotations, moment.expression)
    idle = person.pose({**moment.rotations, **down}, moment.expression)
    things = scene.props(moment, busy)
    camera = _close_up(scene.camera(time_s), idle, rng)
    room, grain, seed = make_backdrop(rng), float(rng.uniform(0.5, 3.5)), int(rng.integers(2**31))

    def take(posed: Posed, props: Sequence[Prop]) -> Rendered:
        return render(person, posed, props, camera, scene.light, room, (size, size), grain=grain, grain_seed=seed)

    covered, bare = take(busy, things), take(idle, ())
    moved = np.linalg.norm(busy.vertices - idle.vertices, axis=1) > _MOVED_M
    return CoveredFace(
        picture=covered.picture,
        bare=bare.picture,
        cover=_cover(person, busy, moved, things, camera, size),
        landmarks=bare.landmarks,
        face_box=bare.face_box,
    )


def _close_up(camera: Camera, posed: Posed, rng: np.random.Generator) -> Camera:
    """Turns a camera to the face, as near as for a portrait."""
    face = 0.5 * (posed.anchor("mouth") + posed.anchor("brow"))
    shown_m = _FACE_HEIGHT_M / rng.uniform(*_FACE_SHARE)
    aim = face + rng.uniform(-_OFF_CENTRE, _OFF_CENTRE, 3) * shown_m
    distance_m = float(np.linalg.norm(aim - np.array(camera.position)))
    return Camera(
        position=camera.position,
        target=(float(aim[0]), float(aim[1]), float(aim[2])),
        fov=2.0 * math.atan(shown_m / 2.0 / distance_m),
        roll=camera.roll,
    )


def _cover(
    person: Person, posed: Posed, moved: NDArray[np.bool_], things: Sequence[Prop], camera: Camera, size: int
) -> NDArray[np.uint8]:
    """Returns how much of each pixel things take, and what of the person is elsewhere when the arms hang down."""
    vertices, triangles = [posed.vertices], [person.faces]
    held = [moved[person.faces].any(1)]
    for thing in things:
        triangles.append(thing.faces + sum(map(len, vertices)))
        vertices.append(thing.vertices)
        held.append(np.ones(len(thing.faces), np.bool_))
    fine = size * _SUPERSAMPLE, size * _SUPERSAMPLE
    ids, depth = np.full(fine, -1, np.int32), np.zeros(fine, np.float32)
    raster.cover(camera.project(np.concatenate(vertices), fine), np.concatenate(triangles), ids, depth)
    # The last entry stands for "nothing there", which is index -1.
    taken = np.append(np.concatenate(held), False)[ids].reshape(size, _SUPERSAMPLE, size, _SUPERSAMPLE).mean((1, 3))
    return (255.0 * taken).round().astype(np.uint8)
