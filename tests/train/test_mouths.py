"""Open mouths are painted where mouths are, in the light of the face, behind what covers it."""

from __future__ import annotations

import torch
from torch import Tensor

from hw_anon.train.mouths import open_mouths

SIDE = 64
LANDMARKS = torch.tensor([[22.0, 26.0], [42.0, 26.0], [32.0, 36.0], [25.0, 45.0], [39.0, 45.0]])


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _faces(count: int, *, colour: tuple[float, float, float] = (0.7, 0.5, 0.4)) -> tuple[Tensor, Tensor, Tensor]:
    images = torch.tensor(colour).view(1, 3, 1, 1).expand(count, 3, SIDE, SIDE).contiguous()
    return images, LANDMARKS.expand(count, -1, -1), torch.zeros(count, 1, SIDE, SIDE)


def test_a_share_of_the_mouths_is_open_and_nothing_else_changes() -> None:
    images, landmarks, cover = _faces(200)
    painted = open_mouths(images, landmarks, cover, 0.5, _generator())
    changed = (painted - images).abs().amax(1)
    assert 70 < int((changed.flatten(1).amax(1) > 0).sum()) < 130
    assert not changed[:, :34].any(), "eyes and nose stay"
    assert not changed[:, :, :18].any() and not changed[:, :, 46:].any()
    middle = changed[:, 40:56, 28:36].flatten(1).amax(1)
    assert (middle[changed.flatten(1).amax(1) > 0] > 0.05).all(), "an open mouth is not skin"
    assert painted.min() >= 0 and painted.max() <= 1


def test_mouths_follow_the_corners_of_a_turned_face() -> None:
    images, _, cover = _faces(40)
    turned = torch.stack([LANDMARKS[:, 1], SIDE - 1.0 - LANDMARKS[:, 0]], 1).expand(40, -1, -1)
    upright = open_mouths(images, LANDMARKS.expand(40, -1, -1), cover, 1.0, _generator())
    aside = open_mouths(images, turned, cover, 1.0, _generator())
    assert torch.allclose(torch.rot90(upright, 1, (2, 3)), aside, atol=1e-4)


def test_what_lies_before_a_face_stays_before_its_mouth() -> None:
    images, landmarks, cover = _faces(20)
    cover[:, :, :, 32:] = 1.0
    painted = open_mouths(images, landmarks, cover, 1.0, _generator())
    assert torch.equal(painted[..., 32:], images[..., 32:])
    assert (painted[..., :32] != images[..., :32]).any()


def test_a_grey_face_gets_a_grey_mouth_and_none_takes_no_numbers() -> None:
    images, landmarks, cover = _faces(20, colour=(0.5, 0.5, 0.5))
    painted = open_mouths(images, landmarks, cover, 1.0, _generator())
    assert torch.allclose(painted, painted[:, :1].expand(-1, 3, -1, -1), atol=1e-6)
    assert (painted != images).any()
    generator = _generator()
    assert open_mouths(images, landmarks, cover, 0.0, generator) is images
    assert torch.equal(torch.rand(3, generator=generator), torch.rand(3, generator=_generator()))
