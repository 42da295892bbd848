"""Lessons: what covers a face stays in the answer, a key changes it, and a step's lesson is always the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="missing: torch")
pytest.importorskip("brevitas", reason="missing: brevitas")

from hw_anon.core.errors import ContractError  # noqa: E402
from hw_anon.data.banks import FaceBank  # noqa: E402
from hw_anon.train.average_face import AverageFace, AverageFaceConfig  # noqa: E402
from hw_anon.train.keyed_face import KeyedFace, KeyedFaceConfig  # noqa: E402
from quant.distil_lessons import DrawnTeacher, draw_lesson, examples  # noqa: E402
from quant.distil_recipe import CAMERA_JITTER, DistilRecipe  # noqa: E402
from quant.modifier import ModifierConfig  # noqa: E402
from tests.train.banks import face_bank  # noqa: E402

CONFIG = ModifierConfig(input_size=32, widths=(4, 6, 8), blocks=1, key_channels=2)
RECIPE = DistilRecipe(net="modifier-s", batch=12, occlude=0.0, jitter=CAMERA_JITTER)


@pytest.fixture(scope="module")
def faces() -> FaceBank:
    return face_bank(people=8, pictures=6)


@pytest.fixture(scope="module")
def teacher(faces: FaceBank) -> DrawnTeacher:
    average = AverageFace(faces, AverageFaceConfig(poses=4, pictures=30))
    covers = torch.zeros_like(faces.pictures[:, :1])
    covers[..., 22:] = 255
    drawn = average.draw(faces)
    keyed = KeyedFace(faces, average, KeyedFaceConfig(channels=2, directions=3))
    return DrawnTeacher(answers=torch.where(covers > 0, faces.pictures, drawn), covers=covers, keyed=keyed)


def test_a_lesson_is_the_same_whenever_it_is_asked(faces: FaceBank, teacher: DrawnTeacher) -> None:
    first, again = (draw_lesson(RECIPE, teacher, faces, CONFIG, 3) for _ in range(2))
    assert torch.equal(first.seen, again.seen) and torch.equal(first.target, again.target)
    assert not torch.equal(first.seen, draw_lesson(RECIPE, teacher, faces, CONFIG, 4).seen)


def test_what_covers_a_face_stays(faces: FaceBank, teacher: DrawnTeacher) -> None:
    recipe = replace(RECIPE, jitter=replace(CAMERA_JITTER, soften=0.0))
    lesson = draw_lesson(recipe, teacher, faces, CONFIG, 0)
    whole = (lesson.cover == 1.0).expand(-1, 3, -1, -1)
    assert 0.05 < float(whole.float().mean()) < 0.9
    kept = (lesson.target - lesson.seen[:, :3]).abs()
    assert float(kept[whole].max()) <= 1.0 / 255.0, "in whatever light"
    assert float(kept[lesson.cover.expand(-1, 3, -1, -1) == 0.0].mean()) > 0.02


def test_a_key_changes_the_answer_and_lies_behind_the_colours(faces: FaceBank, teacher: DrawnTeacher) -> None:
    indices = torch.arange(8)
    seen, answer = examples(teacher, faces, indices, CONFIG)
    assert seen.shape == (8, 5, 32, 32)
    assert torch.equal(seen[:, 3:], seen[:, 3:, :1, :1].expand(-1, -1, 32, 32))
    unkeyed, plain = examples(replace(teacher, keyed=None), faces, indices, CONFIG)
    assert torch.equal(seen, unkeyed)
    assert float((answer - plain).abs().mean()) > 1.0 / 255.0
    without = examples(teacher, faces, indices, replace(CONFIG, key_channels=0))
    assert without[0].shape == (8, 3, 32, 32) and torch.equal(without[1], plain)


def test_answers_to_other_pictures_are_refused(faces: FaceBank, teacher: DrawnTeacher) -> None:
    with pytest.raises(ContractError, match="one for each"):
        draw_lesson(RECIPE, replace(teacher, answers=teacher.answers[:3]), faces, CONFIG, 0)
    assert teacher.covers is not None
    with pytest.raises(ContractError, match="one for each"):
        draw_lesson(RECIPE, replace(teacher, covers=teacher.covers[:3]), faces, CONFIG, 0)


def test_a_mouth_is_opened_in_what_is_seen_and_not_in_the_answer(faces: FaceBank, teacher: DrawnTeacher) -> None:
    plain, laughing = (draw_lesson(replace(RECIPE, mouths=share), teacher, faces, CONFIG, 0) for share in (0.0, 1.0))
    assert torch.equal(plain.target, laughing.target)
    assert not torch.equal(plain.seen, laughing.seen)
