"""Angular softmax: against its published definition with angles, by hand, at the poles, and its annealing."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.losses.angular import (
    ORIGINAL_SCHEDULE,
    PYTORCH_SCHEDULE,
    AngularSoftmax,
    LambdaSchedule,
    angular_softmax_loss,
    psi,
)


def psi_by_angle(theta: Tensor, margin: int) -> Tensor:
    """ψ as the publication writes it, with the angle and its interval."""
    k = torch.floor(theta * margin / math.pi).clamp(max=margin - 1)
    return (-1.0) ** k * torch.cos(margin * theta) - 2.0 * k


def loss_by_definition(x: Tensor, weight: Tensor, labels: Tensor, blend: float, margin: int) -> Tensor:
    """L_D as the publication writes it, sample by sample, class by class."""
    losses = []
    for i, y in enumerate(labels.tolist()):
        norm = x[i].norm()
        cosines = torch.stack([x[i] @ w / (norm * w.norm()) for w in weight])
        logits = norm * cosines
        target = norm * (blend * cosines[y] + psi_by_angle(torch.acos(cosines[y]), margin)) / (1 + blend)
        others = torch.cat([logits[:y], logits[y + 1 :]])
        losses.append(-torch.log(torch.exp(target) / (torch.exp(target) + torch.exp(others).sum())))
    return torch.stack(losses)


def batch(seed: int = 0, samples: int = 12, classes: int = 5, size: int = 3) -> tuple[Tensor, Tensor, Tensor]:
    g = torch.Generator().manual_seed(seed)
    x = 2.0 * torch.randn(samples, size, generator=g, dtype=torch.float64)
    weight = torch.randn(classes, size, generator=g, dtype=torch.float64)
    return x, weight, torch.randint(0, classes, (samples,), generator=g)


@pytest.mark.parametrize("margin", [1, 2, 3, 4])
def test_psi_equals_its_definition(margin: int) -> None:
    theta = torch.linspace(0.001, math.pi - 0.001, 4001, dtype=torch.float64)
    torch.testing.assert_close(psi(theta.cos(), margin), psi_by_angle(theta, margin), atol=1e-9, rtol=0)


def test_psi_by_hand() -> None:
    # cos(4·60°) = cos 240° = -1/2, k = 1: ψ = 1/2 - 2; at 90° k = 2 begins: ψ = cos 360° - 4 = -3 from both sides.
    got = psi(torch.tensor([1.0, 0.5, 0.0, -1.0], dtype=torch.float64))
    torch.testing.assert_close(got, torch.tensor([1.0, -1.5, -3.0, -7.0], dtype=torch.float64))


@pytest.mark.parametrize("margin", [2, 3, 4])
def test_psi_falls_monotonically_and_without_a_jump(margin: int) -> None:
    theta = torch.linspace(0.0, math.pi, 100_001, dtype=torch.float64)
    steps = psi(theta.cos(), margin).diff()
    assert steps.max() <= 1e-9
    assert steps.min() > -1e-3


@pytest.mark.parametrize("margin", [1, 2, 3, 4])
@pytest.mark.parametrize("blend", [0.0, 5.0, 1000.0])
def test_loss_and_gradients_equal_the_definitions(margin: int, blend: float) -> None:
    x, weight, labels = batch(margin)
    ours = [x.clone().requires_grad_(), weight.clone().requires_grad_()]
    theirs = [x.clone().requires_grad_(), weight.clone().requires_grad_()]
    got = angular_softmax_loss(*ours, labels, blend=blend, margin=margin)
    want = loss_by_definition(*theirs, labels, blend, margin)
    torch.testing.assert_close(got, want, atol=1e-10, rtol=1e-10)
    got.mean().backward()
    want.mean().backward()
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a.grad, b.grad, atol=1e-10, rtol=1e-8)


def test_gradcheck() -> None:
    x, weight, labels = batch(7, samples=4)

    def function(x: Tensor, weight: Tensor) -> Tensor:
        return angular_softmax_loss(x, weight, labels, blend=0.0)

    assert torch.autograd.gradcheck(function, (x.requires_grad_(), weight.requires_grad_()))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_gradients_are_finite_where_the_angle_is_0_or_180_degrees(sign: float) -> None:
    weight = torch.eye(3)
    x = (sign * 30.0 * weight).requires_grad_()
    loss = angular_softmax_loss(x, weight, torch.arange(3), blend=0.0)
    loss.sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()
    theta = torch.acos((x.detach()[0] / 30.0) @ weight[0])
    assert loss[0].item() == pytest.approx(0.0 if sign > 0 else 30.0 * 7.0 + math.log(2.0), abs=1e-3), theta


def test_a_zero_embedding_has_the_loss_of_a_guess() -> None:
    x = torch.zeros(2, 3, requires_grad=True)
    loss = angular_softmax_loss(x, torch.eye(3), torch.tensor([0, 2]), blend=0.0)
    loss.sum().backward()
    torch.testing.assert_close(loss, torch.full((2,), math.log(3.0)))
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_huge_embeddings_do_not_overflow_even_under_autocast() -> None:
    x, weight, labels = (t.float() if t.is_floating_point() else t for t in batch())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = angular_softmax_loss(1e4 * x.bfloat16(), weight, labels, blend=0.0)
    assert loss.dtype == torch.float32
    assert loss.isfinite().all()


def test_the_margin_makes_the_task_harder_and_blending_easier() -> None:
    x, weight, labels = batch()
    hard, mild, plain = (
        angular_softmax_loss(x, weight, labels, blend=blend, margin=margin).mean().item()
        for blend, margin in ((0.0, 4), (5.0, 4), (0.0, 1))
    )
    assert hard > mild > plain


@pytest.mark.parametrize(
    ("schedule", "iteration", "value"),
    [
        (ORIGINAL_SCHEDULE, 0, 1000.0),
        (ORIGINAL_SCHEDULE, 100, 1000.0 / 13.0),
        (ORIGINAL_SCHEDULE, 10_000, 5.0),
        (PYTORCH_SCHEDULE, 0, 1500.0),
        (PYTORCH_SCHEDULE, 100, 1500.0 / 11.0),
        (PYTORCH_SCHEDULE, 10_000, 5.0),
        (LambdaSchedule(base=8.0, gamma=1.0, power=2.0, minimum=0.0), 1, 2.0),
    ],
)
def test_annealing(schedule: LambdaSchedule, iteration: int, value: float) -> None:
    assert schedule.at(iteration) == pytest.approx(value)


def test_the_layer_learns_and_predicts_by_angle() -> None:
    torch.manual_seed(0)
    layer = AngularSoftmax(3, 4)
    labels = torch.arange(3).repeat(4)
    x = (3.0 * torch.eye(3, 4)[labels] + 0.1 * torch.randn(12, 4)).requires_grad_()
    optimiser = torch.optim.Adam([*layer.parameters()], lr=0.05)
    first = layer(x, labels, 10**6).item()
    for _ in range(60):
        optimiser.zero_grad()
        layer(x, labels, 10**6).backward()
        optimiser.step()
    assert layer(x, labels, 10**6).item() < 0.5 * first
    assert layer.predict(x).tolist() == labels.tolist()
    torch.testing.assert_close(layer.predict(100.0 * x), layer.predict(x))


def test_errors_name_what_is_wrong() -> None:
    x, weight, labels = batch()
    with pytest.raises(ContractError, match="labels"):
        angular_softmax_loss(x, weight, labels[:3], blend=0.0)
    with pytest.raises(ConfigError, match="blend"):
        angular_softmax_loss(x, weight, labels, blend=-1.0)
    with pytest.raises(ConfigError, match="margin"):
        psi(x, 5)
    with pytest.raises(ConfigError, match="margin"):
        AngularSoftmax(3, margin=0)
    with pytest.raises(ConfigError, match="classes"):
        AngularSoftmax(1)
    with pytest.raises(ConfigError, match="iteration"):
        ORIGINAL_SCHEDULE.at(-1)
    with pytest.raises(ConfigError, match="gamma"):
        LambdaSchedule(gamma=-0.1)
