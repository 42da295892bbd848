"""Clips and portraits: a person, an action, a room, light and a camera that is held by hand.

    clip = make_clip(identity, "drinking", seed)
    shot = clip.frame(0.5, 256)

Every label comes from the geometry of what was rendered: see `render.Rendered`.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.errors import ConfigError
from hw_anon.data.synthetic.actions import NEAR_FACE, require_action
from hw_anon.data.synthetic.body import load_body
from hw_anon.data.synthetic.choreography import Choreography, Moment
from hw_anon.data.synthetic.framing import Shot, aim, sample_light
from hw_anon.data.synthetic.person import Identity, Person, Posed, make_person
from hw_anon.data.synthetic.poses import Anatomy, hanging_arm, trunk_rotations
from hw_anon.data.synthetic.props import Piece, patch
from hw_anon.data.synthetic.render import Camera, Prop, Rendered, render
from hw_anon.data.synthetic.rotations import rotation_xyz
from hw_anon.data.synthetic.skeleton_ik import SIDES, Skeleton
from hw_anon.data.synthetic.stance import Stance

__all__ = ["ClipScene", "PortraitScene", "anatomy_of", "make_clip", "make_portrait", "skeleton_of"]

_GLOSS = 0.35


def skeleton_of(person: Person) -> Skeleton:
    """Returns the person's bones as the arms' kinematics take them."""
    body = load_body()
    return Skeleton(body.bone_names, [int(parent) for parent in body.bone_parents], person.bones)


def _props(pieces: list[Piece]) -> list[Prop]:
    return [
        Prop(vertices=piece.vertices, faces=piece.faces, colours=np.array(piece.colour, np.float32), gloss=_GLOSS)
        for piece in pieces
    ]


@functools.cache
def _lip_faces() -> NDArray[np.int64]:
    """Returns the body's triangles that lie on the lips, `[N, 3]`."""
    body = load_body()
    mask = body.masks["lips"]
    places = body.uv[body.uv_faces].mean(1) * mask.shape[0]
    columns, rows = places[:, 0].astype(int), (mask.shape[0] - 1 - places[:, 1]).astype(int)
    faces: NDArray[np.int64] = body.faces[mask[rows, columns] > 127]
    return faces


def anatomy_of(person: Person) -> Anatomy:
    """Returns where the person's face is at rest."""
    anchors = person.anchors
    marks = person.rest[person.landmark_vertices]
    return Anatomy(
        mouth=anchors["mouth"],
        eyes={side: anchors[f"eye.{side}"] for side in SIDES},
        ears={side: anchors[f"ear.{side}"] for side in SIDES},
        corners={"R": marks[3], "L": marks[4]},
        chin=anchors["chin"],
    )


class ClipScene:
    """One clip: one person does one thing in one room."""

    def __init__(self, identity: Identity, action: str, seed: int, *, fps: float) -> None:
        require_action(action)
        if not fps > 0:
            raise ConfigError(f"fps {fps}: expected more than 0 frames a second")
        self.action, self.fps = action, fps
        person_seed, motion_seed, shot_seed = (int(part) for part in np.random.SeedSequence(seed).generate_state(3))
        self.person = make_person(identity, person_seed)
        self.choreography = Choreography(skeleton_of(self.person), anatomy_of(self.person), action, motion_seed)
        rng = np.random.default_rng(shot_seed)
        self._grain = shot_seed % 2**31
        self._noise = float(rng.uniform(0.5, 3.5))
        self.light = sample_light(rng)
        self._shot = self._frame_up(rng)

    def moment(self, time_s: float) -> Moment:
        """Returns the motion at a time."""
        return self.choreography.at(time_s)

    def frame(self, time_s: float, size: int, *, supersample: int = 2) -> Rendered:
        """Renders the clip at a time.

        Args:
            time_s: seconds into the clip.
            size: side of the picture in pixels.
            supersample: subpixels a side that are averaged into a pixel.

        Returns:
            The picture and its labels; the same whatever was rendered before.
        """
        moment = self.moment(time_s)
        posed = self.person.pose(moment.rotations, moment.expression)
        return render(
            self.person,
            posed,
            self.props(moment, posed),
            self._shot.camera(time_s),
            self.light,
            self._shot.background(time_s, size * supersample),
            (size, size),
            supersample=supersample,
            grain=self._noise,
            grain_seed=self._grain + round(time_s * 1000),
        )

    def camera(self, time_s: float) -> Camera:
        """Returns the camera at a time."""
        return self._shot.camera(time_s)

    def props(self, moment: Moment, posed: Posed) -> list[Prop]:
        """Returns the things in the scene, and the film on painted lips."""
        pieces = list(moment.pieces)
        if moment.lips is not None:
            pieces.append(patch(posed.vertices, _lip_faces(), moment.lips, lift=0.0008))
        return _props(pieces)

    def _frame_up(self, rng: np.random.Generator) -> Shot:
        """Puts the camera: rather on the busy hand's side; housework needs room below, the rest is framed alike."""
        sign = 1.0 if self.choreography.stance.side == "L" else -1.0
        moment = self.moment(0.0)
        posed = self.person.pose(moment.rotations)
        face = 0.5 * (posed.anchor("mouth") + posed.anchor("brow"))
        near = self.action in NEAR_FACE or self.action == "idle"
        facing = posed.transforms[load_body().bone("head"), :3, :3] @ np.array([0.0, -1.0, 0.0])
        looks = float(np.arctan2(facing[0], -facing[1]))
        share = float(rng.triangular(0.13, 0.19, 0.27)) if near else float(rng.triangular(0.12, 0.15, 0.2))
        return aim(
            rng,
            face,
            face_share=share,
            row=float(rng.uniform(0.24, 0.36)) if near else float(rng.uniform(0.18, 0.27)),
            column=float(rng.uniform(0.38, 0.62)),
            azimuth=0.75 * looks + sign * float(rng.uniform(-0.22, 0.45) if near else rng.uniform(-0.4, 0.2)),
            height=float(rng.uniform(-0.1, 0.16)) if near else float(rng.uniform(0.0, 0.25)),
        )


