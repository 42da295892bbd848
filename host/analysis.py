"""Frames in, events out: detector, tracks, cuts and events as one consumer of frames."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from host.actions.cuts import CutConfig, CutFinder
from host.actions.detector import OnnxDetector
from host.actions.events import Event, EventConfig, EventStream
from host.actions.sinks import EventSink
from host.actions.tracks import Track, Tracker, TrackerConfig
from host.frames import Snapshot
from hw_anon.core.frame import Fault

__all__ = ["Analysis", "Person", "Scene"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """A tracked person in one frame."""

    track: int
    """Number of the track."""
    box: tuple[float, float, float, float]
    """Corners x1, y1, x2, y2 in pixels."""
    actions: tuple[tuple[str, float, float], ...]
    """Actions that go on: name, smoothed probability, seconds since their start."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """What was seen in the frame that was analysed last."""

    frame: int = -1
    """Its number; -1 before the first."""
    people: tuple[Person, ...] = ()
    """The tracked people."""


class Analysis:
    """Detects, follows and reports.

    Args:
        detector: finds people and actions.
        sinks: where events go.
        tracker: when boxes are one person.
        events: when an action counts.
        cuts: when a frame begins another scene, over which nobody is followed.
    """

    name = "analysis"

    def __init__(
        self,
        detector: OnnxDetector,
        sinks: Sequence[EventSink] = (),
        *,
        tracker: TrackerConfig | None = None,
        events: EventConfig | None = None,
        cuts: CutConfig | None = None,
    ) -> None:
        self.detector = detector
        self.scene = Scene()
        self._tracker = Tracker(len(detector.model.actions), tracker)
        self._events = EventStream(detector.model.actions, events)
        self._cuts = CutFinder(cuts)
        self._sinks = tuple(sinks)
        self._tracks: list[Track] = []
        self._last = (0, 0.0)

    def take(self, frame: Snapshot) -> None:
        """Analyses one frame; a black one shows nobody and changes nothing but the time."""
        self._last = frame.number, frame.timestamp
        if frame.fault is not Fault.NONE:
            return
        found = self.detector.detect(frame.pixels)
        left = self._tracker.cut() if self._cuts.is_cut(frame.pixels) else []
        self._tracks, ended = self._tracker.update(found, frame.timestamp)
        ended = left + ended
        self._report(self._events.update(self._tracks, ended, frame=frame.number, time_s=frame.timestamp))
        people = tuple(self._person(track, frame.timestamp) for track in self._tracks)
        self.scene = Scene(frame=frame.number, people=people)

    def finish(self) -> None:
        """Reports the end of all that still goes on, and closes the sinks."""
        number, time_s = self._last
        try:
            self._report(self._events.finish(self._tracks, frame=number, time_s=time_s))
        finally:
            with ExitStack() as closing:  # one that fails does not keep the others from delivering what waits
                for sink in reversed(self._sinks):
                    closing.callback(sink.close)

    def _report(self, events: Sequence[Event]) -> None:
        for event in events:
            for sink in self._sinks:
                sink.send(event)

    def _person(self, track: Track, now_s: float) -> Person:
        x1, y1, x2, y2 = (round(float(value), 1) for value in track.box)
        names = self.detector.model.actions
        actions = tuple(
            (name, round(float(track.scores[names.index(name)]), 3), round(now_s - start, 1))
            for name, start in self._events.active(track.number)
        )
        return Person(track=track.number, box=(x1, y1, x2, y2), actions=actions)
