"""The live page: who may see it, what it says, and that a slow visitor holds up nobody."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("aiohttp", reason="missing: aiohttp")
pytest.importorskip("onnxruntime", reason="missing: onnxruntime")
pytest.importorskip("cv2", reason="missing: opencv-python-headless")

import aiohttp
import cv2

from host.actions.detector import OnnxDetector
from host.analysis import Analysis
from host.flow import Flow
from host.live.access import COOKIE, Access, is_loopback, read_token
from host.live.hub import Hub
from host.live.server import LiveServer
from host.live.state import LiveState, RecentEvents
from host.live.viewer import Viewer
from host.meters import Meter
from hw_anon.core.errors import ConfigError
from tests.host.scripted import Script, drinking, until
from tests.host.tiny_detector import HEIGHT, WIDTH, write_tiny_detector

TOKEN = "a-token-that-is-long-enough"


class Page:
    """A running page in front of a scripted camera."""

    def __init__(self, server: LiveServer, flow: Flow, hub: Hub) -> None:
        self.server, self.flow, self.hub = server, flow, hub

    def ask(self, path: str, *, method: str = "GET", **options: Any) -> tuple[int, dict[str, str], str]:
        """Returns status, headers and text of one request, redirections not followed."""

        async def asking() -> tuple[int, dict[str, str], str]:
            async with (
                aiohttp.ClientSession() as session,
                session.request(method, self.server.address + path, allow_redirects=False, **options) as answer,
            ):
                return answer.status, dict(answer.headers), await answer.text()

        return asyncio.run(asking())

    def watch(self, messages: int, **options: Any) -> list[Any]:
        """Returns the first messages that a visitor gets."""

        async def watching() -> list[Any]:
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(self.server.address + "live", **options) as visitor,
            ):
                return [(await visitor.receive(timeout=20)).data for _ in range(messages)]

        return asyncio.run(watching())


@contextmanager
def page(tmp_path: Path, access: Access | None = None, *, most: int = 8, period_s: float = 0.02) -> Iterator[Page]:
    write_tiny_detector(tmp_path / "detector")
    script, hub, recent = Script(None, period_s=period_s), Hub(most), RecentEvents()
    analysis = Analysis(OnnxDetector(tmp_path / "detector", threads=1), [recent])
    flow = Flow(script, [analysis, Viewer(hub, lambda: analysis.scene)])
    running = threading.Thread(target=flow.run)
    with LiveServer(hub, LiveState(flow, hub, analysis, recent), access or Access("127.0.0.1")) as server:
        running.start()
        try:
            yield Page(server, flow, hub)
        finally:
            flow.stop()
            script.closed.set()
            running.join(20)


def test_a_visitor_gets_pictures_with_what_is_known_about_them_and_the_state(tmp_path: Path) -> None:
    with page(tmp_path) as live:
        until(lambda: live.flow.counts.frames > 20)
        messages = live.watch(25)
    state = next(json.loads(m) for m in reversed(messages) if isinstance(m, str))
    assert state["source"] == "a scripted camera"
    assert state["status"] == "live"
    assert state["camera"]["faults"]["DETECTOR_TIMEOUT"] >= 1
    assert state["camera"]["counters"]["lost"] == 3
    assert 0 <= state["events"][-1]["time_s"] - state["camera"]["begun_s"] < 5
    assert state["events"][0]["action"] == "drinking"
    assert state["analysis"]["scene"]["people"][0]["actions"][0][0] == "drinking"
    assert state["analysis"]["median_ms"] > 0
    for message in (m for m in messages if isinstance(m, bytes)):
        (length,) = struct.unpack_from("<I", message)
        head = json.loads(message[4 : 4 + length])
        picture = cv2.imdecode(np.frombuffer(message[4 + length :], np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape == (HEIGHT, WIDTH, 3) == (head["height"], head["width"], 3)
        assert (head["fault"] == "NONE") == (picture.max() > 10)
        assert head["regions"] == ([[24, 10, 12, 12]] if head["fault"] == "NONE" else [])


def test_a_slow_camera_waits_and_a_late_one_is_stalled(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("host.live.state.time.monotonic", lambda: clock[0])
    flow = Flow(Script(), [])
    flow.counts.meter = Meter(lambda: clock[0])
    state = LiveState(flow, Hub(), None, RecentEvents())

    def after(seconds: float) -> tuple[str, float, float]:
        clock[0] += seconds
        now = state()
        return now["status"], now["wait"]["waited_s"], now["wait"]["usual_s"]

    def frame() -> None:
        flow.counts.add(drinking(0), 0.0)

    assert after(50.0) == ("waiting", 50.0, 0.0)
    frame()
    assert after(0.0) == ("live", 0.0, 50.0)
    assert after(100.0) == ("waiting", 100.0, 50.0), "how long a frame takes is not known yet"
    frame()
    after(0.0)
    for _ in range(127):
        clock[0] += 10.0
        frame()
    assert after(0.0) == ("live", 0.0, 10.0)
    assert after(9.0) == ("waiting", 9.0, 10.0)
    assert after(21.0)[0] == "waiting"
    assert after(1.0)[0] == "stalled"
    assert state()["camera"]["per_second"] == 0.098


def test_who_comes_between_two_frames_sees_the_last_one(tmp_path: Path) -> None:
    with page(tmp_path, period_s=1.5) as live:
        until(lambda: live.flow.counts.frames == 1)
        time.sleep(0.2)
        messages = live.watch(2)
        assert live.flow.counts.frames == 1
    assert any(isinstance(message, bytes) for message in messages)


def test_every_answer_has_the_headers_and_nothing_comes_from_elsewhere(tmp_path: Path) -> None:
    with page(tmp_path) as live:
        for path in ("", "live.js", "draw.js", "live.css", "login", "login.css", "favicon.svg", "state", "nothing"):
            status, headers, text = live.ask(path)
            assert status == (404 if path == "nothing" else 200)
            assert "default-src 'none'" in headers["Content-Security-Policy"]
            assert "unsafe" not in headers["Content-Security-Policy"]
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Cache-Control"] == "no-store"
            assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
            assert "https://" not in text
            assert "style=" not in text
        assert live.ask("", method="DELETE")[0] == 405


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "localhost:8080"}, 200),
        ({"Host": "[::1]:8080"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example:8080"}, 403),
        ({"Origin": "http://evil.example"}, 403),
    ],
)
def test_a_foreign_page_in_a_local_browser_sees_nothing(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    """Rebinding a name to 127.0.0.1, and another site's script."""
    with page(tmp_path) as live:
        assert live.ask("state", headers=headers)[0] == status


