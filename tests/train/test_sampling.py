"""A frame's samples depend on its seed alone, and weighing makes the mean over processes the joined batch's."""

from __future__ import annotations

import pytest
import torch

from hw_anon.core.errors import ContractError
from hw_anon.data.banks import FrameBank
from hw_anon.losses.detection import DETECTION_LOSSES
from hw_anon.nets.action import ActionDetector, smoke_config
from hw_anon.train.batches import NO_JITTER, draw, pick_frames
from hw_anon.train.sampling import FrameSampler, install_samplers, sample_counts, seed_frames, weigh_losses


def test_the_sampler_draws_what_torchvision_would_in_number() -> None:
    labels = torch.tensor([1, 2, 1, 1] + [0] * 50 + [-1] * 20)
    sampler = FrameSampler(8, 0.25)
    sampler.seeds = (5, 6)
    positive, negative = sampler([labels, labels])
    assert [int(mask.sum()) for mask in (*positive, *negative)] == [2, 2, 6, 6]
    assert (labels[positive[0].bool()] >= 1).all() and (labels[negative[0].bool()] == 0).all()
    assert sampler.drawn == 16
    assert not torch.equal(negative[0], negative[1]), "each frame by its own seed"
    sampler.seeds = (6,)
    assert torch.equal(sampler([labels])[1][0], negative[1])


def test_too_few_candidates_are_all_taken() -> None:
    sampler = FrameSampler(8, 0.5)
    sampler.seeds = (1,)
    (positive,), (negative,) = sampler([torch.tensor([1, 0, 0, -1])])
    assert positive.tolist() == [1, 0, 0, 0]
    assert negative.tolist() == [0, 1, 1, 0]
    assert sampler.drawn == 3


def test_a_batch_without_seeds_is_refused() -> None:
    with pytest.raises(ContractError, match="seed_frames"):
        FrameSampler(8, 0.5)([torch.tensor([0])])


def test_the_mean_over_parts_is_the_joined_batchs_loss(frames: FrameBank) -> None:
    torch.manual_seed(0)
    detector = ActionDetector(smoke_config(3)).train()
    install_samplers(detector)
    batch = pick_frames(frames, torch.arange(4), NO_JITTER, draw(4, torch.Generator().manual_seed(0)))

    def losses(part: slice) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        seed_frames(detector, [10, 12, 14, 16][part])
        return detector(batch.frames[part], batch.targets[part]), sample_counts(detector)

    joined, _ = losses(slice(0, 4))
    parts = [losses(slice(0, 1)), losses(slice(1, 4))]
    mean = torch.stack([counts for _, counts in parts]).mean(0)
    assert parts[0][1].tolist() != parts[1][1].tolist(), "unequal parts put the weights to the test"
    weighed = [weigh_losses(part, counts, mean) for part, counts in parts]
    for name in DETECTION_LOSSES:
        value = sum(part[name].item() for part in weighed) / 2
        assert value == pytest.approx(joined[name].item(), rel=1e-5), name
