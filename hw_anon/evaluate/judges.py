"""Face recognisers that judge whether a modified face still tells who it is.

- `dlib`: dlib's ResNet, the judge of record: no training here ever sees it. Weights CC0-1.0 (Davis King), library
  BSL-1.0. Distance: Euclidean; LFW accuracy as published 99.38 %.
- `sface`: SFace (Zhong et al. 2021) in OpenCV's int8 form. Weights Apache-2.0. Similarity: cosine; LFW accuracy as
  published 99.60 %. Reported as *seen* where the discriminator of training started from it.

A judge aligns on the original picture once (`anchor`) and embeds any version of that picture with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.config import suggest
from hw_anon.core.errors import ConfigError, ToolError
from hw_anon.data.face_detectors import Candidate
from hw_anon.data.weights import DLIB_LANDMARKS, DLIB_RESNET, NEW_ENGINE, SFACE, import_cv2

__all__ = ["JUDGE_NAMES", "DlibJudge", "Judge", "SfaceJudge", "load_judge"]

Picture = NDArray[np.uint8]


class Judge(Protocol):
    """A face recogniser."""

    @property
    def name(self) -> str:
        """Name in reports."""
        ...

    def anchor(self, original: Picture, face: Candidate) -> Any:
        """Returns what the judge needs to cut the face out of any version of the picture.

        Args:
            original: `[H, W, 3]` uint8 RGB.
            face: the face in it.
        """
        ...

    def embed(self, picture: Picture, anchor: Any) -> NDArray[np.float64]:
        """Returns the `[D]` embedding of the face in a version of the anchored picture."""
        ...

    def similarity(self, left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns how alike embeddings are, higher is more: `[..., D]` and `[..., D]` broadcast to `[...]`."""
        ...


class DlibJudge:
    """dlib's ResNet with its own five landmarks, found on the original."""

    name = "dlib"

    def __init__(self) -> None:
        """Loads the weights.

        Raises:
            ToolError: if `dlib-bin` or the package of the weights is missing.
        """
        try:
            import dlib
        except ImportError as exc:
            raise ToolError("the judge dlib needs its library; install it with: pip install dlib-bin") from exc
        self._rectangle = dlib.rectangle
        self._landmarks = dlib.shape_predictor(str(DLIB_LANDMARKS.find()))
        self._network = dlib.face_recognition_model_v1(str(DLIB_RESNET.find()))

    def anchor(self, original: Picture, face: Candidate) -> Any:
        """Returns dlib's landmarks; its boxes are square and sit a little lower than YuNet's."""
        box = face.box
        centre_x, centre_y, half = box.x + box.width / 2, box.y + box.height * 0.55, box.width / 2
        sides = (centre_x - half, centre_y - half, centre_x + half, centre_y + half)
        return self._landmarks(np.ascontiguousarray(original), self._rectangle(*(int(side) for side in sides)))

    def embed(self, picture: Picture, anchor: Any) -> NDArray[np.float64]:
        """Returns the 128 numbers of the face."""
        return np.array(self._network.compute_face_descriptor(np.ascontiguousarray(picture), anchor), np.float64)

    def similarity(self, left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the negative Euclidean distance; published threshold −0.6."""
        distance: NDArray[np.float64] = np.linalg.norm(left - right, axis=-1)
        return -distance


class SfaceJudge:
    """SFace through OpenCV, aligned by YuNet's landmarks."""

    name = "sface"

    def __init__(self) -> None:
        """Loads the weights.

        Raises:
            ToolError: if OpenCV below 5 or the package of the weights is missing.
        """
        self._network = import_cv2(below=NEW_ENGINE).FaceRecognizerSF.create(str(SFACE.find()), "")

    def anchor(self, original: Picture, face: Candidate) -> Any:
        """Returns the row that OpenCV aligns by: box, landmarks, score."""
        del original
        box = face.box
        row = [box.x, box.y, box.width, box.height, *np.ravel(face.landmarks), face.score]
        return np.array([row], np.float32)

    def embed(self, picture: Picture, anchor: Any) -> NDArray[np.float64]:
        """Returns the 128 numbers of the face, of unit length (zero if the network answers zero)."""
        aligned = self._network.alignCrop(np.ascontiguousarray(picture[..., ::-1]), anchor)
        vector = np.array(self._network.feature(aligned), np.float64).ravel()
        return vector / max(float(np.linalg.norm(vector)), 1e-12)

    def similarity(self, left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the cosine; published threshold 0.363."""
        cosine: NDArray[np.float64] = np.sum(left * right, axis=-1)
        return cosine


_LOADERS: dict[str, Callable[[], Judge]] = {"dlib": DlibJudge, "sface": SfaceJudge}

JUDGE_NAMES = tuple(_LOADERS)
"""Names of the judges, the judge of record first."""


def load_judge(name: str) -> Judge:
    """Returns a judge by name.

    Raises:
        ConfigError: if there is none of that name.
        ToolError: if its packages are missing.
    """
    if name not in _LOADERS:
        raise ConfigError(f"there is no judge {name!r}; {suggest(name, JUDGE_NAMES)}")
    return _LOADERS[name]()
