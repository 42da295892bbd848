"""The web server of the live page (aiohttp), in a thread of its own."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import resources
from typing import Any

from aiohttp import WSCloseCode, web
from aiohttp.typedefs import Handler, Middleware

from host.live.access import Access
from host.live.hub import Hub, Visitor
from hw_anon.core.errors import DeviceError

__all__ = ["LiveServer"]

_START_S = 10.0
_STATE_S = 0.5
_HEARTBEAT_S = 20.0
_PAGES = {
    "/": ("index.html", "text/html"),
    "/live.css": ("live.css", "text/css"),
    "/live.js": ("live.js", "text/javascript"),
    "/draw.js": ("draw.js", "text/javascript"),
    "/favicon.svg": ("favicon.svg", "image/svg+xml"),
    "/login": ("login.html", "text/html"),
    "/login.css": ("login.css", "text/css"),
}
_OPEN = ("/favicon.svg", "/login", "/login.css")
"""Pages that need no token."""
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class LiveServer:
    """Serves the page until `stop`; a context manager.

    Args:
        hub: the visitors, who are offered pictures.
        state: returns the health panel's values, JSON; called twice a second.
        access: who may see it.
        host: address to listen on.
        port: port to listen on; 0 for any that is free.
        tls: certificate and key; default: plain HTTP.
    """

    def __init__(
        self,
        hub: Hub,
        state: Callable[[], Mapping[str, Any]],
        access: Access,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.hub, self.host, self.port = hub, host, port
        self._state, self._access, self._tls = state, access, tls
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="live", daemon=True)

    @property
    def address(self) -> str:
        """Where the page is."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}/"

    def start(self) -> None:
        """Listens; returns when visitors can come.

        Raises:
            OSError: if the port is taken or the address is none of this machine's.
            DeviceError: if the server does not start in time.
        """
        self._thread.start()
        if not self._ready.wait(_START_S):
            raise DeviceError(f"the live page's server did not start within {_START_S:.0f} s")
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def stop(self) -> None:
        """Sends everyone away and ends; harmless when repeated.

        Raises:
            Exception: what the state could not be told for, if that ended the server before.
        """
        if self._loop is not None and self._thread.is_alive():
            with suppress(RuntimeError):  # its loop was closed just now
                self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join(_START_S)
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def __enter__(self) -> LiveServer:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self.hub.attach(self._loop)
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=1.0)
        try:
            await runner.setup()
            site = web.TCPSite(runner, self.host, self.port, ssl_context=self._tls)
            await site.start()
            self.port = runner.addresses[0][1]
        except Exception as exc:  # raised by `start`: a port may be none (OverflowError), not only taken
            self._failure = exc
            await runner.cleanup()
            return
        finally:
            self._ready.set()
        announcing = asyncio.create_task(self._announce())
        ended = asyncio.create_task(self._ended.wait())
        await asyncio.wait((announcing, ended), return_when=asyncio.FIRST_COMPLETED)
        if announcing.done():  # a page whose health panel stands still would lie
            self._failure = announcing.exception()
        announcing.cancel()
        ended.cancel()
        await runner.cleanup()

    async def _announce(self) -> None:
        while True:
            self.hub.announce(self._state())
            await asyncio.sleep(_STATE_S)

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._guard()], client_max_size=4096)
        files = resources.files("host.live") / "page"
        for path, (name, kind) in _PAGES.items():
            application.router.add_get(path, _page((files / name).read_text(encoding="utf-8"), kind))
        application.router.add_post("/login", self._log_in)
        application.router.add_get("/state", self._answer_state)
        application.router.add_get("/live", self._live)
        return application

    def _guard(self) -> Middleware:
        """Returns what every request passes: host, origin, token; and what every answer says."""

        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            if not self._access.host_is_ours(request) or not self._access.origin_is_ours(request):
                response: web.StreamResponse = web.Response(status=403, text="this address is not served\n")
            elif request.path not in _OPEN and not await self._access.is_known(request):
                response = _sent_to_login(request)
            else:
                try:
                    response = await handler(request)
                except web.HTTPException as exc:
                    response = web.Response(status=exc.status, text=f"{exc.reason}\n")
            if not response.prepared:
                response.headers.update(_HEADERS)
            return response

        return guard

    async def _log_in(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        response = web.Response(status=303, headers={"Location": "/"})
        if await self._access.log_in(str(form.get("token", "")), response):
            return response
        return web.Response(status=303, headers={"Location": "/login?wrong"})

    async def _answer_state(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(dict(self._state()))

    async def _live(self, request: web.Request) -> web.StreamResponse:
        visitor = self.hub.admit()
        if visitor is None:
            return web.Response(status=503, text=f"{self.hub.most} visitors watch already\n")
        try:
            return await self._serve_visitor(request, visitor)
        finally:
            self.hub.dismiss(visitor)

    async def _serve_visitor(self, request: web.Request, visitor: Visitor) -> web.StreamResponse:
        socket = web.WebSocketResponse(heartbeat=_HEARTBEAT_S, max_msg_size=1024, compress=False)
        await socket.prepare(request)
        sending = asyncio.create_task(self.hub.serve(socket, visitor))
        try:
            ended = asyncio.create_task(self._ended.wait())
            reading = asyncio.create_task(_until_closed(socket))
            await asyncio.wait((sending, reading, ended), return_when=asyncio.FIRST_COMPLETED)
            if sending.done() and request.transport is not None:
                request.transport.abort()  # a visitor who stalled takes no farewell either
            else:
                await socket.close(code=WSCloseCode.GOING_AWAY, message=b"")
        finally:
            tasks = (sending, reading, ended)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return socket


async def _until_closed(socket: web.WebSocketResponse) -> None:
    """Reads until the visitor leaves; what a visitor says is not listened to."""
    async for _ in socket:
        pass


def _page(text: str, kind: str) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(text=text, content_type=kind, charset="utf-8")

    return answer


def _sent_to_login(request: web.Request) -> web.Response:
    if request.path == "/" and request.method == "GET":
        return web.Response(status=303, headers={"Location": "/login"})
    return web.Response(status=401, headers={"WWW-Authenticate": "Bearer"}, text="a token is needed\n")
