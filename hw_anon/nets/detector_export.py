"""Export of a trained action detector to ONNX, and the comparison of what ONNX Runtime then finds with torch."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hw_anon.core.action_model import DESCRIPTION_FILE, MODEL_FILE, ActionModel, load_action_model
from hw_anon.core.atomic import atomic_directory
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.hashing import sha256_file
from hw_anon.nets.action import ActionDetector, Detections
from hw_anon.nets.detector_checkpoint import load_detector
from hw_anon.nets.detector_graph import DetectorGraph

__all__ = ["BOX_TOLERANCE_PX", "OPSET", "SCORE_TOLERANCE", "Agreement", "compare_detector", "export_detector"]

OPSET = 17
"""Operator set of the graph: what ONNX Runtime has had since 1.12."""
BOX_TOLERANCE_PX = 0.05
SCORE_TOLERANCE = 1e-4
"""How far ONNX Runtime and torch may be apart: they add in another order."""

_SMALLEST_SIDE = 32
_KEPT = ("method", "data", "seed", "epochs", "steps", "crop_side")
"""What the checkpoint says and the export repeats."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """How far two runs of one detector are apart over some frames."""

    frames: int
    """Frames compared."""
    detections: int
    """Detections that torch found."""
    unmatched: int
    """Detections of either run to which the other has none of the same action within the tolerances."""
    box_px: float
    """Largest difference of a matched corner, in pixels."""
    score: float
    """Largest difference of a matched probability."""

    @property
    def holds(self) -> bool:
        """Whether every detection has its like."""
        return self.unmatched == 0

    def as_json(self) -> dict[str, Any]:
        """Returns the figures as JSON values."""
        return {**asdict(self), "box_tolerance_px": BOX_TOLERANCE_PX, "score_tolerance": SCORE_TOLERANCE}


def export_detector(
    checkpoint: Path, out: Path, *, width: int, height: int, proposals: int | None = None
) -> ActionModel:
    """Writes `detector.onnx` and `detector.json`; an earlier export there is replaced.

    Args:
        checkpoint: the trained detector, `detector.safetensors`.
        out: the directory.
        width: columns of the frames that it will see.
        height: rows of the frames.
        proposals: places of a frame that are looked at closely; default: as many as in the detector's evaluation.

    Raises:
        ConfigError: if the size or the number of proposals is out of range.
        ContractError: if the checkpoint is missing or damaged.
        OSError: if the directory cannot be written.
    """
    detector, actions, metadata = load_detector(checkpoint)
    graph = _checked_graph(detector, width, height, proposals)
    with atomic_directory(out) as directory:
        _trace(graph, directory / MODEL_FILE)
        model = ActionModel(
            height=height,
            width=width,
            actions=actions,
            score_threshold=detector.config.score_threshold,
            overlap_threshold=float(detector.rcnn.roi_heads.nms_thresh),
            proposals=graph.proposals,
            model_sha256=sha256_file(directory / MODEL_FILE),
            provenance={
                **{key: metadata[key] for key in _KEPT if key in metadata},
                "checkpoint_sha256": sha256_file(checkpoint),
                "config": detector.config.to_dict(),
                "opset": OPSET,
                "torch": torch.__version__,
            },
        )
        (directory / DESCRIPTION_FILE).write_text(model.to_text(), encoding="utf-8")
    return model


def _checked_graph(detector: ActionDetector, width: int, height: int, proposals: int | None) -> DetectorGraph:
    for name, side in (("width", width), ("height", height)):
        if not _SMALLEST_SIDE <= side <= 4096:
            raise ConfigError(f"{name} = {side}: allowed range is {_SMALLEST_SIDE} to 4096 pixels")
    most = detector.config.proposals // 2
    if proposals is not None and not 1 <= proposals <= most:
        raise ConfigError(f"proposals = {proposals}: allowed range is 1 to {most}, the detector's own number")
    return DetectorGraph(detector, height=height, width=width, proposals=proposals).eval()


def _trace(graph: DetectorGraph, path: Path) -> None:
    """Writes the graph; the same graph gives the same bytes."""
    outputs = ["boxes", "labels", "scores"]
    with warnings.catch_warnings(), torch.no_grad():
        # The tracer warns of every number that it keeps: they depend on the frame's size only, which is fixed. Of
        # itself it says that it is deprecated: the other exporter has no form for as many boxes as are found.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph,
            (torch.zeros(*graph.size, 3, dtype=torch.uint8),),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=["frame"],
            output_names=outputs,
            dynamic_axes={name: {0: "detections"} for name in outputs},
        )


def compare_detector(checkpoint: Path, directory: Path, frames: Iterable[NDArray[np.uint8]]) -> Agreement:
    """Compares an export in ONNX Runtime with its checkpoint in torch.

    Args:
        checkpoint: the trained detector.
        directory: its export.
        frames: `[H, W, 3]` uint8 RGB frames of the export's size.

    Raises:
        ContractError: if the export is damaged or of another checkpoint.
    """
    import onnxruntime

    model = load_action_model(directory)
    if model.provenance.get("checkpoint_sha256") != sha256_file(checkpoint):
        raise ContractError(f"{directory} was not exported from {checkpoint}")
    detector, _, _ = load_detector(checkpoint)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(str(directory / MODEL_FILE), options, providers=["CPUExecutionProvider"])
    detector.rcnn.rpn._post_nms_top_n["testing"] = model.proposals
    results = []
    for frame in frames:
        wanted = detector.detect(torch.from_numpy(frame.copy()).permute(2, 0, 1)[None] / 255)[0]
        boxes, labels, scores = (torch.from_numpy(part) for part in session.run(None, {"frame": frame}))
        results.append(_compared(wanted, Detections(boxes=boxes, labels=labels, scores=scores)))
    counts = [sum(column) for column in zip(*((r[0], r[1]) for r in results), strict=True)] if results else [0, 0]
    return Agreement(
        frames=len(results),
        detections=counts[0],
        unmatched=counts[1],
        box_px=max((r[2] for r in results), default=0.0),
        score=max((r[3] for r in results), default=0.0),
    )


def _compared(wanted: Detections, found: Detections) -> tuple[int, int, float, float]:
    """Returns detections, those of either side without partner, and the largest box and score differences."""
    free = set(range(len(found.labels)))
    unmatched, box_px, score = 0, 0.0, 0.0
    for box, label, probability in zip(wanted.boxes, wanted.labels, wanted.scores, strict=True):
        best, index = min(
            ((float((found.boxes[i] - box).abs().max()), i) for i in free if found.labels[i] == label),
            default=(float("inf"), -1),
        )
        apart = float((found.scores[index] - probability).abs()) if index >= 0 else float("inf")
        if best > BOX_TOLERANCE_PX or apart > SCORE_TOLERANCE:
            unmatched += 1
            continue
        free.discard(index)
        box_px, score = max(box_px, best), max(score, apart)
    return len(wanted.labels), unmatched + len(free), box_px, score
