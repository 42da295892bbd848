"""Batches: the camera's geometry, landmarks that go with the picture, and draws that depend on the step alone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from hw_anon.core.boxes import Box, face_region
from hw_anon.data.banks import FaceBank, FrameBank
from hw_anon.nets.video_path import crop_regions
from hw_anon.train.batches import (
    NO_JITTER,
    Jitter,
    Shuffled,
    cut_faces,
    draw,
    draw_nothing,
    pick_frames,
    resident,
    soften,
    step_generator,
)

SIZE = 24


def _uniform(count: int, seed: int = 0) -> torch.Tensor:
    return draw(count, torch.Generator().manual_seed(seed))


def _region(bank: FaceBank, index: int) -> Box:
    left, top, right, bottom = bank.boxes[index].tolist()
    x, y = int(left), int(top)
    box = Box(x=x, y=y, width=-int(-right // 1) - x, height=-int(-bottom // 1) - y)
    region = face_region(box, bank.pictures.shape[3], bank.pictures.shape[2])
    assert region is not None
    return region


def test_without_jitter_a_face_is_what_the_camera_crops(faces: FaceBank) -> None:
    indices = torch.arange(len(faces))
    batch = cut_faces(faces, indices, SIZE, NO_JITTER, _uniform(len(faces)))
    regions = [(_region(faces, i),) for i in range(len(faces))]
    expected = crop_regions(faces.pictures.float() / 255, regions, SIZE, rounding=False)
    assert (batch.images - expected).abs().max() * 255 < 1.8
    assert torch.equal(batch.labels, faces.labels)


def test_landmarks_stay_on_their_pixels_whatever_the_jitter(faces: FaceBank) -> None:
    # A picture whose channels are its own coordinates tells where a landmark came from.
    side = faces.pictures.shape[-1]
    ramp = torch.arange(side, dtype=torch.uint8) * 6
    pictures = torch.stack([ramp.expand(side, side), ramp[:, None].expand(side, side), ramp.expand(side, side)])
    bank = FaceBank(
        pictures=pictures.expand(len(faces), 3, side, side),
        boxes=faces.boxes,
        landmarks=faces.landmarks,
        labels=faces.labels,
        people=faces.people,
    )
    jitter = Jitter(grey=0.0, brightness=0.0, contrast=0.0, colour=0.0)
    batch = cut_faces(bank, torch.arange(len(bank)), SIZE, jitter, _uniform(len(bank)))
    grid = 2 * batch.landmarks / (SIZE - 1) - 1
    seen = torch.nn.functional.grid_sample(batch.images, grid[:, None], align_corners=True)[:, :2, 0] * 255 / 6
    mirrored = _uniform(len(bank))[:, 3] < 0.5
    assert mirrored.any() and not mirrored.all()
    expected = bank.landmarks.clone()
    expected[mirrored] = expected[mirrored][:, [1, 0, 2, 4, 3]]
    assert (seen.transpose(1, 2) - expected).abs().max() < 0.02
    assert (batch.landmarks[:, 0, 0] < batch.landmarks[:, 1, 0]).all(), "the left eye is on the left"


def test_jitter_moves_within_its_limits_and_light_stays_in_range(faces: FaceBank) -> None:
    indices = torch.arange(len(faces))
    plain = cut_faces(faces, indices, SIZE, NO_JITTER, _uniform(len(faces)))
    varied = cut_faces(faces, indices, SIZE, Jitter(grey=1.0), _uniform(len(faces), 3))
    assert varied.images.min() >= 0 and varied.images.max() <= 1
    assert torch.equal(varied.images[:, 0], varied.images[:, 2]), "grey"
    assert not torch.equal(varied.images, plain.images)


def test_a_share_of_a_batch_is_the_same_as_its_part(faces: FaceBank) -> None:
    indices, uniform = torch.arange(8), _uniform(8)
    whole = cut_faces(faces, indices, SIZE, Jitter(), uniform)
    half = cut_faces(faces, indices[4:], SIZE, Jitter(), uniform[4:])
    assert torch.allclose(whole.images[4:], half.images, atol=1e-6)
    assert torch.equal(whole.labels[4:], half.labels)


def test_each_epoch_visits_every_index_once_in_its_own_order() -> None:
    stream = Shuffled(10, 4, seed=3)
    seen = torch.cat([stream(step) for step in range(5)])
    first, second = seen[:10], seen[10:]
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(10))
    assert first.tolist() != second.tolist()
    assert torch.equal(Shuffled(10, 4, seed=3)(3), seen[12:16]), "a resumed run sees the same"
    assert not torch.equal(Shuffled(10, 4, seed=4)(0), seen[:4])


def test_step_generators_are_unrelated_between_steps_and_purposes() -> None:
    first = torch.rand(4, generator=step_generator(1, 2, "faces"))
    assert torch.equal(first, torch.rand(4, generator=step_generator(1, 2, "faces")))
    for other in (step_generator(1, 3, "faces"), step_generator(2, 2, "faces"), step_generator(1, 2, "frames")):
        assert not torch.equal(first, torch.rand(4, generator=other))


def test_mirrored_frames_carry_boxes_and_regions_along(frames: FrameBank) -> None:
    bank = resident(frames, "cpu")
    jitter = Jitter(mirror=1.0, grey=0.0, brightness=0.0, contrast=0.0, colour=0.0)
    batch = pick_frames(bank, torch.tensor([1, 4]), jitter, _uniform(2))
    assert torch.allclose(batch.frames, bank.frames[[1, 4]].flip(-1) / 255, atol=1e-6)
    left, _, right, _ = bank.boxes[1][0].tolist()
    assert batch.targets[0].boxes[0].tolist() == [64 - right, 10, 64 - left, 50]
    region, old = batch.regions[0][0], bank.regions[1][0]
    assert (region.x, region.right) == (64 - old.right, 64 - old.x)
    assert batch.regions[1] == ()
    assert batch.targets[0].labels.tolist() == [1], "labels start at 0, the bank's at 1"


def test_softening_mixes_a_face_with_its_binomial_blur() -> None:
    images = torch.rand(3, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    softened = soften(images, torch.tensor([0.0, 0.5, 1.0]))
    assert torch.equal(softened[0], images[0])
    kernel = np.array([1.0])
    for _ in range(8):
        kernel = np.convolve(kernel, [0.5, 0.5])
    pictures = images.double().permute(0, 2, 3, 1).numpy()
    blurred = [cv2.sepFilter2D(p, -1, kernel, kernel, borderType=cv2.BORDER_REFLECT_101) for p in pictures]
    expected = torch.from_numpy(np.stack([(pictures[1] + blurred[1]) / 2, blurred[2]])).permute(0, 3, 1, 2)
    torch.testing.assert_close(softened[1:].double(), expected, atol=1e-6, rtol=0)


def test_gradients_pass_through_softening() -> None:
    images = torch.rand(2, 3, 12, 12, dtype=torch.float64, requires_grad=True)
    softness = torch.tensor([0.3, 1.0], dtype=torch.float64)
    assert torch.autograd.gradcheck(soften, (images, softness), fast_mode=True)


def test_softness_is_drawn_up_to_its_limit(faces: FaceBank) -> None:
    indices, uniform = torch.arange(len(faces)), _uniform(len(faces))
    assert torch.equal(cut_faces(faces, indices, SIZE, Jitter(soften=0.5), uniform).softness, 0.5 * uniform[:, 10])
    assert not cut_faces(faces, indices, SIZE, NO_JITTER, uniform).softness.any()
    assert draw_nothing(3).shape == _uniform(3).shape


def test_jitter_out_of_range_is_refused() -> None:
    with pytest.raises(Exception, match="scale"):
        Jitter(scale=1.5)
    with pytest.raises(Exception, match="soften"):
        Jitter(soften=1.1)
