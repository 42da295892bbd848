"""Whether a synthetic set looks like people to networks that were trained on real ones.

Three detectors look for faces that nothing covers, by size; SFace tells the people of the portraits apart. The bars
are those that the data were made for: what a network finds here it should find for the reason it finds real faces.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hw_anon.core.boxes import Box
from hw_anon.core.errors import ContractError
from hw_anon.data.synthetic.sets import SyntheticPeople, open_clips, open_people
from hw_anon.data.synthetic.shards import encode_picture
from hw_anon.data.synthetic.studio import Studio
from hw_anon.evaluate.detection_metrics import face_recall
from hw_anon.evaluate.face_panel import PANEL_NAMES, FaceDetector, load_detector
from hw_anon.evaluate.judges import Judge, load_judge
from hw_anon.evaluate.synthetic_sample import FOLDS, QualityConfig, SeenFace, portraits_of, uncovered_faces
from hw_anon.evaluate.verification import make_pairs, verify

__all__ = ["QualityConfig", "SeenFace", "detector_quality", "drawing_speed", "measure_quality", "recogniser_quality"]

Progress = Callable[[str, int, int], None]
"""Called with what is looked at, how many pictures are done, and how many there are."""


def measure_quality(
    directory: Path,
    *,
    cache_dir: Path,
    studio: Studio,
    config: QualityConfig | None = None,
    on_progress: Progress | None = None,
) -> dict[str, Any]:
    """Measures a finished set, and whoever drew it.

    Args:
        directory: where the set is.
        cache_dir: directory for downloads (CenterFace's weights).
        studio: draws a few clips for the clock.
        config: what is looked at.
        on_progress: called after each picture.

    Returns:
        JSON values: `detectors` by name, `recogniser`, `speed`, `bars` with what was reached, `config`.

    Raises:
        ContractError: if the set is missing, damaged, or too small to be measured.
        ToolError: if a detector or recogniser is missing.
    """
    wanted = config or QualityConfig()
    people = [open_people(directory, "test"), open_people(directory, "train")]
    shown = list(uncovered_faces(people, open_clips(directory), wanted))
    if not shown:
        raise ContractError(f"{directory}: no face of {wanted.min_height:g} pixels that nothing covers")
    recogniser = recogniser_quality(load_judge("sface"), people, wanted, on_progress=on_progress)
    detectors = {}
    for name in PANEL_NAMES:
        detectors[name] = detector_quality(load_detector(name, cache_dir), shown, wanted, on_progress=on_progress)
    speed = drawing_speed(studio, wanted) if wanted.speed_clips else None
    return {
        "set": directory.name,
        "config": wanted.to_dict(),
        "detectors": detectors,
        "recogniser": recogniser,
        "speed": speed,
        "bars": _bars(detectors, recogniser, speed, wanted),
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
    chosen = portraits_of(people, config)
    owners = np.array([owner for owner, _, _, _ in chosen], np.int64)
    if len(np.unique(owners)) < 2 * FOLDS:
        raise ContractError(f"telling people apart needs {2 * FOLDS} people with two portraits or more")
    vectors = []
    for done, (_, part, index, face) in enumerate(chosen, start=1):
        picture = part.picture(index)
        vectors.append(judge.embed(picture, judge.anchor(picture, face.candidate())))
        if on_progress:
            on_progress(f"{judge.name} looks at people", done, len(chosen))
    embedded = np.stack(vectors)
    pairs = make_pairs(owners, folds=FOLDS)
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


def drawing_speed(studio: Studio, config: QualityConfig) -> dict[str, float | int]:
    """Returns how long a frame takes on one thread, set-up of person and room and storing included.

    Processor time is what counts on a busy machine; people and actions differ from clip to clip.

    Args:
        studio: who draws.
        config: how many clips of how many frames.
    """
    studio.warm_up()
    cpu, wall = time.process_time(), time.perf_counter()
    for number in range(config.speed_clips):
        action = studio.actions[number * len(studio.actions) // config.speed_clips]
        for shot in studio.clip(number, action, number, frames=config.speed_frames, fps=8.0, size=config.speed_size):
            encode_picture(shot, "jpeg", 92)
    frames = config.speed_clips * config.speed_frames
    cpu, wall = (1000 * seconds / frames for seconds in (time.process_time() - cpu, time.perf_counter() - wall))
    return {
        "frames": frames,
        "size": config.speed_size,
        "cpu_ms_per_frame": round(cpu, 2),
        "wall_ms_per_frame": round(wall, 2),
        "frames_per_s_of_two_cores": round(2000 / max(cpu, 1e-3), 2),
    }


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


def _bars(
    detectors: dict[str, Any], recogniser: dict[str, Any], speed: dict[str, Any] | None, config: QualityConfig
) -> list[dict[str, Any]]:
    bars = [
        (f"{name} finds {config.min_recall:.0%} of uncovered faces", entry["recall_all"]["recall"], config.min_recall)
        for name, entry in detectors.items()
    ]
    text = f"{recogniser['judge']} tells {recogniser['people']} people apart with an AUC of {config.min_auc}"
    bars.append((text, recogniser["auc"]["value"], config.min_auc))
    if speed is not None:
        text = f"two cores draw {config.min_frames_per_s:g} frames a second of {config.speed_size} pixels"
        bars.append((text, speed["frames_per_s_of_two_cores"], config.min_frames_per_s))
    return [{"bar": name, "value": value, "least": least, "reached": value >= least} for name, value, least in bars]
