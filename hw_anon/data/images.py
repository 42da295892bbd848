"""Decoding pictures: whole or an error, always RGB, always upright."""

from __future__ import annotations

import io
import struct
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.boxes import MAX_SIDE
from hw_anon.core.errors import ContractError, ToolError

__all__ = ["IMAGE_SUFFIXES", "decode_picture", "image_files", "read_picture"]

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".webp"})
"""File names that are taken for pictures, in lower case."""

_FORMATS = ("BMP", "JPEG", "PNG", "PPM", "WEBP")
_SIXTEEN_BITS = ("I", "I;16", "I;16B", "I;16L")


def decode_picture(data: bytes, where: str) -> NDArray[np.uint8]:
    """Decodes a picture.

    Grey, palette and CMYK pictures become RGB, 16-bit ones are divided by 256, transparency is dropped, and the
    orientation that a camera noted is applied.

    Args:
        data: the file's content: JPEG, PNG, PNM, BMP or WebP.
        where: what to call it in error messages.

    Returns:
        `[H, W, 3]` uint8 RGB.

    Raises:
        ContractError: if it is empty, no picture, cut off, damaged, or larger than `MAX_SIDE` a side.
        ToolError: if Pillow is not installed.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError as exc:
        raise ToolError("pictures need Pillow; install it with: pip install pillow") from exc
    if not data:
        raise ContractError(f"{where}: empty, not a picture")
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            warnings.simplefilter("ignore")  # bad metadata, and sizes, which are checked here
            if max(image.size) > MAX_SIDE:
                raise ContractError(f"{where}: {image.width}×{image.height} pixels; at most {MAX_SIDE} a side")
            image.load()
            upright = ImageOps.exif_transpose(image)
            if upright.mode in _SIXTEEN_BITS:
                grey = (np.asarray(upright).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
                return np.ascontiguousarray(np.repeat(grey[..., None], 3, axis=-1))
            return np.array(upright.convert("RGB"), np.uint8)
    except (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError) as exc:
        raise ContractError(f"{where}: not a readable picture ({exc or type(exc).__name__})") from exc


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Reads a picture file, `[H, W, 3]` uint8 RGB, as `decode_picture` does.

    Raises:
        ContractError: if the file is missing or is not a whole picture.
        ToolError: if Pillow is not installed.
    """
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise ContractError(f"{path}: cannot be read ({exc.strerror or exc})") from exc
    return decode_picture(data, str(path))


def image_files(directory: Path) -> list[Path]:
    """Returns the pictures in a directory, unsorted, without hidden files (those of other systems' finders too).

    Raises:
        ContractError: if a name is not UTF-8: it could not be written into any list or report.
    """
    found = []
    for path in directory.iterdir():
        if path.name.startswith(".") or path.suffix.lower() not in IMAGE_SUFFIXES or not path.is_file():
            continue
        require_utf8(path)
        found.append(path)
    return found


def require_utf8(path: Path) -> None:
    """Checks that a file name can be written as UTF-8.

    Raises:
        ContractError: if it cannot.
    """
    try:
        path.name.encode()
    except UnicodeEncodeError as exc:
        raise ContractError(f"{path.parent}: the file name {path.name!a} is not UTF-8; rename it") from exc
