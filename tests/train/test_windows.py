"""The first lesson of an action detector: windows hold what is before a face, and its pyramid learns to name it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor

from hw_anon.core.boxes import Box
from hw_anon.core.errors import ConfigError
from hw_anon.data.banks import FrameBank
from hw_anon.nets.action import ActionDetector, smoke_config
from hw_anon.train.batches import step_generator
from hw_anon.train.detector import DetectorRecipe, learning_rate_factor, train_detector
from hw_anon.train.windows import WindowRecipe, _places, _windows, learn_windows, name_windows

NETWORK = smoke_config(3)
LESSON = WindowRecipe(epochs=30, side=24, batch=16, learning_rate=5e-3)
STILL = replace(LESSON, zoom=0, shift=0, brightness=0)


def bank_of_spots(frames: int = 48, seed: int = 0) -> FrameBank:
    """Grey people of half the frame each, with a spot in the colour of their action on the face."""
    g = torch.Generator().manual_seed(seed)
    pictures = 60 + 30 * torch.rand(frames, 3, 64, 64, generator=g)
    actions = torch.randint(3, (frames,), generator=g)
    regions = []
    for picture, action in zip(pictures, actions.tolist(), strict=True):
        x, y = torch.randint(8, 44, (2,), generator=g).tolist()
        picture[action, y + 3 : y + 7, x + 3 : x + 7] = 255
        regions.append((Box(x=x, y=y, width=10, height=10),))
    return FrameBank(
        frames=pictures.byte(),
        boxes=(torch.tensor([[2.0, 2.0, 62.0, 62.0]]),) * frames,
        labels=tuple(actions[:, None] + 1),
        regions=tuple(regions),
        clips=torch.arange(frames),
        numbers=torch.ones(frames, dtype=torch.int64),
        actions=("red", "green", "blue"),
    )


def detector(seed: int = 0) -> ActionDetector:
    torch.manual_seed(seed)
    return ActionDetector(NETWORK)


def lesson(bank: FrameBank, recipe: WindowRecipe = LESSON) -> tuple[ActionDetector, float]:
    net = detector()
    return net, learn_windows(net, recipe, bank, seed=1, rate=learning_rate_factor).loss


def test_it_learns_what_is_before_the_face_and_nothing_else() -> None:
    bank = bank_of_spots()
    net, loss = lesson(bank)
    assert loss < 0.3
    g = torch.Generator().manual_seed(9)
    drawn = tuple(torch.randint(1, 4, (1,), generator=g) for _ in bank.labels)
    assert lesson(replace(bank, labels=drawn))[1] > 2 * loss, "labels that the windows do not show are not learned"
    fresh = detector()
    for name, tensor in fresh.state_dict().items():
        if not name.startswith("rcnn.backbone."):
            assert torch.equal(net.state_dict()[name], tensor), f"{name} is not part of the lesson"


def test_its_classifier_names_what_is_before_other_faces() -> None:
    bank, others = bank_of_spots(), bank_of_spots(30, seed=1)
    net = detector()
    learned = learn_windows(net, LESSON, bank, seed=1, rate=learning_rate_factor)
    found = name_windows(net.eval(), learned.classifier, LESSON, others, (0, 2))
    wanted = [label for label in torch.cat(others.labels).flatten().tolist() if label != 2]
    assert (found.actions + 1).tolist() == wanted, "windows of other actions are left out"
    assert set(found.named.tolist()) <= {0, 2}
    assert (found.named == found.actions).float().mean() > 0.9
    empty = name_windows(detector().eval(), learned.classifier, LESSON, others, (0, 2))
    assert (empty.named == empty.actions).float().mean() < 0.9, "features that had no lesson name less"
    with pytest.raises(ConfigError, match="no face"):
        name_windows(net, learned.classifier, LESSON, others.subset([0]), (3,))


def test_a_window_is_the_frame_around_the_face() -> None:
    bank, net = bank_of_spots(8), detector()
    places = _places(bank)
    chosen = torch.arange(8)
    windows = _windows(bank.frames, places, chosen, net, STILL, step_generator(0, 0, "windows"))
    assert windows.shape == (8, 3, 24, 24)
    mean, std = (torch.tensor(v)[:, None, None] for v in (net.rcnn.transform.image_mean, net.rcnn.transform.image_std))
    for picture, region, window in zip(bank.frames, bank.regions, windows, strict=True):
        x, y = region[0].x + 5 - 12, region[0].y + 5 - 12
        if min(x, y) < 0 or max(x, y) > 40:
            continue
        expected = (picture[:, y : y + 24, x : x + 24].float() / 255 - mean) / std
        assert min(float((w - expected).abs().max()) for w in (window, window.flip(2))) < 1e-4


def test_the_same_seed_gives_the_same_features_and_another_one_does_not() -> None:
    bank, short = bank_of_spots(16), replace(LESSON, epochs=1)
    first, second = (lesson(bank, short)[0].rcnn.backbone.state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = detector()
    learn_windows(other, short, bank, seed=2, rate=learning_rate_factor)
    assert any(not torch.equal(first[name], tensor) for name, tensor in other.rcnn.backbone.state_dict().items())


def test_the_action_is_that_of_the_smallest_box_around_the_face() -> None:
    bank = bank_of_spots(2)
    face = bank.regions[0][0]
    near = torch.tensor([[face.x - 2.0, face.y - 2.0, face.x + 12.0, face.y + 12.0]])
    boxes = (torch.cat([bank.boxes[0], near]), torch.tensor([[0.0, 0.0, 3.0, 3.0]]))
    labels = (torch.tensor([1, 3]), bank.labels[1])
    places = _places(replace(bank, boxes=boxes, labels=labels))
    assert places.frames.tolist() == [0], "a face outside all boxes has no action"
    assert places.labels.tolist() == [2]
    with pytest.raises(ConfigError, match="no face"):
        _places(replace(bank, regions=((), ())))


def test_a_detectors_training_begins_with_the_lesson_once(tmp_path: Path) -> None:
    bank, file = bank_of_spots(16), tmp_path / "checkpoint.pt"
    short = replace(LESSON, epochs=2)
    recipe = DetectorRecipe(detector=NETWORK, epochs=1, batch=8, seed=3, windows=short)
    totals: list[int] = []
    run = train_detector(recipe, bank, checkpoint=file, on_step=lambda done, total, loss: totals.append(total))
    assert totals == [2, 2, 2, 2], "two steps of the lesson, two of the training"
    train_detector(recipe, bank, checkpoint=file, on_step=lambda done, total, loss: totals.append(total))
    assert len(totals) == 4, "what has begun is not taught again"
    warm = train_detector(recipe, bank, start=run.detector.state_dict(), on_step=lambda *step: totals.append(0))
    assert (len(totals), warm.steps) == (6, 2), "a detector that has learned already needs no lesson"


def test_the_pyramid_keeps_its_lesson_while_the_rest_learns_to_read_it(tmp_path: Path) -> None:
    bank = bank_of_spots(16)
    recipe = DetectorRecipe(
        detector=NETWORK, epochs=4, batch=8, seed=3, windows=replace(LESSON, epochs=1), frozen=0.5, checkpoint_s=0.0
    )
    seen: list[tuple[Tensor, Tensor]] = []

    def look(done: int, total: int, loss: float) -> None:
        if total == 8 and (tmp_path / "checkpoint.pt").exists():
            state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["detector"]
            parts = ({k: v for k, v in state.items() if k.startswith("rcnn.backbone") == own} for own in (True, False))
            pyramid, rest = (torch.cat([tensor.flatten() for tensor in part.values()]) for part in parts)
            seen.append((pyramid, rest))

    train_detector(recipe, bank, checkpoint=tmp_path / "checkpoint.pt", on_step=look)
    held = [torch.equal(seen[0][0], pyramid) for pyramid, _ in seen]
    assert held == [True] * 5 + [False] * 3, "held in four of eight steps; each look is one step behind"
    assert all(not torch.equal(before[1], after[1]) for before, after in pairwise(seen))
