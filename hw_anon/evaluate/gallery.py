"""Galleries of modified faces like the paper's Figures 3, 5 and 6: tiles in rows and columns with their titles.

A gallery is arrays and names: it is made from pictures and backends, drawn as one PNG, and put into the report.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.backend import ModifierBackend
from hw_anon.core.boxes import Box
from hw_anon.core.errors import ConfigError, ContractError, ToolError
from hw_anon.core.video_path import crop_resize, paste
from hw_anon.data.modified_frames import FrameBackend

__all__ = [
    "Gallery",
    "GalleryMethod",
    "gallery_png",
    "make_gallery",
    "modify_regions",
    "picture_uri",
]

Picture = NDArray[np.uint8]

_TITLE_ROWS, _NAME_COLUMNS, _GAP = 26, 150, 4
_INK = (26, 31, 36)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class GalleryMethod:
    """A modifier with the side of the crops that it takes."""

    backend: ModifierBackend
    """The modifier; its name is the title of its row or column."""
    crop_side: int
    """Side of its crops in pixels."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Gallery:
    """Pictures in rows and columns."""

    name: str
    """File name without suffix."""
    title: str
    """Title."""
    note: str
    """What is shown, and of which data."""
    rows: tuple[str, ...]
    """Names of the rows."""
    columns: tuple[str, ...]
    """Names of the columns."""
    tiles: tuple[tuple[Picture, ...], ...]
    """`[rows][columns]`, each `[H, W, 3]` uint8 RGB, all of one size."""
    command: str = ""
    """Command that made it."""

    def __post_init__(self) -> None:
        if not self.rows or not self.columns:
            raise ConfigError(f"gallery {self.name} is empty")
        if len(self.tiles) != len(self.rows) or any(len(row) != len(self.columns) for row in self.tiles):
            raise ContractError(f"gallery {self.name}: {len(self.rows)} rows and {len(self.columns)} columns are named")
        shapes = {(tile.shape, str(tile.dtype)) for row in self.tiles for tile in row}
        if len(shapes) != 1 or next(iter(shapes))[1] != "uint8":
            raise ContractError(f"gallery {self.name}: tiles must be uint8 of one size, got {sorted(map(str, shapes))}")


def modify_regions(picture: Picture, regions: Sequence[Box], method: GalleryMethod) -> Picture:
    """Returns a picture with its regions replaced, as the camera does it: crop, modify, paste; or by what takes frames.

    Args:
        picture: `[H, W, 3]` uint8 RGB.
        regions: what is replaced.
        method: the modifier.

    Raises:
        ContractError: if the modifier does not keep the interface.
    """
    if isinstance(method.backend, FrameBackend):
        return method.backend.modify_frame(picture, regions)
    out = picture
    for region in regions:
        crop = crop_resize(picture, region, method.crop_side)[None]
        out = paste(out, region, method.backend.modify(crop)[0])
    return out


def make_gallery(
    pictures: Sequence[Picture],
    regions: Sequence[Sequence[Box]],
    methods: Sequence[GalleryMethod],
    *,
    columns: Sequence[str],
    name: str,
    title: str,
    note: str,
    side: int = 160,
    window: Sequence[Box] | None = None,
    command: str = "",
) -> Gallery:
    """Makes a gallery with one row for each method and one column for each picture.

    With frames of one clip as pictures it shows a face over time (Figure 6, below), with pictures of one person what a
    modifier makes of the same identity (Figure 6, above), with any frames the baselines (Figure 3).

    Args:
        pictures: `[H, W, 3]` uint8 RGB each.
        regions: regions of each picture that are replaced; none in a frame without a face.
        methods: one for each row.
        columns: names of the pictures.
        name: file name without suffix.
        title: title.
        note: what is shown, and of which data.
        side: height of a tile in pixels.
        window: part of each picture that is shown; all of it if not given.
        command: the command that makes it.

    Raises:
        ContractError: if the lengths differ or tiles are not of one size.
    """
    if not len(pictures) == len(regions) == len(columns) or (window is not None and len(window) != len(pictures)):
        raise ContractError(f"gallery {name}: regions, names and windows of {len(pictures)} pictures are needed")
    rows = []
    for method in methods:
        modified = [modify_regions(p, r, method) for p, r in zip(pictures, regions, strict=True)]
        shown = modified if window is None else [p[w.rows, w.columns] for p, w in zip(modified, window, strict=True)]
        rows.append(tuple(_tile(picture, side, square=window is not None) for picture in shown))
    names = tuple(method.backend.name for method in methods)
    return Gallery(
        name=name, title=title, note=note, rows=names, columns=tuple(columns), tiles=tuple(rows), command=command
    )


def gallery_png(gallery: Gallery) -> bytes:
    """Returns a gallery as one PNG on white, with the names of its rows on the left and of its columns above.

    Raises:
        ToolError: if Pillow is missing.
    """
    image_module, draw_module, font_module = _pillow()
    height, width = gallery.tiles[0][0].shape[:2]
    size = (_NAME_COLUMNS + len(gallery.columns) * (width + _GAP), _TITLE_ROWS + len(gallery.rows) * (height + _GAP))
    sheet = image_module.new("RGB", size, "white")
    draw, font = draw_module.Draw(sheet), font_module.load_default(14)
    for column, name in enumerate(gallery.columns):
        draw.text((_NAME_COLUMNS + column * (width + _GAP), 5), name, fill=_INK, font=font)
    for row, (name, tiles) in enumerate(zip(gallery.rows, gallery.tiles, strict=True)):
        top = _TITLE_ROWS + row * (height + _GAP)
        draw.text((6, top + height // 2 - 8), name, fill=_INK, font=font)
        for column, tile in enumerate(tiles):
            sheet.paste(image_module.fromarray(tile), (_NAME_COLUMNS + column * (width + _GAP), top))
    buffer = io.BytesIO()
    sheet.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def picture_uri(picture: Picture, *, quality: int = 90) -> str:
    """Returns `[H, W, 3]` uint8 RGB as a `data:` address (JPEG without any metadata).

    Raises:
        ToolError: if Pillow is missing.
    """
    buffer = io.BytesIO()
    _pillow()[0].fromarray(picture).save(buffer, format="JPEG", quality=quality)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _tile(picture: Picture, side: int, *, square: bool) -> Picture:
    height, width = picture.shape[:2]
    image = _pillow()[0].fromarray(np.ascontiguousarray(picture))
    shape = (side, side) if square else (max(1, round(side * width / height)), side)
    return np.asarray(image.resize(shape, resample=3), np.uint8)  # bicubic


def _pillow() -> tuple[Any, Any, Any]:
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError as exc:
        raise ToolError("pictures need Pillow; install it with: pip install pillow") from exc
    return Image, ImageDraw, ImageFont
