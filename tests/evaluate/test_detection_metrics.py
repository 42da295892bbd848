"""mAP against cases done by hand and pycocotools; recall, distortion and flicker on cases with known answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hw_anon.core.boxes import Box
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.evaluate.detection_metrics import (
    Detections,
    Truths,
    average_precision,
    box_iou,
    evaluate_detections,
    face_recall,
    flicker,
    l1_distance,
    structural_similarity,
)


def found(*rows: tuple[float, float, float, float, float, int]) -> Detections:
    table = np.array(rows, float).reshape(-1, 6)
    return Detections(boxes=table[:, :4], scores=table[:, 4], labels=table[:, 5].astype(int))


def there(*rows: tuple[float, float, float, float, int], difficult: list[bool] | None = None) -> Truths:
    table = np.array(rows, float).reshape(-1, 5)
    marks = None if difficult is None else np.array(difficult)
    return Truths(boxes=table[:, :4], labels=table[:, 4].astype(int), difficult=marks)


def test_overlaps_by_hand() -> None:
    first = np.array([[0, 0, 10, 10], [5, 5, 5, 5]], float)
    second = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30]], float)
    np.testing.assert_allclose(box_iou(first, second), [[1, 1 / 3, 0], [0, 0, 0]])


def test_average_precision_by_hand() -> None:
    """Right, wrong, right, wrong of three truths: precision 1, 1/2, 2/3, 1/2 at recall 1/3, 1/3, 2/3, 2/3."""
    right = np.array([True, False, True, False])
    assert average_precision(right, 3) == pytest.approx(1 / 3 + 2 / 3 / 3)
    # recalls 0 … 0.3 have precision 1, 0.4 … 0.6 have 2/3, from 0.7 on 0
    assert average_precision(right, 3, interpolation="11-point") == pytest.approx((4 + 3 * 2 / 3) / 11)
    assert average_precision(np.array([], bool), 3) == 0
    assert average_precision(np.array([True]), 1, interpolation="101-point") == 1


def test_a_truth_is_taken_once_and_the_better_score_has_it() -> None:
    result = evaluate_detections(
        [found((0, 0, 10, 10, 0.5, 0), (0, 0, 10, 9, 0.9, 0))], [there((0, 0, 10, 10, 0))], ["drink"]
    )
    assert result.mean.value == 1, "the wrong duplicate comes after full recall"
    two = evaluate_detections(
        [found((0, 0, 10, 10, 0.5, 0), (0, 0, 10, 9, 0.9, 0)), found((0, 0, 10, 10, 0.4, 0))],
        [there((0, 0, 10, 10, 0)), there((0, 0, 10, 10, 0))],
        ["drink"],
    )
    assert two.mean.value == pytest.approx(0.5 + 0.5 * 2 / 3)


def test_overlap_below_a_half_and_other_classes_do_not_count() -> None:
    truth = [there((0, 0, 10, 10, 0), (50, 50, 60, 60, 1))]
    at_half = evaluate_detections([found((0, 0, 10, 5, 1, 0), (50, 50, 60, 60, 1, 1))], truth, ["a", "b"])
    assert at_half.mean.value == 1
    below = evaluate_detections([found((0, 0, 10, 4.9, 1, 0), (50, 50, 60, 60, 1, 0))], truth, ["a", "b"])
    assert below.mean.value == 0


def test_difficult_truths_are_neither_wanted_nor_wrong() -> None:
    truth = [there((0, 0, 10, 10, 0), (50, 50, 60, 60, 0), difficult=[False, True])]
    on_difficult = found((50, 50, 60, 60, 0.9, 0), (50, 50, 60, 60, 0.8, 0), (0, 0, 10, 10, 0.5, 0))
    result = evaluate_detections([on_difficult], truth, ["a"])
    assert result.mean.value == 1
    assert result.per_class["a"] is not None
    assert result.per_class["a"].n == 1
    plain = evaluate_detections([on_difficult], [there((0, 0, 10, 10, 0), (50, 50, 60, 60, 0))], ["a"])
    assert plain.mean.value < 1


def test_classes_without_truth_are_left_out_and_the_subset_is_its_own_mean() -> None:
    truth = [there((0, 0, 10, 10, 0), (20, 20, 30, 30, 1))]
    result = evaluate_detections(
        [found((0, 0, 10, 10, 0.9, 0), (0, 0, 9, 9, 0.8, 2))], truth, ["a", "b", "c"], subset=["a", "c"]
    )
    assert result.per_class["c"] is None
    assert result.mean.value == 0.5
    assert result.subset_mean is not None
    assert result.subset_mean.value == 1
    assert result.as_json()["per_class"]["c"] is None
    assert evaluate_detections([found()], truth, ["a", "b", "c"], subset=["c"]).subset_mean is None


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ContractError, match="no truth to find"):
        evaluate_detections([found()], [there()], ["a"])
    with pytest.raises(ContractError, match="differ"):
        evaluate_detections([found()], [], ["a"])
    with pytest.raises(ContractError, match="not one of the 1 classes"):
        evaluate_detections([found()], [there((0, 0, 1, 1, 1))], ["a"])
    with pytest.raises(ConfigError, match="iou"):
        evaluate_detections([found()], [there((0, 0, 1, 1, 0))], ["a"], iou=0)
    with pytest.raises(ContractError, match="not finite"):
        found((0, 0, float("nan"), 1, 1, 0))


def _scene(seed: int, frames: int = 40) -> tuple[list[Detections], list[Truths]]:
    """Frames with truths, jittered, doubled, missing and made-up detections, and difficult truths."""
    generator = np.random.default_rng(seed)
    detections, truths = [], []
    for _ in range(frames):
        corner = generator.uniform(0, 200, (generator.integers(0, 5), 2))
        boxes = np.concatenate([corner, corner + generator.uniform(20, 80, corner.shape)], axis=1)
        labels = generator.integers(0, 3, len(boxes))
        truths.append(Truths(boxes=boxes, labels=labels, difficult=generator.uniform(size=len(boxes)) < 0.2))
        seen = np.repeat(boxes, 2, axis=0) + generator.normal(0, 8, (2 * len(boxes), 4))
        made_up = generator.uniform(0, 100, (2, 2))
        seen = np.concatenate([seen, np.concatenate([made_up, made_up + 50], axis=1)])
        names = np.concatenate([np.repeat(labels, 2), generator.integers(0, 3, 2)])
        names = np.where(generator.uniform(size=len(names)) < 0.2, generator.integers(0, 3, len(names)), names)
        kept = generator.uniform(size=len(seen)) < 0.8
        scores = generator.permutation(len(seen))[kept] / len(seen) + generator.uniform(0, 1e-3, int(kept.sum()))
        seen = np.concatenate([np.minimum(seen[:, :2], seen[:, 2:]), np.maximum(seen[:, :2], seen[:, 2:])], axis=1)
        detections.append(Detections(boxes=seen[kept], scores=scores, labels=names[kept]))
    return detections, truths


def _coco_ap(detections: list[Detections], truths: list[Truths]) -> float:
    coco = pytest.importorskip("pycocotools.coco", reason="missing: pycocotools")
    from pycocotools.cocoeval import COCOeval

    def box(corners: np.ndarray) -> list[float]:
        left, top, right, bottom = (float(value) for value in corners)
        return [left, top, right - left, bottom - top]

    annotations: list[dict[str, Any]] = []
    for image, truth in enumerate(truths, start=1):
        for corners, label in zip(truth.boxes, truth.labels, strict=True):
            xywh = box(corners)
            number = len(annotations) + 1
            annotations.append(
                {"id": number, "image_id": image, "category_id": int(label) + 1, "bbox": xywh, "iscrowd": 0,
                 "area": xywh[2] * xywh[3]}
            )  # fmt: skip
    truth_set = coco.COCO()
    truth_set.dataset = {
        "info": {},
        "images": [{"id": i + 1} for i in range(len(truths))],
        "annotations": annotations,
        "categories": [{"id": c + 1} for c in range(3)],
    }
    truth_set.createIndex()
    rows = [
        {"image_id": i, "category_id": int(label) + 1, "bbox": box(corners), "score": float(score)}
        for i, found in enumerate(detections, start=1)
        for corners, score, label in zip(found.boxes, found.scores, found.labels, strict=True)
    ]
    evaluation = COCOeval(truth_set, truth_set.loadRes(rows), "bbox")
    evaluation.params.iouThrs = np.array([0.5])
    evaluation.evaluate()
    evaluation.accumulate()
    precision = evaluation.eval["precision"][0, :, :, 0, 2]
    return float(precision.mean())


@pytest.mark.parametrize("seed", range(4))
def test_the_mean_is_pycocotools(seed: int) -> None:
    """Without difficult truths: pycocotools knows only crowds, whose overlap is counted otherwise."""
    detections, truths = _scene(seed)
    plain = [Truths(boxes=truth.boxes, labels=truth.labels) for truth in truths]
    ours = evaluate_detections(detections, plain, ["a", "b", "c"], interpolation="101-point", resamples=10)
    assert ours.mean.value == pytest.approx(_coco_ap(detections, plain), abs=1e-9)
    assert 0.2 < ours.mean.value < 0.9


@pytest.mark.parametrize("seed", range(4))
def test_erased_truths_would_cost_what_difficult_ones_do_not(seed: int) -> None:
    detections, truths = _scene(seed)
    erased = [Truths(boxes=t.boxes[~t.difficult], labels=t.labels[~t.difficult]) for t in truths]
    marked, gone = (evaluate_detections(detections, t, ["a", "b", "c"], resamples=10) for t in (truths, erased))
    assert marked.mean.value > gone.mean.value
    assert [ap and ap.n for ap in marked.per_class.values()] == [ap and ap.n for ap in gone.per_class.values()]


def test_the_interval_is_over_videos() -> None:
    """Half the videos are all right, half all wrong: with ten frames of each video the interval stays as wide."""
    right, wrong, truth = found((0, 0, 10, 10, 0.9, 0)), found((50, 50, 60, 60, 0.9, 0)), there((0, 0, 10, 10, 0))

    def width(frames: int) -> float:
        detections = [right if video % 2 else wrong for video in range(20) for _ in range(frames)]
        videos = [video for video in range(20) for _ in range(frames)]
        result = evaluate_detections(detections, [truth] * len(videos), ["a"], groups=videos)
        assert result.mean.low < result.mean.value < result.mean.high
        return result.mean.high - result.mean.low

    assert width(10) == pytest.approx(width(1), rel=0.2)


def test_face_recall_counts_faces_in_their_place() -> None:
    face, shifted, far = (Box(x=x, y=0, width=20, height=20) for x in (0, 4, 40))
    recall = face_recall([[face], [far, shifted], [far], []], [face] * 4)
    assert recall.value == 0.5
    assert (recall.low, recall.high) == (pytest.approx(0.150, abs=1e-3), pytest.approx(0.850, abs=1e-3))  # Wilson
    assert face_recall([[]] * 4, [face] * 4).high > 0.3
    with pytest.raises(ContractError, match="one face for each"):
        face_recall([], [])


def test_distortion_is_measured_inside_the_regions_only() -> None:
    pytest.importorskip("skimage", reason="missing: scikit-image")
    generator = np.random.default_rng(0)
    before = [generator.integers(0, 205, (32, 32, 3), dtype=np.uint8) for _ in range(3)]
    region = Box(x=8, y=8, width=16, height=16)
    after = [picture.copy() for picture in before]
    for picture in after:
        picture[8:24, 8:24] += 51
        picture[0, 0] = 255
    moved = l1_distance(before, after, [region] * 3)
    assert moved.value == pytest.approx(0.2)
    assert moved.high - moved.low < 1e-9
    assert structural_similarity(before, before, [region] * 3).value == pytest.approx(1)
    noise = [generator.integers(0, 256, (32, 32, 3), dtype=np.uint8) for _ in range(3)]
    assert abs(structural_similarity(before, noise, [region] * 3).value) < 0.1


def test_flicker_is_change_that_the_original_has_not() -> None:
    generator = np.random.default_rng(0)
    clip = generator.integers(50, 200, (6, 16, 16, 3), dtype=np.uint8)
    still = np.repeat(clip[:1], 6, axis=0)
    assert flicker(clip, clip) == 0
    assert flicker(clip, np.zeros_like(clip)) == 0
    assert flicker(clip, 255 - clip) == 0
    blinking = still.copy()
    blinking[1::2] += 51
    assert flicker(still, blinking) == pytest.approx(0.2)
    with pytest.raises(ContractError, match="one shape"):
        flicker(clip[:1], clip[:1])
