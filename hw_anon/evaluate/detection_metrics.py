"""Utility in numbers: frame mAP of an action detector, faces still found, distortion, stability over time.

**Frame AP** (the paper's section 5.1): every frame counts on its own; a detection is right if it overlaps a still free
truth of its class with an IoU of at least 0.5. Detections are taken in falling order of score; each takes the best free
truth, as in COCO (VOC's tool looks only at the best truth, free or not: they differ where two truths of one class
overlap by half). A truth marked *difficult* is neither wanted nor wrong: it is not counted as a truth, and a detection
that can take none but a difficult one is ignored, however many do so. A class without counted truths has no AP and is
left out of the mean. `area` is the area under the monotone precision-recall curve (VOC 2010 and later), `11-point`
its mean at recalls 0, 0.1, … 1 (VOC 2007), `101-point` at 0, 0.01, … 1 (COCO).

Intervals are 95 %, from a bootstrap over groups of frames (videos): frames of one video are not independent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.boxes import Box
from hw_anon.core.errors import ConfigError, ContractError, ToolError
from hw_anon.evaluate.verification import Estimate, person_draws, wilson

__all__ = [
    "DetectionResult",
    "Detections",
    "Interpolation",
    "Truths",
    "average_precision",
    "box_iou",
    "evaluate_detections",
    "face_recall",
    "flicker",
    "l1_distance",
    "structural_similarity",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Interpolation = Literal["area", "11-point", "101-point"]

_SSIM_WINDOW = 7


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Detections:
    """What a detector says about one frame."""

    boxes: Floats
    """`[n, 4]` left, top, right, bottom in pixels (continuous: width = right − left)."""
    scores: Floats
    """`[n]` confidence."""
    labels: Ints
    """`[n]` class."""

    def __post_init__(self) -> None:
        if self.boxes.shape != (len(self.scores), 4) or self.labels.shape != self.scores.shape:
            raise ContractError("detections need boxes [n, 4], scores [n] and labels [n]")
        if not (np.all(np.isfinite(self.boxes)) and np.all(np.isfinite(self.scores))):
            raise ContractError("detections hold a box or score that is not finite")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Truths:
    """What is in one frame."""

    boxes: Floats
    """`[m, 4]` left, top, right, bottom in pixels."""
    labels: Ints
    """`[m]` class."""
    difficult: NDArray[np.bool_] | None = None
    """`[m]` truths that are neither wanted nor wrong; none if not given."""

    def __post_init__(self) -> None:
        ignored = self.labels.shape if self.difficult is None else self.difficult.shape
        if self.boxes.shape != (len(self.labels), 4) or ignored != self.labels.shape:
            raise ContractError("truths need boxes [m, 4], labels [m] and difficult [m]")


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectionResult:
    """Frame AP of every class and their mean."""

    per_class: dict[str, Estimate | None]
    """AP by class name with the number of counted truths; `None` for a class without any."""
    mean: Estimate
    """mAP over the classes that have an AP; its `n` is the number of frames."""
    subset_mean: Estimate | None
    """The same over the classes asked for (near-face actions); `None` if none of them has an AP."""

    def as_json(self) -> dict[str, Any]:
        """Returns the result as plain values."""
        return {
            "map50": self.mean.as_json(),
            "map50_subset": self.subset_mean.as_json() if self.subset_mean else None,
            "per_class": {name: ap.as_json() if ap else None for name, ap in self.per_class.items()},
        }


def box_iou(first: Floats, second: Floats) -> Floats:
    """Returns `[n, m]` intersections over unions of `[n, 4]` and `[m, 4]` boxes (left, top, right, bottom)."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=-1)
    areas = [np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=-1) for boxes in (first, second)]
    union = areas[0][:, None] + areas[1][None] - shared
    return np.where(union > 0, shared / np.where(union > 0, union, 1), 0.0)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _ClassHits:
    """Detections of one class over all frames, by falling score, ignored ones left out."""

    right: NDArray[np.bool_]
    group: Ints
    truths: Ints  # counted truths of each group


def average_precision(
    right: NDArray[np.bool_],
    truths: float,
    *,
    weights: Floats | None = None,
    interpolation: Interpolation = "area",
) -> float:
    """Returns the average precision of detections in falling order of score.

    Args:
        right: `[n]` whether each detection found a truth of its own.
        truths: number of truths, above 0.
        weights: `[n]` how often each detection counts; once each if not given.
        interpolation: see the top of this module.
    """
    weight = np.ones(len(right)) if weights is None else weights
    found, tried = np.cumsum(weight * right), np.cumsum(weight)
    recall = found / truths
    precision = np.where(tried > 0, found / np.where(tried > 0, tried, 1), 0.0)
    envelope = np.maximum.accumulate(precision[::-1])[::-1] if len(precision) else precision
    if interpolation == "area":
        return float(np.sum(np.diff(recall, prepend=0.0) * envelope))
    points = np.linspace(0, 1, 11 if interpolation == "11-point" else 101)
    at = np.searchsorted(recall, points, side="left")  # exact comparison, as the reference tools do
    return float(np.mean(np.append(envelope, 0.0)[at]))


