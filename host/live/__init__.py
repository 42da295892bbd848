"""The live page: anonymised video, actions and health in a browser."""

from __future__ import annotations

from host.live.access import Access
from host.live.server import LiveServer
from host.live.viewer import Viewer

__all__ = ["Access", "LiveServer", "Viewer"]
