"""Equations (1) to (4) of the paper, by hand-computed values, and who gets which gradient."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.losses.adversarial import adversarial_loss, classifier_loss, modifier_loss, random_labels
from hw_anon.losses.detection import DETECTION_LOSSES, detection_loss
from hw_anon.losses.objective import full_objective
from hw_anon.losses.photorealistic import photorealistic_loss


def test_equation_1_is_the_sum_of_the_four_losses() -> None:
    losses = {name: torch.tensor(2.0**i, requires_grad=True) for i, name in enumerate(DETECTION_LOSSES)}
    total = detection_loss(losses)
    assert total.item() == 15.0
    total.backward()
    assert all(loss.grad == 1.0 for loss in losses.values())


@pytest.mark.parametrize("change", ["missing", "fifth"])
def test_equation_1_takes_no_other_losses(change: str) -> None:
    losses = {name: torch.tensor(1.0) for name in DETECTION_LOSSES}
    if change == "missing":
        del losses["loss_box_reg"]
    else:
        losses["loss_mask"] = torch.tensor(1.0)
    with pytest.raises(ContractError, match="loss_box_reg"):
        detection_loss(losses)


def test_equation_2_by_hand() -> None:
    modified, original = torch.tensor([1.0, 5.0]), torch.tensor([0.5, 0.25, 0.0])
    assert adversarial_loss(modified, original).item() == pytest.approx(-3.25)
    assert classifier_loss(modified, original).item() == pytest.approx(3.25)
    assert modifier_loss(lambda labels: modified, torch.tensor([0, 1]), classes=4).item() == pytest.approx(-3.0)


def test_equation_2_pulls_the_two_players_apart() -> None:
    modified, original = torch.tensor([1.0], requires_grad=True), torch.tensor([1.0], requires_grad=True)
    classifier_loss(modified, original).backward()
    assert (modified.grad, original.grad) == (1.0, 1.0)
    modified.grad = None
    modifier_loss(lambda labels: modified, torch.tensor([0]), classes=2).backward()
    assert modified.grad == -1.0


def test_the_ablation_descends_towards_the_random_labels() -> None:
    seen: list[Tensor] = []

    def loss(labels: Tensor) -> Tensor:
        seen.append(labels)
        return labels.float()

    truth = torch.tensor([0, 1, 2, 3])
    generator = torch.Generator().manual_seed(3)
    value = modifier_loss(loss, truth, classes=4, target="random", generator=generator)
    again = modifier_loss(loss, truth, classes=4, target="random", generator=torch.Generator().manual_seed(3))
    assert (seen[0] != truth).all()
    assert value.item() == again.item() == seen[0].float().mean().item()
    with pytest.raises(ConfigError, match="'ascent', 'random'"):
        modifier_loss(loss, truth, classes=4, target="descent")  # type: ignore[arg-type]


def test_random_labels_are_wrong_and_uniform() -> None:
    labels = torch.full((30_000,), 2)
    drawn = random_labels(labels, 4, generator=torch.Generator().manual_seed(0))
    counts = torch.bincount(drawn, minlength=4)
    assert counts[2] == 0
    assert (counts[[0, 1, 3]] - 10_000).abs().max() < 400
    with pytest.raises(ConfigError, match="at least 2"):
        random_labels(torch.zeros(1, dtype=torch.int64), 1)


def test_equation_3_by_hand() -> None:
    original = torch.zeros(2, 3, 2, 2)
    modified = original.clone()
    modified[0, 0, 0, 0], modified[1, 2, 1, 1] = 0.6, -0.6
    assert photorealistic_loss(modified, original, weight=10.0).item() == pytest.approx(10.0 * 1.2 / 24)
    assert photorealistic_loss(original, original, weight=10.0).item() == 0.0


def test_equation_3_refuses_what_would_broadcast_or_reward_distance() -> None:
    image = torch.zeros(2, 3, 4, 4)
    with pytest.raises(ContractError, match="original"):
        photorealistic_loss(image, image[:1], weight=1.0)
    for weight in (-1.0, float("nan")):
        with pytest.raises(ConfigError, match="weight"):
            photorealistic_loss(image, image, weight=weight)


def test_equation_4_is_the_unweighted_sum() -> None:
    assert full_objective(torch.tensor(4.0), torch.tensor(-3.25), torch.tensor(0.5)).item() == 1.25
