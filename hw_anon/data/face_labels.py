"""Where a face is in a picture, with its five landmarks: what training and evaluation need of every data set."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from hw_anon.core.boxes import Box, face_region
from hw_anon.core.errors import ConfigError
from hw_anon.data.face_boxes import FoundFace
from hw_anon.data.face_detectors import Candidate, Point

__all__ = ["FaceLabel", "face_regions", "found_labels"]


@dataclass(frozen=True, kw_only=True, slots=True)
class FaceLabel:
    """One face in one picture."""

    box: tuple[float, float, float, float]
    """Left, top, right, bottom, pixel edges: brow to chin, ear to ear; it may stick out of the picture."""
    landmarks: tuple[Point, Point, Point, Point, Point]
    """Eyes, tip of the nose, corners of the mouth as (x, y); what is on the left in the picture first.

    Whole numbers are pixel centres, as in `hw_anon.nets.align`."""
    visible_share: float = 1.0
    """Part of the face that nothing covers, 0 to 1."""

    def __post_init__(self) -> None:
        left, top, right, bottom = self.box
        if not (left < right and top < bottom and math.isfinite(sum(self.box))):
            raise ConfigError(f"FaceLabel.box = {self.box}: expected left < right and top < bottom")
        if len(self.landmarks) != 5 or not math.isfinite(sum(map(sum, self.landmarks))):
            raise ConfigError(f"FaceLabel.landmarks = {self.landmarks}: expected five finite points")
        if not 0 <= self.visible_share <= 1:
            raise ConfigError(f"FaceLabel.visible_share = {self.visible_share}: allowed range is 0 to 1")

    def pixels(self) -> Box:
        """Returns the whole pixels that the box touches."""
        left, top, right, bottom = self.box
        x, y = math.floor(left), math.floor(top)
        return Box(x=x, y=y, width=max(1, math.ceil(right) - x), height=max(1, math.ceil(bottom) - y))

    def moved(self, scale: float, shift_x: float = 0.0, shift_y: float = 0.0) -> FaceLabel:
        """Returns the label in a picture that was scaled about its corner and then moved (pixels of the new one)."""
        left, top, right, bottom = self.box
        edges = (left * scale + shift_x, top * scale + shift_y, right * scale + shift_x, bottom * scale + shift_y)
        shift_x, shift_y = shift_x + 0.5 * scale - 0.5, shift_y + 0.5 * scale - 0.5  # of pixel centres
        eye, other_eye, nose, mouth, other_mouth = (
            (x * scale + shift_x, y * scale + shift_y) for x, y in self.landmarks
        )
        return FaceLabel(
            box=edges,
            landmarks=(eye, other_eye, nose, mouth, other_mouth),
            visible_share=self.visible_share,
        )

    def candidate(self) -> Candidate:
        """Returns the label as a detector's answer of full confidence, as recognisers that judge faces take it."""
        return Candidate(box=self.pixels(), score=1.0, landmarks=self.landmarks)


def found_labels(faces: Iterable[FoundFace]) -> tuple[FaceLabel, ...]:
    """Returns what the face-box cache found, as labels."""
    return tuple(
        FaceLabel(
            box=(face.box.x, face.box.y, face.box.right, face.box.bottom),
            landmarks=face.candidate.landmarks,
        )
        for face in faces
    )


def face_regions(
    faces: Iterable[FaceLabel], frame_width: int, frame_height: int, *, min_visible: float = 0.0
) -> tuple[Box, ...]:
    """Returns what is replaced for those faces: their boxes enlarged 1.6 times, within the frame.

    Args:
        faces: the faces of a frame.
        frame_width: columns of the frame in pixels.
        frame_height: rows of the frame in pixels.
        min_visible: faces of which less is visible are left as they are.

    Raises:
        ConfigError: if the frame's size is out of range.
    """
    shown = (face.pixels() for face in faces if face.visible_share >= min_visible)
    enlarged = (face_region(box, frame_width, frame_height) for box in shown)
    return tuple(region for region in enlarged if region is not None)
