"""Takes the picture of the live page in docs/host.md: rendered people, anonymised by a shipped modifier.

    python -m tests.host.live_figure --detector build/detector --out docs/figures/live.png

The detector is an export for frames of 320×240. It needs Chromium and the main environment.
"""

from __future__ import annotations

import argparse
import asyncio
import threading
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from host.frames import Snapshot
from host.live.access import Access
from host.live.session import Serving, show
from hw_anon.core.boxes import Box
from hw_anon.core.video_path import anonymise
from tests.host.browser import browser

ROOT = Path(__file__).resolve().parents[2]
_PORT = 8091
_WIDTH, _HEIGHT, _TOP = 320, 240, 22
_FRAMES, _FPS = 32, 8.0
_CLIPS = ((3, "folding_textile", 5), (7, "ironing", 1))
"""Person, action and seed of the clips, one after the other."""


class Scene:
    """The rendered clip, shown again and again at its own rate."""

    def __init__(self, frames: list[Snapshot]) -> None:
        self.clip = frames
        self.ended = threading.Event()
        self.given = 0

    def frames(self) -> Iterator[Snapshot]:
        """Yields frames until it is ended."""
        while not self.ended.wait(1 / _FPS):
            clip = self.clip[self.given % len(self.clip)]
            yield Snapshot(pixels=clip.pixels, boxes=clip.boxes, number=self.given, timestamp=time.time())
            self.given += 1

    def counters(self) -> Mapping[str, int]:
        """Returns nothing: nothing can get lost."""
        return {}

    def describe(self) -> str:
        """Returns what it is."""
        return "rendered people · 320×240 · modifier-s"


def rendered() -> Iterator[tuple[NDArray[np.uint8], list[Box]]]:
    """Yields raw frames and the regions to replace."""
    from hw_anon.core.boxes import face_region
    from hw_anon.data.synthetic.studio import load_studio

    studio = load_studio()
    for person, action, seed in _CLIPS:
        for shot in studio.clip(person, action, seed, frames=_FRAMES, fps=_FPS, size=_WIDTH):
            regions = []
            if shot.face is not None:
                box = shot.face.pixels()
                moved = Box(x=box.x, y=box.y - _TOP, width=box.width, height=box.height)
                regions.append(face_region(moved, _WIDTH, _HEIGHT))
            yield np.ascontiguousarray(shot.picture[_TOP : _TOP + _HEIGHT]), regions


def anonymised() -> list[Snapshot]:
    """Returns the clip as the camera would deliver it."""
    from quant.backend import QatBackend
    from quant.export import integer_net
    from quant.zoo import load_net

    backend = QatBackend(integer_net(load_net("modifier-s")))
    replace = partial(anonymise, modify=backend.modify, size=64, max_faces=4)
    done = [replace(raw, regions, number=number) for number, (raw, regions) in enumerate(rendered())]
    return [Snapshot(pixels=frame.frame, boxes=frame.boxes, number=frame.number) for frame in done]


async def photograph(out: Path, width: int, height: int) -> None:
    """Waits until actions are shown, and takes the picture."""
    async with browser() as tab:
        await tab.look_at(f"http://127.0.0.1:{_PORT}/", width=width, height=height)
        await tab.until("document.querySelectorAll('#people .what:not(.none)').length > 0")
        await tab.until("document.querySelectorAll('#events li').length > 2 || performance.now() > 15000")
        await tab.picture(out)
    picture = Image.open(out).convert("RGB")
    picture.quantize(256, dither=Image.Dither.NONE).save(out, optimize=True)


def main() -> None:
    """Renders, serves, photographs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detector", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=ROOT / "docs/figures/live.png")
    parser.add_argument("--size", type=int, nargs=2, default=(1280, 800))
    options = parser.parse_args()
    scene = Scene(anonymised())
    serving = threading.Thread(
        target=partial(
            show, scene, Serving(access=Access("127.0.0.1"), port=_PORT), detector=options.detector, announce=print
        )
    )
    serving.start()
    try:
        time.sleep(4)
        asyncio.run(photograph(options.out, *options.size))
    finally:
        scene.ended.set()
        serving.join()


if __name__ == "__main__":
    main()
