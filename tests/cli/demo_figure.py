"""Takes the picture of the demonstration's page in README.md.

    python -m tests.cli.demo_figure --page build/demo/report.html --out docs/figures/demo.png

It needs Chromium and the main environment. The picture begins at the top and ends with the section before `--until`.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import tempfile
from pathlib import Path

from PIL import Image

from hw_anon.core.atomic import write_bytes_atomically
from tests.host.browser import browser

WIDTH, HEIGHT = 1280, 900
_COLOURS = 256


async def photograph(page: Path, out: Path, *, until: str) -> None:
    """Writes the picture, with few colours."""
    with tempfile.TemporaryDirectory() as place:
        shot = Path(place) / "shot.png"
        async with browser() as tab:
            await tab.look_at(page.resolve().as_uri(), width=WIDTH, height=HEIGHT)
            await tab.until("document.readyState === 'complete'")
            end = await tab.value(f"Math.round(document.getElementById({until!r}).getBoundingClientRect().top)")
            await tab.look_at(page.resolve().as_uri(), width=WIDTH, height=int(end))
            await tab.until("document.readyState === 'complete'")
            await tab.until("[...document.querySelectorAll('video')].every(video => video.currentTime > 1)")
            await tab.value("document.querySelectorAll('video').forEach(video => { video.controls = false; })")
            await tab.picture(shot)
        with Image.open(shot) as picture:
            few = picture.convert("RGB").quantize(_COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    few.save(buffer, format="PNG", optimize=True)
    write_bytes_atomically(out, buffer.getvalue())


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", type=Path, default=Path("build/demo/report.html"))
    parser.add_argument("--out", type=Path, default=Path("docs/figures/demo.png"))
    parser.add_argument("--until", default="faults", help="anchor of the first section that is not in the picture")
    given = parser.parse_args()
    asyncio.run(photograph(given.page, given.out, until=given.until))


if __name__ == "__main__":
    main()
