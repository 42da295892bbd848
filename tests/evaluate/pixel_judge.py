"""A judge that reads pixels: no weights needed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw_anon.data.face_detectors import Candidate
from hw_anon.evaluate.faces import align_crop

__all__ = ["PixelJudge"]


class PixelJudge:
    """Compares 8×8 thumbnails."""

    name = "thumbnail"

    def anchor(self, original: NDArray[np.uint8], face: Candidate) -> Any:
        return face

    def embed(self, picture: NDArray[np.uint8], anchor: Any) -> NDArray[np.float64]:
        small = align_crop(picture, anchor.landmarks, side=8).astype(np.float64).ravel()
        return small - small.mean()

    def similarity(self, left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
        return -np.linalg.norm(left - right, axis=-1)
