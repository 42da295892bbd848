"""Alignment: against scikit-image, the numpy version against the torch one, and its gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from skimage.transform import SimilarityTransform, warp
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from hw_anon.core.errors import ContractError
from hw_anon.nets.align import (
    TEMPLATE_112_96,
    align_faces,
    align_image,
    fit_similarity,
    fit_similarity_numpy,
    scale_points,
    template,
)

CASES = [(250, 250, 0), (512, 384, 1), (64, 64, 2), (112, 92, 3), (300, 500, 4)]


def picture(height: int, width: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Noise, the hardest picture to sample, and landmarks of a turned face somewhere, not quite similar."""
    rng = np.random.default_rng(seed)
    angle, size = rng.uniform(-0.6, 0.6), rng.uniform(0.3, 0.9) * min(height, width) / 112
    turn = size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = rng.uniform(0.25, 0.75, 2) * [width, height]
    points = (np.asarray(TEMPLATE_112_96) - [48, 56]) @ turn.T + centre + rng.normal(0, 1, (5, 2))
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8), points


def as_images(picture: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(picture.astype(np.float32) / np.float32(255)).permute(2, 0, 1)[None]


@pytest.mark.parametrize(("height", "width", "seed"), CASES)
def test_the_fit_equals_scikit_images(height: int, width: int, seed: int) -> None:
    _, points = picture(height, width, seed)
    places = template()
    want = SimilarityTransform.from_estimate(points, places).params[:2]
    np.testing.assert_allclose(fit_similarity_numpy(points, places), want, atol=1e-9)
    got = fit_similarity(torch.from_numpy(points)[None], torch.from_numpy(places))
    np.testing.assert_allclose(got[0].numpy(), want, atol=1e-9)


def test_the_fit_by_hand() -> None:
    # A quarter turn, twice as large, moved by (10, 20).
    square = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1], [0.5, 0.5]])
    target = np.stack([10 - 2 * square[:, 1], 20 + 2 * square[:, 0]], axis=1)
    np.testing.assert_allclose(fit_similarity_numpy(square, target), [[0, -2, 10], [2, 0, 20]], atol=1e-12)


@pytest.mark.parametrize(("height", "width", "seed"), CASES)
@pytest.mark.parametrize("out", [(112, 96), (64, 64)])
def test_numpy_and_torch_agree_as_stated(height: int, width: int, seed: int, out: tuple[int, int]) -> None:
    image, points = picture(height, width, seed)
    got = align_faces(as_images(image), torch.from_numpy(points)[None], height=out[0], width=out[1])
    levels = 255.0 * got[0].permute(1, 2, 0).double().numpy()
    precise = align_faces(as_images(image).double(), torch.from_numpy(points)[None], height=out[0], width=out[1])
    assert np.abs(levels - 255.0 * precise[0].permute(1, 2, 0).numpy()).max() < 0.05
    want = align_image(image, points, height=out[0], width=out[1])
    assert np.abs(levels - want).max() < 0.55
    assert np.abs(np.floor(levels + 0.5) - want).max() <= 1


@pytest.mark.parametrize(("height", "width", "seed"), CASES)
def test_sampling_equals_scikit_images(height: int, width: int, seed: int) -> None:
    image, points = picture(height, width, seed)
    to_image = SimilarityTransform.from_estimate(points, template()).inverse
    want = warp(image, to_image, output_shape=(112, 96), order=1, cval=0.0, preserve_range=True)
    inside = warp(np.ones((height, width)), to_image, output_shape=(112, 96), order=1, cval=0.0) == 1.0
    assert inside.mean() > 0.2
    assert np.abs(align_image(image, points) - want)[inside].max() <= 0.5 + 1e-3


def test_outside_the_picture_it_is_black() -> None:
    image = np.full((112, 96, 3), 200, dtype=np.uint8)
    points = template() - [48.0, 0.0]  # the left half of the face is cut off
    face = align_image(image, points)
    assert (face[:, :48] == 0).all()
    assert (face[:, 48:] == 200).all()
    got = 255.0 * align_faces(as_images(image), torch.from_numpy(points)[None])[0].permute(1, 2, 0).numpy()
    assert np.abs(got - face).max() < 0.05