def evaluate_detections(
    detections: Sequence[Detections],
    truths: Sequence[Truths],
    classes: Sequence[str],
    *,
    subset: Sequence[str] = (),
    groups: Sequence[int] | None = None,
    iou: float = 0.5,
    interpolation: Interpolation = "area",
    resamples: int = 200,
    seed: int = 0,
) -> DetectionResult:
    """Measures a detector frame by frame.

    Args:
        detections: one for each frame.
        truths: one for each frame.
        classes: names of the classes by label.
        subset: names of classes whose mean is wanted as well.
        groups: video of each frame, numbers from 0 up; every frame is its own if not given.
        iou: overlap that a right detection has at least.
        interpolation: see the top of this module.
        resamples: bootstrap resamples.
        seed: seed of the bootstrap.

    Raises:
        ConfigError: if `iou` or `subset` is wrong.
        ContractError: if the lengths differ, a label has no class, or there is no counted truth at all.
    """
    if not 0 < iou <= 1 or not set(subset) <= set(classes):
        raise ConfigError(f"iou = {iou} must be in (0, 1], and every class of {list(subset)} one of {list(classes)}")
    group = np.arange(len(truths)) if groups is None else np.asarray(groups, np.int64)
    if not len(detections) == len(truths) == len(group):
        raise ContractError(f"{len(detections)} detections, {len(truths)} truths and {len(group)} groups differ")
    labels = [part.labels for frame in zip(detections, truths, strict=True) for part in frame]
    if any(label.size and (label.min() < 0 or label.max() >= len(classes)) for label in labels):
        raise ContractError(f"a label is not one of the {len(classes)} classes")
    hits = [_class_hits(detections, truths, group, index, iou) for index in range(len(classes))]
    if not any(h.truths.any() for h in hits):
        raise ContractError("there is no truth to find in any frame")
    chosen = [name in subset for name in classes]

    def measure(count: Floats) -> Floats:
        """AP of every class, their mean, and the subset's mean; NaN where there is none."""
        ap = np.full(len(hits), np.nan)
        for index, hit in enumerate(hits):
            wanted = float(hit.truths @ count)
            if wanted > 0:
                ap[index] = average_precision(hit.right, wanted, weights=count[hit.group], interpolation=interpolation)
        return np.array([*ap, _mean(ap), _mean(ap[chosen])])

    point = measure(np.ones(int(group.max()) + 1))
    low, high = _percentiles(group, measure, resamples, seed)
    n = [*(int(h.truths.sum()) for h in hits), len(truths), len(truths)]
    estimates = [_estimate(*numbers) for numbers in zip(point, low, high, n, strict=True)]
    mean = estimates[-2]
    assert mean is not None, "some class has a truth"
    return DetectionResult(per_class=dict(zip(classes, estimates, strict=False)), mean=mean, subset_mean=estimates[-1])


def _class_hits(
    detections: Sequence[Detections], truths: Sequence[Truths], group: Ints, label: int, iou: float
) -> _ClassHits:
    scores: list[float] = []
    right: list[bool] = []
    owner: list[int] = []
    wanted = np.zeros(int(group.max()) + 1, np.int64)
    for frame, (found, there) in enumerate(zip(detections, truths, strict=True)):
        of_class = there.labels == label
        ignored = np.zeros(int(of_class.sum()), bool) if there.difficult is None else there.difficult[of_class]
        wanted[group[frame]] += int(np.sum(~ignored))
        mine = np.flatnonzero(found.labels == label)
        mine = mine[np.argsort(-found.scores[mine], kind="stable")]
        for detection, verdict in zip(
            mine, _match(box_iou(found.boxes[mine], there.boxes[of_class]), ignored, iou), strict=True
        ):
            if verdict is not None:
                scores.append(float(found.scores[detection]))
                right.append(verdict)
                owner.append(int(group[frame]))
    order = np.argsort(-np.asarray(scores, np.float64), kind="stable")
    return _ClassHits(right=np.asarray(right, bool)[order], group=np.asarray(owner, np.int64)[order], truths=wanted)


