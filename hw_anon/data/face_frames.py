"""Frames with a wanted number of faces, of 8 to 200 pixels and at all borders: what a camera is tried on.

A room fills the frame; faces are cut out of pictures of real or rendered people and pasted without overlapping. How
many of them a detector finds is its own affair: `frames_with` draws until it finds as many as are wanted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.boxes import Box
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.video_path import resample
from hw_anon.data.att import ATT_HEIGHT, ATT_WIDTH
from hw_anon.data.portrait import PORTRAIT_FACE, load_portrait
from hw_anon.data.synthetic.backdrops import make_backdrop
from hw_anon.data.synthetic.studio import load_studio

__all__ = ["FacePatch", "att_patches", "compose", "frames_with", "portrait_patch", "rendered_patches"]

SMALLEST, LARGEST = 8.0, 200.0
"""Heights of the faces in pixels."""

_ATT_FACE = Box(x=10, y=18, width=72, height=88)
_CONTEXT = 1.8  # side of what is cut out, in sides of the face: hair, neck, a little of the background
_LARGEST_SHARE = 0.85  # of the frame's height
_DRAWS = 400  # of frames until the wanted number of faces is found
_TRIES = 40  # of places for a face
_GAMMA = 1 / 2.2


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FacePatch:
    """A picture cut around a face."""

    pixels: NDArray[np.uint8]
    """`[H, W, 3]` uint8 RGB."""
    face_height: float
    """Height of the face, in pixels of the picture."""
    origin: str
    """`real` or `rendered`."""


def _cut(picture: NDArray[np.uint8], face: Box, origin: str) -> FacePatch:
    side = _CONTEXT * max(face.width, face.height)
    x, y = face.x + face.width / 2, face.y + face.height / 2
    rows = slice(max(0, int(y - side / 2)), min(len(picture), int(y + side / 2)))
    columns = slice(max(0, int(x - side / 2)), min(picture.shape[1], int(x + side / 2)))
    return FacePatch(pixels=picture[rows, columns].copy(), face_height=face.height, origin=origin)


def portrait_patch() -> FacePatch:
    """Returns scikit-image's portrait."""
    return _cut(load_portrait(), PORTRAIT_FACE, "real")


def att_patches(faces: NDArray[np.uint8], count: int, seed: int) -> list[FacePatch]:
    """Returns pictures of `count` people out of the AT&T faces `[40, 10, 112, 92]`.

    Raises:
        ContractError: if `faces` has another shape.
    """
    if faces.ndim != 4 or faces.shape[2:] != (ATT_HEIGHT, ATT_WIDTH):
        raise ContractError(f"faces are {list(faces.shape)}; expected [people, pictures, {ATT_HEIGHT}, {ATT_WIDTH}]")
    rng = np.random.default_rng(seed)
    people = rng.permutation(len(faces))[:count]
    grey = [faces[person, rng.integers(faces.shape[1])] for person in people]
    return [_cut(np.repeat(picture[..., None], 3, axis=2), _ATT_FACE, "real") for picture in grey]


def rendered_patches(count: int, seed: int) -> list[FacePatch]:
    """Returns portraits of `count` rendered people.

    Raises:
        ToolError: if what draws them is not installed.
    """
    studio, patches = load_studio(), []
    for person in range(seed, seed + count):
        (shot,) = studio.portraits(person, [seed], 256)
        if shot.face is not None:
            left, top, right, bottom = (round(value) for value in shot.face.box)
            face = Box(x=left, y=top, width=right - left, height=bottom - top)
            patches.append(_cut(shot.picture, face, "rendered"))
    return patches


def compose(
    patches: Sequence[FacePatch],
    faces: int,
    *,
    width: int,
    height: int,
    rng: np.random.Generator,
    largest: float = LARGEST,
) -> NDArray[np.uint8]:
    """Returns a frame with up to `faces` faces pasted: fewer where no place is left for one.

    Args:
        patches: pictures to choose from, at least one.
        faces: how many.
        width: columns of the frame.
        height: rows of the frame.
        rng: draws sizes, places and people.
        largest: height of the largest face in pixels.

    Raises:
        ConfigError: if that is less than the smallest.
    """
    if largest < SMALLEST:
        raise ConfigError(f"faces of at most {largest:g} pixels: frames have faces from {SMALLEST:g} pixels on")
    room = np.clip(make_backdrop(rng), 0, 1) ** _GAMMA
    frame = resample(np.rint(255 * room).astype(np.uint8), height, width)
    taken = np.zeros((height, width), bool)
    for _ in range(faces):
        patch = patches[int(rng.integers(len(patches)))]
        tallest = max(SMALLEST, min(largest, min(LARGEST, _LARGEST_SHARE * height) / math.sqrt(faces)))
        for _ in range(_TRIES):
            tall = math.exp(rng.uniform(math.log(SMALLEST), math.log(tallest)))
            scale = tall / patch.face_height
            rows, columns = (max(8, round(scale * side)) for side in patch.pixels.shape[:2])
            y, x = (_place(room, side, rng) for room, side in ((height, rows), (width, columns)))
            target = slice(max(0, y), min(height, y + rows)), slice(max(0, x), min(width, x + columns))
            if taken[target].any():
                continue
            small = resample(patch.pixels, rows, columns)
            frame[target] = small[target[0].start - y : target[0].stop - y, target[1].start - x : target[1].stop - x]
            taken[target] = True
            break
    return frame


def _place(room: int, side: int, rng: np.random.Generator) -> int:
    """Returns where a picture begins: at one of both borders, up to a fifth beyond it, or anywhere."""
    where = rng.integers(4)
    beyond = int(rng.uniform(0, 0.2) * side) if rng.integers(2) else 0
    if where == 0:
        return -beyond
    if where == 1:
        return room - side + beyond
    return int(rng.integers(min(0, room - side), max(0, room - side) + 1))


def frames_with(
    counts: Sequence[int],
    patches: Sequence[FacePatch],
    find: Callable[[NDArray[np.uint8]], int],
    *,
    width: int,
    height: int,
    seed: int,
    largest: float = LARGEST,
) -> Iterator[NDArray[np.uint8]]:
    """Yields one frame for each number of faces that a detector is to find.

    Args:
        counts: the wanted numbers.
        patches: pictures to choose from, at least one.
        find: returns how many faces the detector finds in a frame `[H, W, 3]`.
        width: columns of a frame.
        height: rows of a frame.
        seed: draws everything.
        largest: height of the largest face in pixels.

    Raises:
        ConfigError: if `largest` is below the smallest face, or a number of faces was not found in hundreds of frames.
    """
    for index, wanted in enumerate(counts):
        for draw in range(_DRAWS):
            rng = np.random.default_rng((seed, index, draw))
            pasted = max(0, wanted + int(rng.integers(-1, 3))) if wanted else 0
            frame = compose(patches, pasted, width=width, height=height, rng=rng, largest=largest)
            if find(frame) == wanted:
                yield frame
                break
        else:
            raise ConfigError(f"the detector found {wanted} faces in none of {_DRAWS} frames; ask for other numbers")
