"""What the examples use where nobody gives them data: one photograph, cut and lit in several ways.

Of scikit-image's portrait every "person" is another brightness and framing: enough to run every step, worth nothing
as data.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hw_anon.data.portrait import load_portrait

LABELS = """video,split,frame,left,top,right,bottom,action
a.mp4,train,2,0.1,0.05,0.9,1,drinking
a.mp4,train,5,0.1,0.05,0.9,1,drinking
a.mp4,train,7,,,,,
b.mp4,test,1,0.1,0.05,0.9,1,phoning
b.mp4,test,4,0.1,0.05,0.9,1,drinking
"""
"""One line a box: video, split, frame from 1, edges in parts of the frame, action (docs/own-data.md)."""


def write_faces(folder: Path, *, people: int = 5, pictures: int = 3, side: int = 160) -> Path:
    """Writes `folder/<person>/<number>.png`, square RGB pictures."""
    for person in range(people):
        (folder / f"person-{person}").mkdir(parents=True, exist_ok=True)
        for number in range(pictures):
            shift = 6 * number
            cut = load_portrait()[10 + shift : 230 + shift, 110 + shift : 330 + shift]
            lit = np.clip(cut * (0.55 + 0.12 * person), 0, 255).astype(np.uint8)
            Image.fromarray(lit).resize((side, side)).save(folder / f"person-{person}" / f"{number}.png")
    return folder


def write_videos(folder: Path, *, frames: int = 8) -> Path:
    """Writes two videos of 128×96 pixels with a face that moves, and `labels.csv` beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "labels.csv").write_text(LABELS)
    for name in ("a.mp4", "b.mp4"):
        _write_video(folder / name, [_scene(number) for number in range(frames)])
    return folder


def _scene(number: int) -> NDArray[np.uint8]:
    frame = np.full((96, 128, 3), 90, np.uint8)
    left = 10 + 2 * number
    frame[8:88, left : left + 80] = load_portrait()[20:260:3, 104:344:3]
    return frame


def _write_video(path: Path, frames: list[NDArray[np.uint8]]) -> None:
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(25))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
