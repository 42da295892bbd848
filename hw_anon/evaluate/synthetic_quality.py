"""Whether a synthetic set looks like people to networks that were trained on real ones.

Three detectors look for faces that nothing covers, by size; SFace tells the people of the portraits apart. The bars
are those that the data were made for: what a network finds here it should find for the reason it finds real faces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.boxes import Box
from hw_anon.core.config import Config, require_range
from hw_anon.core.errors import ContractError
from hw_anon.data.face_labels import FaceLabel
from hw_anon.data.synthetic.sets import SyntheticClips, SyntheticPeople, open_clips, open_people
from hw_anon.evaluate.detection_metrics import face_recall
from hw_anon.evaluate.face_panel import PANEL_NAMES, FaceDetector, load_detector
from hw_anon.evaluate.judges import Judge, load_judge
from hw_anon.evaluate.verification import make_pairs, verify

__all__ = ["QualityConfig", "SeenFace", "detector_quality", "measure_quality", "recogniser_quality"]

Progress = Callable[[str, int, int], None]
"""Called with what is looked at, how many pictures are done, and how many there are."""

_FOLDS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class QualityConfig(Config):
    """What is looked at, and the bars."""

    frames: int = 600
    """Frames that the detectors look at, spread evenly over all clips."""
    portraits: int = 300
    """Portraits that the detectors look at, spread evenly over all people."""
    people: int = 100
    """People that the recogniser tells apart; those of the test split first."""
    pictures: int = 10
    """Portraits of each of them."""
    min_height: float = 24.0
    """Least height in pixels of a face that has to be found."""
    min_visible: float = 0.9
    """Least visible share of a face that counts as not covered."""
    iou: float = 0.3
    """Overlap at which a face counts as found; detectors differ in where a face ends."""
    sizes: tuple[float, ...] = (24.0, 32.0, 48.0, 64.0)
    """Lower edges of the size groups, pixels of height; the last is open."""
    min_recall: float = 0.97
    """Bar of each detector over all sizes."""
    min_auc: float = 0.98
    """Bar of the recogniser."""

    def __post_init__(self) -> None:
        for field in ("frames", "portraits"):
            require_range(self, field, 0, None)
        require_range(self, "people", 2 * _FOLDS, None)
        require_range(self, "pictures", 2, None)
        for field in ("min_visible", "iou", "min_recall", "min_auc"):
            require_range(self, field, 0, 1)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SeenFace:
    """One picture with a face that has to be found."""

    group: str
    """`portraits` or `frames`."""
    read: Callable[[], NDArray[np.uint8]]
    """Decodes the picture."""
    face: FaceLabel
    """Where the face is."""

    @property
    def height(self) -> float:
        """Height of the face in pixels."""
        return self.face.box[3] - self.face.box[1]


def measure_quality(
    directory: Path,
    *,
    cache_dir: Path,
    config: QualityConfig | None = None,
    on_progress: Progress | None = None,
) -> dict[str, Any]:
    """Measures a finished set.

    Args:
        directory: where the set is.
        cache_dir: directory for downloads (CenterFace's weights).
        config: what is looked at.
        on_progress: called after each picture.

    Returns:
        JSON values: `detectors` by name, `recogniser`, `bars` with what was reached, `config`.

    Raises:
        ContractError: if the set is missing, damaged, or too small to be measured.
        ToolError: if a detector or recogniser is missing.
    """
    wanted = config or QualityConfig()
    people = [open_people(directory, "test"), open_people(directory, "train")]
    shown = list(_uncovered(people, open_clips(directory), wanted))
    if not shown:
        raise ContractError(f"{directory}: no face of {wanted.min_height:g} pixels that nothing covers")
    recogniser = recogniser_quality(load_judge("sface"), people, wanted, on_progress=on_progress)
    detectors = {}
    for name in PANEL_NAMES:
        detectors[name] = detector_quality(load_detector(name, cache_dir), shown, wanted, on_progress=on_progress)
    return {
        "set": directory.name,
        "config": wanted.to_dict(),
        "detectors": detectors,
        "recogniser": recogniser,
        "bars": _bars(detectors, recogniser, wanted),
    }


def detector_quality(
    detector: FaceDetector, shown: Sequence[SeenFace], config: QualityConfig, *, on_progress: Progress | None = None
) -> dict[str, Any]:
    """Returns a detector's recall by kind of picture and size, with intervals, and how often it sees other faces.

    Args:
        detector: who looks.
        shown: pictures with one face each.
        config: sizes and overlap.
        on_progress: called after each picture.
    """
    found: list[tuple[Box, ...]] = []
    for done, item in enumerate(shown, start=1):
        found.append(detector.boxes(item.read()))
        if on_progress:
            on_progress(f"{detector.name} looks for faces", done, len(shown))
    faces = [item.face.pixels() for item in shown]
    recall: dict[str, dict[str, Any]] = {}
    for group in dict.fromkeys(item.group for item in shown):
        recall[group] = {}
        for label, low, high in _size_groups(config.sizes):
            kept = [i for i, item in enumerate(shown) if item.group == group and low <= item.height < high]
            if kept:
                recall[group][label] = _recall(found, faces, kept, config.iou)
    others = sum(box.iou(face) < config.iou for boxes, face in zip(found, faces, strict=True) for box in boxes)
    return {
        "settings": detector.settings,
        "recall": recall,
        "recall_all": _recall(found, faces, range(len(shown)), config.iou),
        "other_boxes_per_picture": round(others / len(shown), 4),
    }


def recogniser_quality(
    judge: Judge, people: Sequence[SyntheticPeople], config: QualityConfig, *, on_progress: Progress | None = None
) -> dict[str, Any]:
    """Returns how well a recogniser tells people apart, aligned by the landmarks of the labels.

    Args:
        judge: the recogniser.
        people: portraits, the people to take first in front.
        config: how many.
        on_progress: called after each picture.

    Raises:
        ContractError: if there are too few people with two portraits.
    """
    chosen = _portraits(people, config)
    owners = np.array([owner for owner, _, _, _ in chosen], np.int64)
    if len(np.unique(owners)) < 2 * _FOLDS:
        raise ContractError(f"telling people apart needs {2 * _FOLDS} people with two portraits or more")
    vectors = []
    for done, (_, part, index, face) in enumerate(chosen, start=1):
        picture = part.picture(index)
        vectors.append(judge.embed(picture, judge.anchor(picture, face.candidate())))
        if on_progress:
            on_progress(f"{judge.name} looks at people", done, len(chosen))
    embedded = np.stack(vectors)
    pairs = make_pairs(owners, folds=_FOLDS)
    scores = judge.similarity(embedded[pairs.left], embedded[pairs.right])
    verification = verify(scores, pairs, owners)
    return {
        "judge": judge.name,
        "people": len(np.unique(owners)),
        "portraits": len(owners),
        "pairs": len(pairs),
        "auc": verification.auc.as_json(),
        "accuracy": verification.accuracy.as_json(),
        "eer": verification.eer.as_json(),
        "similarity_same": round(float(scores[pairs.same].mean()), 4),
        "similarity_other": round(float(scores[~pairs.same].mean()), 4),
    }


def _uncovered(people: Sequence[SyntheticPeople], clips: SyntheticClips, config: QualityConfig) -> Iterator[SeenFace]:
    """Yields the pictures to look at: spread over all, with a face that is large enough and not covered."""
    portraits = [(part, index, face) for part in people for index in range(len(part)) if (face := part.face(index))]
    frames = [
        (clip, number, face) for clip in clips.clips for number in clip.frames for face in clips.faces(clip, number)
    ]
    for part, index, face in _spread([entry for entry in portraits if _counts(entry[2], config)], config.portraits):
        yield SeenFace(group="portraits", read=partial(part.picture, index), face=face)
    for clip, number, face in _spread([entry for entry in frames if _counts(entry[2], config)], config.frames):
        yield SeenFace(group="frames", read=partial(clips.picture, clip, number), face=face)


def _counts(face: FaceLabel, config: QualityConfig) -> bool:
    return face.visible_share >= config.min_visible and face.box[3] - face.box[1] >= config.min_height


def _spread(items: Sequence[Any], count: int) -> list[Any]:
    """Returns `count` of the items at even distances, all if there are fewer."""
    if len(items) <= count:
        return list(items)
    return [items[position] for position in (np.arange(count) * len(items) // count).tolist()]


def _portraits(
    people: Sequence[SyntheticPeople], config: QualityConfig
) -> list[tuple[int, SyntheticPeople, int, FaceLabel]]:
    """Returns person, set, index and face of the portraits of the first people that have two or more."""
    chosen: list[tuple[int, SyntheticPeople, int, FaceLabel]] = []
    owner = 0
    for part in people:
        for identity in range(len(part.identities)):
            own = [
                (owner, part, int(index), face)
                for index in np.flatnonzero(part.labels == identity)
                if (face := part.face(int(index)))
            ]
            if owner < config.people and len(own) >= 2:
                chosen += own[: config.pictures]
                owner += 1
    return chosen


def _size_groups(edges: Sequence[float]) -> Iterator[tuple[str, float, float]]:
    for low, high in zip(edges, (*edges[1:], float("inf")), strict=True):
        yield f"{low:g} to {high:g}" if np.isfinite(high) else f"{low:g} and above", low, high


def _recall(
    found: Sequence[tuple[Box, ...]], faces: Sequence[Box], kept: Sequence[int], iou: float
) -> dict[str, float | int]:
    estimate = face_recall([found[i] for i in kept], [faces[i] for i in kept], iou=iou)
    return {
        "recall": round(estimate.value, 4), "low": round(estimate.low, 4), "high": round(estimate.high, 4),
        "faces": estimate.n,
    }  # fmt: skip


def _bars(detectors: dict[str, Any], recogniser: dict[str, Any], config: QualityConfig) -> list[dict[str, Any]]:
    bars = [
        (f"{name} finds {config.min_recall:.0%} of uncovered faces", entry["recall_all"]["recall"], config.min_recall)
        for name, entry in detectors.items()
    ]
    text = f"{recogniser['judge']} tells {recogniser['people']} people apart with an AUC of {config.min_auc}"
    bars.append((text, recogniser["auc"]["value"], config.min_auc))
    return [{"bar": name, "value": value, "least": least, "reached": value >= least} for name, value, least in bars]
