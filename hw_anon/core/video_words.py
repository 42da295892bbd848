"""Video as words of 32 bits: what goes into a simulated camera and what comes out of it.

| bits | content |
|---|---|
| 23…0 | pixel, red in the low byte |
| 24 | `tuser`: first pixel of a frame |
| 25 | `tlast`: last pixel of a line |
| 31…26 | cycles without a beat before this one (input only, 0 in output) |

The raw video has H lines a frame, the camera's output H + 1 (`hw_anon.core.board_frame`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.board_frame import METADATA_LINES
from hw_anon.core.camera_model import VideoBeats
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.frame import check_frame

__all__ = ["IDLE_SHIFT", "MAX_IDLE", "TLAST", "TUSER", "BoardFrames", "frame_beats", "video_beats"]

TUSER = 1 << 24
"""First pixel of a frame."""
TLAST = 1 << 25
"""Last pixel of a line."""
IDLE_SHIFT = 26
"""Lowest bit of the idle cycles."""
MAX_IDLE = 63
"""Idle cycles before a beat at most; longer pauses are made by running the camera with nothing to send."""


def frame_beats(frame: NDArray[np.uint8], *, pixel_gap: int = 0, line_gap: int = 0) -> NDArray[np.uint32]:
    """Returns a picture as words, `[H·W]` uint32; a board-level frame `[H + 1, W, 3]` is written the same way.

    Args:
        frame: `[H, W, 3]` uint8.
        pixel_gap: idle cycles before every pixel, 0 to `MAX_IDLE`.
        line_gap: idle cycles before a line's first pixel, 0 to `MAX_IDLE`, in place of `pixel_gap` where it is more.

    Raises:
        ContractError: if the picture is of another type or size.
        ConfigError: if a gap is out of range.
    """
    height, width = check_frame(frame).shape[:2]
    if not all(0 <= gap <= MAX_IDLE for gap in (pixel_gap, line_gap)):
        raise ConfigError(f"pixel_gap = {pixel_gap}, line_gap = {line_gap}: allowed are 0 to {MAX_IDLE} idle cycles")
    words = frame[:, :, 0] | frame[:, :, 1].astype(np.uint32) << 8 | frame[:, :, 2].astype(np.uint32) << 16
    words |= np.uint32(pixel_gap << IDLE_SHIFT)
    words[:, 0] = words[:, 0] & (TLAST - 1) | max(pixel_gap, line_gap) << IDLE_SHIFT
    words[0, 0] |= TUSER
    words[:, -1] |= TLAST
    return words.reshape(height * width)


def video_beats(words: NDArray[np.uint32]) -> VideoBeats:
    """Returns words as the golden model's beats.

    Raises:
        ContractError: if they are no `[N]` uint32.
    """
    _check_words(words)
    return VideoBeats(
        pixels=_pixels(words),
        sof=(words & TUSER) != 0,
        eol=(words & TLAST) != 0,
        idle=(words >> IDLE_SHIFT).astype(np.int64),
    )


class BoardFrames:
    """Turns the camera's output words into board-level frames, as a DMA in the board does."""

    def __init__(self, width: int, height: int) -> None:
        """Waits for a frame's first pixel.

        Args:
            width: pixels of a line.
            height: lines of a frame, without the metadata line.
        """
        self._shape = (height + METADATA_LINES, width, 3)
        self._words = np.zeros(0, np.uint32)
        self._whole: list[NDArray[np.uint8]] = []

    @property
    def pending(self) -> int:
        """Words of a frame that is not whole yet."""
        return len(self._words)

    def feed(self, words: NDArray[np.uint32]) -> list[NDArray[np.uint8]]:
        """Takes words and returns the frames that they complete, `[H + 1, W, 3]` uint8 each.

        Raises:
            ContractError: if `tuser` or `tlast` is where it must not be, or missing. What is left until the next
                `tuser` is dropped; the next call goes on there, and returns the frames that were whole before.
        """
        _check_words(words)
        self._words = np.concatenate([self._words, words])
        size = self._shape[0] * self._shape[1]
        while len(self._words) >= size or (len(self._words) and not self._words[0] & TUSER):
            self._require_marks(self._words[:size])
            self._whole.append(_pixels(self._words[:size]).reshape(self._shape))
            self._words = self._words[size:]
        whole, self._whole = self._whole, []
        return whole

    def reset(self) -> None:
        """Forgets everything."""
        self._words, self._whole = self._words[:0], []

    def _require_marks(self, words: NDArray[np.uint32]) -> None:
        index = np.arange(len(words))
        width = self._shape[1]
        marks = (words & TUSER) != 0, (words & TLAST) != 0
        wrong = (marks[0] != (index == 0)) | (marks[1] != (index % width == width - 1))
        if not wrong.any():
            return
        at = int(wrong.argmax())
        starts = np.flatnonzero(self._words[1:] & TUSER)
        self._words = self._words[1 + starts[0] :] if len(starts) else self._words[:0]
        raise ContractError(
            f"the camera's output breaks at line {at // width}, pixel {at % width} of a frame of {self._shape[0]} "
            f"lines: tuser {int(marks[0][at])}, tlast {int(marks[1][at])}; skipped to the next start of frame"
        )


def _check_words(words: NDArray[np.uint32]) -> None:
    if words.ndim != 1 or words.dtype != np.uint32:
        raise ContractError(f"video words are uint32 [N]; got {words.dtype} {list(words.shape)}")


def _pixels(words: NDArray[np.uint32]) -> NDArray[np.uint8]:
    return np.stack([words & 255, words >> 8 & 255, words >> 16 & 255], axis=1).astype(np.uint8)
