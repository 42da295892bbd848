"""What a demonstration sends into a camera: a picture, a folder of pictures, a video, or people rendered on the spot.

Frames get the camera's size. A picture of other proportions is scaled to fit and stands between black bars, so that
nobody at its edges is cut off.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.data.images import IMAGE_SUFFIXES, image_files, read_picture
from hw_anon.data.portrait import load_portrait
from hw_anon.data.samples import natural_key
from hw_anon.data.synthetic.studio import Studio, load_studio
from hw_anon.data.video import Video

__all__ = ["Footage", "fit_picture", "read_footage", "rendered_footage"]

_SCENES: tuple[tuple[tuple[int, str], ...], ...] = (
    ((3, "drinking"),),
    ((11, "taking_photos"),),
    ((15, "playing_harmonica"), (7, "phoning")),
)
"""Who does what in each scene of the rendered clip; two people share the picture, half of it each."""
_FPS = 8.0
_SLIDES_PER_S = 2.0
_PORTRAIT_SHARES = (1.0, 0.85, 0.7, 0.55)  # sides of what is shown of the portrait: the camera comes nearer


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Footage:
    """Frames of one size, in order."""

    name: str
    """What it is, for people."""
    frames: tuple[NDArray[np.uint8], ...]
    """`[H, W, 3]` uint8 RGB each, at least one."""
    fps: float
    """Frames a second to show them at."""
    left_out: int = 0
    """Frames of the source that were not taken."""


def fit_picture(picture: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Scales a picture `[h, w, 3]` into `[height, width, 3]`, proportions kept, black bars where it does not reach."""
    from PIL import Image, ImageOps

    if picture.shape[:2] == (height, width):
        return picture
    fitted = ImageOps.pad(Image.fromarray(picture), (width, height), Image.Resampling.BOX)
    return np.array(fitted, np.uint8)


def read_footage(path: Path, *, width: int, height: int, most: int) -> Footage:
    """Reads frames for a camera.

    Args:
        path: a picture, a folder of pictures (in the natural order of their names), or a video.
        width: columns of the camera's frames.
        height: rows of the camera's frames.
        most: frames taken at most, from the beginning.

    Raises:
        ConfigError: if the path does not exist.
        ContractError: if a picture or the video cannot be read, or the folder holds no picture.
        ToolError: if Pillow or, for a video, PyAV is not installed.
    """
    if not path.exists():
        raise ConfigError(f"{path} does not exist; give a picture, a folder of pictures or a video file")
    if path.is_dir():
        files = sorted(image_files(path), key=lambda file: natural_key(file.name))
        if not files:
            raise ContractError(f"{path} holds no picture ({', '.join(sorted(IMAGE_SUFFIXES))})")
        pictures, total, fps = (read_picture(file) for file in files[:most]), len(files), _SLIDES_PER_S
        return _fitted(f"pictures in {path.name or path}", pictures, total, fps, width, height)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return _fitted(path.name, iter([read_picture(path)]), 1, _SLIDES_PER_S, width, height)
    with Video(path) as video:
        total = len(video)
        fps = (total - 1) / video.time_s(total) if total > 1 and video.time_s(total) > 0 else _SLIDES_PER_S
        pictures = (video.frame(number).picture for number in range(1, min(total, most) + 1))
        return _fitted(path.name, pictures, total, min(max(fps, 0.5), 120.0), width, height)


def _fitted(
    name: str, pictures: Iterator[NDArray[np.uint8]], total: int, fps: float, width: int, height: int
) -> Footage:
    frames = tuple(fit_picture(picture, width, height) for picture in pictures)
    return Footage(name=name, frames=frames, fps=fps, left_out=total - len(frames))


def rendered_footage(*, width: int, height: int, most: int, studio: Studio | None = None) -> Footage:
    """Draws a clip of people who do not exist, each with something at the face, and ends with a real portrait.

    Args:
        width: columns of the camera's frames.
        height: rows of the camera's frames.
        most: frames at most, but one of each scene and the portrait in any case.
        studio: who draws; the renderer of this package if not given.

    Raises:
        ToolError: if what draws people is not installed.
    """
    studio = studio or load_studio()
    portrait = _portrait_frames(width, height)
    each = max(1, (most - len(portrait)) // len(_SCENES))
    frames = [frame for scene in _SCENES for frame in _scene(studio, scene, each, width, height)]
    return Footage(name="rendered people and a real portrait", frames=(*frames, *portrait), fps=_FPS, left_out=0)


def _scene(
    studio: Studio, people: tuple[tuple[int, str], ...], count: int, width: int, height: int
) -> Iterator[NDArray[np.uint8]]:
    """Yields the frames of one scene: each person in a part of the picture of their own."""
    share = width // len(people)
    side = max(share, height)
    clips = [studio.clip(who, what, who, frames=count, fps=_FPS, size=side) for who, what in people]
    for shots in zip(*clips, strict=True):
        frame = np.zeros((height, width, 3), np.uint8)
        for index, shot in enumerate(shots):
            x, y = (0 if shot.face is None else _centre(shot.face.box, axis) for axis in (0, 1))
            left, top = min(max(0, x - share // 2), side - share), min(max(0, y - height // 2), side - height)
            frame[:, index * share : (index + 1) * share] = shot.picture[top : top + height, left : left + share]
        yield frame


def _centre(box: tuple[float, float, float, float], axis: int) -> int:
    return round((box[axis] + box[axis + 2]) / 2)


def _portrait_frames(width: int, height: int) -> list[NDArray[np.uint8]]:
    """Returns the portrait, every time a little nearer, twice each."""
    portrait = load_portrait()
    frames = []
    for share in _PORTRAIT_SHARES:
        rows = round(share * len(portrait))
        left = min(max(0, 224 - rows // 2), portrait.shape[1] - rows)
        frames += 2 * [fit_picture(portrait[:rows, left : left + rows], width, height)]
    return frames
