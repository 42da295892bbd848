"""The three networks together: whose gradients each loss of the paper reaches, through alignment and the video path."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from hw_anon.core.boxes import Box
from hw_anon.losses.adversarial import classifier_loss, modifier_loss
from hw_anon.losses.angular import AngularSoftmax
from hw_anon.losses.detection import detection_loss
from hw_anon.losses.photorealistic import photorealistic_loss
from hw_anon.nets.action import ActionDetector, ActionTarget, smoke_config
from hw_anon.nets.align import align_faces, scale_points, template
from hw_anon.nets.modifier import SMOKE, JohnsonModifier
from hw_anon.nets.sphereface import SphereFace, SphereFaceConfig
from hw_anon.nets.video_path import anonymise_frames

PEOPLE = 4


@pytest.fixture
def players() -> tuple[JohnsonModifier, nn.ModuleDict, ActionDetector]:
    """M, D with its class layer, and A, at the smallest scale."""
    torch.manual_seed(0)
    d = nn.ModuleDict(
        {
            "net": SphereFace(SphereFaceConfig(depth=4, height=28, width=24, multiplier=1 / 16, embedding=8)),
            "classes": AngularSoftmax(PEOPLE, 8),
        }
    )
    return JohnsonModifier(SMOKE), d, ActionDetector(smoke_config(2))


def identity_loss(d: nn.ModuleDict, faces: Tensor, labels: Tensor) -> Tensor:
    """L_D of unaligned 32×32 faces whose landmarks lie as in the template."""
    points = scale_points(template(), (112, 96), (32, 32))
    landmarks = torch.from_numpy(points).expand(len(faces), 5, 2)
    return d["classes"](d["net"](align_faces(faces, landmarks, height=28, width=24)), labels, 0)


def reached(module: nn.Module) -> bool:
    """Whether every parameter got a gradient; fails if only some did."""
    got = [p.grad is not None and bool(p.grad.abs().max() > 0) for p in module.parameters() if p.ndim > 1]
    assert all(got) or not any(got)
    return all(got)


def test_m_learns_from_the_action_detector_through_the_video_path(players) -> None:  # noqa: ANN001
    m, d, a = players
    target = ActionTarget(boxes=torch.tensor([[4.0, 4.0, 44.0, 60.0]]), labels=torch.tensor([1]))
    frames = anonymise_frames(torch.rand(2, 3, 64, 64), [[Box(x=6, y=6, width=30, height=28)], []], m, size=32)
    detection_loss(a(frames, [target, target])).backward()
    assert (reached(m), reached(d), reached(a)) == (True, False, True)


def test_m_fools_d_through_the_alignment_and_d_sees_detached_faces(players) -> None:  # noqa: ANN001
    m, d, a = players
    faces, labels = torch.rand(6, 3, 32, 32), torch.arange(6) % PEOPLE
    modified = m(faces)
    classifier_loss(identity_loss(d, modified.detach(), labels), identity_loss(d, faces, labels)).backward()
    assert (reached(m), reached(d), reached(a)) == (False, True, False)
    modifier_loss(lambda wanted: identity_loss(d, modified, wanted), labels, classes=PEOPLE).backward()
    assert reached(m)


def test_a_few_steps_of_each_player_move_the_loss_its_way(players) -> None:  # noqa: ANN001
    m, d, _ = players
    faces, labels = torch.rand(8, 3, 32, 32), torch.arange(8) % PEOPLE

    def step(module: nn.Module, loss: Tensor) -> None:
        module.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p in module.parameters():
                if p.grad is not None:
                    p -= 0.01 * p.grad / (p.grad.norm() + 1e-9)

    def on_modified() -> Tensor:
        return identity_loss(d, m(faces), labels)

    start = on_modified().item()
    for _ in range(10):
        step(d, classifier_loss(identity_loss(d, m(faces).detach(), labels), identity_loss(d, faces, labels)))
    trained = on_modified().item()
    assert trained < start
    for _ in range(10):
        step(m, modifier_loss(lambda wanted: identity_loss(d, m(faces), wanted), labels, classes=PEOPLE))
    assert on_modified().item() > trained
    far = photorealistic_loss(m(faces), faces, weight=1.0)
    for _ in range(10):
        step(m, photorealistic_loss(m(faces), faces, weight=1.0))
    assert photorealistic_loss(m(faces), faces, weight=1.0) < far
