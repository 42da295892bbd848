"""What a method leaves of a film's use: action detection, faces still found, distortion, steadiness over time.

Each method is measured on the test frames as the camera would deliver them. Two detectors look at them: the method's
own, trained on frames modified alike (the paper's section 5.2), and one trained on clear frames, which shows the domain
gap: what an analyst loses who knows nothing of the modifier. Intervals of mAP are 95 %, from a bootstrap over clips.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hw_anon.core.boxes import Box
from hw_anon.core.errors import ContractError
from hw_anon.data.banks import FrameBank
from hw_anon.evaluate.detection_metrics import (
    DetectionResult,
    Detections,
    Truths,
    evaluate_detections,
    face_recall,
    flicker,
    l1_distance,
    structural_similarity,
)
from hw_anon.evaluate.foreign import ForeignFigures
from hw_anon.evaluate.verification import Estimate
from hw_anon.nets.action import ActionDetector

__all__ = [
    "ActionResult",
    "Fidelity",
    "FindFaces",
    "bank_pictures",
    "detect_bank",
    "face_found",
    "measure_detector",
    "measure_fidelity",
]

FindFaces = Callable[[NDArray[np.uint8]], Sequence[Box]]
"""Returns the faces in an `[H, W, 3]` uint8 RGB picture."""

_BATCH = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Fidelity:
    """How far modified frames are from the originals; `None` where the test set gives no such number."""

    l1: Estimate | None
    """Mean absolute difference inside the regions, values 0 to 1."""
    ssim: Estimate | None
    """Structural similarity inside the regions."""
    flicker: Estimate | None
    """Change from frame to frame beyond the original's, inside the first region (see `detection_metrics.flicker`)."""
    flicker_ratio: float | None
    """Change from frame to frame inside the first region over the original's: 1 for the original, 0 for a mask."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionResult:
    """The utility of one method."""

    method: str
    """Name of the modifier."""
    dataset: str
    """Name of the action set."""
    seed: int | None
    """Seed of the modifier's training where it has one, else of the detector's; `None` if that is not told apart."""
    learned: bool
    """Whether the modifier was trained."""
    command: str
    """Command line that measured it."""
    train_frames: int
    """Frames that the method's own detector was trained on."""
    frames: int
    """Test frames."""
    clips: int
    """Test clips."""
    near_face: tuple[str, ...]
    """Names of the near-face actions."""
    own: DetectionResult
    """The detector trained on frames modified by this method."""
    clear: DetectionResult | None
    """The detector trained on clear frames, on modified ones; `None` if there was none."""
    faces: dict[str, Estimate]
    """Share of faces still found, by detector."""
    fidelity: Fidelity
    """Distortion and steadiness."""
    foreign: ForeignFigures | None = None
    """What was measured, where it is an anonymiser of others."""
    training: dict[str, Any]
    """How the own detector was trained: recipe, steps, seconds, hash of the data."""

    def as_json(self) -> dict[str, Any]:
        """Returns the file of a results directory; `*_ci` is the 95 % interval of `*`, `*_n` its sample size."""
        return {
            "method": self.method,
            "dataset": self.dataset,
            "seed": self.seed,
            "command": self.command,
            "learned": self.learned,
            "train_frames": self.train_frames,
            "n_frames": self.frames,
            "n_clips": self.clips,
            "near_face_classes": list(self.near_face),
            **_flat("map50", self.own.mean),
            **_flat("map50_near_face", self.own.subset_mean),
            **_flat("map50_clear_detector", self.clear.mean if self.clear else None),
            **_flat("map50_near_face_clear_detector", self.clear.subset_mean if self.clear else None),
            **_flat("face_found", next(iter(self.faces.values()), None)),
            **_flat("l1", self.fidelity.l1),
            **_flat("ssim", self.fidelity.ssim),
            **_flat("flicker", self.fidelity.flicker),
            "flicker_ratio": self.fidelity.flicker_ratio,
            "face_found_by": {name: _flat("face_found", share) for name, share in self.faces.items()},
            "per_class": _by_class(self.own),
            "per_class_clear_detector": _by_class(self.clear) if self.clear else None,
            "training": self.training,
            **({} if self.foreign is None else self.foreign.as_json()),
        }


def _flat(name: str, estimate: Estimate | None) -> dict[str, Any]:
    if estimate is None:
        return {name: None, f"{name}_ci": None, f"{name}_n": None}
    interval = [round(estimate.low, 6), round(estimate.high, 6)]
    return {name: round(estimate.value, 6), f"{name}_ci": interval, f"{name}_n": estimate.n}


def _by_class(result: DetectionResult) -> dict[str, dict[str, Any]]:
    return {name: _flat("ap50", ap) for name, ap in result.per_class.items()}


def bank_pictures(bank: FrameBank) -> list[NDArray[np.uint8]]:
    """Returns a bank's frames as `[H, W, 3]` uint8 pictures."""
    return list(bank.frames.permute(0, 2, 3, 1).contiguous().cpu().numpy())


