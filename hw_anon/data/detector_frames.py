"""Frames for a face detector, composed at random: people at every size, place, angle and light, over one another.

A background picture fills the frame; up to three more are laid over it, turned and scaled so that their faces take
sizes that are drawn evenly on a logarithmic scale. A face that what comes later covers too much is no longer asked
for, but its place is not counted as empty either.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.boxes import Box
from hw_anon.core.config import Config, require_range
from hw_anon.core.errors import ContractError
from hw_anon.data.face_labels import FaceLabel
from hw_anon.data.face_pictures import FacePicture
from hw_anon.data.occluders import OCCLUDERS, draw_occluder
from hw_anon.data.weights import import_cv2

__all__ = [
    "HARD_FRAMES",
    "ComposedFrame",
    "FaceTraits",
    "FrameComposer",
    "FrameSettings",
]

_THING = -2  # owner of pixels that show a drawn thing
_MIN_VISIBLE = 0.3  # of a face, to be asked for
_HARDLY_VISIBLE = 0.05  # with less of it a face is none
_Affine = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class FaceTraits:
    """What a face in a frame is like, for tables."""

    turn_deg: float
    """Angle in the plane by which its picture was turned, degrees."""
    yaw: float
    """How far the head looks aside: the nose's way off the middle of the eyes in parts of their distance, 0 from the
    front, about 0.5 in half profile."""
    skin: float | None
    """L* of the skin, where it is known."""
    shown: float
    """Part of the face that can be seen, 0 to 1."""
    thing: str | None
    """What was drawn before it, one of `OCCLUDERS`."""
    luma: float
    """Mean grey level of the face in the frame, 0 to 255."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ComposedFrame:
    """A frame and what a detector must find in it."""

    frame: NDArray[np.uint8]
    """`[H, W, 3]` uint8 RGB."""
    faces: tuple[Box, ...]
    """Tight boxes; they may stick out of the frame."""
    ignored: tuple[Box, ...]
    """Boxes of faces too small or too much covered to be asked for."""
    traits: tuple[FaceTraits, ...] = ()
    """What `faces` are like, one for each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameSettings(Config):
    """What composed frames look like."""

    width: int = 320
    """Columns of a frame."""
    height: int = 240
    """Rows of a frame."""
    most_overlays: int = 3
    """Pictures laid over the background at most."""
    smallest_face: float = 12.0
    """Height of the smallest face laid over, in pixels."""
    largest_face: float = 160.0
    """Height of the largest face laid over, in pixels."""
    asked_from: float = 10.0
    """Faces lower than this, in pixels, need not be found."""
    turn_deg: float = 15.0
    """Standard deviation of the angle in the plane, in degrees; no more than three of it."""
    wide_turns: float = 0.0
    """Share of the pictures laid over whose angle is drawn evenly from ±`widest_turn_deg` instead."""
    widest_turn_deg: float = 45.0
    """See `wide_turns`."""
    squeeze: float = 0.0
    """Pictures laid over are made narrower by up to this part: heads turned aside are."""
    things: float = 0.0
    """Share of the faces with a thing drawn before them: hand, cup, phone, stick or card."""
    light: float = 0.25
    """Standard deviation of the logarithms of a frame's gain and gamma: dark and bright scenes."""

    def __post_init__(self) -> None:
        require_range(self, "width", 16, 4096, unit="pixels")
        require_range(self, "height", 16, 4096, unit="pixels")
        require_range(self, "most_overlays", 0, 16)
        require_range(self, "smallest_face", 4, None, unit="pixels")
        require_range(self, "largest_face", self.smallest_face, None, unit="pixels")
        require_range(self, "asked_from", 0, None, unit="pixels")
        require_range(self, "turn_deg", 0, 60, unit="degrees")
        require_range(self, "wide_turns", 0, 1)
        require_range(self, "widest_turn_deg", 0, 180, unit="degrees")
        require_range(self, "squeeze", 0, 0.9)
        require_range(self, "things", 0, 1)
        require_range(self, "light", 0, 2)


HARD_FRAMES = FrameSettings(wide_turns=0.5, squeeze=0.35, things=0.35, light=0.45)
"""Frames for training at length: turned, narrow, half hidden, dark and bright faces in plenty."""


