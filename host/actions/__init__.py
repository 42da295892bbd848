"""Actions in anonymised frames: detector, tracks, cuts and events. numpy, OpenCV and ONNX Runtime only."""

from __future__ import annotations

from host.actions.cuts import CutConfig, CutFinder
from host.actions.detector import Detections, OnnxDetector
from host.actions.events import Event, EventConfig, EventStream
from host.actions.tracks import Track, Tracker, TrackerConfig

__all__ = [
    "CutConfig",
    "CutFinder",
    "Detections",
    "Event",
    "EventConfig",
    "EventStream",
    "OnnxDetector",
    "Track",
    "Tracker",
    "TrackerConfig",
]
