"""Quality figures of a synthetic set, judged by detectors and a recogniser whose answers are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hw_anon.core.boxes import Box
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.data.synthetic.generate import generate
from hw_anon.data.synthetic.plan import SynthesisConfig
from hw_anon.data.synthetic.sets import open_people
from hw_anon.evaluate import synthetic_quality
from hw_anon.evaluate.synthetic_quality import QualityConfig, measure_quality, recogniser_quality
from tests.data.synthetic.fake_studio import fake_studio

CONFIG = SynthesisConfig(
    people=24,
    test_people=12,
    pictures_per_person=3,
    clips=6,
    test_clips=3,
    frames_per_clip=3,
    size=128,
    portrait_size=64,
    picture_format="png",
)


class BrightSpot:
    """Finds the bright rectangle, which is the face in these pictures, if it is large enough."""

    name = "bright"
    settings = "above 99"

    def __init__(self, least: int) -> None:
        self.least = least

    def boxes(self, picture: NDArray[np.uint8]) -> tuple[Box, ...]:
        rows, columns = np.nonzero((picture > 99).all(axis=2))
        box = Box(x=int(columns.min()), y=int(rows.min()), width=int(np.ptp(columns)) + 1, height=int(np.ptp(rows)) + 1)
        return (box, Box(x=0, y=0, width=3, height=3)) if box.width >= self.least else ()


class Colour:
    """Tells people apart by a number that the test gives each picture."""

    name = "colour"

    def __init__(self, blur: float) -> None:
        self.generator = np.random.default_rng(0)
        self.blur = blur
        self.asked: list[Any] = []

    def anchor(self, original: NDArray[np.uint8], face: Any) -> Any:
        self.asked.append(face)
        return face

    def embed(self, picture: NDArray[np.uint8], anchor: Any) -> NDArray[np.float64]:
        owner = (len(self.asked) - 1) // 3
        vector = np.eye(32)[owner] + self.blur * self.generator.standard_normal(32)
        return vector / np.linalg.norm(vector)

    def similarity(self, left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.sum(left * right, axis=-1))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set whose portraits have faces of 16 pixels and whose frames have faces of 32."""
    directory = tmp_path_factory.mktemp("made") / "set"
    generate(CONFIG, directory, fake_studio)
    return directory


def measured(
    made: Path, monkeypatch: pytest.MonkeyPatch, *, least: int, blur: float = 0.0, **settings: Any
) -> dict[str, Any]:
    monkeypatch.setattr(synthetic_quality, "load_detector", lambda name, cache: BrightSpot(least))
    monkeypatch.setattr(synthetic_quality, "load_judge", lambda name: Colour(blur))
    config = QualityConfig(**({"min_height": 10.0, "min_visible": 0.0, "sizes": (10.0, 20.0)} | settings))
    return measure_quality(made, cache_dir=made, studio=fake_studio(), config=config)


def test_recall_by_size_and_kind(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quality = measured(made, monkeypatch, least=20)
    assert list(quality["detectors"]) == ["yunet", "mtcnn", "centerface"]
    entry = quality["detectors"]["mtcnn"]
    assert entry["recall"]["portraits"]["10 to 20"]["recall"] == 0
    assert entry["recall"]["portraits"]["10 to 20"]["faces"] == 72
    assert entry["recall"]["frames"]["20 and above"]["recall"] == 1
    frames = entry["recall"]["frames"]["20 and above"]["faces"]
    assert frames == 12, "four clips of three frames are not idle"
    assert entry["recall_all"]["recall"] == pytest.approx(frames / (frames + 72), abs=1e-4)
    assert entry["other_boxes_per_picture"] == pytest.approx(frames / (frames + 72), abs=1e-4)
    assert [bar["reached"] for bar in quality["bars"]] == [False, False, False, True, True]
    assert quality["speed"]["frames"] == 64


def test_covered_and_small_faces_need_not_be_found(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quality = measured(made, monkeypatch, least=20, min_height=20.0)
    assert quality["detectors"]["yunet"]["recall_all"] == {"recall": 1, "low": pytest.approx(0.7, abs=0.1), "high": 1,
                                                          "faces": 12}  # fmt: skip
    some = measured(made, monkeypatch, least=0, min_visible=0.6)
    everything = measured(made, monkeypatch, least=0)
    faces = some["detectors"]["yunet"]["recall_all"]["faces"]
    assert 0 < faces < everything["detectors"]["yunet"]["recall_all"]["faces"] == 84
    with pytest.raises(ContractError, match="no face of 100 pixels"):
        measured(made, monkeypatch, least=0, min_height=100.0)


def test_pictures_are_spread_over_all_people(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = measured(made, monkeypatch, least=0, portraits=24, frames=4)["detectors"]["yunet"]
    assert entry["recall"]["portraits"]["10 to 20"]["faces"] == 24
    assert entry["recall"]["frames"]["20 and above"]["faces"] == 4


def test_people_are_told_apart_with_the_labels_landmarks(made: Path) -> None:
    people = [open_people(made, "test"), open_people(made, "train")]
    judge = Colour(blur=0.0)
    result = recogniser_quality(judge, people, QualityConfig(people=20, pictures=3))
    assert (result["people"], result["portraits"]) == (20, 60)
    assert result["auc"]["value"] == 1
    assert judge.asked[0] == people[0].face(0).candidate()
    assert judge.asked[36] == people[1].face(0).candidate()
    vague = recogniser_quality(Colour(blur=1.0), people, QualityConfig(people=20, pictures=3))
    assert 0.4 < vague["auc"]["value"] < 0.9
    with pytest.raises(ContractError, match="20 people with two portraits"):
        recogniser_quality(judge, people[:1], QualityConfig(people=20))
    with pytest.raises(ConfigError, match="people = 3"):
        QualityConfig(people=3)


def test_speed_counts_processor_time(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 10.4])
    monkeypatch.setattr(synthetic_quality.time, "process_time", lambda: next(clock))
    config = QualityConfig(speed_clips=2, speed_frames=5, speed_size=64)
    speed = synthetic_quality.drawing_speed(fake_studio(), config)
    assert (speed["frames"], speed["cpu_ms_per_frame"], speed["frames_per_s_of_two_cores"]) == (10, 40, 50)
    slow = measured(made, monkeypatch_clock(monkeypatch), least=0, min_frames_per_s=15.0, speed_clips=1, speed_frames=1)
    assert slow["bars"][-1]["reached"] is False


def monkeypatch_clock(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A clock that takes a second between two looks."""
    clock = iter(range(100))
    monkeypatch.setattr(synthetic_quality.time, "process_time", lambda: float(next(clock)))
    return monkeypatch
