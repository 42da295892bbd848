"""A whole camera as a method: each picture goes into a frame, the frame through the camera, and back into the picture.

The camera finds the face itself, and decides by itself what it replaces. A picture is brought into the middle of a
frame of the camera's size (reduced if it is larger), and every region that the camera replaced is cut out of the
delivered frame and put over the picture, enlarged again. So a face that the camera did not find stays as it was, and
is judged like that; a black frame makes a black picture. Both are counted, none is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.boxes import Box
from hw_anon.core.errors import ConfigError
from hw_anon.core.frame import AnonymisedFrame, Fault
from hw_anon.core.video_path import resample
from hw_anon.evaluate.faces import IdentityFaces

__all__ = ["CameraFigures", "CameraFrames", "CameraIdentity", "Placement", "cut_back", "placed"]

_BACKDROP = 128
"""Grey value of a frame around the picture."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraIdentity:
    """Which camera it was, and what its frames went through."""

    backend: str
    """`sim`, `board`, or `golden`."""
    board: str
    """The camera's board."""
    design_id: str
    """Identity of the camera's build, 16 hex digits."""
    build_id: str
    """The same in full, 32 hex digits; of `sim` and `board` the driver read it from the hardware."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraFigures:
    """What happened to the frames of one evaluation."""

    identity: CameraIdentity
    """The camera."""
    frames: int
    """Frames that came back."""
    faults: dict[str, int] = field(default_factory=dict)
    """Black ones among them by the name of their fault."""
    unreplaced: int
    """Frames that came back with a picture, in which no replaced region holds the middle of the face."""
    differing_bytes: int | None
    """Bytes, metadata included, in which they differ from the golden model; `None` where they were not compared."""

    @property
    def black(self) -> int:
        """Frames that came back black."""
        return sum(self.faults.values())

    def as_json(self) -> dict[str, Any]:
        """Returns the fields that a result has of them."""
        return {
            **asdict(self.identity),
            "n_frames": self.frames,
            "n_black": self.black,
            "faults": self.faults,
            "n_unreplaced": self.unreplaced,
            "differing_bytes": self.differing_bytes,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Placement:
    """Where a picture lies in a frame."""

    box: Box
    """Its place in the frame."""
    height: int
    """Rows of the picture itself."""
    width: int
    """Columns of the picture itself."""

    def in_picture(self, region: Box) -> Box | None:
        """Returns the pixels of the picture that a region of the frame covers, edges rounded outwards."""
        left, right = (_scaled(x - self.box.x, self.width, self.box.width) for x in (region.x, region.right))
        top, bottom = (_scaled(y - self.box.y, self.height, self.box.height) for y in (region.y, region.bottom))
        box = Box(x=left[0], y=top[0], width=right[1] - left[0], height=bottom[1] - top[0])
        return box.clipped(self.width, self.height)


def _scaled(place: int, target: int, source: int) -> tuple[int, int]:
    """Returns a coordinate of the frame in the picture, rounded down and up."""
    return place * target // source, -(-place * target // source)


def placed(picture: NDArray[np.uint8], width: int, height: int) -> tuple[NDArray[np.uint8], Placement]:
    """Returns a frame with a picture in its middle, reduced if it does not fit, and where it lies.

    Args:
        picture: `[h, w, 3]` uint8.
        width: columns of the frame.
        height: rows of the frame.
    """
    rows, columns = picture.shape[:2]
    scale = min(1.0, height / rows, width / columns)
    high, wide = min(height, round(rows * scale)), min(width, round(columns * scale))
    box = Box(x=(width - wide) // 2, y=(height - high) // 2, width=wide, height=high)
    frame = np.full((height, width, 3), _BACKDROP, np.uint8)
    frame[box.rows, box.columns] = resample(picture, high, wide)
    return frame, Placement(box=box, height=rows, width=columns)


def cut_back(picture: NDArray[np.uint8], where: Placement, delivered: AnonymisedFrame) -> NDArray[np.uint8]:
    """Returns a picture with what the camera made of it: its replaced regions, or black.

    Args:
        picture: `[h, w, 3]` uint8, the original.
        where: its place in the frame.
        delivered: the frame that came back.
    """
    if delivered.fault is not Fault.NONE:
        return np.zeros_like(picture)
    out = picture.copy()
    whole = resample(delivered.frame[where.box.rows, where.box.columns], where.height, where.width)
    for region in delivered.boxes:
        if (box := where.in_picture(region)) is not None:
            out[box.rows, box.columns] = whole[box.rows, box.columns]
    return out


class CameraFrames:
    """Pictures through a camera; the `backend` of a `Method`."""

    def __init__(
        self,
        name: str,
        anonymise: Callable[[NDArray[np.uint8]], AnonymisedFrame],
        *,
        width: int,
        height: int,
        identity: CameraIdentity,
        compare: Callable[[NDArray[np.uint8], AnonymisedFrame], int] | None = None,
    ) -> None:
        """Takes a camera.

        Args:
            name: name in reports.
            anonymise: returns the delivered frame for a raw one, `[H, W, 3]` uint8.
            width: columns of a frame.
            height: rows of a frame.
            identity: which camera it is.
            compare: returns in how many bytes a raw frame's delivered one differs from the golden model.
        """
        self.name = name
        """Name in reports."""
        self.figures = CameraFigures(identity=identity, frames=0, unreplaced=0, differing_bytes=None)
        """What happened to the frames of the latest evaluation."""
        self._identity = identity
        self._anonymise = anonymise
        self._compare = compare
        self._size = width, height

    def modify(self, crops_u8: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Refuses crops: a camera cuts them itself.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(
            f"{self.name} takes frames, not {len(crops_u8)} crops: attackers that train on pictures of their own go "
            "without it (--attack none)"
        )

    def modify_pictures(
        self, faces: IdentityFaces, *, on_progress: Callable[[str, int, int], None] | None = None
    ) -> list[NDArray[np.uint8]]:
        """Returns every picture as the camera leaves it, and sets `figures`.

        Args:
            faces: the identity set.
            on_progress: called with what is done, how many pictures are done, and how many there are.

        Raises:
            HwAnonError: if the camera failed.
        """
        pictures, faults, unreplaced, differing = [], Counter[str](), 0, 0
        for index, (picture, face) in enumerate(zip(faces.pictures, faces.faces, strict=True)):
            frame, where = placed(picture, *self._size)
            delivered = self._anonymise(frame)
            if self._compare is not None:
                differing += self._compare(frame, delivered)
            if delivered.fault is not Fault.NONE:
                faults[delivered.fault.name] += 1
            elif not _replaced(face.box.x + face.box.width / 2, face.box.y + face.box.height / 2, where, delivered):
                unreplaced += 1
            pictures.append(cut_back(picture, where, delivered))
            if on_progress:
                on_progress("frames", index + 1, len(faces))
        self.figures = CameraFigures(
            identity=self._identity,
            frames=len(pictures),
            faults=dict(faults),
            unreplaced=unreplaced,
            differing_bytes=None if self._compare is None else differing,
        )
        return pictures


def _replaced(x: float, y: float, where: Placement, delivered: AnonymisedFrame) -> bool:
    """Whether a point of the picture lies in a replaced region."""
    boxes = [where.in_picture(region) for region in delivered.boxes]
    return any(box is not None and box.x <= x < box.right and box.y <= y < box.bottom for box in boxes)
