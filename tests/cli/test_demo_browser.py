"""The demonstration's page in a real browser: nothing overflows at 1280 pixels, nothing is refused, nothing fetched."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

pytest.importorskip("aiohttp", reason="missing: aiohttp")
pytest.importorskip("av", reason="missing: av")
pytest.importorskip("matplotlib", reason="missing: matplotlib")

from hw_anon.cli.demo.actions import Delivered, record_and_watch
from hw_anon.cli.demo.measured import measured_results
from hw_anon.cli.demo.page import write_page
from hw_anon.evaluate.assurance import Assurance
from tests.cli.demo_figure import WIDTH
from tests.cli.demo_world import demo_report
from tests.evaluate.test_assurance import OUTPUTS
from tests.host.browser import browser, find_browser
from tests.host.tiny_detector import write_tiny_detector

ROOT = Path(__file__).parents[2]
TOO_WIDE = """[...document.querySelectorAll('main *')].filter(e => e.scrollWidth > e.clientWidth + 1
    && getComputedStyle(e).overflowX !== 'visible' || e.getBoundingClientRect().right > innerWidth)
    .map(e => e.outerHTML.slice(0, 80))"""


def _page(directory: Path) -> Path:
    """Writes a page with everything on it."""
    results, _ = measured_results(ROOT / "docs" / "results")
    shared = {"command": "hw-anon x", "commit": "c0ffee", "rtl_sha256": "0" * 64}
    assurance = {
        kind: Assurance.parse({**shared, "kind": kind, "output": output}, where=kind)
        for kind, output in OUTPUTS.items()
    }
    plain = demo_report()
    write_tiny_detector(directory / "detector")
    actions = record_and_watch(
        Delivered(plain.delivered, fps=plain.fps, origin="a test"),
        directory,
        fps=plain.fps,
        detector=directory / "detector",
        name="tiny",
        metrics={"map50": 0.5, "map50_ci": [0.4, 0.6]},
    )
    return write_page(demo_report(results=results, assurance=assurance, actions=actions), directory)


def test_nothing_overflows_and_nothing_is_refused(tmp_path: Path) -> None:
    if find_browser() is None:
        pytest.skip("missing: chromium")
    page = _page(tmp_path)

    async def look() -> tuple[list[str], list[str], int]:
        async with browser() as tab:
            await tab.look_at(page.as_uri(), width=WIDTH, height=900)
            await tab.until("document.readyState === 'complete'")
            await tab.until("document.querySelector('video').readyState > 1")
            await tab.value("document.querySelectorAll('details').forEach(each => { each.open = true; })")
            return await tab.value(TOO_WIDE), tab.complaints, await tab.value("document.documentElement.scrollWidth")

    too_wide, complaints, width = asyncio.run(look())
    assert too_wide == []
    assert complaints == []
    assert width <= WIDTH
