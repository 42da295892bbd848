"""Each update moves its own player alone, in the direction that its equation asks for."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from hw_anon.losses.angular import angular_softmax_loss
from hw_anon.train.batches import FaceBatch, FrameBatch, soften
from hw_anon.train.loop import Training
from hw_anon.train.players import frozen
from hw_anon.train.steps import (
    Table,
    bounded,
    embedding_similarity,
    update_classifier,
    update_detector,
    update_modifier,
    warm_up_modifier,
)
from tests.train.setting import recipe, training, with_published


def _state(table: Table) -> dict[str, list[Tensor]]:
    return {name: [p.detach().clone() for p in m.parameters()] for name, m in table.players.modules().items()}


def _moved(table: Table, before: dict[str, list[Tensor]]) -> set[str]:
    return {
        name
        for name, old in before.items()
        if any(not torch.equal(a, b) for a, b in zip(old, table.players.modules()[name].parameters(), strict=True))
    }


def _batches(run: Training) -> tuple[FaceBatch, FrameBatch]:
    return run._faces(5), run._frames(5)


def _no_gradients(table: Table) -> bool:
    return all(p.grad is None for module in table.players.modules().values() for p in module.parameters())


def test_each_update_moves_its_own_player_alone(tmp_path: Path) -> None:
    run = training(tmp_path)
    table, (faces, frames) = run.table, _batches(run)
    updates = {
        "classifier0": lambda: update_classifier(table, 0, faces, table.modify(faces.images)),
        "modifier": lambda: update_modifier(table, faces, table.modify(faces.images), frames),
        "detector": lambda: update_detector(table, frames, modify=True),
    }
    for name, update in updates.items():
        before = _state(table)
        losses = update()
        assert _moved(table, before) == {name}
        assert _no_gradients(table), "nothing is left over for the next update"
        assert all(math.isfinite(value) and not value.requires_grad for value in losses.values())


def test_warm_ups_move_their_player_alone(tmp_path: Path) -> None:
    run = training(tmp_path)
    table, (faces, frames) = run.table, _batches(run)
    for name, update in {
        "modifier": lambda: warm_up_modifier(table, faces),
        "classifier0": lambda: update_classifier(table, 0, faces, None),
        "detector": lambda: update_detector(table, frames, modify=False),
    }.items():
        before = _state(table)
        update()
        assert _moved(table, before) == {name}


def test_a_joint_update_moves_modifier_and_detector(tmp_path: Path) -> None:
    run = training(tmp_path, recipe(game={"detector_update": "joint"}))
    faces, frames = _batches(run)
    before = _state(run.table)
    losses = update_modifier(run.table, faces, run.table.modify(faces.images), frames)
    assert _moved(run.table, before) == {"modifier", "detector"}
    assert "a_classifier" in losses


def test_the_modifiers_gradient_is_that_of_equation_4(tmp_path: Path) -> None:
    objective = {"bound": "none", "embedding": 0.0, "photorealistic": 3.0, "adversarial": 0.5, "detection": 0.0}
    run = training(tmp_path, recipe(objective=objective))
    table, (faces, _) = run.table, _batches(run)
    classifier, modifier = table.players.classifiers[0], table.players.modifier
    features = classifier(modifier(faces.images), faces.landmarks)
    blend = classifier.head.schedule.at(0)
    l_d = angular_softmax_loss(features, classifier.head.weight, faces.labels, blend=blend, margin=4).mean()
    expected = -0.5 * l_d + 3.0 * (modifier(faces.images) - faces.images).abs().mean()
    gradients = torch.autograd.grad(expected, list(modifier.parameters()))

    seen: list[Tensor] = []
    table.optimisers["modifier"].register_step_pre_hook(
        lambda optimiser, *_: seen.extend(p.grad.clone() for p in optimiser.param_groups[0]["params"])
    )
    losses = update_modifier(table, faces, table.modify(faces.images), None)
    assert losses["m_total"].item() == pytest.approx(expected.item(), rel=1e-5)
    for got, wanted in zip(seen, gradients, strict=True):
        assert torch.allclose(got, wanted, rtol=1e-3, atol=1e-6)


def test_the_detection_loss_reaches_the_modifier_through_the_frame(tmp_path: Path) -> None:
    run = training(tmp_path, recipe(objective={"adversarial": 0.0, "photorealistic": 0.0, "embedding": 0.0}))
    table, (faces, frames) = run.table, _batches(run)
    norms: list[float] = []
    table.optimisers["modifier"].register_step_pre_hook(
        lambda optimiser, *_: norms.append(sum(float(p.grad.abs().sum()) for p in optimiser.param_groups[0]["params"]))
    )
    update_modifier(table, faces, table.modify(faces.images), frames)
    assert norms[0] > 0
    faceless = FrameBatch(
        frames=frames.frames, regions=[() for _ in frames.regions], targets=frames.targets, seeds=frames.seeds
    )
    assert torch.equal(table.modify_frames(faceless), frames.frames), "a frame without a face stays unmodified"


@pytest.mark.parametrize("target", ["ascent", "random"])
def test_ascent_raises_and_descent_lowers_the_classifiers_loss(tmp_path: Path, target: str) -> None:
    objective = {"target": target, "bound": "none", "detection": 0.0, "photorealistic": 0.0, "embedding": 0.0}
    run = training(tmp_path, recipe(objective=objective, game={"modifier_rate": 0.003}))
    table, (faces, _) = run.table, _batches(run)
    labels = faces.labels if faces.aims is None else faces.aims
    classifier = table.players.classifiers[0]

    @torch.no_grad()
    def loss() -> float:
        return float(classifier.losses(classifier(table.modify(faces.images), faces.landmarks), labels).mean())

    before = loss()
    for _ in range(5):
        update_modifier(table, faces, table.modify(faces.images), None)
    assert (loss() > before) == (target == "ascent")


def test_random_aims_are_wrong_people(tmp_path: Path) -> None:
    run = training(tmp_path, recipe(objective={"target": "random"}))
    faces = run._faces(0)
    assert faces.aims is not None
    assert (faces.aims != faces.labels).all()


def test_bounds_stop_the_ascent_at_the_level() -> None:
    losses = torch.tensor([0.0, 1.0, 2.0, 30.0], requires_grad=True)
    assert torch.equal(bounded(losses, "none", 2.0), losses)
    assert bounded(losses, "clamp", 2.0).tolist() == [0.0, 1.0, 2.0, 2.0]
    soft = bounded(losses, "softplus", 2.0)
    assert (soft < 2.0 + 1e-6).all()
    assert soft[0].item() == pytest.approx(2 - math.log1p(math.exp(2)))
    (gradient,) = torch.autograd.grad(soft.sum(), losses)
    assert gradient[2].item() == pytest.approx(0.5)
    assert gradient[3] < 1e-10
    assert (gradient.diff() < 0).all(), "the pull fades the better M does"


def test_embedding_similarity_is_the_mean_cosine_above_the_margin() -> None:
    modified = torch.tensor([[1.0, 0.0], [0.0, 2.0], [-1.0, 0.0]], requires_grad=True)
    original = torch.tensor([[2.0, 0.0], [1.0, 0.0], [1.0, 0.0]], requires_grad=True)
    similarity = embedding_similarity(modified, original, 0.0)
    assert similarity.item() == pytest.approx(1 / 3)
    similarity.backward()
    assert original.grad is None
    assert embedding_similarity(modified, original, -1.0).item() == pytest.approx(0.0)


_ANCHOR_ALONE = {"anchor": 2.0, "adversarial": 0.0, "photorealistic": 0.0, "embedding": 0.0, "detection": 0.0}


def test_the_anchor_term_is_the_distance_to_the_mean_face(tmp_path: Path) -> None:
    run = training(tmp_path, with_published(objective=_ANCHOR_ALONE))
    table, (faces, _) = run.table, _batches(run)
    published = table.players.classifiers[1]
    published.anchor.zero_()[:2] = torch.tensor([0.6, 0.8])
    seen: list[Tensor] = []

    def features(images: Tensor) -> Tensor:
        """Features at 1, 0.6, 0 and -1 to the anchor, whatever is shown."""
        seen.append(images)
        known = torch.tensor([[3.0, 4.0], [2.0, 0.0], [-4.0, 3.0], [-0.6, -0.8]])
        return torch.nn.functional.pad(known, (0, 14)).repeat(2, 1) + 0.0 * images.sum()

    published.network.forward = features
    losses = update_modifier(table, faces, table.modify(faces.images), None)
    assert losses["m_anchor"].item() == pytest.approx(1 - (1 + 0.6 + 0 - 1) / 4)
    assert losses["m_total"].item() == pytest.approx(2 * 0.85)
    assert len(seen) == 1


def test_the_anchor_terms_gradient_leads_to_the_mean_face(tmp_path: Path) -> None:
    run = training(tmp_path, with_published(objective=_ANCHOR_ALONE, game={"modifier_rate": 0.003}))
    table, (faces, _) = run.table, _batches(run)
    distances = [update_modifier(table, faces, table.modify(faces.images), None)["m_anchor"].item() for _ in range(6)]
    assert distances[-1] < distances[0]


def test_the_anchor_is_the_mean_of_all_people(tmp_path: Path) -> None:
    table = training(tmp_path, with_published()).table
    _, published = table.players.classifiers
    expected = published.head.weight.mean(0)
    torch.testing.assert_close(published.anchor, expected / expected.norm())
    assert torch.equal(table.players.starts[1]["anchor"], published.anchor)
    assert not table.players.classifiers[0].anchor.any(), "random class weights tell nothing of a mean face"


@pytest.mark.parametrize("player", ["classifier", "modifier"])
def test_classifiers_look_at_softened_faces(tmp_path: Path, player: str) -> None:
    run = training(tmp_path, with_published())
    table, (faces, _) = run.table, _batches(run)
    softness = torch.linspace(0, 1, len(faces.labels))
    faces = replace(faces, softness=softness)
    modified = table.modify(faces.images)
    blurred = soften(modified.detach(), softness), soften(faces.images, softness)
    first, published = table.players.classifiers
    if player == "classifier":
        expected = [first.losses(first(images, faces.landmarks), faces.labels).mean() for images in blurred]
        losses = update_classifier(table, 0, faces, modified)
        got = [losses["d0_modified"], losses["d0_original"]]
    else:
        features = published(blurred[0], faces.landmarks)
        expected = [1 - nn.functional.cosine_similarity(features, published.anchor[None]).mean()]
        got = [update_modifier(table, faces, modified, None)["m_anchor"]]
    torch.testing.assert_close(got, [value.detach() for value in expected])


def test_frozen_modules_pass_gradients_on_and_come_back() -> None:
    net = nn.Linear(2, 1)
    x = torch.ones(1, 2, requires_grad=True)
    with frozen(net):
        net(x).sum().backward()
    assert net.weight.grad is None and x.grad is not None
    assert all(p.requires_grad for p in net.parameters())
