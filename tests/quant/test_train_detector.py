"""The detector's brief training: it learns, resumes to the same weights, and is measured behind the decoder."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="missing: torch")
pytest.importorskip("brevitas", reason="missing: brevitas")
pytest.importorskip("cv2", reason="missing: opencv-python-headless")

from hw_anon.core.boxes import Box, face_region  # noqa: E402
from hw_anon.core.errors import ConfigError, ContractError  # noqa: E402
from hw_anon.data.detector_frames import ComposedFrame, FaceTraits  # noqa: E402
from hw_anon.data.face_labels import FaceLabel  # noqa: E402
from hw_anon.data.face_pictures import FacePicture  # noqa: E402
from quant.detector_metrics import measure_regions, region_errors, wilson_interval  # noqa: E402
from quant.export import weights_sha256  # noqa: E402
from quant.face_detector import FaceDetectorConfig  # noqa: E402
from quant.train_detector import (  # noqa: E402
    DetectorRecipe,
    detector_batch,
    save_detector,
    train_face_detector,
    validation_frames,
)
from quant.zoo import DETECTORS, load_detector  # noqa: E402

TINY = FaceDetectorConfig(input_width=48, input_height=40, widths=(6, 8, 12), quarter_layers=0, eighth_layers=1)


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> DetectorRecipe:
    """A recipe for a detector that only these tests know."""
    monkeypatch.setitem(DETECTORS, "tiny", TINY)
    return DetectorRecipe(net="tiny", steps=6, batch=2, checkpoint_every=2)


def _pictures() -> list[FacePicture]:
    rng = np.random.default_rng(0)
    row, column = np.mgrid[0:48, 0:48] + 0.5
    face = (((column - 24) / 9) ** 2 + ((row - 20) / 12) ** 2 <= 1)[..., None]
    points = ((20, 17), (28, 17), (24, 21), (21, 26), (27, 26))
    label = FaceLabel(box=(15.0, 8.0, 33.0, 32.0), landmarks=points)  # type: ignore[arg-type]
    pictures = []
    for _ in range(6):
        ground = np.broadcast_to(rng.integers(0, 120, 3), (48, 48, 3))
        pixels = np.where(face, (230, 190, 160), ground) + rng.integers(0, 10, (48, 48, 3))
        pictures += [
            FacePicture(pixels=pixels.astype(np.uint8), face=label),
            FacePicture(pixels=ground.astype(np.uint8), face=None),
        ]
    return pictures


def _interrupt_at(last: int) -> Callable[[int, float], None]:
    def stop(step: int, _loss: float) -> None:
        if step == last:
            raise KeyboardInterrupt

    return stop


def test_a_batch_is_what_the_chip_sees(brief: DetectorRecipe) -> None:
    items = validation_frames(brief.frames, _pictures(), 2)
    images, targets = detector_batch(items)
    assert images.shape == (2, 3, 40, 48)
    assert targets.scores.shape == (2, 5, 6)
    mean = items[0].frame[:2, :2].astype(float).mean((0, 1))
    np.testing.assert_allclose(255 * images[0, :, 0, 0], mean, atol=0.51)


def test_an_interrupted_run_ends_with_the_same_weights(brief: DetectorRecipe, tmp_path: Path) -> None:
    pictures = _pictures()
    whole = train_face_detector(brief, pictures, checkpoint=tmp_path / "a")
    with pytest.raises(KeyboardInterrupt):
        train_face_detector(brief, pictures, checkpoint=tmp_path / "b", on_step=_interrupt_at(5))
    assert (tmp_path / "b").exists()
    with pytest.raises(ConfigError, match="another recipe"):
        train_face_detector(replace(brief, seed=2), pictures, checkpoint=tmp_path / "b")
    with pytest.raises(ConfigError, match="network or data"):
        train_face_detector(brief, pictures[2:], checkpoint=tmp_path / "b")
    steps: list[int] = []
    resumed = train_face_detector(
        brief, pictures, checkpoint=tmp_path / "b", on_step=lambda step, _: steps.append(step)
    )
    assert steps == [5, 6]
    assert weights_sha256(resumed) == weights_sha256(whole)
    assert not (tmp_path / "b").exists()


def test_a_run_that_is_stopped_at_a_checkpoint_has_written_it(brief: DetectorRecipe, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train_face_detector(brief, _pictures(), checkpoint=tmp_path / "run", on_step=_interrupt_at(2))
    steps: list[int] = []
    train_face_detector(brief, _pictures(), checkpoint=tmp_path / "run", on_step=lambda step, _: steps.append(step))
    assert steps == [3, 4, 5, 6]


def test_a_short_run_finds_faces(brief: DetectorRecipe, tmp_path: Path) -> None:
    pictures = _pictures()
    recipe = replace(brief, steps=150, batch=8, checkpoint_every=1000, learning_rate=0.02)
    net = train_face_detector(recipe, pictures, checkpoint=tmp_path / "run")
    frames = validation_frames(recipe.frames, pictures, 40)
    metrics = save_detector(net, recipe, tmp_path / "tiny", frames=frames, data={"set": "ellipses"}, threshold=128)
    validation = metrics["validation"]
    assert validation["frames"] == 40
    assert validation["recall"] > 0.6
    assert validation["false_boxes"] < 0.5
    loaded = load_detector("tiny", weights_dir=tmp_path)
    assert weights_sha256(loaded) == metrics["weights_sha256"]
    record = json.loads((tmp_path / "tiny" / "recipe.json").read_text())
    assert DetectorRecipe(**record["recipe"]) == recipe
    assert record["data"] == {"set": "ellipses"}


def test_a_damaged_checkpoint_and_wrong_settings_are_refused(brief: DetectorRecipe, tmp_path: Path) -> None:
    (tmp_path / "run").write_bytes(b"no")
    with pytest.raises(ContractError, match="not a checkpoint"):
        train_face_detector(brief, _pictures(), checkpoint=tmp_path / "run")
    with pytest.raises(ConfigError, match="batch"):
        DetectorRecipe(net="tiny", batch=1)
    with pytest.raises(ConfigError, match="unknown face detector"):
        DetectorRecipe(net="modifier-s")


def _frame(*faces: Box, ignored: tuple[Box, ...] = ()) -> ComposedFrame:
    return ComposedFrame(frame=np.zeros((240, 320, 3), np.uint8), faces=faces, ignored=ignored)


def test_faces_count_as_found_only_if_they_are_hidden() -> None:
    small, large = Box(x=10, y=10, width=12, height=14), Box(x=150, y=60, width=100, height=130)
    region = face_region(large, 320, 240)
    assert region is not None
    beside = Box(x=20, y=20, width=9, height=9)
    found = measure_regions([_frame(small, large), _frame(small)], [(region, beside), ()])
    assert found["faces"] == 3
    assert found["recall"] == pytest.approx(1 / 3, abs=1e-4)
    assert found["by_height"]["below 16"] == {"faces": 2, "found": 0, "recall": 0.0, "interval": [0.0, 0.6576]}
    tall = found["by_height"]["128 and more"]
    assert (tall["faces"], tall["found"], tall["recall"]) == (1, 1, 1.0)
    assert found["from_16_pixels"] == found["mostly_shown"] == tall
    assert found["by_height"]["32-63"]["recall"] is None
    assert found["false_boxes"] == 0.0, "a box that touches a face's region is no false one"


def test_boxes_away_from_faces_are_false_unless_the_place_is_ignored() -> None:
    face, other = Box(x=10, y=10, width=40, height=40), Box(x=200, y=150, width=30, height=30)
    regions = [(face, other), (face, other)]
    assert measure_regions([_frame(face), _frame(face)], regions)["false_boxes"] == 1.0
    assert measure_regions([_frame(face, ignored=(other,)), _frame(face)], regions)["false_boxes"] == 0.5


def test_figures_come_with_intervals_and_by_class() -> None:
    assert wilson_interval(0, 0) is None
    assert wilson_interval(99, 100) == pytest.approx([0.9455, 0.9982], abs=2e-4)
    face = Box(x=100, y=60, width=60, height=70)
    traits = FaceTraits(turn_deg=33.0, yaw=0.2, skin=45.0, shown=0.6, thing="cup", luma=90.0)
    frame = ComposedFrame(frame=np.zeros((240, 320, 3), np.uint8), faces=(face,), ignored=(), traits=(traits,))
    region = face_region(face, 320, 240)
    assert region is not None
    found = measure_regions([frame, frame], [(region,), ()])
    for table, name in {
        "by_turn": "30-44 degrees",
        "by_skin": "40-49 L*",
        "by_shown": "50-74 %",
        "by_thing": "cup",
        "by_light": "64-127",
    }.items():
        assert found[table][name]["recall"] == 0.5
        assert found[table][name]["interval"] == found["recall_interval"]
    assert (found["from_16_pixels"]["faces"], found["mostly_shown"]["faces"]) == (2, 0), "a cup hides much of it"


def test_region_errors_are_in_parts_of_the_faces_region() -> None:
    face = Box(x=100, y=60, width=60, height=70)
    region = face_region(face, 320, 240)
    assert region is not None
    moved = replace(region, x=region.x + region.width // 10)
    errors = region_errors([_frame(face)] * 2, [(region,), (moved,)])
    assert errors is not None
    assert errors["faces"] == 2
    assert errors["shift_x"]["sd"] == pytest.approx(0.05, abs=0.005)
    assert errors["shift_y"]["sd"] == errors["log_width"]["sd"] == 0.0
    assert region_errors([_frame(face)], [()]) is None


def test_frames_do_not_depend_on_the_number_of_processes(brief: DetectorRecipe, tmp_path: Path) -> None:
    pictures = _pictures()
    recipe = replace(brief, steps=3, hard=True)
    alone = train_face_detector(recipe, pictures, checkpoint=tmp_path / "a")
    helped = train_face_detector(replace(recipe, workers=2), pictures, checkpoint=tmp_path / "b")
    assert weights_sha256(alone) == weights_sha256(helped)
