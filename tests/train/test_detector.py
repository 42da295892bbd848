"""Training of action detectors: it learns what the labels say and nothing else, resumes to the bit, ends in time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.data.banks import FrameBank
from hw_anon.evaluate.action import detect_bank, measure_detector
from hw_anon.nets.action import ActionDetector, smoke_config
from hw_anon.nets.detector_checkpoint import load_detector, save_detector
from hw_anon.train.detector import DetectorRecipe, DetectorRun, learning_rate_factor, train_detector
from hw_anon.train.detector_batches import Augmentation, FrameBatches

NETWORK = replace(smoke_config(3), box_samples=32, proposals=100)
QUICK = DetectorRecipe(detector=NETWORK, epochs=4, batch=4, seed=3)
STILL = Augmentation(mirror=0, zoom=0, shift=0, brightness=0)


def toy_bank(frames: int, seed: int, *, shuffled: bool = False, side: int = 64) -> FrameBank:
    """Frames with one rectangle each, whose colour is its action; or actions that are drawn anew."""
    g = torch.Generator().manual_seed(seed)
    pictures = 25 * torch.rand(frames, 3, side, side, generator=g)
    colours = torch.randint(3, (frames,), generator=g)
    corners = torch.randint(2, side - 30, (frames, 2), generator=g)
    for picture, colour, (x, y) in zip(pictures, colours.tolist(), corners.tolist(), strict=True):
        picture[colour, y : y + 26, x : x + 22] = 255
    actions = torch.randint(3, (frames,), generator=g) if shuffled else colours
    boxes = torch.cat([corners, corners + torch.tensor([22, 26])], dim=1).float()
    return FrameBank(
        frames=pictures.byte(),
        boxes=tuple(boxes[:, None]),
        labels=tuple(actions[:, None] + 1),
        regions=((),) * frames,
        clips=torch.arange(frames) // 4,
        numbers=torch.arange(frames) % 4 + 1,
        actions=("red", "green", "blue"),
    )


def mean_ap(run: DetectorRun) -> float:
    unseen = toy_bank(40, 1)
    return measure_detector(detect_bank(run.detector, unseen), unseen).mean.value


def weights(run: DetectorRun) -> Tensor:
    return torch.cat([tensor.flatten() for tensor in run.detector.state_dict().values()])


def test_it_learns_the_labels_and_only_the_labels() -> None:
    mirrored = replace(STILL, mirror=0.5)
    recipe = DetectorRecipe(detector=NETWORK, epochs=25, batch=8, learning_rate=2e-3, augmentation=mirrored)
    learned, control = (train_detector(recipe, toy_bank(64, 0, shuffled=shuffled)) for shuffled in (False, True))
    assert mean_ap(learned) > 0.85
    assert mean_ap(control) < 0.6, "actions that have nothing to do with the frames cannot be learned"
    assert sum(learned.losses[-20:]) < 0.3 * sum(learned.losses[:20])


def test_an_interrupted_training_ends_in_the_same_weights(tmp_path: Path) -> None:
    bank, file = toy_bank(16, 0), tmp_path / "checkpoint.pt"

    class StopError(Exception):
        pass

    def stop(done: int, total: int, loss: float) -> None:
        if done == 7:
            raise StopError

    recipe = replace(QUICK, checkpoint_s=0.0)
    whole = train_detector(recipe, bank)
    with pytest.raises(StopError):
        train_detector(recipe, bank, checkpoint=file, on_step=stop)
    seen: list[int] = []
    resumed = train_detector(recipe, bank, checkpoint=file, on_step=lambda done, total, loss: seen.append(done))
    assert seen[0] == 7, "six steps were kept"
    assert torch.equal(weights(whole), weights(resumed))
    assert whole.losses == resumed.losses
    assert resumed.seconds > 0
    again = train_detector(recipe, bank, checkpoint=file, on_step=stop)
    assert torch.equal(weights(again), weights(whole)), "a finished training is not trained again"


def test_the_callers_random_numbers_are_left_alone() -> None:
    bank = toy_bank(4, 0)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train_detector(replace(QUICK, epochs=1), bank)
    assert torch.equal(torch.rand(3), expected)


def test_another_seed_gives_another_detector() -> None:
    bank = toy_bank(4, 0)
    first, second = (train_detector(replace(QUICK, epochs=1, seed=seed), bank) for seed in (0, 1))
    assert not torch.equal(weights(first), weights(second))


def test_a_checkpoint_of_other_frames_or_another_recipe_is_refused(tmp_path: Path) -> None:
    bank, file = toy_bank(8, 0), tmp_path / "checkpoint.pt"
    quick = replace(QUICK, epochs=1)
    train_detector(quick, bank, checkpoint=file)
    changed = bank.frames.clone()
    changed[3, 0, 0, 0] ^= 1
    for recipe, frames in ((quick, replace(bank, frames=changed)), (replace(quick, learning_rate=2e-3), bank)):
        with pytest.raises(ContractError, match="another recipe or other frames"):
            train_detector(recipe, frames, checkpoint=file)
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(ContractError, match="not a checkpoint"):
        train_detector(quick, bank, checkpoint=file)


def test_a_warm_start_begins_with_the_given_weights(tmp_path: Path) -> None:
    bank = toy_bank(8, 0)
    first = train_detector(replace(QUICK, epochs=20), bank)
    file = tmp_path / "detector.safetensors"
    save_detector(file, first.detector, bank.actions, {"method": "original"})
    detector, actions, metadata = load_detector(file)
    assert (actions, metadata["method"], detector.training) == (bank.actions, "original", False)
    warm = train_detector(replace(QUICK, epochs=1, learning_rate=1e-6), bank, start=detector.state_dict())
    assert warm.losses[0] < 0.5 * first.losses[0]
    kept = tmp_path / "checkpoint.pt"
    train_detector(QUICK, bank, start=detector.state_dict(), checkpoint=kept)
    with pytest.raises(ContractError, match="another recipe"):
        train_detector(QUICK, bank, checkpoint=kept)
    with pytest.raises(ContractError, match="another detector"):
        train_detector(QUICK, bank, start=ActionDetector(smoke_config(2)).state_dict())


def test_damaged_detector_files_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "detector.safetensors"
    with pytest.raises(ConfigError, match="2 names for the 3 classes"):
        save_detector(file, ActionDetector(NETWORK), ("a", "b"), {})
    save_detector(file, ActionDetector(NETWORK), ("a", "b", "c"), {})
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(ContractError):
        load_detector(file)


def test_minutes_end_a_training_and_its_schedule() -> None:
    run = train_detector(replace(QUICK, epochs=10_000, minutes=0.02), toy_bank(8, 0))
    assert 1.2 <= run.seconds < 3
    assert run.steps < 1000


def test_the_learning_rate_rises_and_falls_to_zero() -> None:
    factors = [learning_rate_factor(step / 200, 0.1) for step in range(201)]
    assert max(factors) == factors[20] == 1.0
    assert factors[:21] == sorted(factors[:21])
    assert factors[20:] == sorted(factors[20:], reverse=True)
    assert 0 < factors[0] < 0.05
    assert factors[-1] == pytest.approx(0, abs=1e-12)


def test_boxes_move_with_their_frames() -> None:
    bank = toy_bank(24, 2)
    moved = Augmentation(mirror=0.5, zoom=0.2, shift=0.1, brightness=0)
    batches = FrameBatches(bank, NETWORK, moved, batch=24, seed=0, device=torch.device("cpu"))
    frames, targets = batches.batch(0)
    assert frames.shape == (24, 3, 64, 64)
    checked = 0
    for frame, target in zip(frames, targets, strict=True):
        for box, label in zip(target.boxes, target.labels, strict=True):
            if not (box.min() > 3 and box.max() < 61):
                continue
            lit = torch.nonzero(frame[label] > 0.5)
            around = [*lit.min(0).values.flip(0).tolist(), *(lit.max(0).values + 1).flip(0).tolist()]
            assert torch.tensor(around) == pytest.approx(box, abs=1.1)
            checked += 1
    assert checked > 10
    assert len({tuple(box.tolist()) for target in targets for box in target.boxes}) > 20


def test_frames_come_at_the_size_and_with_the_values_that_the_detector_sees() -> None:
    bank = toy_bank(6, 0, side=96)
    batches = FrameBatches(bank, NETWORK, STILL, batch=6, seed=0, device=torch.device("cpu"))
    frames, targets = batches.batch(0)
    transform = ActionDetector(NETWORK).rcnn.transform.eval()
    order = [
        int(torch.nonzero((torch.stack(bank.boxes)[:, 0] / 1.5 - t.boxes[0]).abs().sum(1) < 0.01)) for t in targets
    ]
    images, _ = transform(list(bank.frames[order].float() / 255))
    mean, deviation = (torch.tensor(v)[:, None, None] for v in (transform.image_mean, transform.image_std))
    assert images.tensors == pytest.approx((frames - mean) / deviation, abs=1e-4)


def test_every_frame_comes_once_an_epoch() -> None:
    bank = toy_bank(10, 0)
    batches = FrameBatches(bank, NETWORK, STILL, batch=5, seed=1, device=torch.device("cpu"))
    assert batches.steps_per_epoch == 2
    for epoch in range(2):
        seen = [tuple(t.boxes[0].tolist()) for step in range(2) for t in batches.batch(2 * epoch + step)[1]]
        assert sorted(seen) == sorted(tuple(boxes[0].tolist()) for boxes in bank.boxes)


def test_a_box_that_leaves_the_frame_is_dropped_and_a_frame_may_have_none() -> None:
    bank = toy_bank(4, 0)
    corner = torch.tensor([[0.0, 0.0, 4.0, 4.0]])
    bank = replace(bank, boxes=(corner, *bank.boxes[1:3], torch.empty(0, 4)), labels=(*bank.labels[:3], torch.empty(0)))
    far = Augmentation(mirror=0, zoom=0, shift=0.5, brightness=0)
    batches = FrameBatches(bank, NETWORK, far, batch=4, seed=0, device=torch.device("cpu"))
    counts = {len(target.boxes) for step in range(8) for target in batches.batch(step)[1]}
    assert counts == {0, 1}


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"batch": 0}, {"learning_rate": -1}, {"minutes": 0}, {"seed": -1}])
def test_recipes_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        replace(QUICK, **wrong)
