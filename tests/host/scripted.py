"""A scripted source of frames, for tests of what comes behind the camera."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping

import numpy as np

from host.frames import Snapshot
from hw_anon.core.boxes import Box
from hw_anon.core.frame import Fault
from tests.host.tiny_detector import HEIGHT, WIDTH


class Lent(Snapshot):
    """A frame whose memory is another's as soon as it is released."""

    __slots__ = ()

    def release(self) -> None:
        self.pixels[:] = 0xEE


def drinking(number: int, *, fps: float = 20.0) -> Lent:
    """A red rectangle, which the tiny detector takes for a drinking person; every tenth frame is black."""
    pixels = np.full((HEIGHT, WIDTH, 3), 20, np.uint8)
    fault = Fault.DETECTOR_TIMEOUT if number % 10 == 9 else Fault.NONE
    if fault is Fault.NONE:
        pixels[8:40, 20:44, 0] = 230
        boxes: tuple[Box, ...] = (Box(x=24, y=10, width=12, height=12),)
    else:
        pixels[:], boxes = 0, ()
    return Lent(pixels=pixels, boxes=boxes, number=number, timestamp=1000 + number / fps, fault=fault)


class Script:
    """Yields frames, `period_s` apart; endless if `frames` is none."""

    def __init__(self, frames: int | None = 40, *, period_s: float = 0.0) -> None:
        self.wanted, self.period_s = frames, period_s
        self.given = 0
        self.closed = threading.Event()

    def frames(self) -> Iterator[Lent]:
        while self.wanted is None or self.given < self.wanted:
            if self.closed.wait(self.period_s):
                return
            yield drinking(self.given)
            self.given += 1

    def counters(self) -> Mapping[str, int]:
        return {"frames": self.given, "lost": 3}

    def describe(self) -> str:
        return "a scripted camera"


def until(condition: object, seconds: float = 20.0) -> None:
    """Waits until a condition holds."""
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
