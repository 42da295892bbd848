"""Who may see the live page.

On the loopback interface everyone on the machine may, but no foreign page in their browser: the request's host must be
the machine itself (a foreign name that resolves to 127.0.0.1 is refused) and a WebSocket must come from the page
itself. On any other address a token is needed as well, as a bearer or, in a browser, once in a form that sets a cookie.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import secrets
import stat
import time
from collections import OrderedDict
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from hw_anon.core.errors import ConfigError

__all__ = ["COOKIE", "Access", "is_loopback", "read_token"]

COOKIE = "hw_anon_session"
_SHORTEST_TOKEN = 20
_SESSION_S = 12 * 3600
_MOST_SESSIONS = 64
_FAILURE_S = 1.0
"""A wrong token costs this long, one at a time, in the form or as a bearer: a guesser has one try a second."""
_MOST_TRIES = 16
"""Tokens that wait to be looked at; more are refused unseen."""


def is_loopback(host: str) -> bool:
    """Returns whether an address or a name is the machine itself, and nothing else."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def read_token(path: Path) -> str:
    """Reads a token from a file that only its owner can read.

    Raises:
        ConfigError: if it is a directory, others can read it, or the token is too short.
        OSError: if it cannot be read.
    """
    if path.is_dir():
        raise ConfigError(f"{path} is a directory; name a file that holds the token")
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"{path}: others can read the token: chmod 600 {path}")
    token = path.read_text(encoding="utf-8").strip()
    if len(token) < _SHORTEST_TOKEN:
        raise ConfigError(
            f"{path}: a token has at least {_SHORTEST_TOKEN} characters; make one with "
            f'python3 -c "import secrets; print(secrets.token_urlsafe(24))" > {path}'
        )
    return token


class Access:
    """Decides about requests.

    Args:
        host: address that the server listens on.
        token: what a visitor must know; required unless the address is the loopback's.
        secure: whether the server speaks TLS, so that browsers keep the cookie off plain connections.

    Raises:
        ConfigError: if the address is open to others and there is no token.
    """

    def __init__(self, host: str, token: str | None = None, *, secure: bool = False) -> None:
        if token is None and not is_loopback(host):
            raise ConfigError(
                f"host = {host!r}: others could watch; give a --token-file, or listen on 127.0.0.1 and reach the page "
                "through ssh -L"
            )
        self.local = is_loopback(host)
        self.needs_token = token is not None
        self._token = token or ""
        self._secure = secure
        self._sessions: OrderedDict[str, float] = OrderedDict()
        self._one_at_a_time = asyncio.Lock()
        self._tries = 0

    def host_is_ours(self, request: web.Request) -> bool:
        """Returns whether the request is for this machine by a name that can mean nothing else."""
        return self.needs_token or is_loopback(_host_name(request.host))

    def origin_is_ours(self, request: web.Request) -> bool:
        """Returns whether a browser sent the request from our own page; other programs name no origin."""
        origin = request.headers.get("Origin")
        return origin is None or origin.partition("://")[2] == request.host != ""

    async def is_known(self, request: web.Request) -> bool:
        """Returns whether the visitor may see the camera."""
        if not self.needs_token or self._sessions.get(request.cookies.get(COOKIE, ""), 0.0) > time.monotonic():
            return True
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        return scheme.lower() == "bearer" and await self._matches(given)

    async def _matches(self, given: str) -> bool:
        """Returns whether a token is right; a wrong one keeps all others waiting."""
        if self._tries >= _MOST_TRIES:
            return False
        self._tries += 1
        try:
            async with self._one_at_a_time:
                right = hmac.compare_digest(given.strip().encode(errors="surrogateescape"), self._token.encode())
                if not right:
                    await asyncio.sleep(_FAILURE_S)
                return right
        finally:
            self._tries -= 1

    async def log_in(self, given: str, response: web.Response) -> bool:
        """Checks a token from the form; if it is right, the response sets the cookie.

        Args:
            given: what the visitor typed.
            response: what will be answered.
        """
        if not await self._matches(given):
            return False
        session = secrets.token_urlsafe(32)
        self._sessions[session] = time.monotonic() + _SESSION_S
        while len(self._sessions) > _MOST_SESSIONS:
            self._sessions.popitem(last=False)
        response.set_cookie(
            COOKIE, session, max_age=_SESSION_S, httponly=True, samesite="Strict", secure=self._secure, path="/"
        )
        return True


def _host_name(host: str) -> str:
    """Returns the name in a `Host` header, empty if it is malformed."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
