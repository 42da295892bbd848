"""The live page in a real browser, at a desk's width and at a phone's."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

pytest.importorskip("aiohttp", reason="missing: aiohttp")
pytest.importorskip("onnxruntime", reason="missing: onnxruntime")
pytest.importorskip("cv2", reason="missing: opencv-python-headless")

import cv2

from host.live.access import Access
from tests.host.browser import PROGRAMS, Browser, browser, find_browser
from tests.host.test_live import TOKEN, page

pytestmark = pytest.mark.skipif(find_browser() is None, reason=f"missing: a browser ({', '.join(PROGRAMS)})")

DRAWN = "document.getElementById('video').height === 768"
_TRIES, _RED = 20, 0.02
ACTION = "document.querySelector('#people .what')?.textContent.includes('drinking')"

WATCH_WITHHELD = """
    new MutationObserver(() => {
        if (!document.getElementById('withheld').hidden) {
            window.withheldFor = document.getElementById('reason').textContent;
        }
    }).observe(document.body, {subtree: true, attributes: true, childList: true, characterData: true});
"""
"""Notes in the page why a picture is withheld: that stands for one frame only, which who asks now and then may miss."""


async def looked_at(tab: Browser, address: str, width: int, shot: Path) -> None:
    await tab.look_at(address, width=width, height=900)
    await tab.until("document.getElementById('status')?.textContent === 'live'")
    await tab.until(ACTION)
    await tab.until("document.querySelectorAll('#events li').length > 0")
    assert await tab.value("document.documentElement.scrollWidth") <= width, "nothing sticks out on the right"
    for _ in range(_TRIES):  # every few frames one is withheld, and the picture may be of that one
        await tab.picture(shot)
        if _red_share(shot) > _RED:
            return


def _red_share(shot: Path) -> float:
    picture = cv2.imread(str(shot))
    return float(((picture[..., 2] > 180) & (picture[..., 1] < 90)).mean())


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_shows_video_actions_and_health(tmp_path: Path, width: int) -> None:
    async def visit(address: str) -> list[str]:
        async with browser() as tab:
            await looked_at(tab, address, width, tmp_path / "shot.png")
            await tab.value(WATCH_WITHHELD)
            await tab.until("window.withheldFor === 'detector timeout'")
            await tab.until("Number(document.getElementById('rate').textContent) > 0")
            return tab.complaints

    with page(tmp_path) as live:
        complaints = asyncio.run(visit(live.server.address))
    assert not complaints, "neither errors nor anything that the policy refused"
    picture = cv2.imread(str(tmp_path / "shot.png"))
    assert picture.shape[:2] == (900, width)
    assert _red_share(tmp_path / "shot.png") > _RED, "the camera's red rectangle is in the picture"


def test_a_slow_camera_is_seen_to_be_at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("host.live.state._STALLED_S", 0.3)
    paused = "document.getElementById('status').textContent === 'waiting' && !document.getElementById('pause').hidden"
    value = "document.getElementById('pause-bar').value"

    async def visit(address: str) -> list[str]:
        async with browser() as tab:
            await tab.look_at(address, width=800, height=700)
            await tab.until(f"{DRAWN} && {paused} && {value} > 0.5")
            assert "next frame" in await tab.value("document.getElementById('pause-text').textContent")
            await tab.until("document.getElementById('status').textContent === 'live'")
            assert await tab.value("document.getElementById('pause').hidden")
            return tab.complaints

    with page(tmp_path, period_s=2.0) as live:
        assert not asyncio.run(visit(live.server.address))


def test_a_visitor_gives_the_token_in_the_form(tmp_path: Path) -> None:
    async def visit(address: str) -> None:
        async with browser() as tab:
            await tab.look_at(address, width=800, height=600)
            await tab.until("location.pathname === '/login' && document.getElementById('token') !== null")
            await tab.start(f"document.getElementById('token').value = '{TOKEN}'; document.forms[0].requestSubmit()")
            await tab.until("location.pathname === '/'")
            await tab.until(ACTION)

    with page(tmp_path, Access("127.0.0.1", TOKEN)) as live:
        asyncio.run(visit(live.server.address))
