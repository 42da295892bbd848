"""What a face detector finds, measured behind the golden decoder: the regions that the camera would replace."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.box_decode import decode
from hw_anon.core.boxes import Box, face_region
from hw_anon.core.video_path import downscale
from hw_anon.data.detector_frames import ComposedFrame
from quant.backend import QatBackend
from quant.export import integer_net
from quant.face_detector import FaceDetector

__all__ = ["HEIGHT_EDGES", "detector_metrics", "measure_regions"]

HEIGHT_EDGES = (16, 32, 64, 128)
"""Heights in pixels at which the classes of the table begin, but for the first."""
HIDDEN_SHARE = 0.9
"""Share of a face's pixels in the frame that must lie in replaced regions for it to count as found."""

_MAX_FACES = 16  # of the decoder here: what a camera would deliver black is measured all the same
_BATCH = 16


def detector_metrics(net: FaceDetector, frames: Sequence[ComposedFrame], *, threshold: int) -> dict[str, Any]:
    """Measures a network as the chip computes it: halved frame, integer network, decoder.

    Args:
        net: in evaluation mode.
        frames: frames of twice the network's input size.
        threshold: score from which a cell is a face, 0 to 255.
    """
    backend = QatBackend(integer_net(net))
    height, width = (2 * side for side in net.config.input_shape)
    regions: list[tuple[Box, ...]] = []
    for start in range(0, len(frames), _BATCH):
        halves = np.stack([downscale(item.frame) for item in frames[start : start + _BATCH]])
        for cells in backend.modify(halves):
            found = decode(cells, threshold=threshold, max_faces=_MAX_FACES, frame_width=width, frame_height=height)
            regions.append(found.regions)
    return {"threshold": threshold, **measure_regions(frames, regions)}


def measure_regions(frames: Sequence[ComposedFrame], regions: Sequence[Sequence[Box]]) -> dict[str, Any]:
    """Compares regions with faces.

    Args:
        frames: the frames.
        regions: what would be replaced in each of them.

    Returns:
        `recall` of all faces and `by_height` (faces, found, recall for each class of `HEIGHT_EDGES`); `false_boxes` a
        frame: regions that touch no face's region and no ignored one's; `area_ratio`: median area of a region by that
        of the face's own region it matches best, 1 if the boxes are right.
    """
    faces, found = np.zeros(len(HEIGHT_EDGES) + 1, int), np.zeros(len(HEIGHT_EDGES) + 1, int)
    false_boxes, ratios = 0, []
    for item, replaced in zip(frames, regions, strict=True):
        height, width = item.frame.shape[:2]
        hidden = _mask(replaced, height, width)
        own = [region for face in item.faces if (region := face_region(face, width, height)) is not None]
        for face in item.faces:
            inside = face.clipped(width, height)
            if inside is None:
                continue
            size = int(np.searchsorted(HEIGHT_EDGES, face.height, side="right"))
            faces[size] += 1
            found[size] += bool(hidden[inside.rows, inside.columns].mean() >= HIDDEN_SHARE)
        blank = [region for face in item.ignored if (region := face_region(face, width, height)) is not None]
        for region in replaced:
            best = max(own, key=region.iou, default=None)
            if best is not None and region.intersection(best):
                ratios.append(region.area / best.area)
            elif not any(region.intersection(other) for other in blank):
                false_boxes += 1
    return {
        "frames": len(frames),
        "faces": int(faces.sum()),
        "recall": _share(found.sum(), faces.sum()),
        "by_height": {
            name: {"faces": int(count), "found": int(hits), "recall": _share(hits, count)}
            for name, count, hits in zip(_class_names(), faces, found, strict=True)
        },
        "false_boxes": round(false_boxes / max(len(frames), 1), 4),
        "area_ratio": round(float(np.median(ratios)), 3) if ratios else None,
    }


def _mask(boxes: Sequence[Box], height: int, width: int) -> NDArray[np.bool_]:
    mask = np.zeros((height, width), np.bool_)
    for box in boxes:
        mask[box.rows, box.columns] = True
    return mask


def _share(part: float, whole: float) -> float | None:
    return round(float(part / whole), 4) if whole else None


def _class_names() -> list[str]:
    inner = [f"{low}-{high - 1}" for low, high in pairwise(HEIGHT_EDGES)]
    return [f"below {HEIGHT_EDGES[0]}", *inner, f"{HEIGHT_EDGES[-1]} and more"]
