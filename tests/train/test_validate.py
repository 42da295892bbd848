"""AUC, accuracy and pairs against values by hand."""

from __future__ import annotations

import pytest
import torch

from hw_anon.core.errors import ContractError
from hw_anon.train.log import flat, picture_grid
from hw_anon.train.validate import auc, make_pairs, verification_accuracy


def test_auc_by_hand_with_ties() -> None:
    scores = torch.tensor([0.9, 0.5, 0.5, 0.1])
    assert auc(scores, torch.tensor([True, True, False, False])) == pytest.approx(3.5 / 4)
    assert auc(scores, torch.tensor([False, False, True, True])) == pytest.approx(0.5 / 4)
    assert auc(torch.ones(6), torch.tensor([True, False] * 3)) == pytest.approx(0.5)


def test_auc_agrees_with_counting_all_pairs() -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.randint(0, 20, (200,), generator=generator).float()
    same = torch.rand(200, generator=generator) < 0.3
    above = (scores[same][:, None] > scores[~same][None]).double() + 0.5 * (
        scores[same][:, None] == scores[~same][None]
    ).double()
    assert auc(scores, same) == pytest.approx(above.mean().item())


def test_accuracy_takes_its_threshold_from_the_other_half() -> None:
    same = torch.tensor([True, False] * 20)
    assert verification_accuracy(same.float(), same) == 1.0
    assert verification_accuracy(torch.zeros(40), same) == 0.5
    # The right threshold differs between the halves: 0.5 for the first, 10.5 for the second.
    shifted = same.float() + torch.tensor([0.0] * 20 + [10.0] * 20)
    assert verification_accuracy(shifted, same) == 0.5


def test_pairs_are_half_of_one_person_and_depend_on_the_seed() -> None:
    labels = torch.arange(10).repeat_interleave(4)
    left, right, same = make_pairs(labels, 40, seed=0)
    assert len(left) == 40 and int(same.sum()) == 20
    assert torch.equal(labels[left] == labels[right], same)
    assert (left != right).all()
    assert torch.equal(make_pairs(labels, 40, seed=0)[0], left)
    assert not torch.equal(make_pairs(labels, 40, seed=1)[0], left)


def test_people_who_cannot_be_paired_are_named() -> None:
    for labels in (torch.zeros(4, dtype=torch.int64), torch.arange(4)):
        with pytest.raises(ContractError, match="two people at least"):
            make_pairs(labels, 40, seed=0)


def test_nested_values_get_joined_names() -> None:
    assert flat({"a": 1, "b": [{"c": 2.0}, {"c": "x"}]}) == {"a": 1, "b.0.c": 2.0, "b.1.c": "x"}


def test_a_grid_puts_modified_faces_below_the_originals() -> None:
    first, second = torch.zeros(3, 3, 2, 2), torch.ones(3, 3, 2, 2)
    grid = picture_grid([first, second], columns=2)
    assert grid.shape == (3, 8, 4)
    assert grid[0, :2].max() == 0 and grid[0, 2:4].min() == 255
    assert grid[0, 4:6, 2:].min() == 255, "an empty place is white"
