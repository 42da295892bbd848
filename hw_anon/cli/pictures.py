"""Face pictures in and out of commands."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.atomic import write_bytes_atomically
from hw_anon.core.errors import ContractError

__all__ = ["pair_sheet", "read_crops", "save_pairs"]

_GAP = 4
_SCALE = 3


def read_crops(paths: Sequence[Path], size: int) -> NDArray[np.uint8]:
    """Reads photographs and scales the middle square of each to the network's input.

    Args:
        paths: pictures of any format that Pillow reads.
        size: side of a crop in pixels.

    Returns:
        `[N, size, size, 3]` uint8 RGB.

    Raises:
        ContractError: if a file is missing or not a picture.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    crops = []
    for path in paths:
        try:
            with Image.open(path) as picture:
                square = ImageOps.fit(picture.convert("RGB"), (size, size), Image.Resampling.BOX)
        except (FileNotFoundError, UnidentifiedImageError, OSError) as exc:
            raise ContractError(f"{path} is not a picture that can be read ({exc})") from exc
        crops.append(np.asarray(square, np.uint8))
    return np.stack(crops)


def pair_sheet(before_u8: NDArray[np.uint8], after_u8: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns one picture: each crop above what the modifier made of it, enlarged without smoothing.

    Args:
        before_u8: `[N, S, S, 3]` uint8.
        after_u8: same shape.
    """
    count, size = before_u8.shape[:2]
    side = size * _SCALE
    sheet = np.full((2 * side + 3 * _GAP, count * (side + _GAP) + _GAP, 3), 255, np.uint8)
    for row, crops in enumerate((before_u8, after_u8)):
        top = _GAP + row * (side + _GAP)
        for column, crop in enumerate(crops):
            left = _GAP + column * (side + _GAP)
            sheet[top : top + side, left : left + side] = crop.repeat(_SCALE, axis=0).repeat(_SCALE, axis=1)
    return sheet


def save_pairs(before_u8: NDArray[np.uint8], after_u8: NDArray[np.uint8], directory: Path) -> Path:
    """Writes `pairs.png` with all crops before and after, and each result as `modified_<n>.png`; returns the former."""
    _write_png(directory / "pairs.png", pair_sheet(before_u8, after_u8))
    for index, crop in enumerate(after_u8):
        _write_png(directory / f"modified_{index:03d}.png", crop)
    return directory / "pairs.png"


def _write_png(path: Path, pixels: NDArray[np.uint8]) -> None:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    write_bytes_atomically(path, buffer.getvalue())
