"""Actions in anonymised frames: detector, tracks and events. numpy and ONNX Runtime only."""

from __future__ import annotations

from host.actions.detector import Detections, OnnxDetector
from host.actions.events import Event, EventConfig, EventStream
from host.actions.tracks import Track, Tracker, TrackerConfig

__all__ = ["Detections", "Event", "EventConfig", "EventStream", "OnnxDetector", "Track", "Tracker", "TrackerConfig"]