def _match(overlap: Floats, ignored: NDArray[np.bool_], iou: float) -> list[bool | None]:
    """Takes truths greedily; returns right, wrong, or `None` (ignored) for each detection."""
    free = ~ignored
    verdicts: list[bool | None] = []
    for row in overlap:
        candidates = np.flatnonzero(free & (row >= iou))
        if len(candidates):
            free[candidates[np.argmax(row[candidates])]] = False
            verdicts.append(True)
        else:
            verdicts.append(None if np.any(ignored & (row >= iou)) else False)
    return verdicts


def face_recall(found: Sequence[Sequence[Box]], truth: Sequence[Box], *, iou: float = 0.5) -> Estimate:
    """Returns the share of faces that a detector still finds, with Wilson's interval.

    Args:
        found: boxes found in each picture.
        truth: the face's box in each picture.
        iou: overlap at which a face counts as found.
    """
    if not len(found) == len(truth) > 0:
        raise ContractError(f"{len(found)} lists of boxes and {len(truth)} faces: one face for each picture is needed")
    hits = sum(any(box.iou(face) >= iou for box in boxes) for boxes, face in zip(found, truth, strict=True))
    return wilson(hits, len(truth))


def l1_distance(
    originals: Sequence[NDArray[np.uint8]], modified: Sequence[NDArray[np.uint8]], regions: Sequence[Box]
) -> Estimate:
    """Returns the mean absolute difference inside the regions, values 0 to 1 (the paper's equation 3, per pixel)."""

    def distance(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> float:
        return float(np.mean(np.abs(before.astype(np.float64) - after))) / 255

    return _over_regions(distance, originals, modified, regions)


def structural_similarity(
    originals: Sequence[NDArray[np.uint8]], modified: Sequence[NDArray[np.uint8]], regions: Sequence[Box]
) -> Estimate:
    """Returns the mean SSIM (Wang et al. 2004; scikit-image, 7×7 window) inside the regions, 1 for equal pictures.

    Raises:
        ToolError: if scikit-image is not installed.
    """
    try:
        from skimage.metrics import structural_similarity as ssim
    except ImportError as exc:
        raise ToolError("SSIM needs scikit-image; install it with: pip install scikit-image") from exc

    def similarity(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> float:
        return float(ssim(before, after, channel_axis=-1, data_range=255, win_size=_SSIM_WINDOW))

    return _over_regions(similarity, originals, modified, regions)


def flicker(originals: NDArray[np.uint8], modified: NDArray[np.uint8]) -> float:
    """Returns how much more a modified clip changes from frame to frame than the original, values 0 to 1.

    It is the mean of `max(0, |m_t − m_{t−1}| − |o_t − o_{t−1}|)`: 0 for the original, for a mask and for anything as
    steady as the original, large for noise drawn anew in each frame or for an identity that jumps.

    Args:
        originals: `[T, H, W, 3]` uint8 face regions of a clip, at least two frames.
        modified: the same, modified.
    """
    if originals.shape != modified.shape or originals.ndim != 4 or len(originals) < 2:
        raise ContractError(f"flicker compares clips of one shape [T ≥ 2, H, W, 3]; got {originals.shape} and "
                            f"{modified.shape}")  # fmt: skip
    change = [np.abs(np.diff(clip.astype(np.int16), axis=0)) for clip in (originals, modified)]
    return float(np.mean(np.maximum(change[1] - change[0], 0))) / 255


def _over_regions(
    measure: Callable[[NDArray[np.uint8], NDArray[np.uint8]], float],
    originals: Sequence[NDArray[np.uint8]],
    modified: Sequence[NDArray[np.uint8]],
    regions: Sequence[Box],
) -> Estimate:
    values = np.array(
        [
            measure(before[region.rows, region.columns], after[region.rows, region.columns])
            for before, after, region in zip(originals, modified, regions, strict=True)
        ]
    )
    half = 1.96 * float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else 0.0
    mean = float(values.mean())
    return Estimate(value=mean, low=mean - half, high=mean + half, n=len(values))


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def _percentiles(group: Ints, measure: Callable[[Floats], Floats], resamples: int, seed: int) -> tuple[Floats, Floats]:
    """The 2.5 and 97.5 percentiles of each number over resampled groups, where it has a value."""
    columns = np.stack([measure(count) for count in person_draws(group, resamples=resamples, seed=seed)]).T
    known = [column[~np.isnan(column)] for column in columns]
    ends = [np.percentile(column, [2.5, 97.5]) if len(column) else np.array([np.nan, np.nan]) for column in known]
    return np.array([end[0] for end in ends]), np.array([end[1] for end in ends])


def _estimate(value: float, low: float, high: float, n: int) -> Estimate | None:
    if np.isnan(value):
        return None
    return Estimate(value=float(value), low=float(min(value, low)), high=float(max(value, high)), n=n)