def detect_bank(
    detector: ActionDetector,
    bank: FrameBank,
    *,
    device: torch.device | str = "cpu",
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Detections]:
    """Returns a detector's answers on all frames; the detector is moved to the device."""
    detector = detector.to(device)
    found: list[Detections] = []
    for frames in bank.frames.split(_BATCH):
        for answer in detector.detect(frames.to(device).float() / 255):
            boxes, scores, labels = (t.cpu().numpy() for t in (answer.boxes, answer.scores, answer.labels))
            found.append(Detections(boxes=boxes.astype(np.float64), scores=scores.astype(np.float64), labels=labels))
        if on_progress:
            on_progress(len(found), len(bank))
    return found


def measure_detector(
    detections: Sequence[Detections], bank: FrameBank, *, near_face: Sequence[int] = (), seed: int = 0
) -> DetectionResult:
    """Measures frame mAP at an IoU of 0.5, its subset the near-face actions; intervals by a bootstrap over clips.

    Args:
        detections: of every frame of the bank.
        bank: the frames with what is in them.
        near_face: indices of the actions whose mean is wanted as well.
        seed: seed of the bootstrap.

    Raises:
        ContractError: if the lengths differ or nothing is to be found in any frame.
    """
    truths = [
        Truths(boxes=boxes.cpu().double().numpy(), labels=labels.cpu().numpy() - 1)
        for boxes, labels in zip(bank.boxes, bank.labels, strict=True)
    ]
    clips = bank.clips.unique(return_inverse=True)[1].tolist()
    subset = [bank.actions[index] for index in near_face]
    return evaluate_detections(detections, truths, classes=bank.actions, subset=subset, groups=clips, seed=seed)


def measure_fidelity(originals: FrameBank, modified: FrameBank) -> Fidelity:
    """Compares modified frames with the originals, inside the regions.

    Steadiness is measured on the smallest box around a clip's first regions, one number for each clip.

    Raises:
        ContractError: if the banks do not hold the same frames.
        ToolError: if scikit-image is not installed.
    """
    if originals.frames.shape != modified.frames.shape or originals.regions != modified.regions:
        raise ContractError("original and modified frames are not of one bank")
    before, after = bank_pictures(originals), bank_pictures(modified)
    owners = [(index, region) for index, listed in enumerate(originals.regions) for region in listed]
    frames, regions = [index for index, _ in owners], [region for _, region in owners]
    pairs = [before[i] for i in frames], [after[i] for i in frames]
    steady = _steadiness(originals, before, after)
    return Fidelity(
        l1=l1_distance(*pairs, regions) if regions else None,
        ssim=structural_similarity(*pairs, regions) if regions else None,
        flicker=_mean([change for change, _, _ in steady]) if steady else None,
        flicker_ratio=_ratio(sum(new for _, new, _ in steady), sum(old for _, _, old in steady)),
    )


def face_found(
    bank: FrameBank,
    faces: Sequence[Sequence[Box]],
    find: FindFaces,
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> Estimate | None:
    """Returns the share of faces that a detector finds at an IoU of 0.5 or more; `None` without any face.

    Args:
        bank: the frames, modified or not.
        faces: the faces to be found in each frame, as labelled (not enlarged).
        find: the detector, one that training never saw.
        on_progress: called with the number of frames done and of all frames.
    """
    found: list[Sequence[Box]] = []
    truth: list[Box] = []
    for index, listed in enumerate(faces):
        if listed:
            boxes = find(bank.frames[index].permute(1, 2, 0).contiguous().cpu().numpy())
            found += [boxes] * len(listed)
            truth += listed
        if on_progress:
            on_progress(index + 1, len(bank))
    return face_recall(found, truth) if truth else None


def _steadiness(
    bank: FrameBank, before: list[NDArray[np.uint8]], after: list[NDArray[np.uint8]]
) -> list[tuple[float, float, float]]:
    """Returns for each clip with two faces or more: flicker, and mean change from frame to frame after and before."""
    measured = []
    for clip in bank.clips.unique().tolist():
        shown = [i for i in torch.nonzero(bank.clips == clip)[:, 0].tolist() if bank.regions[i]]
        if len(shown) < 2:
            continue
        rows, columns = _around([bank.regions[i][0] for i in shown])
        old, new = (np.stack([pictures[i][rows, columns] for i in shown]) for pictures in (before, after))
        changes = [float(np.abs(np.diff(part.astype(np.int16), axis=0)).mean()) for part in (new, old)]
        measured.append((flicker(old, new), changes[0], changes[1]))
    return measured


def _around(boxes: Sequence[Box]) -> tuple[slice, slice]:
    """Returns rows and columns of the smallest box around some boxes."""
    return (
        slice(min(box.y for box in boxes), max(box.bottom for box in boxes)),
        slice(min(box.x for box in boxes), max(box.right for box in boxes)),
    )


def _mean(values: Sequence[float]) -> Estimate:
    array = np.asarray(values)
    half = 1.96 * float(array.std(ddof=1)) / len(array) ** 0.5 if len(array) > 1 else 0.0
    mean = float(array.mean())
    return Estimate(value=mean, low=mean - half, high=mean + half, n=len(array))


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None