class FrameComposer:
    """Composes frames from pictures; equal seeds give equal frames."""

    def __init__(self, pictures: Sequence[FacePicture], settings: FrameSettings | None = None) -> None:
        """Takes the pictures.

        Raises:
            ContractError: if none of them has a face.
        """
        self.settings = settings or FrameSettings()
        self._pictures = tuple(pictures)
        self._people = [
            index for index, picture in enumerate(self._pictures) if picture.face is not None and not picture.others
        ]
        if not self._people:
            raise ContractError("frames for a face detector need pictures with faces, there are none")

    def frame(self, seed: int | Sequence[int]) -> ComposedFrame:
        """Returns one frame."""
        rng = np.random.default_rng(seed)
        settings = self.settings
        frame = np.zeros((settings.height, settings.width, 3), np.uint8)
        owner = np.full(frame.shape[:2], -1, np.int16)
        placed: list[_Placed] = []
        layers = [int(rng.integers(len(self._pictures)))]
        layers += [int(index) for index in rng.choice(self._people, int(rng.integers(0, settings.most_overlays + 1)))]
        for layer, index in enumerate(layers):
            picture = self._pictures[index]
            place = self._cover(picture, rng) if layer == 0 else self._overlay(picture, rng)
            _paint(frame, owner, picture, place, layer, rng)
            own = [picture.face, *picture.others] if picture.face is not None else []
            placed += [
                _Placed(face, place, layer, picture.skin, self._thing(frame, owner, face, place, rng)) for face in own
            ]
        frame = _light(frame, rng, settings.light)
        return self._composed(frame, owner, placed)

    def _composed(self, frame: NDArray[np.uint8], owner: NDArray[np.int16], placed: Sequence[_Placed]) -> ComposedFrame:
        """Sorts the faces of a finished frame into those that are asked for and the others."""
        settings = self.settings
        faces: list[tuple[Box, FaceTraits]] = []
        ignored: list[Box] = []
        for item in placed:
            box, visible = _face_box(item.face, item.place)
            inside = box.clipped(settings.width, settings.height) if visible else None
            if inside is None:
                continue
            shown = visible * float((owner[inside.rows, inside.columns] == item.layer).sum()) / box.area
            if shown < _HARDLY_VISIBLE:
                continue
            if shown >= _MIN_VISIBLE and box.height >= settings.asked_from:
                luma = float(frame[inside.rows, inside.columns].mean())
                faces.append((box, _traits(item, shown, luma)))
            else:
                ignored.append(box)
        boxes, traits = tuple(box for box, _ in faces), tuple(trait for _, trait in faces)
        return ComposedFrame(frame=frame, faces=boxes, ignored=tuple(ignored), traits=traits)

    def _thing(
        self,
        frame: NDArray[np.uint8],
        owner: NDArray[np.int16],
        face: FaceLabel,
        place: _Affine,
        rng: np.random.Generator,
    ) -> str | None:
        """Draws a thing before some of the faces; returns which."""
        if not self.settings.things or rng.random() >= self.settings.things:
            return None
        box, _ = _face_box(face, place)
        kind = list(OCCLUDERS)[int(rng.integers(len(OCCLUDERS)))]
        drawn = draw_occluder(kind, int(rng.integers(1 << 31)))
        scale = max(box.width, box.height) * rng.uniform(0.4, 1.0) / len(drawn)
        matrix = _affine(scale, float(rng.uniform(0, 2 * math.pi)), False, len(drawn), np.zeros(2))
        middle = np.array([box.x + box.width * rng.uniform(0.1, 0.9), box.y + box.height * rng.uniform(0.3, 1.0)])
        matrix[:, 2] = middle - matrix[:, :2] @ np.full(2, len(drawn) / 2)
        matrix[:, 2] += 0.5 * (matrix[:, 0] + matrix[:, 1]) - 0.5  # OpenCV counts from pixel centres
        cv2 = import_cv2()
        laid = cv2.warpAffine(drawn, matrix, (frame.shape[1], frame.shape[0]))
        cover = laid[..., 3] >= 128
        frame[cover] = laid[cover, :3]
        owner[cover] = _THING
        return kind

    def _cover(self, picture: FacePicture, rng: np.random.Generator) -> _Affine:
        """Returns where a picture goes that fills the frame."""
        settings, (height, width) = self.settings, picture.pixels.shape[:2]
        scale = max(settings.width / width, settings.height / height) * float(np.exp(rng.uniform(0, 0.7)))
        room = np.array([settings.width - scale * width, settings.height - scale * height])
        return _affine(scale, 0.0, bool(rng.integers(2)), width, room * rng.uniform(0, 1, 2))

    def _overlay(self, picture: FacePicture, rng: np.random.Generator) -> _Affine:
        """Returns where a picture goes that brings a face of a drawn size to a drawn place."""
        settings, face = self.settings, picture.face
        assert face is not None, "chosen among the pictures with a face"
        left, top, right, bottom = face.box
        wanted = math.exp(rng.uniform(math.log(settings.smallest_face), math.log(settings.largest_face)))
        turn = float(np.clip(rng.normal(0, settings.turn_deg), -3 * settings.turn_deg, 3 * settings.turn_deg))
        if settings.wide_turns and rng.random() < settings.wide_turns:
            turn = float(rng.uniform(-settings.widest_turn_deg, settings.widest_turn_deg))
        place = _affine(
            wanted / (bottom - top), math.radians(turn), bool(rng.integers(2)), picture.pixels.shape[1], np.zeros(2)
        )
        if settings.squeeze:
            place[:, 0] *= 1.0 - rng.uniform(0, settings.squeeze)
        centre = place @ [(left + right) / 2, (top + bottom) / 2, 1.0]
        place[:, 2] += rng.uniform(0, 1, 2) * [settings.width, settings.height] - centre
        return place


