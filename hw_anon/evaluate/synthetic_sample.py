"""Which pictures of a synthetic set are looked at when its quality is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.config import Config, require_range
from hw_anon.data.face_labels import FaceLabel
from hw_anon.data.synthetic.sets import SyntheticClips, SyntheticPeople

__all__ = ["FOLDS", "QualityConfig", "SeenFace", "portraits_of", "uncovered_faces"]

FOLDS = 10
"""Folds of the recogniser's pairs; each needs two people."""


@dataclass(frozen=True, kw_only=True, slots=True)
class QualityConfig(Config):
    """What is looked at, and the bars."""

    frames: int = 600
    """Frames that the detectors look at, spread evenly over all clips."""
    portraits: int = 300
    """Portraits that the detectors look at, spread evenly over all people."""
    people: int = 100
    """People that the recogniser tells apart; those of the test split first."""
    pictures: int = 10
    """Portraits of each of them."""
    min_height: float = 24.0
    """Least height in pixels of a face that has to be found."""
    min_visible: float = 0.9
    """Least visible share of a face that counts as not covered."""
    iou: float = 0.3
    """Overlap at which a face counts as found; detectors differ in where a face ends."""
    sizes: tuple[float, ...] = (24.0, 32.0, 48.0, 64.0)
    """Lower edges of the size groups, pixels of height; the last is open."""
    min_recall: float = 0.97
    """Bar of each detector over all sizes."""
    min_auc: float = 0.98
    """Bar of the recogniser."""
    speed_clips: int = 4
    """Clips that are drawn to measure the speed; 0 for no measurement."""
    speed_frames: int = 16
    """Frames of each of them."""
    speed_size: int = 256
    """Side of a frame in pixels."""
    min_frames_per_s: float = 15.0
    """Bar of the speed, on two cores by processor time."""

    def __post_init__(self) -> None:
        for field in ("frames", "portraits"):
            require_range(self, field, 0, None)
        require_range(self, "people", 2 * FOLDS, None)
        require_range(self, "pictures", 2, None)
        require_range(self, "speed_clips", 0, None)
        require_range(self, "speed_frames", 1, None)
        require_range(self, "speed_size", 64, 2048, unit="pixels")
        for field in ("min_visible", "iou", "min_recall", "min_auc"):
            require_range(self, field, 0, 1)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SeenFace:
    """One picture with a face that has to be found."""

    group: str
    """`portraits` or `frames`."""
    read: Callable[[], NDArray[np.uint8]]
    """Decodes the picture."""
    face: FaceLabel
    """Where the face is."""

    @property
    def height(self) -> float:
        """Height of the face in pixels."""
        return self.face.box[3] - self.face.box[1]


def uncovered_faces(
    people: Sequence[SyntheticPeople], clips: SyntheticClips, config: QualityConfig
) -> Iterator[SeenFace]:
    """Yields the pictures to look at: spread over all, with a face that is large enough and not covered."""
    portraits = [(part, index, face) for part in people for index in range(len(part)) if (face := part.face(index))]
    frames = [
        (clip, number, face) for clip in clips.clips for number in clip.frames for face in clips.faces(clip, number)
    ]
    for part, index, face in _spread([entry for entry in portraits if _counts(entry[2], config)], config.portraits):
        yield SeenFace(group="portraits", read=partial(part.picture, index), face=face)
    for clip, number, face in _spread([entry for entry in frames if _counts(entry[2], config)], config.frames):
        yield SeenFace(group="frames", read=partial(clips.picture, clip, number), face=face)


def _counts(face: FaceLabel, config: QualityConfig) -> bool:
    return face.visible_share >= config.min_visible and face.box[3] - face.box[1] >= config.min_height


def _spread(items: Sequence[Any], count: int) -> list[Any]:
    """Returns `count` of the items at even distances, all if there are fewer."""
    if len(items) <= count:
        return list(items)
    return [items[position] for position in (np.arange(count) * len(items) // count).tolist()]


def portraits_of(
    people: Sequence[SyntheticPeople], config: QualityConfig
) -> list[tuple[int, SyntheticPeople, int, FaceLabel]]:
    """Returns person, set, index and face of the portraits of the first people that have two or more."""
    chosen: list[tuple[int, SyntheticPeople, int, FaceLabel]] = []
    owner = 0
    for part in people:
        for identity in range(len(part.identities)):
            own = [
                (owner, part, int(index), face)
                for index in np.flatnonzero(part.labels == identity)
                if (face := part.face(int(index)))
            ]
            if owner < config.people and len(own) >= 2:
                chosen += own[: config.pictures]
                owner += 1
    return chosen
