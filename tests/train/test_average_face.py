"""The average face takes the place of a face, follows its pose and tells nothing of the person."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="missing: torch")

from hw_anon.core.errors import ConfigError, ContractError  # noqa: E402
from hw_anon.data.banks import FaceBank  # noqa: E402
from hw_anon.train.average_face import AverageFace, AverageFaceConfig  # noqa: E402
from tests.train.banks import face_bank  # noqa: E402

FEW = AverageFaceConfig(poses=4, pictures=30, light=0.0)


@pytest.fixture(scope="module")
def faces() -> FaceBank:
    return face_bank(people=8, pictures=6)


def _inside(bank: FaceBank, pictures: torch.Tensor) -> torch.Tensor:
    """Returns the middle of each face, `[N, 3, 8, 8]`."""
    middle = ((bank.boxes[:, :2] + bank.boxes[:, 2:]) / 2).round().int().tolist()
    return torch.stack([p[:, y - 4 : y + 4, x - 4 : x + 4] for p, (x, y) in zip(pictures, middle, strict=True)]).float()


def test_people_look_alike_in_the_middle_of_the_face(faces: FaceBank) -> None:
    drawn = AverageFace(faces, FEW).draw(faces)
    assert drawn.shape == faces.pictures.shape and drawn.dtype == torch.uint8
    before, after = _inside(faces, faces.pictures), _inside(faces, drawn)
    assert float(after.std(0).mean()) < 0.35 * float(before.std(0).mean())


def test_what_is_far_from_the_face_stays(faces: FaceBank) -> None:
    narrow = replace(FEW, width=20.0, height=20.0)
    drawn = AverageFace(faces, narrow).draw(faces)
    corner = (slice(None), slice(None), slice(0, 4), slice(0, 4))
    assert torch.equal(drawn[corner], faces.pictures[corner])


def test_light_comes_from_the_original(faces: FaceBank) -> None:
    darker = replace(faces, pictures=faces.pictures // 4)
    average = AverageFace(faces, replace(FEW, light=1.0))
    bright, dark = average.draw(faces), average.draw(darker)
    assert float(_inside(faces, dark).mean()) < 0.5 * float(_inside(faces, bright).mean())
    fixed = AverageFace(faces, FEW)
    apart = (_inside(faces, fixed.draw(faces)) - _inside(faces, fixed.draw(darker))).abs()
    assert float(apart.mean()) < 3.0


def test_equal_banks_give_equal_faces(faces: FaceBank) -> None:
    assert torch.equal(AverageFace(faces, FEW).draw(faces), AverageFace(faces, FEW).draw(faces))


def test_too_few_pictures_and_bad_settings_are_refused(faces: FaceBank) -> None:
    with pytest.raises(ContractError, match="too few"):
        AverageFace(faces)
    with pytest.raises(ConfigError, match="directions"):
        AverageFaceConfig(directions=11)
