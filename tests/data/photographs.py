"""Small copies of the public data sets whose pictures show a face: what training on photographs and videos reads."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hw_anon.data.daly import DALY_ACTIONS
from hw_anon.data.labelled_videos import COLUMNS
from hw_anon.data.portrait import load_portrait
from tests.data.trees import encoded, picture_payload, write_file, write_records, write_video

ROWS, COLUMNS_OF_FRAME = 96, 128
"""Size of a frame."""


def portrait(person: int, number: int) -> NDArray[np.uint8]:
    """A picture of 100×100 pixels: one face in a light that tells the person, framed a little differently each time."""
    shift = 4 * number
    cut = load_portrait()[20 + shift : 220 + shift : 2, 120 + shift : 320 + shift : 2]
    return np.clip(cut * (0.6 + 0.1 * person), 0, 255).astype(np.uint8)


def frame(number: int) -> NDArray[np.uint8]:
    """A grey frame of 128×96 pixels with a face, a little further to the right in each."""
    pixels = np.full((ROWS, COLUMNS_OF_FRAME, 3), 90, np.uint8)
    left = 10 + 2 * number
    pixels[8:88, left : left + 80] = load_portrait()[20:260:3, 104:344:3]
    return pixels


def write_casia_folder(root: Path, people: int = 5, pictures: int = 3) -> Path:
    """CASIA-WebFace as folders."""
    for person in range(people):
        for number in range(1, pictures + 1):
            data = encoded(portrait(person, number), "JPEG", quality=95)
            write_file(root / f"{45 + person:07d}" / f"{number:03d}.jpg", data)
    return root


def write_casia_records(root: Path, people: int = 5, pictures: int = 3) -> Path:
    """CASIA-WebFace as `train.rec` and `train.idx`; returns the folder."""
    count = people * pictures
    payloads = {0: picture_payload([float(count + 1), float(count + 1 + people)])}
    for person in range(people):
        for number in range(1, pictures + 1):
            key = person * pictures + number
            data = encoded(portrait(person, number), "JPEG", quality=95)
            payloads[key] = picture_payload(float(person), data, key)
    for person in range(people):
        start = person * pictures + 1
        payloads[count + 1 + person] = picture_payload([float(start), float(start + pictures)])
    write_records(root / "train.rec", payloads)
    return root


def write_daly(root: Path) -> Path:
    """DALY with two videos, one for training and one for testing, of two sizes."""

    def keyframes(*numbers: int) -> list[dict[str, object]]:
        box = np.array([[0.1, 0.05, 0.9, 1.0]], np.float32)
        return [{"frameNumber": number, "boundingBox": box, "time": number / 25} for number in numbers]

    annotated = {
        "a.mp4": {"annot": {"Drinking": [{"flags": {}, "keyframes": keyframes(2, 5, 8)}]}},
        "b.mp4": {"annot": {"Phoning": [{"flags": {}, "keyframes": keyframes(1, 4)}]}},
    }
    content = {"labels": list(DALY_ACTIONS), "splits": [["b.mp4"]], "annot": annotated}
    write_file(root / "daly1.1.0.pkl", pickle.dumps(content, 2))
    write_video(root / "videos" / "a.mp4", 8, show=frame)
    write_video(root / "videos" / "b.mp4", 8, show=lambda number: np.ascontiguousarray(frame(number)[:, 16:112]))
    return root


def write_jhmdb(root: Path) -> Path:
    """JHMDB as `JHMDB-GT.pkl`: two clips of three frames."""
    videos = ["pour/a", "wave/b"]
    tubes = {
        video: {index: [np.array([[n, 12, 8, 100, 90] for n in (1, 2, 3)], np.float32)]}
        for index, video in enumerate(videos)
    }
    content = {
        "labels": ["pour", "wave"],
        "gttubes": tubes,
        "nframes": dict.fromkeys(videos, 3),
        "train_videos": [[videos[0]]],
        "test_videos": [[videos[1]]],
        "resolution": dict.fromkeys(videos, (ROWS, COLUMNS_OF_FRAME)),
    }
    write_file(root / "JHMDB-GT.pkl", pickle.dumps(content, 2))
    for video in videos:
        for number in (1, 2, 3):
            write_file(root / "Frames" / video / f"{number:05d}.png", encoded(frame(number), "PNG"))
    return root


def write_labelled_videos(root: Path) -> Path:
    """Two videos with a list of labels; nobody is labelled in one frame."""
    lines = [
        ",".join(COLUMNS),
        "a.mp4,train,2,0.1,0.05,0.9,1,drinking",
        "a.mp4,train,5,0.1,0.05,0.9,1,drinking",
        "a.mp4,train,7,,,,,",
        "b.mp4,test,1,0.1,0.05,0.9,1,phoning",
        "b.mp4,test,1,0,0,0.2,0.5,drinking",
    ]
    write_file(root / "labels.csv", "\n".join(lines) + "\n")
    for name in ("a.mp4", "b.mp4"):
        write_video(root / name, 8, show=frame)
    return root
