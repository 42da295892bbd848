"""A headless Chromium for tests, driven over its debugging protocol; nothing to install but the browser."""

from __future__ import annotations

import asyncio
import base64
import re
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-extensions")

_LEFT = ("Inspected target navigated or closed", "Cannot find context with specified id")


class PageLeftError(Exception):
    """The page went away while it was asked."""


def find_browser() -> str | None:
    """Returns the browser's path, if there is one."""
    return next((path for path in map(shutil.which, PROGRAMS) if path), None)


class Browser:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._count = 0
        self.complaints: list[str] = []
        """What the console said: errors, and what the content security policy refused."""

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Calls the protocol and returns the result."""
        self._count += 1
        await self._socket.send_json({"id": self._count, "method": method, "params": parameters})
        while True:
            answer = await self._socket.receive_json(timeout=60)
            if answer.get("id") == self._count:
                if answer.get("error", {}).get("message") in _LEFT:
                    raise PageLeftError(method)
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result
            if answer.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.complaints.append(str(answer["params"]))

    async def look_at(self, address: str, *, width: int, height: int) -> None:
        """Opens a page in a window of a size."""
        for domain in ("Page", "Runtime", "Log"):
            await self.call(f"{domain}.enable")
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        await self.call("Page.navigate", url=address)

    async def value(self, script: str) -> Any:
        """Returns a script's value."""
        answer = await self.call("Runtime.evaluate", expression=script, returnByValue=True)
        return answer["result"].get("value")

    async def start(self, script: str) -> None:
        """Runs a script that may leave the page, after the call for it has returned."""
        await self.value(f"setTimeout(() => {{ {script} }}, 0)")

    async def until(self, script: str) -> None:
        """Waits until a script's value is true; a page that is just being left has no value."""
        for _ in range(300):
            with suppress(PageLeftError):
                if await self.value(script):
                    return
            await asyncio.sleep(0.1)
        raise AssertionError(f"never true: {script}; {self.complaints}")

    async def picture(self, path: Path) -> None:
        """Writes a screenshot as PNG."""
        answer = await self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(answer["data"]))


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """Starts a browser for the length of the block."""
    program = find_browser()
    assert program is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [program, *_FLAGS, f"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            assert process.stderr is not None
            said = iter(process.stderr.readline, "")
            found = next(match for line in said if (match := re.search(r"ws://127.0.0.1:(\d+)/", line)))
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://127.0.0.1:{found[1]}/json/list") as answer:
                    tabs = await answer.json()
                address = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
                async with session.ws_connect(address, max_msg_size=0) as socket:
                    yield Browser(socket)
        finally:
            process.terminate()
            process.wait(20)