class PortraitScene:
    """One head-and-shoulders picture."""

    def __init__(self, identity: Identity, seed: int) -> None:
        person_seed, own = (int(part) for part in np.random.SeedSequence([identity.seed, seed, 1]).generate_state(2))
        rng = np.random.default_rng(own)
        self.person = make_person(identity, person_seed)
        skeleton = skeleton_of(self.person)
        stance = Stance.sample(rng)
        yaw = float(np.clip(rng.normal(0, 0.36), -0.7, 0.7))
        pitch, roll = float(np.clip(rng.normal(0, 0.11), -0.26, 0.26)), float(rng.normal(0, 0.07))
        turn = float(rng.uniform(-0.3, 0.3))
        self._rotations = trunk_rotations(turn=turn, tilt=stance.tilt, head=(pitch, roll, yaw - turn))
        for side in SIDES:
            self._rotations |= hanging_arm(skeleton, side, out=0.06)
        for eye in ("eye.L", "eye.R"):
            self._rotations[eye] = rotation_xyz(float(stance.gaze[0]), 0.0, float(stance.gaze[1]))
        self._expression = stance.expression(0.0)
        self._expression["jawOpen"] = max(0.0, float(rng.normal(-0.05, 0.15)))
        self._posed = self.person.pose(self._rotations, self._expression)
        self.light = sample_light(rng)
        self._noise, self._grain = float(rng.uniform(0.5, 3.5)), int(rng.integers(2**31))
        self._shot = aim(
            rng,
            0.5 * (self._posed.anchor("mouth") + self._posed.anchor("brow")),
            face_share=float(rng.uniform(0.42, 0.58)),
            row=float(rng.uniform(0.44, 0.54)),
            column=float(rng.uniform(0.43, 0.57)),
            azimuth=float(rng.uniform(-0.12, 0.12)),
            height=float(rng.normal(0, 0.05)),
        )

    def picture(self, size: int, *, supersample: int = 2) -> Rendered:
        """Renders the portrait; `size` is its side in pixels."""
        return render(
            self.person,
            self._posed,
            [],
            self._shot.camera(0.0),
            self.light,
            self._shot.background(0.0, size * supersample),
            (size, size),
            supersample=supersample,
            grain=self._noise,
            grain_seed=self._grain,
        )


def make_clip(identity: Identity, action: str, seed: int, *, fps: float = 8.0) -> ClipScene:
    """Makes a clip.

    Args:
        identity: who is in it.
        action: one of `ACTIONS`.
        seed: clothes, motion, room, light and camera follow from it.
        fps: frames a second that the clip is meant for.

    Raises:
        ConfigError: if there is no such action, or `fps` is not positive.
    """
    return ClipScene(identity, action, seed, fps=fps)


def make_portrait(identity: Identity, seed: int) -> PortraitScene:
    """Makes a portrait; clothes, hair, pose, expression, room, light and camera follow from person and `seed`."""
    return PortraitScene(identity, seed)
