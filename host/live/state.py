"""What the page's health panel shows, collected from the parts that run."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from host.actions.events import Event
from host.analysis import Analysis
from host.flow import Flow, FrameCounts
from host.live.hub import Hub

__all__ = ["LiveState", "RecentEvents"]

_SHOWN_EVENTS = 40
_STALLED_S = 3.0
"""Seconds without a frame that are nothing to speak of."""
_LATE = 3.0
"""A frame that takes so many times longer than usual is missing; a simulated camera takes its time."""


class RecentEvents:
    """A sink that keeps the last events; those that only say that something goes on are not kept."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=_SHOWN_EVENTS)

    def send(self, event: Event) -> None:
        """Takes an event, from the analysis' thread."""
        if event.event != "ongoing":
            self._events.append(event)

    def close(self) -> None:
        """Does nothing."""

    def newest_first(self) -> list[Event]:
        """Returns them, from any thread."""
        return list(self._events)[::-1]


class LiveState:
    """Collects the values; calling it returns them.

    Args:
        flow: where frames come through.
        hub: the page's visitors.
        analysis: finds the actions; none if no detector was given.
        events: what happened lately.
    """

    def __init__(self, flow: Flow, hub: Hub, analysis: Analysis | None, events: RecentEvents) -> None:
        self._flow, self._hub, self._analysis, self._events = flow, hub, analysis, events
        self._begun = time.monotonic()
        self._last = (0, self._begun)
        self._first_s = 0.0

    def __call__(self) -> Mapping[str, Any]:
        """Returns the values, for JSON."""
        counts = self._flow.counts
        waited_s, usual_s = self._wait(counts)
        return {
            "source": self._flow.source.describe(),
            "status": _status(counts.frames, waited_s, usual_s),
            "wait": {"waited_s": round(waited_s, 1), "usual_s": round(usual_s, 1)},
            "uptime_s": round(time.monotonic() - self._begun, 1),
            "camera": {
                "frames": counts.frames,
                "per_second": round(counts.meter.per_second(), 3),
                "number": counts.last_number,
                "begun_s": counts.begun_s,
                "regions": counts.regions,
                "copy_ms": round(counts.copy_meter.milliseconds(0.5), 3),
                "faults": counts.faults,
                "counters": dict(self._flow.source.counters()),
            },
            "analysis": self._analysed(),
            "page": {"visitors": self._hub.watched, "skipped": self._hub.skipped},
            "events": [asdict(event) for event in self._events.newest_first()],
        }

    def _wait(self, counts: FrameCounts) -> tuple[float, float]:
        """Returns the seconds since the last frame, and those that a frame takes; 0 if that is not known yet."""
        now = time.monotonic()
        if counts.frames != self._last[0]:
            self._first_s = self._first_s or now - self._begun
            self._last = counts.frames, now
        return now - self._last[1], counts.meter.gap_s() or self._first_s

    def _analysed(self) -> Mapping[str, Any] | None:
        if self._analysis is None:
            return None
        meter = self._analysis.detector.meter
        return {
            "frames": meter.count,
            "per_second": round(meter.per_second(), 1),
            "median_ms": round(meter.milliseconds(0.5), 1),
            "slow_ms": round(meter.milliseconds(0.95), 1),
            "threads": self._analysis.detector.threads,
            "missed": self._flow.replaced.get(self._analysis.name, 0),
            "scene": asdict(self._analysis.scene),
        }


def _status(frames: int, waited_s: float, usual_s: float) -> str:
    """Returns how the camera does: a slow one that is on time waits, and is not stalled."""
    if frames > 0 and waited_s <= _STALLED_S:
        return "live"
    return "waiting" if frames == 0 or waited_s <= _LATE * usual_s else "stalled"
