"""Pictures for the page: encodes frames, with what is drawn over them; all while somebody watches, else a few."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict

import cv2

from host.analysis import Scene
from host.frames import Snapshot
from host.live.hub import Hub, frame_message

__all__ = ["Viewer"]

_JPEG_QUALITY = 85
_UNWATCHED_S = 1.0
"""Seconds between two pictures that are kept for the next visitor while nobody watches."""


class Viewer:
    """A consumer of frames that offers them to the page's visitors.

    Args:
        hub: the visitors.
        scene: returns what was seen last; its frame number says in which frame.
    """

    name = "viewer"

    def __init__(self, hub: Hub, scene: Callable[[], Scene]) -> None:
        self._hub = hub
        self._scene = scene
        self._offered_s = -math.inf

    def take(self, frame: Snapshot) -> None:
        """Encodes a frame for those who watch, or for whoever comes next."""
        now = time.monotonic()
        if not self._hub.watched and now - self._offered_s < _UNWATCHED_S:
            return
        self._offered_s = now
        quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
        _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(frame.pixels, cv2.COLOR_RGB2BGR), quality)
        head = {
            "number": frame.number,
            "time_s": frame.timestamp,
            "width": frame.pixels.shape[1],
            "height": frame.pixels.shape[0],
            "fault": frame.fault.name,
            "regions": [[box.x, box.y, box.width, box.height] for box in frame.boxes],
            "scene": asdict(self._scene()),
        }
        self._hub.publish(frame_message(head, jpeg.tobytes()))

    def finish(self) -> None:
        """Does nothing: the page shows the last frame until the server ends."""
