"""What the test benches of the video path share: sources in compile order, and the ports of video streams."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hls.lint import RTL_ROOT
from hw_anon.core.boxes import MIN_REGION, Box

__all__ = ["BENCHES", "bench_sources", "corner_regions", "random_frames", "region_words", "video_source"]

BENCHES = Path(__file__).with_name("benches")
"""Test benches in SystemVerilog: what connects several modules for a test."""


def video_source(module: str) -> Path:
    """Returns the file of a module of the video path."""
    (path,) = RTL_ROOT.rglob(f"{module}.sv")
    return path


def bench_sources(*tops: Path, replaced: Path | None = None) -> list[Path]:
    """Returns packages, all modules of the video path, and the tops; `replaced` stands in for the file of its name."""
    packages = sorted(RTL_ROOT.rglob("*_pkg.sv"))
    modules = [path for room in ("video", "top") for path in sorted((RTL_ROOT / room).glob("*.sv"))]
    return [replaced if replaced and path.name == replaced.name else path for path in [*packages, *modules]] + list(
        tops
    )


def random_frames(count: int, width: int, height: int, seed: int) -> NDArray[np.uint8]:
    """Returns `[count, height, width, 3]`: noise, and among it black, white and a checkerboard."""
    frames = np.random.default_rng(seed).integers(0, 256, (count, height, width, 3)).astype(np.uint8)
    rows, columns = np.indices((height, width))
    for k, picture in enumerate(
        (np.zeros((height, width)), np.full((height, width), 255), 255 * ((rows + columns) % 2))
    ):
        if 2 * k + 1 < count:
            frames[2 * k + 1] = picture[..., None]
    return frames


def corner_regions(width: int, height: int) -> list[Box]:
    """Returns the smallest regions in all corners, the whole frame, and one with odd sides at odd places."""
    side = MIN_REGION
    return [
        Box(x=0, y=0, width=side, height=side),
        Box(x=width - side, y=0, width=side, height=side),
        Box(x=0, y=height - side, width=side, height=side + 0),
        Box(x=width - side, y=height - side, width=side, height=side),
        Box(x=0, y=0, width=width, height=height),
        Box(x=1, y=3, width=side + 3, height=side + 5),
        Box(x=3, y=0, width=width - 3, height=side),
        Box(x=2, y=1, width=side, height=height - 1),
    ]


def region_words(regions: list[Box], faces: int) -> NDArray[np.int64]:
    """Returns regions as `[N, faces, 4]` (x, y, width, height), the last one repeated to fill the last frame."""
    padded = regions + [regions[-1]] * (-len(regions) % faces)
    values = [(box.x, box.y, box.width, box.height) for box in padded]
    return np.array(values, np.int64).reshape(-1, faces, 4)