def test_landmarks_land_on_the_template() -> None:
    places = template()
    canvas = np.zeros((200, 200, 3), dtype=np.uint8)
    angle = 0.5
    turn = 1.3 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = (places - 60) @ turn.T + 100
    y, x = np.mgrid[:200, :200]
    for c, (px, py) in enumerate(points[:3]):
        canvas[..., c] = np.rint(255 * np.exp(-((x - px) ** 2 + (y - py) ** 2) / 18))
    face = align_image(canvas, points).astype(float)
    y, x = np.mgrid[:112, :96]
    for c, place in enumerate(places[:3]):
        mass = face[..., c].sum()
        assert np.abs(np.array([(x * face[..., c]).sum(), (y * face[..., c]).sum()]) / mass - place).max() < 0.05


def test_the_template_in_place_is_the_identity() -> None:
    image = np.random.default_rng(0).integers(0, 256, (112, 96, 3), dtype=np.uint8)
    np.testing.assert_array_equal(align_image(image, template()), image)
    got = align_faces(as_images(image), torch.from_numpy(template())[None])
    torch.testing.assert_close(got, as_images(image), atol=1e-4, rtol=0)


def test_templates_of_other_sizes_keep_the_face_in_the_middle() -> None:
    np.testing.assert_allclose(template(), TEMPLATE_112_96, atol=1e-12)
    np.testing.assert_allclose(template(224, 192), scale_points(template(), (112, 96), (224, 192)), atol=1e-12)
    square = template(112, 112)
    np.testing.assert_allclose(square - template(), np.tile([8.0, 0.0], (5, 1)), atol=1e-12)


def test_points_follow_a_resized_picture() -> None:
    image = torch.zeros(1, 1, 40, 60)
    image[0, 0, 10:12, 20:22] = 1.0  # centre (20.5, 10.5)
    small = F.interpolate(image, size=(20, 30), mode="area")[0, 0]
    y, x = divmod(int(small.argmax()), 30)
    assert scale_points(np.array([20.5, 10.5]), (40, 60), (20, 30)).tolist() == [x, y] == [10.0, 5.0]


def test_gradients_reach_the_picture_and_the_landmarks() -> None:
    image, points = picture(20, 24, 5)
    images = as_images(image).double().requires_grad_()
    landmarks = torch.from_numpy(points)[None].requires_grad_()

    def small(images: Tensor, landmarks: Tensor) -> Tensor:
        return align_faces(images, landmarks, height=8, width=7)

    assert torch.autograd.gradcheck(small, (images, landmarks), fast_mode=True)


def test_batches_under_autocast_equal_single_faces() -> None:
    pairs = [picture(60, 50, seed) for seed in range(3)]
    images = torch.cat([as_images(image) for image, _ in pairs])
    landmarks = torch.from_numpy(np.stack([points for _, points in pairs])).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = align_faces(images, landmarks)
    assert got.dtype == torch.float32
    for i in range(3):
        torch.testing.assert_close(got[i : i + 1], align_faces(images[i : i + 1], landmarks[i : i + 1]))


def test_no_face_is_an_error() -> None:
    image, points = picture(40, 40, 0)
    with pytest.raises(ContractError, match="one point"):
        align_image(image, np.ones((5, 2)))
    with pytest.raises(ContractError, match="one point"):
        align_faces(as_images(image), torch.full((1, 5, 2), float("nan")))
    for nothing in (np.full((5, 2), np.inf), np.full((5, 2), np.nan)):
        with pytest.raises(ContractError, match="not finite"):
            align_image(image, nothing)
    with pytest.raises(ContractError, match=r"\[5, 2\]"):
        align_image(image, points[:4])
    with pytest.raises(ContractError, match="landmarks"):
        align_faces(as_images(image), torch.from_numpy(points))
