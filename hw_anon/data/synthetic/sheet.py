"""Contact sheets of a finished set: what people look at before they trust it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.atomic import write_bytes_atomically
from hw_anon.core.errors import ToolError
from hw_anon.data.face_labels import FaceLabel
from hw_anon.data.synthetic.sets import SyntheticClips, SyntheticPeople

__all__ = ["Row", "contact_sheet", "write_sheets"]

Row = tuple[str, Sequence[NDArray[np.uint8]]]
"""A caption and pictures of one size."""

_GAP = 2
_CAPTION = 150
_PAPER, _INK = 255, 0
_PEOPLE, _PICTURES = 12, 10
_CLIPS, _FRAMES, _MARKED = 8, 8, 3
_TILE = 160


def contact_sheet(rows: Sequence[Row]) -> NDArray[np.uint8]:
    """Lays pictures out in rows with a caption on the left.

    Args:
        rows: captions and pictures, all pictures `[H, W, 3]` uint8 RGB of one size; rows may differ in length.

    Returns:
        `[H', W', 3]` uint8 RGB.

    Raises:
        ToolError: if Pillow is not installed.
    """
    try:
        from PIL import Image, ImageDraw
    except ImportError as exc:
        raise ToolError("contact sheets need Pillow; install it with: pip install pillow") from exc
    height, width = rows[0][1][0].shape[:2]
    columns = max(len(pictures) for _, pictures in rows)
    size = (_CAPTION + columns * (width + _GAP), len(rows) * (height + _GAP))
    sheet = Image.new("RGB", size, (_PAPER,) * 3)
    drawing = ImageDraw.Draw(sheet)
    for line, (caption, pictures) in enumerate(rows):
        top = line * (height + _GAP)
        drawing.text((4, top + height // 2 - 6), caption, fill=(_INK,) * 3)
        for column, picture in enumerate(pictures):
            sheet.paste(Image.fromarray(picture), (_CAPTION + column * (width + _GAP), top))
    return np.asarray(sheet, np.uint8)


def write_sheets(people: Sequence[SyntheticPeople], clips: SyntheticClips, directory: Path) -> tuple[Path, ...]:
    """Writes `identities.png`, `actions.png`, `clips.png` and `labels.png`, those that there are pictures for.

    Args:
        people: the portraits of both splits.
        clips: the clips.
        directory: where the sheets go.

    Raises:
        ContractError: if a picture is damaged.
        ToolError: if Pillow is not installed.
    """
    sheets = {
        "identities": _identity_rows(people),
        "actions": _action_rows(clips),
        "clips": _clip_rows(clips, marked=False),
        "labels": _clip_rows(clips, marked=True),
    }
    paths = []
    for name, rows in sheets.items():
        if rows:
            paths.append(directory / f"{name}.png")
            write_bytes_atomically(paths[-1], _png(contact_sheet(rows)))
    return tuple(paths)


def _identity_rows(people: Sequence[SyntheticPeople]) -> list[Row]:
    """One person a row, half of the rows from each split."""
    rows: list[Row] = []
    for part in people:
        labels = part.labels
        for identity in range(min(_PEOPLE // len(people), len(part.identities))):
            own = np.flatnonzero(labels == identity)[:_PICTURES]
            if len(own):
                traits = part.traits(identity)
                caption = f"{part.identities[identity]}\n{traits.gender}, about {traits.age:.0f}"
                rows.append((caption, [part.picture(int(index)) for index in own]))
    return rows


def _action_rows(clips: SyntheticClips) -> list[Row]:
    """One action a row, the middle of different people's clips."""
    rows: list[Row] = []
    for action in range(len(clips.actions)):
        own = [clip for clip in clips.clips if clips.action(clip) == action][:_CLIPS]
        if own:
            middles = [_tile(clips.picture(clip, clip.frames[len(clip.frames) // 2])) for clip in own]
            rows.append((clips.actions[action].replace("_", " "), middles))
    return rows


def _clip_rows(clips: SyntheticClips, *, marked: bool) -> list[Row]:
    """One clip a row: the first clip of each action, its first frames, or some of the whole clip with their labels."""
    rows: list[Row] = []
    seen = set()
    for clip in clips.clips:
        action = clips.action(clip)
        if action in seen:
            continue
        seen.add(action)
        frames = []
        for number in (
            clip.frames[:: max(1, len(clip.frames) // _MARKED)][:_MARKED] if marked else clip.frames[:_FRAMES]
        ):
            picture = clips.picture(clip, number)
            if marked:
                labels = clips.boxes(clip, number)
                boxes = [label.pixels(picture.shape[1], picture.shape[0]) for label in labels]
                picture = _marked(picture, boxes, clips.faces(clip, number))
            frames.append(picture if marked else _tile(picture))
        rows.append((clip.name.replace("-", "\n", 2), frames))
    return rows


def _tile(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shrinks a frame for the sheet."""
    from PIL import Image

    side = min(_TILE, *picture.shape[:2])
    return np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BOX), np.uint8)


def _marked(
    picture: NDArray[np.uint8], people: Sequence[tuple[float, float, float, float]], faces: Sequence[FaceLabel]
) -> NDArray[np.uint8]:
    """Draws the person's box in blue, the face's in green (orange where half of it is hidden), landmarks in red."""
    from PIL import Image, ImageDraw

    image = Image.fromarray(picture)
    drawing = ImageDraw.Draw(image)
    for left, top, right, bottom in people:
        drawing.rectangle((left, top, right - 1, bottom - 1), outline=(60, 120, 255))
    for face in faces:
        left, top, right, bottom = face.box
        colour = (60, 220, 60) if face.visible_share >= 0.5 else (255, 150, 0)
        drawing.rectangle((left, top, right, bottom), outline=colour)
        for x, y in face.landmarks:
            drawing.ellipse((x - 1, y - 1, x + 1, y + 1), fill=(255, 0, 0))
    return np.asarray(image, np.uint8)


def _png(picture: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG", optimize=False)
    return stream.getvalue()
