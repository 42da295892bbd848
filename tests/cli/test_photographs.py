"""Photographs beside rendered portraits, with answers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hw_anon.cli.photographs import Photographs, join_photographs
from hw_anon.core.errors import ConfigError
from hw_anon.data.banks import FaceBank
from quant.distil_lessons import DrawnTeacher


def _bank(count: int, people: int, *, grey: int = 0) -> FaceBank:
    generator = torch.Generator().manual_seed(count)
    pictures = torch.randint(0, 256, (count, 3, 16, 16), generator=generator, dtype=torch.uint8)
    pictures[:grey] = pictures[:grey, :1]
    return FaceBank(
        pictures=pictures,
        boxes=torch.tensor([[4.0, 4.0, 12.0, 12.0]]).repeat(count, 1),
        landmarks=torch.full((count, 5, 2), 8.0),
        labels=torch.arange(count) % people,
        people=people,
    )


class _Red:
    """Answers red to everything."""

    def draw(self, bank: FaceBank) -> torch.Tensor:
        return torch.tensor([200, 0, 0], dtype=torch.uint8).view(1, 3, 1, 1).expand_as(bank.pictures).clone()


def test_few_photographs_are_shown_often_with_their_own_answers() -> None:
    faces, real = _bank(90, 9), _bank(5, 2, grey=3)
    covers = torch.full((90, 1, 16, 16), 7, dtype=torch.uint8)
    bank, teacher = join_photographs(_Red(), faces, DrawnTeacher(answers=faces.pictures, covers=covers), real, 0.25)
    teacher.require_of(bank)
    assert len(bank) == 90 + 6 * 5 and bank.people == 11
    assert torch.equal(bank.pictures[:90], faces.pictures) and torch.equal(teacher.answers[:90], faces.pictures)
    assert torch.equal(bank.pictures[110:115], real.pictures)
    assert torch.equal(bank.labels[90:95], real.labels + 9)
    assert teacher.covers is not None and not teacher.covers[90:].any() and torch.equal(teacher.covers[:90], covers)


def test_the_answer_to_a_grey_photograph_is_grey() -> None:
    faces, real = _bank(4, 2), _bank(5, 2, grey=3)
    _, teacher = join_photographs(_Red(), faces, DrawnTeacher(answers=faces.pictures), real, 0.1)
    answers = teacher.answers[4:]
    assert len(answers) == 5, "each is shown once at the least"
    assert (answers[:3] == answers[:3, :1]).all() and answers[0, 0, 0, 0] == 59
    assert torch.equal(answers[3:], _Red().draw(real)[3:])
    assert teacher.covers is None


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ConfigError, match="photograph-share"):
        Photographs(people="att", share=share, work=Path("build"), size=128)


def test_every_other_copy_of_a_grey_photograph_is_tinted_with_its_answer() -> None:
    faces, real = _bank(90, 9), _bank(5, 2, grey=3)
    bank, teacher = join_photographs(_Red(), faces, DrawnTeacher(answers=faces.pictures), real, 0.25)
    once, twice = (slice(90 + 5 * k, 95 + 5 * k) for k in (0, 1))
    assert torch.equal(bank.pictures[once], real.pictures)
    assert torch.equal(bank.pictures[twice][3:], real.pictures[3:]), "those in colour stay"
    tinted, answer = bank.pictures[twice][:3].float(), teacher.answers[twice][:3].float()
    assert (tinted[:, 0] >= tinted[:, 2]).all() and (tinted[:, 0] > tinted[:, 2]).any(), "red over blue"
    assert (answer[:, 0] > answer[:, 2]).all()
    again, _ = join_photographs(_Red(), faces, DrawnTeacher(answers=faces.pictures), real, 0.25)
    assert torch.equal(bank.pictures, again.pictures)
