"""Frames for a face detector, composed at random: people at every size, place, angle and light, over one another.

A background picture fills the frame; up to three more are laid over it, turned and scaled so that their faces take
sizes that are drawn evenly on a logarithmic scale. A face that what comes later covers too much is no longer asked
for, but its place is not counted as empty either.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.boxes import Box
from hw_anon.core.config import Config, require_range
from hw_anon.core.errors import ContractError
from hw_anon.data.face_labels import FaceLabel
from hw_anon.data.synthetic.sets import SyntheticClips
from hw_anon.data.weights import import_cv2

__all__ = ["ComposedFrame", "FacePicture", "FrameComposer", "FrameSettings", "load_clip_pictures"]

_MIN_VISIBLE = 0.3  # of a face, to be asked for
_HARDLY_VISIBLE = 0.05  # with less of it a face is none
_Affine = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FacePicture:
    """A picture with at most one face in it."""

    pixels: NDArray[np.uint8]
    """`[H, W, 3]` uint8 RGB."""
    face: FaceLabel | None
    """The face; `None` where nothing of it is visible."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ComposedFrame:
    """A frame and what a detector must find in it."""

    frame: NDArray[np.uint8]
    """`[H, W, 3]` uint8 RGB."""
    faces: tuple[Box, ...]
    """Tight boxes; they may stick out of the frame."""
    ignored: tuple[Box, ...]
    """Boxes of faces too small or too much covered to be asked for."""


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

    def __post_init__(self) -> None:
        require_range(self, "width", 16, 4096, unit="pixels")
        require_range(self, "height", 16, 4096, unit="pixels")
        require_range(self, "most_overlays", 0, 16)
        require_range(self, "smallest_face", 4, None, unit="pixels")
        require_range(self, "largest_face", self.smallest_face, None, unit="pixels")
        require_range(self, "asked_from", 0, None, unit="pixels")
        require_range(self, "turn_deg", 0, 60, unit="degrees")


class FrameComposer:
    """Composes frames from pictures; equal seeds give equal frames."""

    def __init__(self, pictures: Sequence[FacePicture], settings: FrameSettings | None = None) -> None:
        """Takes the pictures.

        Raises:
            ContractError: if none of them has a face.
        """
        self.settings = settings or FrameSettings()
        self._pictures = tuple(pictures)
        self._people = [index for index, picture in enumerate(self._pictures) if picture.face is not None]
        if not self._people:
            raise ContractError("frames for a face detector need pictures with faces, there are none")

    def frame(self, seed: int | Sequence[int]) -> ComposedFrame:
        """Returns one frame."""
        rng = np.random.default_rng(seed)
        settings = self.settings
        frame = np.zeros((settings.height, settings.width, 3), np.uint8)
        owner = np.full(frame.shape[:2], -1, np.int16)
        boxes: list[tuple[Box, float]] = []
        layers = [int(rng.integers(len(self._pictures)))]
        layers += [int(index) for index in rng.choice(self._people, int(rng.integers(0, settings.most_overlays + 1)))]
        for layer, index in enumerate(layers):
            picture = self._pictures[index]
            place = self._cover(picture, rng) if layer == 0 else self._overlay(picture, rng)
            _paint(frame, owner, picture, place, layer, rng)
            boxes.append(_face_box(picture.face, place))
        found: dict[bool, list[Box]] = {True: [], False: []}
        for layer, (box, visible) in enumerate(boxes):
            inside = box.clipped(settings.width, settings.height) if visible else None
            if inside is not None:
                shown = visible * float((owner[inside.rows, inside.columns] == layer).sum()) / box.area
                if shown >= _HARDLY_VISIBLE:
                    found[shown >= _MIN_VISIBLE and box.height >= settings.asked_from].append(box)
        return ComposedFrame(frame=_light(frame, rng), faces=tuple(found[True]), ignored=tuple(found[False]))

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
        place = _affine(
            wanted / (bottom - top), math.radians(turn), bool(rng.integers(2)), picture.pixels.shape[1], np.zeros(2)
        )
        centre = place @ [(left + right) / 2, (top + bottom) / 2, 1.0]
        place[:, 2] += rng.uniform(0, 1, 2) * [settings.width, settings.height] - centre
        return place


def load_clip_pictures(clips: SyntheticClips, split: str, *, most: int, seed: int = 0) -> tuple[FacePicture, ...]:
    """Returns frames of a split's clips, different clips first.

    Args:
        clips: the set.
        split: `train` or `test`.
        most: pictures at most.
        seed: chooses them.

    Raises:
        ContractError: if the split has none, or a picture is damaged.
    """
    return tuple(_pictures(clips, split, most, seed))


def _pictures(clips: SyntheticClips, split: str, most: int, seed: int) -> Iterator[FacePicture]:
    rng = np.random.default_rng(seed)
    chosen = [clip for clip in clips.clips if clip.split == split]
    if not chosen:
        raise ContractError(f"{clips.title}: no clips of the split {split!r}")
    orders = [(clip, rng.permutation(list(clip.frames))) for clip in chosen]
    turns = max(len(order) for _, order in orders)
    places = [(clip, int(order[turn])) for turn in range(turns) for clip, order in orders if turn < len(order)]
    for clip, number in places[:most]:
        faces = clips.faces(clip, number)
        yield FacePicture(pixels=clips.picture(clip, number), face=faces[0] if faces else None)


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
    frame[inside] = np.clip(warped[inside] * tint, 0, 255).astype(np.uint8)
    owner[inside] = layer


def _light(frame: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Returns the frame under another exposure and with a sensor's noise."""
    values = 255.0 * (frame / 255.0) ** math.exp(rng.normal(0, 0.25)) * math.exp(rng.normal(0, 0.25))
    if rng.random() < 0.15:
        values = np.repeat(values.mean(2, keepdims=True), 3, axis=2)
    noise = rng.standard_normal(frame.shape, dtype=np.float32) * rng.uniform(0, 6)
    return np.clip(np.rint(values + noise), 0, 255).astype(np.uint8)