@dataclass(frozen=True, slots=True, eq=False)
class _Placed:
    """A face in a frame in the making."""

    face: FaceLabel
    place: _Affine
    layer: int
    skin: float | None
    thing: str | None


def _traits(item: _Placed, shown: float, luma: float) -> FaceTraits:
    (left_x, left_y), (right_x, right_y), (nose_x, nose_y), *_ = item.face.landmarks
    eyes = max(math.hypot(right_x - left_x, right_y - left_y), 1e-6)
    along = ((nose_x - left_x) * (right_x - left_x) + (nose_y - left_y) * (right_y - left_y)) / eyes**2
    turn = math.degrees(math.atan2(item.place[1, 1], item.place[0, 1])) - 90.0
    return FaceTraits(
        turn_deg=abs((turn + 180.0) % 360.0 - 180.0),
        yaw=abs(along - 0.5),
        skin=item.skin,
        shown=shown,
        thing=item.thing,
        luma=luma,
    )


def _affine(scale: float, turn: float, mirror: bool, width: int, shift: NDArray[np.float64]) -> _Affine:
    """Returns `[2, 3]`: picture to frame, pixel edges."""
    cos, sin = scale * math.cos(turn), scale * math.sin(turn)
    flip = -1.0 if mirror else 1.0
    matrix = np.array([[cos * flip, -sin, shift[0]], [sin * flip, cos, shift[1]]])
    if mirror:
        matrix[:, 2] += np.array([cos, sin]) * width
    return matrix


def _face_box(face: FaceLabel | None, place: _Affine) -> tuple[Box, float]:
    """Returns a face's box in the frame, that of the ellipse in it, and how much of the face is visible."""
    if face is None:
        return Box(x=0, y=0, width=1, height=1), 0.0
    left, top, right, bottom = face.box
    x, y = place @ [(left + right) / 2, (top + bottom) / 2, 1.0]
    half_x, half_y = np.hypot(place[:, 0] * (right - left) / 2, place[:, 1] * (bottom - top) / 2)
    first_x, first_y = math.floor(x - half_x), math.floor(y - half_y)
    box = Box(
        x=first_x,
        y=first_y,
        width=max(1, math.ceil(x + half_x) - first_x),
        height=max(1, math.ceil(y + half_y) - first_y),
    )
    return box, face.visible_share


def _paint(
    frame: NDArray[np.uint8],
    owner: NDArray[np.int16],
    picture: FacePicture,
    place: _Affine,
    layer: int,
    rng: np.random.Generator,
) -> None:
    """Lays a picture over the frame, its colours shifted, and notes which pixels are its own."""
    cv2 = import_cv2()
    height, width = frame.shape[:2]
    centres = place.copy()
    centres[:, 2] += 0.5 * (place[:, 0] + place[:, 1]) - 0.5  # OpenCV counts from pixel centres
    scale = math.hypot(place[0, 0], place[1, 0])
    pixels = picture.pixels
    if scale < 0.5:  # an average first, so that no pixel is skipped
        factor = int(1 / scale)
        small = (max(1, pixels.shape[1] // factor), max(1, pixels.shape[0] // factor))
        ratio = np.array([pixels.shape[1] / small[0], pixels.shape[0] / small[1]])
        pixels = cv2.resize(pixels, small, interpolation=cv2.INTER_AREA).astype(np.uint8)
        centres[:, :2] = place[:, :2] * ratio
        centres[:, 2] = place[:, 2] + 0.5 * centres[:, :2].sum(1) - 0.5
    inside = cv2.warpAffine(np.full(pixels.shape[:2], 255, np.uint8), centres, (width, height)) == 255
    warped = cv2.warpAffine(pixels, centres, (width, height), borderMode=cv2.BORDER_REPLICATE)
    tint = rng.uniform(0.85, 1.18, 3)
    tinted = np.clip(np.arange(256)[:, None] * tint, 0, 255).astype(np.uint8)
    cv2.copyTo(cv2.LUT(warped, tinted[None]), inside.astype(np.uint8), frame)
    owner[inside] = layer


def _light(frame: NDArray[np.uint8], rng: np.random.Generator, spread: float) -> NDArray[np.uint8]:
    """Returns the frame under another exposure and with a sensor's noise."""
    levels = 255.0 * (np.arange(256) / 255.0) ** math.exp(rng.normal(0, spread)) * math.exp(rng.normal(0, spread))
    values = levels.astype(np.float32)[frame]
    if rng.random() < 0.15:
        values[:] = values.mean(2, keepdims=True)
    noise = rng.standard_normal(frame.shape, dtype=np.float32)
    noise *= np.float32(rng.uniform(0, 6))
    values += noise
    return np.clip(np.rint(values, out=values), 0, 255, out=values).astype(np.uint8)
