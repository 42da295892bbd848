"""Face pictures in and out of commands."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.atomic import write_bytes_atomically
from hw_anon.core.errors import ContractError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["middle_squares", "pair_sheet", "read_pictures", "save_pairs"]

_GAP = 4
_SCALE = 3


def read_pictures(paths: Sequence[Path]) -> list[Image]:
    """Reads photographs.

    Args:
        paths: pictures of any format that Pillow reads.

    Raises:
        ContractError: if a file is missing or not a picture.
    """
    from PIL import Image

    pictures = []
    for path in paths:
        try:
            with Image.open(path) as picture:
                pictures.append(picture.convert("RGB"))
        except OSError as exc:  # Pillow's own error for other formats is one too
            raise ContractError(f"{path} is not a picture that can be read ({exc})") from exc
    return pictures


def middle_squares(pictures: Sequence[Image], size: int) -> NDArray[np.uint8]:
    """Scales the middle square of each picture to `[N, size, size, 3]` uint8 RGB."""
    from PIL import Image, ImageOps

    return np.stack([np.asarray(ImageOps.fit(p, (size, size), Image.Resampling.BOX), np.uint8) for p in pictures])


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
