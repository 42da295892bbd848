"""A video file in place of a simulated board's sensor: pictures of the camera's size, as many as wanted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from hw_anon.core.errors import ContractError

__all__ = ["SensorVideo"]


class SensorVideo:
    """The pictures of a video, cut to the camera's shape around the middle and resized; it knows when it ends.

    Args:
        path: a video that FFmpeg can read.
        width: columns of the camera's frames.
        height: rows of the camera's frames.
        frames: pictures at most; default: all.

    Raises:
        ContractError: if the file cannot be read as video.
    """

    def __init__(self, path: Path, *, width: int, height: int, frames: int | None = None) -> None:
        self.path, self.width, self.height = path, width, height
        self.total: int | None = None
        """How many pictures there are, as soon as the last one is handed out."""
        self._most = frames
        self.fps = 0.0
        """Pictures a second."""
        try:
            with av.open(str(path)) as container:
                if not container.streams.video:
                    raise ContractError(f"{path}: holds no video")
                self.fps = float(container.streams.video[0].average_rate or 25)
        except (OSError, av.error.FFmpegError) as exc:
            raise ContractError(f"{path}: cannot be read as video: {exc}") from exc

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        waiting: NDArray[np.uint8] | None = None
        count = 0
        with av.open(str(self.path)) as container:
            for picture in container.decode(video=0):
                if self._most is not None and count >= self._most:
                    break
                if waiting is not None:
                    yield waiting
                waiting = self._fitted(np.asarray(picture.to_ndarray(format="rgb24"), np.uint8))
                count += 1
        self.total = count  # known before the last picture leaves: nobody waits for one more
        if waiting is not None:
            yield waiting

    def _fitted(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        rows, columns = picture.shape[:2]
        scale = min(rows / self.height, columns / self.width)
        high, wide = round(self.height * scale), round(self.width * scale)
        top, left = (rows - high) // 2, (columns - wide) // 2
        cut = picture[top : top + high, left : left + wide]
        fitted = cv2.resize(cut, (self.width, self.height), interpolation=cv2.INTER_AREA)
        return np.ascontiguousarray(fitted, np.uint8)
