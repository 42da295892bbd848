"""Players are built from the recipe, equal for equal seeds, and come back from their files."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from hw_anon.core.errors import ContractError
from hw_anon.data.banks import FaceBank
from hw_anon.nets.sface import SFace
from hw_anon.nets.sface_file import load_sface, save_sface
from hw_anon.train.batches import NO_JITTER, cut_faces, draw_nothing
from hw_anon.train.config import ClassifierConfig
from hw_anon.train.players import Classifier, build_players, load_classifier, save_classifier
from hw_anon.train.sampling import FrameSampler
from tests.train.setting import recipe


def _small_sface() -> SFace:
    torch.manual_seed(0)
    nn = torch.nn
    layers = [
        nn.Conv2d(3, 4, 3, stride=16, padding=1, bias=False),
        nn.BatchNorm2d(4, eps=1e-3),
        nn.PReLU(4),
        nn.Conv2d(4, 4, 7, groups=4),
        nn.Sequential(nn.Flatten(), nn.Linear(4, 128), nn.Unflatten(1, (128, 1, 1))),
    ]
    return SFace(layers, mean=127.5, scale=1 / 128)


def test_equal_seeds_build_equal_players(faces: FaceBank) -> None:
    first, again, other = (build_players(recipe(), faces, actions=3, seed=seed) for seed in (0, 0, 1))
    for name, module in first.modules().items():
        for a, b in zip(module.state_dict().values(), again.modules()[name].state_dict().values(), strict=True):
            assert torch.equal(a, b), name
    assert not torch.equal(first.classifiers[0].network.fc5.weight, other.classifiers[0].network.fc5.weight)
    assert first.detector.config.classes == 3
    assert isinstance(first.detector.rcnn.rpn.fg_bg_sampler, FrameSampler)
    assert first.classifiers[0].head.classes == faces.people


def test_building_leaves_the_global_generator_alone(faces: FaceBank) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    build_players(recipe(), faces, actions=3, seed=0)
    assert torch.equal(torch.rand(3), expected)


def test_a_head_that_starts_at_the_means_recognises_its_people(faces: FaceBank) -> None:
    config = dataclasses.replace(recipe().classifiers[0], head_start="means")
    players = build_players(recipe(classifiers=(config,)), faces, actions=3, seed=0)
    (classifier,) = players.classifiers
    batch = cut_faces(faces, torch.arange(len(faces)), players.size, NO_JITTER, draw_nothing(len(faces)))
    right = classifier.head.predict(classifier(batch.images, batch.landmarks)) == batch.labels
    assert right.float().mean() > 0.9
    assert torch.allclose(classifier.head.weight.norm(dim=1), torch.ones(faces.people))
    assert torch.equal(players.starts[0]["head.weight"], classifier.head.weight), "restarts begin there too"


def test_sface_comes_back_from_its_file(tmp_path: Path) -> None:
    net, path = _small_sface(), tmp_path / "sface.safetensors"
    save_sface(path, net)
    x = torch.rand(2, 3, 112, 112)
    again = load_sface(path)
    assert torch.equal(again(x), net(x))
    assert not again.train().layers[1].training, "statistics stay as they were learned"


@pytest.mark.parametrize("kind", ["sphereface", "sface"])
def test_a_classifier_comes_back_from_its_file(tmp_path: Path, kind: str) -> None:
    weights = tmp_path / "start.safetensors"
    save_sface(weights, _small_sface())
    config = recipe().classifiers[0] if kind == "sphereface" else ClassifierConfig(kind="sface", weights=weights)
    bank_recipe = recipe(classifiers=(config,))
    from tests.train.banks import face_bank

    classifier = build_players(bank_recipe, face_bank(), actions=3, seed=0).classifiers[0]
    path = tmp_path / "classifier0.safetensors"
    save_classifier(path, classifier, {"seed": 0})
    again, metadata = load_classifier(path)
    images, landmarks = torch.rand(2, 3, 32, 32), face_bank().landmarks[:2]
    assert torch.equal(again(images, landmarks), classifier.eval()(images, landmarks))
    assert torch.equal(again.head.weight, classifier.head.weight)
    assert metadata["seed"] == 0
    with pytest.raises(ContractError, match="expected 'classifier'"):
        load_classifier(weights)


def test_a_missing_or_foreign_start_is_refused(tmp_path: Path, faces: FaceBank) -> None:
    path = tmp_path / "weights.pth"
    config = dataclasses.replace(recipe().classifiers[0], weights=path)
    with pytest.raises(ContractError, match="not a file of torch weights"):
        build_players(recipe(classifiers=(config,)), faces, actions=3, seed=0)
    torch.save({"conv9_1.weight": torch.zeros(1)}, path)
    with pytest.raises(ContractError, match="not SphereFace"):
        build_players(recipe(classifiers=(config,)), faces, actions=3, seed=0)


def test_lambda_falls_with_the_classifiers_updates(faces: FaceBank) -> None:
    classifier: Classifier = build_players(recipe(), faces, actions=3, seed=0).classifiers[0]
    features = torch.randn(4, 16, generator=torch.Generator().manual_seed(0)) * 3
    early = classifier.losses(features, torch.arange(4))
    classifier.updates = 1000
    assert (classifier.losses(features, torch.arange(4)) > early).all(), "a smaller λ, a larger margin"
