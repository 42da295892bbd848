"""Pictures for the page: encodes frames, with what is drawn over them, as long as somebody watches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import cv2

from host.analysis import Scene
from host.frames import Snapshot
from host.live.hub import Hub, frame_message

__all__ = ["Viewer"]

_JPEG_QUALITY = 85


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

    def take(self, frame: Snapshot) -> None:
        """Encodes a frame if somebody watches."""
        if not self._hub.watched:
            return
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
