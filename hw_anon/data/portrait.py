"""One real colour portrait that is always at hand: the astronaut of scikit-image.

The photograph of Eileen Collins (NASA, public domain) is part of the scikit-image package, so no download is needed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.boxes import MIN_REGION, Box, face_region
from hw_anon.core.errors import ConfigError, ToolError
from hw_anon.core.video_path import crop_resize

__all__ = ["PORTRAIT_FACE", "load_portrait", "portrait_crops"]

PORTRAIT_FACE = Box(x=178, y=72, width=92, height=110)
"""Where the face is in the portrait, as a face detector would say: brow to chin, ear to ear."""


def load_portrait() -> NDArray[np.uint8]:
    """Returns the portrait, `[512, 512, 3]` uint8 RGB.

    Raises:
        ToolError: if scikit-image is not installed.
    """
    try:
        from skimage import data
    except ImportError as exc:
        raise ToolError("the portrait needs scikit-image; install it with: pip install scikit-image") from exc
    return np.ascontiguousarray(data.astronaut(), dtype=np.uint8)


def portrait_crops(count: int, size: int, seed: int) -> NDArray[np.uint8]:
    """Cuts the portrait's face out at several scales and shifts.

    The first crop is the face's own region (enlarged 1.6 times, as on the chip); the others vary its side by 0.6 to 1.4
    times and its centre by an eighth of a side, and every second one is mirrored.

    Args:
        count: number of crops.
        size: side of a crop.
        seed: seed of scales and shifts.

    Returns:
        `[count, size, size, 3]` uint8 RGB.

    Raises:
        ConfigError: if `count` is negative.
        ToolError: if scikit-image is not installed.
    """
    if count < 0:
        raise ConfigError(f"count = {count}: allowed range is 0 and above")
    portrait = load_portrait()
    height, width = portrait.shape[:2]
    home = face_region(PORTRAIT_FACE, width, height)
    assert home is not None, "the face lies in the portrait"
    generator = np.random.default_rng(seed)
    crops = np.empty((count, size, size, 3), np.uint8)
    for index in range(count):
        scale, shift_x, shift_y = generator.uniform((0.6, -0.125, -0.125), (1.4, 0.125, 0.125))
        if index == 0:
            crops[0] = crop_resize(portrait, home, size)
            continue
        side = max(MIN_REGION, round(scale * home.height))
        centre_x = home.x + home.width / 2 + shift_x * home.width
        centre_y = home.y + home.height / 2 + shift_y * home.height
        region = Box(
            x=min(max(0, round(centre_x - side / 2)), width - side),
            y=min(max(0, round(centre_y - side / 2)), height - side),
            width=side,
            height=side,
        )
        crop = crop_resize(portrait, region, size)
        crops[index] = crop[:, ::-1] if index % 2 else crop
    return crops
