"""Everything behind the live page, wired together for as long as the camera runs."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from host.actions.detector import OnnxDetector
from host.analysis import Analysis, Scene
from host.flow import Consumer, Flow
from host.frames import CameraFrame, FrameSource
from host.live.access import Access
from host.live.hub import Hub
from host.live.server import LiveServer
from host.live.state import LiveState, RecentEvents
from host.live.viewer import Viewer

__all__ = ["Paced", "Serving", "show"]


class Paced:
    """A source whose frames come at the times that they carry, as they came when they were recorded.

    Args:
        source: the source.
    """

    def __init__(self, source: FrameSource) -> None:
        self._source = source

    def frames(self) -> Iterator[CameraFrame]:
        """Yields each frame when it is due."""
        offset: float | None = None
        for frame in self._source.frames():
            now = time.monotonic()
            offset = now - frame.timestamp if offset is None else offset
            time.sleep(max(0.0, offset + frame.timestamp - now))
            yield frame

    def counters(self) -> Mapping[str, int]:
        """Returns the source's counters."""
        return self._source.counters()

    def describe(self) -> str:
        """Returns what the source is."""
        return self._source.describe()


@dataclass(frozen=True, kw_only=True, slots=True)
class Serving:
    """Where the page is, and for whom."""

    access: Access
    """Who may see it."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 0
    """Port, 0 for any that is free."""
    tls: ssl.SSLContext | None = None
    """Certificate and key; plain HTTP without."""


def show(
    source: FrameSource,
    serving: Serving,
    *,
    detector: Path | None = None,
    threads: int | None = None,
    frames: int | None = None,
    lossless: bool = False,
    paced: bool = False,
    announce: Callable[[str], None],
) -> None:
    """Serves the page until the source ends or Ctrl-C is pressed.

    Args:
        source: where frames come from, open.
        serving: where the page is, and for whom.
        detector: directory of the exported action detector; without, no actions are shown.
        threads: threads of the detector; default: all cores.
        frames: frames after which it ends.
        lossless: the source waits until a frame was analysed.
        paced: frames come at the times that they carry.
        announce: told where the page is.

    Raises:
        DeviceError: if the camera failed.
        OSError: if the port is taken.
    """
    hub, recent = Hub(), RecentEvents()
    analysis = None if detector is None else Analysis(OnnxDetector(detector, threads=threads), [recent])
    viewer = Viewer(hub, lambda: analysis.scene if analysis else Scene())
    consumers: list[Consumer] = [viewer] if analysis is None else [analysis, viewer]
    flow = Flow(Paced(source) if paced else source, consumers, lossless=lossless)
    state = LiveState(flow, hub, analysis, recent)
    with LiveServer(hub, state, serving.access, host=serving.host, port=serving.port, tls=serving.tls) as server:
        announce(f"{server.address} shows {source.describe()}; Ctrl-C ends it")
        flow.run(frames=frames)
