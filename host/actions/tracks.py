"""People followed over frames by the overlap of their boxes.

One person has a box for each action that the detector deems possible; boxes that overlap are taken as one person.
Association follows ByteTrack (Zhang et al. 2022) in that boxes of a low score may continue a track but not begin one,
with the constant velocity of a box in place of a Kalman filter and the best pairs first in place of an optimal
assignment: in front of one camera there are a handful of people. Times are seconds, so that a slow processor that
analyses every fifth frame gives the same tracks as a fast one, as far as that can be.

Shapes: D detections, C actions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from host.actions.detector import Detections
from hw_anon.core.config import Config, require_range

__all__ = ["Track", "Tracker", "TrackerConfig", "overlaps"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackerConfig(Config):
    """When boxes are one person."""

    same_person: float = 0.5
    """Boxes of one frame that overlap by more (intersection over union) are one person."""
    same_track: float = 0.25
    """A box continues a track if it overlaps the expected one by at least this."""
    begin: float = 0.4
    """Score from which a box may begin a track."""
    confirm: int = 3
    """Frames in which a track must be seen before it is reported."""
    patience_s: float = 1.0
    """Seconds after which a track that is not seen ends."""
    smoothing_s: float = 0.6
    """Time constant of the actions' smoothed scores."""

    def __post_init__(self) -> None:
        for name in ("same_person", "same_track", "begin"):
            require_range(self, name, 0, 1)
        require_range(self, "confirm", 1, 1000, unit="frames")
        require_range(self, "patience_s", 0, 3600, unit="seconds")
        require_range(self, "smoothing_s", 0, 3600, unit="seconds")


@dataclass(kw_only=True, slots=True, eq=False)
class Track:
    """One person over frames."""

    number: int
    """Identity of the track, counted from 1; never used again."""
    box: Floats
    """`[4]` corners x1, y1, x2, y2 in pixels, where it was last seen."""
    scores: Floats
    """`[C]` smoothed probability of each action."""
    first_s: float
    """When it was first seen."""
    last_s: float
    """When it was last seen."""
    seen: int = 1
    """Frames in which it was seen."""
    velocity: Floats = field(default_factory=lambda: np.zeros(2))
    """`[2]` pixels a second, to the right and down."""

    def expected(self, time_s: float) -> Floats:
        """Returns where the box should be by now, `[4]`."""
        return self.box + np.tile(self.velocity * (time_s - self.last_s), 2)


class Tracker:
    """Follows people.

    Args:
        actions: number of actions.
        config: when boxes are one person.
    """

    def __init__(self, actions: int, config: TrackerConfig | None = None) -> None:
        self.config = config or TrackerConfig()
        self._actions = actions
        self._tracks: list[Track] = []
        self._begun = 0
        self._last_s: float | None = None

    def update(self, found: Detections, time_s: float) -> tuple[list[Track], list[Track]]:
        """Takes a frame's detections in.

        Args:
            found: the detections, best first.
            time_s: when the frame arrived, in seconds, not before the last one.

        Returns:
            The confirmed tracks, and those (once confirmed) that ended.
        """
        boxes, scores = self._people(found)
        step_s = 0.0 if self._last_s is None else max(time_s - self._last_s, 0.0)
        self._last_s = time_s
        free = self._continue(boxes, scores, time_s, step_s)
        for index in free:
            if scores[index].max() >= self.config.begin:
                self._begun += 1
                first = np.zeros(self._actions) if self.config.smoothing_s else scores[index].copy()
                self._tracks.append(
                    Track(number=self._begun, box=boxes[index], scores=first, first_s=time_s, last_s=time_s)
                )
        ended = [track for track in self._tracks if time_s - track.last_s > self.config.patience_s]
        self._tracks = [track for track in self._tracks if track not in ended]
        return [t for t in self._tracks if self._confirmed(t)], [t for t in ended if self._confirmed(t)]

    def cut(self) -> list[Track]:
        """Forgets everybody, for a frame of another scene comes next; returns the confirmed tracks that ended so."""
        ended, self._tracks = self._tracks, []
        return [track for track in ended if self._confirmed(track)]

    def _confirmed(self, track: Track) -> bool:
        return track.seen >= self.config.confirm

    def _people(self, found: Detections) -> tuple[Floats, Floats]:
        """Returns `[P, 4]` boxes of people, best first, and `[P, C]` scores of their actions."""
        boxes = found.boxes.astype(np.float64)
        shared = overlaps(boxes, boxes) > self.config.same_person
        free = np.ones(len(boxes), bool)
        chosen, scores = [], []
        for index in range(len(boxes)):
            if not free[index]:
                continue
            own = free & shared[index]
            own[index] = True
            free &= ~own
            person = np.zeros(self._actions)
            np.maximum.at(person, found.labels[own], found.scores[own].astype(np.float64))
            chosen.append(boxes[index])
            scores.append(person)
        return np.array(chosen).reshape(-1, 4), np.array(scores).reshape(-1, self._actions)

    def _continue(self, boxes: Floats, scores: Floats, time_s: float, step_s: float) -> list[int]:
        """Gives boxes to the tracks that they overlap most; returns the boxes that are left over."""
        expected = np.array([track.expected(time_s) for track in self._tracks]).reshape(-1, 4)
        shared = overlaps(expected, boxes)
        strong = scores.max(axis=1, initial=0.0) >= self.config.begin
        free_tracks, free_boxes = set(range(len(expected))), set(range(len(boxes)))
        for wanted in (strong, ~strong):  # boxes of a high score choose first
            ranked = np.where(wanted[None, :], shared, -1.0)
            for flat in np.argsort(-ranked, axis=None, kind="stable"):
                row, column = divmod(int(flat), len(boxes))
                if ranked[row, column] < self.config.same_track or ranked[row, column] <= 0:
                    break
                if row in free_tracks and column in free_boxes:
                    free_tracks.discard(row)
                    free_boxes.discard(column)
                    track = self._tracks[row]
                    track.scores = self._smoothed(track.scores, scores[column], step_s)
                    _see(track, boxes[column], time_s)
        for row in free_tracks:
            self._tracks[row].scores = self._smoothed(self._tracks[row].scores, np.zeros(self._actions), step_s)
        return sorted(free_boxes)

    def _smoothed(self, before: Floats, now: Floats, step_s: float) -> Floats:
        keep = math.exp(-step_s / self.config.smoothing_s) if self.config.smoothing_s else 0.0
        return keep * before + (1 - keep) * now


def _see(track: Track, box: Floats, time_s: float) -> None:
    """Notes where a track is now, and how fast it moves."""
    moved = (box - track.box).reshape(2, 2).mean(axis=0) / max(time_s - track.last_s, 1e-3)
    track.velocity = 0.5 * track.velocity + 0.5 * moved
    track.box, track.last_s, track.seen = box, time_s, track.seen + 1


def overlaps(first: Floats, second: Floats) -> Floats:
    """Returns intersections over unions of `[N, 4]` and `[M, 4]` boxes, `[N, M]`; 0 of empty ones."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared: Floats = np.clip(high - low, 0, None).prod(axis=2)
    areas = [np.clip(part[:, 2:] - part[:, :2], 0, None).prod(axis=1) for part in (first, second)]
    union = areas[0][:, None] + areas[1][None, :] - shared
    result: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return result
