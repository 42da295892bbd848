"""Counts the cuts found in rendered clips that follow one another, and those found where there are none.

    python -m tests.host.cut_counts build/synthetic

The argument is a directory that `hw-anon synthesise` wrote; its test clips are taken, whose frames are 1/8 s apart. It
needs no torch.
"""

from __future__ import annotations

import argparse
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from host.actions.cuts import CutFinder

Picture = NDArray[np.uint8]
_REPEATS = 200


def main() -> None:
    """Prints the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, help="what `hw-anon synthesise` wrote")
    files = sorted((parser.parse_args().directory / "clips").glob("test-*.tar"))
    clips = [_frames(file) for file in files]
    joined = [frame for clip in clips for frame in clip]
    begins = set(np.cumsum([len(clip) for clip in clips[:-1]]).tolist())
    found = _cuts(joined)
    print(f"{len(found & begins)} of {len(begins)} cuts, and {len(found - begins)} in {len(joined) - len(clips)} steps")
    for name, light in _lights(joined[0].shape[1]).items():
        false = sum(bool(_cuts([clip[0], np.clip(clip[1] * light, 0, 255).astype(np.uint8)])) for clip in clips)
        print(f"light {name}: {false} of {len(clips)} taken for cuts")
    for height, width in ((240, 320), (480, 640)):
        frame = np.asarray(cv2.resize(joined[0], (width, height)), np.uint8)
        print(f"{width}×{height}: {_median_ms(frame):.2f} ms a frame")


def _lights(width: int) -> dict[str, NDArray[np.float64]]:
    """Returns what each pixel is multiplied by, by the name of what happens to the light."""
    across = np.linspace(0.4, 1.6, width)[None, :, None]
    return {
        "to a third": np.array(0.33),
        "doubled": np.array(2.0),
        "to a lamp's colour": np.array([1.3, 1.0, 0.7]),
        "from one side": across,
    }


def _frames(file: Path) -> list[Picture]:
    with tarfile.open(file) as archive:
        names = sorted(name for name in archive.getnames() if name.endswith(".jpg"))
        data = [np.frombuffer(archive.extractfile(name).read(), np.uint8) for name in names]  # type: ignore[union-attr]
    return [np.ascontiguousarray(cv2.imdecode(one, cv2.IMREAD_COLOR)[..., ::-1]) for one in data]  # type: ignore[index]


def _cuts(frames: Sequence[Picture]) -> set[int]:
    finder = CutFinder()
    return {index for index, frame in enumerate(frames) if finder.is_cut(frame)}


def _median_ms(frame: Picture) -> float:
    finder, times = CutFinder(), []
    for _ in range(_REPEATS):
        begun = time.perf_counter()
        finder.is_cut(frame)
        times.append(time.perf_counter() - begun)
    return 1000 * float(np.median(times))


if __name__ == "__main__":
    main()
