"""Processor time of an anonymiser for a frame, on one core: `python -m hw_anon.evaluate.foreign_timing TARGET`.

Frames show one face of a photograph, of 8 to 200 pixels. What is counted is the processor time of all threads, not the
time on the clock: it hardly depends on what else the machine does. The process is bound to one core, so that libraries
start one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.boxes import Box
from hw_anon.core.errors import ConfigError
from hw_anon.data.face_frames import compose, portrait_patch
from hw_anon.evaluate.foreign import FrameAnonymiser
from hw_anon.evaluate.foreign_open import open_foreign
from hw_anon.evaluate.gallery import GalleryMethod, modify_regions

__all__ = ["bind_to_one_core", "time_calls", "time_frames"]

SIZES = ((320, 240), (640, 480))
"""Columns and rows of the frames."""


def time_frames(target: str, width: int, height: int, *, frames: int = 20, crop_side: int = 64) -> dict[str, float]:
    """Returns the median and the largest processor time of a frame in milliseconds, and the number of frames.

    Args:
        target: the anonymiser, see `foreign_open`.
        width: columns of a frame.
        height: rows of a frame.
        frames: how many are measured, after one that is not.
        crop_side: side of the crops of what takes crops: it gets one crop of each frame.

    Raises:
        ConfigError: if there is no such anonymiser, or nothing to measure.
        ToolError: if a package is missing.
    """
    method = open_foreign(target, crop_side=crop_side)
    shown = GalleryMethod(backend=method.backend, crop_side=method.crop_side)
    whole = isinstance(method.backend, FrameAnonymiser)
    side = height // 2
    regions = [] if whole else [Box(x=(width - side) // 2, y=(height - side) // 2, width=side, height=side)]
    return time_calls(lambda frame: modify_regions(frame, regions, shown), width, height, frames=frames)


def time_calls(
    action: Callable[[NDArray[np.uint8]], object], width: int, height: int, *, frames: int = 20
) -> dict[str, float]:
    """Returns the processor time of a function as `time_frames` does; equal sizes give equal frames.

    Args:
        action: what is measured; it is given an `[H, W, 3]` uint8 RGB frame of its own.
        width: columns of a frame.
        height: rows of a frame.
        frames: how many are measured, after one that is not.

    Raises:
        ConfigError: if there is nothing to measure.
    """
    if frames < 1:
        raise ConfigError(f"frames = {frames}: allowed range is 1 and above")
    spent = []
    for number in range(frames + 1):
        frame = compose([portrait_patch()], 1, width=width, height=height, rng=np.random.default_rng(number))
        start = time.process_time()
        action(frame)
        spent.append(1e3 * (time.process_time() - start))
    return {"median_ms": float(np.median(spent[1:])), "largest_ms": max(spent[1:]), "frames": frames}


def bind_to_one_core() -> None:
    """Binds this process to one core, so that libraries start one thread."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def main() -> None:
    """Measures at both sizes and prints JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("target", help="package.module:function, file.py:function or network.onnx")
    parser.add_argument("--frames", type=int, default=20)
    given = parser.parse_args()
    bind_to_one_core()
    print(json.dumps({f"{w}x{h}": time_frames(given.target, w, h, frames=given.frames) for w, h in SIZES}, indent=2))


if __name__ == "__main__":
    main()