def test_a_foreign_page_cannot_open_the_socket(tmp_path: Path) -> None:
    with page(tmp_path) as live, pytest.raises(aiohttp.WSServerHandshakeError):
        live.watch(1, headers={"Origin": "http://evil.example"})


def test_any_other_address_needs_a_token() -> None:
    for host in ("0.0.0.0", "192.168.1.5", "::", "camera.example", ""):
        assert not is_loopback(host)
        with pytest.raises(ConfigError, match="--token-file"):
            Access(host)
    for host in ("127.0.0.1", "127.8.9.1", "::1", "localhost"):
        assert is_loopback(host)
        Access(host)
    Access("0.0.0.0", TOKEN)


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Host": "[::1"}, 403), ({"Host": ""}, 403), ({"Origin": "http://["}, 403), ({"Origin": "null"}, 403)],
)
def test_malformed_names_are_refused_and_no_error(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    with page(tmp_path) as live:
        assert live.ask("state", headers=headers)[0] == status


def test_without_the_token_nothing_but_the_form_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("host.live.access._FAILURE_S", 0.01)
    with page(tmp_path, Access("127.0.0.1", TOKEN)) as live:
        assert live.ask("")[0:2][0] == 303
        assert live.ask("")[1]["Location"] == "/login"
        for path in ("state", "live", "live.js", "nothing"):
            assert live.ask(path)[0] == 401
            assert live.ask(path, headers={"Authorization": "Bearer wrong"})[0] == 401
            assert live.ask(path, headers={"Cookie": f"{COOKIE}=guess"})[0] == 401
        assert live.ask("login")[0] == 200
        assert live.ask("state", headers={"Authorization": f"Bearer {TOKEN}"})[0] == 200
        with pytest.raises(aiohttp.WSServerHandshakeError):
            live.watch(1)
        assert live.watch(1, headers={"Authorization": f"Bearer {TOKEN}"})


def test_a_wrong_bearer_costs_time_too_and_a_flood_of_them_is_refused_unseen() -> None:
    access = Access("0.0.0.0", TOKEN)

    class Request:
        def __init__(self, token: str) -> None:
            self.cookies: dict[str, str] = {}
            self.headers = {"Authorization": f"Bearer {token}"}

    async def guess() -> tuple[float, list[bool], bool]:
        started = time.monotonic()
        first = asyncio.create_task(access.is_known(Request("wrong\udcff")))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        flood = [asyncio.create_task(access.is_known(Request("wrong"))) for _ in range(50)]  # type: ignore[arg-type]
        done, waiting = await asyncio.wait([first, *flood], return_when=asyncio.FIRST_COMPLETED)
        assert len(done) == 35 and len(waiting) == 16
        for task in flood:
            task.cancel()
        assert not await first
        took = time.monotonic() - started
        return took, [task.result() for task in done], await access.is_known(Request(TOKEN))  # type: ignore[arg-type]

    took, seen, right = asyncio.run(guess())
    assert took >= 1 and not any(seen) and right


def test_the_form_sets_a_cookie_that_opens_the_page_and_a_wrong_token_costs_time(tmp_path: Path) -> None:
    with page(tmp_path, Access("127.0.0.1", TOKEN)) as live:
        started = time.monotonic()
        status, headers, _ = live.ask("login", method="POST", data={"token": "wrong"})
        assert (status, headers["Location"]) == (303, "/login?wrong")
        assert time.monotonic() - started >= 1
        assert "Set-Cookie" not in headers
        status, headers, _ = live.ask("login", method="POST", data={"token": TOKEN})
        cookie = headers["Set-Cookie"]
        assert (status, headers["Location"]) == (303, "/")
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert TOKEN not in cookie
        session = cookie.partition(";")[0]
        assert live.ask("state", headers={"Cookie": session})[0] == 200
        assert live.ask("login", method="POST", data={"token": "x" * 9000})[0] == 413


def test_the_token_file_is_its_owners_and_long_enough(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_token(path)
    path.chmod(0o600)
    assert read_token(path) == TOKEN
    path.write_text("short")
    with pytest.raises(ConfigError, match="at least 20"):
        read_token(path)
    with pytest.raises(ConfigError, match="is a directory"):
        read_token(tmp_path)


def test_a_visitor_who_reads_nothing_holds_up_nobody_and_is_sent_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("host.live.hub._STALLED_S", 3.0)
    with page(tmp_path) as live:
        with socket.create_connection(("127.0.0.1", live.server.port)) as stuck:
            stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            stuck.sendall(
                b"GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
            until(lambda: live.hub.watched == 1)
            big = b"\0" * 500_000
            deadline = time.monotonic() + 20
            while live.hub.skipped <= 40:  # more than 20 MB for somebody who takes none of it: dropped, not kept
                assert live.hub.watched and time.monotonic() < deadline
                live.hub.publish(big)
                time.sleep(0.002)
            before = live.flow.counts.frames
            until(lambda: live.flow.counts.frames > before + 10)
            until(lambda: live.hub.watched == 0)
        assert len(live.watch(3)) == 3


def test_only_so_many_watch_even_if_they_come_at_once(tmp_path: Path) -> None:
    with page(tmp_path, most=2) as live:

        async def visit(session: aiohttp.ClientSession) -> bool:
            try:
                async with session.ws_connect(live.server.address + "live") as visitor:
                    await asyncio.sleep(0.3)
                    assert not visitor.closed
                    return True
            except aiohttp.WSServerHandshakeError as exc:
                assert exc.status == 503
                return False

        async def crowd() -> list[bool]:
            async with aiohttp.ClientSession() as session:
                return await asyncio.gather(*(visit(session) for _ in range(12)))

        assert sum(asyncio.run(crowd())) == 2
        until(lambda: live.hub.watched == 0)


def test_a_state_that_cannot_be_told_ends_the_server_and_is_its_error() -> None:
    def state() -> dict[str, float]:
        return {"rate": float("nan")}

    server = LiveServer(Hub(), state, Access("127.0.0.1"))
    with pytest.raises(ValueError, match="JSON"):  # raised by `start` if it happens fast enough
        server.start()
        until(lambda: not server._thread.is_alive())
        server.stop()
    server.stop()


def test_a_taken_port_is_an_error_and_stopping_twice_is_none(tmp_path: Path) -> None:
    with page(tmp_path) as live:
        second = LiveServer(Hub(), dict, Access("127.0.0.1"), port=live.server.port)
        with pytest.raises(OSError, match="in use"):
            second.start()
        live.server.stop()
        live.server.stop()
    with pytest.raises(OverflowError):
        LiveServer(Hub(), dict, Access("127.0.0.1"), port=70_000).start()
