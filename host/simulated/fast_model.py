"""The golden model of the camera, taking well-formed video many pixels at a time."""

from __future__ import annotations

import numpy as np

from hw_anon.core.camera_model import CameraModel, VideoBeats

__all__ = ["FastCameraModel"]


class FastCameraModel(CameraModel):
    """Equal to `CameraModel`: what is neither the first nor the last pixel of a frame, nor a fault, needs no look."""

    def feed(self, beats: VideoBeats) -> None:
        """Takes beats in."""
        place, count = 0, len(beats)
        while place < count:
            plain = self._plain(beats.select(slice(place, None)))
            if plain:
                self._pixels[self._position : self._position + plain] = beats.pixels[place : place + plain]
                self._position += plain
                self._idle = 0
            else:
                plain = 1
                super().feed(beats.select(slice(place, place + 1)))
            place += plain

    def _plain(self, beats: VideoBeats) -> int:
        """Returns how many beats from the first one on only fill the frame, or are only dropped."""
        if not self.capturing:
            return 0
        count = min(len(beats), len(self._pixels) - 1 - self._position)
        columns = (self._position + np.arange(count)) % self.config.width
        odd = (
            beats.sof[:count]
            | (beats.eol[:count] != (columns == self.config.width - 1))
            | (self._idle + beats.idle[:count] >= self.config.source_timeout_cycles)
        )
        return int(odd.argmax()) if odd.any() else max(count, 0)
