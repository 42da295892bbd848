"""Actions that start, go on and end, from the smoothed scores of tracks.

An action of a track starts when its smoothed score reaches `on`, and ends when it falls below `off` or the track ends:
between the two thresholds nothing changes, so a score that trembles makes no stream of events.

An event is one JSON object on one line, for instance
`{"action": "drinking", "box": [101.2, 40.0, 233.9, 239.0], "duration_s": 1.5, "event": "end", "frame": 412,
"score": 0.29, "time_s": 27.4, "track": 3}`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from host.actions.tracks import Track
from hw_anon.core.config import Config, require_range
from hw_anon.core.errors import ConfigError

__all__ = ["Event", "EventConfig", "EventStream"]


@dataclass(frozen=True, kw_only=True, slots=True)
class EventConfig(Config):
    """When an action counts."""

    on: float = 0.5
    """Smoothed score from which an action of a track has started."""
    off: float = 0.3
    """Smoothed score below which it has ended."""
    every_s: float = 1.0
    """Seconds between two reports of an action that goes on."""
    ignored: tuple[str, ...] = ("idle",)
    """Classes that make no events."""

    def __post_init__(self) -> None:
        require_range(self, "on", 0, 1)
        require_range(self, "off", 0, 1)
        require_range(self, "every_s", 0.01, 3600, unit="seconds")
        if self.off > self.on:
            raise ConfigError(f"EventConfig.off = {self.off} is above on = {self.on}: an action would end as it starts")


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One line of the stream."""

    event: Literal["start", "ongoing", "end"]
    """What happened."""
    action: str
    """Name of the action."""
    track: int
    """Number of the track."""
    score: float
    """Smoothed probability of the action."""
    frame: int
    """Number of the frame."""
    time_s: float
    """When that frame arrived, in seconds of the source's clock."""
    duration_s: float
    """Seconds since the start of the action."""
    box: tuple[float, float, float, float]
    """Corners x1, y1, x2, y2 of the person, in pixels of the frame."""

    def to_line(self) -> str:
        """Returns the event as one line of JSON, without line end."""
        return json.dumps(asdict(self), sort_keys=True)


class EventStream:
    """Turns tracks into events.

    Args:
        actions: names of the actions.
        config: when an action counts.
    """

    def __init__(self, actions: Sequence[str], config: EventConfig | None = None) -> None:
        self.config = config or EventConfig()
        self._actions = tuple(actions)
        self._active: dict[tuple[int, int], tuple[float, float]] = {}  # start, and last report

    def active(self, track: int) -> tuple[tuple[str, float], ...]:
        """Returns the actions that a track does now, with the time of their start."""
        return tuple((self._actions[a], start) for (t, a), (start, _) in self._active.items() if t == track)

    def update(self, tracks: Sequence[Track], ended: Sequence[Track], *, frame: int, time_s: float) -> list[Event]:
        """Returns what a frame's tracks change.

        Args:
            tracks: the confirmed tracks.
            ended: tracks that ended with this frame.
            frame: number of the frame.
            time_s: when it arrived.
        """
        events = [e for track in tracks for e in self._of_track(track, frame, time_s, gone=False)]
        return events + [e for track in ended for e in self._of_track(track, frame, time_s, gone=True)]

    def finish(self, tracks: Sequence[Track], *, frame: int, time_s: float) -> list[Event]:
        """Returns the ends of all that still goes on; for the end of the video.

        Args:
            tracks: the confirmed tracks.
            frame: number of the last frame.
            time_s: when it arrived.
        """
        return self.update((), tracks, frame=frame, time_s=time_s)

    def _of_track(self, track: Track, frame: int, time_s: float, *, gone: bool) -> list[Event]:
        events = []
        for index, action in enumerate(self._actions):
            if action in self.config.ignored:
                continue
            kind, start = self._step(track, index, time_s, gone=gone)
            if kind is not None:
                x1, y1, x2, y2 = (round(float(value), 1) for value in track.box)
                events.append(
                    Event(
                        event=kind,
                        action=action,
                        track=track.number,
                        score=round(float(track.scores[index]), 4),
                        frame=frame,
                        time_s=round(time_s, 3),
                        duration_s=round(time_s - start, 3),
                        box=(x1, y1, x2, y2),
                    )
                )
        return events

    def _step(
        self, track: Track, index: int, time_s: float, *, gone: bool
    ) -> tuple[Literal["start", "ongoing", "end"] | None, float]:
        """Returns what to report of one action of a track, and when the action started."""
        key, score = (track.number, index), float(track.scores[index])
        if key not in self._active:
            if gone or score < self.config.on:
                return None, time_s
            self._active[key] = time_s, time_s
            return "start", time_s
        start, reported = self._active[key]
        if gone or score < self.config.off:
            del self._active[key]
            return "end", start
        if time_s - reported >= self.config.every_s:
            self._active[key] = start, time_s
            return "ongoing", start
        return None, start
