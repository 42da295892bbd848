"""Face detectors that look at whole frames: whether faces can still be found after they were modified."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.boxes import Box
from hw_anon.core.errors import ToolError
from hw_anon.data.face_detectors import Yunet
from hw_anon.evaluate.action import FindFaces

__all__ = ["frame_face_finders"]

_MIN_SCORE = 0.6
_LONG_SIDES = (320, 640)
_SMALLEST = 12


def frame_face_finders() -> dict[str, FindFaces]:
    """Returns the detectors that are installed, by name.

    YuNet (score 0.6 and above, at 320 and 640 pixels) and MTCNN with its published thresholds; neither is used in
    training.
    """
    finders: dict[str, FindFaces] = {}
    for name, make in (("yunet", _yunet), ("mtcnn", _mtcnn)):
        with suppress(ToolError):
            finders[name] = make()
    return finders


def _yunet() -> FindFaces:
    detector = Yunet(min_score=_MIN_SCORE, long_sides=_LONG_SIDES, max_enlargement=4.0, overlap=0.3)

    def find(picture: NDArray[np.uint8]) -> Sequence[Box]:
        return [candidate.box for candidate in detector.find(picture)]

    return find


def _mtcnn() -> FindFaces:
    try:
        from facenet_pytorch import MTCNN
    except ImportError as exc:
        raise ToolError("MTCNN needs facenet-pytorch; install it with: pip install facenet-pytorch") from exc
    network: Any = MTCNN(keep_all=True, min_face_size=_SMALLEST, device="cpu")

    def find(picture: NDArray[np.uint8]) -> Sequence[Box]:
        found, _ = network.detect(picture)
        return [] if found is None else [_box(row) for row in np.asarray(found, np.float64)]

    return find


def _box(row: NDArray[np.float64]) -> Box:
    left, top, right, bottom = (int(edge) for edge in (*np.floor(row[:2]), *np.ceil(row[2:4])))
    return Box(x=left, y=top, width=max(1, right - left), height=max(1, bottom - top))
