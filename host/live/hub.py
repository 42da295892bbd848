"""Spreads the newest picture and the newest state to the page's visitors; a slow one misses some, nobody waits."""

from __future__ import annotations

import asyncio
import json
import struct
import threading
from collections.abc import Mapping
from typing import Any, Protocol

__all__ = ["Hub", "Socket", "Visitor", "frame_message"]

_STALLED_S = 10.0
"""A visitor who takes nothing for so long is sent away."""


class Socket(Protocol):
    """What is needed of a WebSocket."""

    async def send_bytes(self, data: bytes) -> None:
        """Sends a picture; returns when the network has taken it."""

    async def send_str(self, data: str) -> None:
        """Sends the state."""


def frame_message(head: Mapping[str, Any], jpeg: bytes) -> bytes:
    """Returns one picture's message: the head's length in 4 bytes (little endian), the head as JSON, the JPEG."""
    text = json.dumps(head, allow_nan=False).encode()
    return struct.pack("<I", len(text)) + text + jpeg


class Visitor:
    """What waits for one visitor: at most one picture and one state."""

    def __init__(self) -> None:
        self.picture: bytes | None = None
        self.state: str | None = None
        self.something = asyncio.Event()


class Hub:
    """The visitors. Everything but `publish`, `watched` and `skipped` belongs to the server's event loop."""

    def __init__(self, most: int = 8) -> None:
        """Begins without visitors.

        Args:
            most: visitors at a time.
        """
        self.most = most
        self.skipped = 0
        self._visitors: set[Visitor] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._newest: bytes | None = None
        self._shown: bytes | None = None
        self._state = "{}"

    @property
    def watched(self) -> int:
        """How many watch."""
        return len(self._visitors)

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Names the event loop that serves the visitors."""
        self._loop = loop

    def publish(self, message: bytes) -> None:
        """Offers a picture, from any thread; returns at once. An older one that nobody was given yet is dropped."""
        with self._lock:
            scheduled = self._newest is not None
            self._newest = message
        if self._loop is not None and not scheduled:
            self._loop.call_soon_threadsafe(self._spread)

    def _spread(self) -> None:
        with self._lock:
            message, self._newest = self._newest, None
        self._shown = message
        for visitor in self._visitors:
            self.skipped += visitor.picture is not None
            visitor.picture = message
            visitor.something.set()

    def announce(self, state: Mapping[str, Any]) -> None:
        """Offers a state to everyone; those who come later get the last one."""
        self._state = json.dumps(state, allow_nan=False)
        for visitor in self._visitors:
            visitor.state = self._state
            visitor.something.set()

    def admit(self) -> Visitor | None:
        """Returns a new visitor's place, to be given back with `dismiss`; `None` if no more can be served.

        The last picture and the last state wait there.
        """
        if len(self._visitors) >= self.most:
            return None
        visitor = Visitor()
        visitor.picture, visitor.state = self._shown, self._state
        visitor.something.set()
        self._visitors.add(visitor)
        return visitor

    def dismiss(self, visitor: Visitor) -> None:
        """Takes a visitor's place back; harmless when repeated."""
        self._visitors.discard(visitor)

    async def serve(self, socket: Socket, visitor: Visitor) -> None:
        """Sends to one visitor until that fails or stalls, or the task is cancelled.

        Raises:
            TimeoutError: if the visitor takes nothing for 10 seconds.
            ConnectionError: if the visitor is gone.
        """
        while True:
            await visitor.something.wait()
            visitor.something.clear()
            state, visitor.state = visitor.state, None
            picture, visitor.picture = visitor.picture, None
            async with asyncio.timeout(_STALLED_S):
                if state is not None:
                    await socket.send_str(state)
                if picture is not None:
                    await socket.send_bytes(picture)
