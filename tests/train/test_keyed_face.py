"""A key moves nobody's face: another face under every key, the same one under the same, and only within the face."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="missing: torch")

from hw_anon.core.errors import ConfigError, ContractError  # noqa: E402
from hw_anon.data.banks import FaceBank  # noqa: E402
from hw_anon.train.average_face import AverageFace, AverageFaceConfig  # noqa: E402
from hw_anon.train.keyed_face import KeyedFace, KeyedFaceConfig  # noqa: E402
from tests.train.banks import face_bank  # noqa: E402

CONFIG = KeyedFaceConfig(channels=2, directions=3)


@pytest.fixture(scope="module")
def faces() -> FaceBank:
    return face_bank(people=8, pictures=6)


@pytest.fixture(scope="module")
def average(faces: FaceBank) -> AverageFace:
    return AverageFace(faces, AverageFaceConfig(poses=4, pictures=30, width=30.0, height=36.0))


@pytest.fixture(scope="module")
def keyed(faces: FaceBank, average: AverageFace) -> KeyedFace:
    return KeyedFace(faces, average, CONFIG)


def _drawn(faces: FaceBank, average: AverageFace) -> torch.Tensor:
    return average.draw(faces).float()[:4] / 255.0


def test_every_key_gives_another_face_and_the_same_key_the_same(
    faces: FaceBank, average: AverageFace, keyed: KeyedFace
) -> None:
    drawn, landmarks = _drawn(faces, average), faces.landmarks[:4]
    first = keyed.add(drawn, torch.tensor([[0.1, 0.8]]).expand(4, -1), landmarks)
    assert torch.equal(first, keyed.add(drawn, torch.tensor([[0.1, 0.8]]).expand(4, -1), landmarks))
    other = keyed.add(drawn, torch.tensor([[0.9, 0.3]]).expand(4, -1), landmarks)
    assert float((first - other).abs().mean()) > 2.0 / 255.0
    assert first.shape == drawn.shape and 0.0 <= float(first.min()) <= float(first.max()) <= 1.0


def test_what_is_far_from_the_face_stays(faces: FaceBank, average: AverageFace, keyed: KeyedFace) -> None:
    drawn = _drawn(faces, average)
    moved = keyed.add(drawn, torch.tensor([[0.1, 0.8]]).expand(4, -1), faces.landmarks[:4])
    assert torch.equal(moved[..., :3, :3], drawn[..., :3, :3])


def test_a_grey_face_stays_grey(faces: FaceBank, average: AverageFace, keyed: KeyedFace) -> None:
    grey = _drawn(faces, average).mean(1, keepdim=True).expand(-1, 3, -1, -1)
    moved = keyed.add(grey, torch.tensor([[0.1, 0.8]]).expand(4, -1), faces.landmarks[:4])
    assert float((moved.amax(1) - moved.amin(1)).max()) < 1e-5
    assert float((moved - grey).abs().max()) > 1.0 / 255.0


def test_strength_zero_moves_nothing_and_settings_change_the_hash(
    faces: FaceBank, average: AverageFace, keyed: KeyedFace
) -> None:
    still = KeyedFace(faces, average, replace(CONFIG, strength=0.0))
    drawn = _drawn(faces, average)
    assert torch.equal(still.add(drawn, torch.rand(4, 2), faces.landmarks[:4]), drawn)
    assert KeyedFace(faces, average, CONFIG).sha256() == keyed.sha256()
    assert KeyedFace(faces, average, replace(CONFIG, seed=1)).sha256() != keyed.sha256()


def test_too_few_people_and_bad_settings_are_refused(faces: FaceBank, average: AverageFace) -> None:
    with pytest.raises(ContractError, match="too few"):
        KeyedFace(faces, average, replace(CONFIG, directions=8))
    with pytest.raises(ConfigError, match="channels"):
        KeyedFaceConfig(channels=17)
