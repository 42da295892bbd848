"""What a face detector finds, measured behind the golden decoder: the regions that the camera would replace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.box_decode import decode
from hw_anon.core.boxes import Box, face_region
from hw_anon.core.video_path import downscale
from hw_anon.data.detector_frames import ComposedFrame, FaceTraits
from quant.backend import QatBackend
from quant.export import integer_net
from quant.face_detector import FaceDetector

__all__ = [
    "FALSE_BOXES",
    "HEIGHT_EDGES",
    "MOSTLY_SHOWN",
    "cell_metrics",
    "decoded_regions",
    "detector_cells",
    "detector_metrics",
    "measure_regions",
    "region_errors",
    "wilson_interval",
]

HEIGHT_EDGES = (16, 32, 64, 128)
"""Heights in pixels at which the classes of the table begin, but for the first."""
TURN_EDGES = (10, 20, 30, 45)
"""Angles in the plane, degrees, likewise."""
YAW_EDGES = (0.15, 0.3, 0.45)
"""`FaceTraits.yaw`, likewise."""
SKIN_EDGES = (30, 40, 50, 60, 70)
"""Lightness of the skin, L*, likewise."""
SHOWN_EDGES = (50, 75, 90)
"""Shown part of a face in per cent, likewise."""
LIGHT_EDGES = (32, 64, 128, 192)
"""Mean grey level of a face, likewise."""
FALSE_BOXES = 0.1
"""False boxes a frame that are allowed where recall is judged."""
MOSTLY_SHOWN = 0.75
"""Part of a face that can be seen from which on nothing covers much of it."""
HIDDEN_SHARE = 0.9
"""Share of a face's pixels in the frame that must lie in replaced regions for it to count as found."""

_TABLES: dict[str, tuple[Sequence[float], str]] = {
    "by_height": (HEIGHT_EDGES, ""),
    "by_turn": (TURN_EDGES, " degrees"),
    "by_yaw": (YAW_EDGES, " of the eyes' distance"),
    "by_skin": (SKIN_EDGES, " L*"),
    "by_shown": (SHOWN_EDGES, " %"),
    "by_light": (LIGHT_EDGES, ""),
}
_MAX_FACES = 16  # of the decoder here: what a camera would deliver black is measured all the same
_BATCH = 16
_MATCHED = 0.2  # intersection over union from which a region is one of that face


def detector_metrics(net: FaceDetector, frames: Sequence[ComposedFrame], *, threshold: int) -> dict[str, Any]:
    """Measures a network, in evaluation mode, as the chip computes it: `cell_metrics` of its answers."""
    return cell_metrics(detector_cells(net, frames), frames, threshold=threshold)


def cell_metrics(
    cells: Sequence[NDArray[np.uint8]], frames: Sequence[ComposedFrame], *, threshold: int
) -> dict[str, Any]:
    """Measures what the decoder makes of a network's answers.

    Args:
        cells: the network's answer to each frame, see `detector_cells`.
        frames: frames of twice the network's input size.
        threshold: score from which a cell is a face, 0 to 255.

    Returns:
        What `measure_regions` says of the frames at that threshold, `region_errors`, and `allowance`: the same at no
        more than `FALSE_BOXES` false boxes a frame. The threshold for that is found on every other frame, the figures
        are of the frames between.
    """
    regions = decoded_regions(cells, frames, threshold)
    measured = {"threshold": threshold, **measure_regions(frames, regions)}
    return measured | {"allowance": _at_allowance(cells, frames), "region_errors": region_errors(frames, regions)}


def detector_cells(net: FaceDetector, frames: Sequence[ComposedFrame]) -> list[NDArray[np.uint8]]:
    """Returns the integer network's cells for each frame, `[R, C, 5]`."""
    backend = QatBackend(integer_net(net))
    cells: list[NDArray[np.uint8]] = []
    for start in range(0, len(frames), _BATCH):
        halves = np.stack([downscale(item.frame) for item in frames[start : start + _BATCH]])
        cells += list(backend.modify(halves))
    return cells


def decoded_regions(
    cells: Sequence[NDArray[np.uint8]], frames: Sequence[ComposedFrame], threshold: int, *, every_cell: bool = False
) -> list[tuple[Box, ...]]:
    """Returns what the decoder makes of cells, up to 16 regions a frame.

    Args:
        cells: `[R, C, 5]` of each frame.
        frames: the frames.
        threshold: score from which a cell is a face, 0 to 255.
        every_cell: see `hw_anon.core.box_decode.decode`.
    """
    regions = []
    for answer, item in zip(cells, frames, strict=True):
        height, width = item.frame.shape[:2]
        size = {"frame_width": width, "frame_height": height}
        found = decode(answer, threshold=threshold, max_faces=_MAX_FACES, every_cell=every_cell, **size)
        regions.append(found.regions)
    return regions


def _at_allowance(cells: Sequence[NDArray[np.uint8]], frames: Sequence[ComposedFrame]) -> dict[str, Any] | None:
    """Returns the figures at the lowest threshold that keeps the allowance; none with fewer than two frames."""
    if len(frames) < 2:
        return None
    chosen, tested = slice(0, None, 2), slice(1, None, 2)

    def measured(part: slice, threshold: int) -> dict[str, Any]:
        return measure_regions(frames[part], decoded_regions(cells[part], frames[part], threshold))

    low, high = 1, 255
    while low < high:  # false boxes fall with the threshold
        middle = (low + high) // 2
        if measured(chosen, middle)["false_boxes"] <= FALSE_BOXES:
            high = middle
        else:
            low = middle + 1
    figures = measured(tested, low)
    kept = ("frames", "faces", "recall", "recall_interval", "from_16_pixels", "false_boxes")
    return {"threshold": low, **{name: figures[name] for name in kept}}


def region_errors(frames: Sequence[ComposedFrame], regions: Sequence[Sequence[Box]]) -> dict[str, Any] | None:
    """Measures how regions that were found lie beside those of the faces: what training makes crops err by.

    Returns:
        Standard deviations and the 5th, 50th and 95th percentile of the shifts in x and y, in parts of the face's own
        region, and of the logarithms of the sides' ratios; the faces they are of. `None` if no face was matched.
    """
    errors = []
    for item, replaced in zip(frames, regions, strict=True):
        height, width = item.frame.shape[:2]
        for face in item.faces:
            own = face_region(face, width, height)
            best = max(replaced, key=own.iou, default=None) if own else None
            if own is None or best is None or own.iou(best) < _MATCHED:
                continue
            shift_x = (best.x - own.x + (best.width - own.width) / 2) / own.width
            shift_y = (best.y - own.y + (best.height - own.height) / 2) / own.height
            errors.append((shift_x, shift_y, np.log(best.width / own.width), np.log(best.height / own.height)))
    if not errors:
        return None
    names = ("shift_x", "shift_y", "log_width", "log_height")
    table = {
        name: {
            "sd": round(float(column.std()), 4),
            "percentiles_5_50_95": [round(float(v), 4) for v in np.percentile(column, (5, 50, 95))],
        }
        for name, column in zip(names, np.array(errors).T, strict=True)
    }
    return {"faces": len(errors), **table}


def measure_regions(frames: Sequence[ComposedFrame], regions: Sequence[Sequence[Box]]) -> dict[str, Any]:
    """Compares regions with faces.

    Args:
        frames: the frames.
        regions: what would be replaced in each of them.

    Returns:
        `recall` of all faces with its 95 % `recall_interval` (Wilson); `from_16_pixels`, the same of faces of that
        height and more; `mostly_shown`, the same of those of them of which `MOSTLY_SHOWN` or more can be seen, all
        where frames do not say; `by_height` and, where frames say what their faces are like, `by_turn`, `by_yaw`,
        `by_skin`, `by_shown`, `by_thing`, `by_light`: faces, found, recall and interval of each class; `false_boxes` a
        frame: regions that touch no face's region and no ignored one's; `area_ratio`: median area of a region by that
        of the face's own region it matches best, 1 if the boxes are right.
    """
    tables: dict[str, dict[str, list[bool]]] = {"by_height": {name: [] for name in _names(*_TABLES["by_height"])}}
    hits: list[tuple[bool, int, float]] = []
    false_boxes, ratios = 0, []
    for item, replaced in zip(frames, regions, strict=True):
        height, width = item.frame.shape[:2]
        hidden = _mask(replaced, height, width)
        own = [region for face in item.faces if (region := face_region(face, width, height)) is not None]
        for index, face in enumerate(item.faces):
            inside = face.clipped(width, height)
            if inside is None:
                continue
            hit = bool(hidden[inside.rows, inside.columns].mean() >= HIDDEN_SHARE)
            hits.append((hit, face.height, item.traits[index].shown if item.traits else 1.0))
            for table, name in _classes(face, item.traits[index] if item.traits else None):
                tables.setdefault(table, {}).setdefault(name, []).append(hit)
        blank = [region for face in item.ignored if (region := face_region(face, width, height)) is not None]
        for region in replaced:
            best = max(own, key=region.iou, default=None)
            if best is not None and region.intersection(best):
                ratios.append(region.area / best.area)
            elif not any(region.intersection(other) for other in blank):
                false_boxes += 1
    overall, tall = _figures([hit for hit, *_ in hits]), [entry for entry in hits if entry[1] >= HEIGHT_EDGES[0]]
    return {
        "frames": len(frames),
        "faces": overall["faces"],
        "recall": overall["recall"],
        "recall_interval": overall["interval"],
        "from_16_pixels": _figures([hit for hit, *_ in tall]),
        "mostly_shown": _figures([hit for hit, _, shown in tall if shown >= MOSTLY_SHOWN]),
        **{table: {name: _figures(found) for name, found in _ordered(table, rows)} for table, rows in tables.items()},
        "false_boxes": round(false_boxes / max(len(frames), 1), 4),
        "area_ratio": round(float(np.median(ratios)), 3) if ratios else None,
    }


def _classes(face: Box, traits: FaceTraits | None) -> Iterator[tuple[str, str]]:
    """Yields the tables and the classes in them that a face belongs to."""
    yield "by_height", _class(face.height, *_TABLES["by_height"])
    if traits is None:
        return
    values = {"by_turn": traits.turn_deg, "by_yaw": traits.yaw, "by_skin": traits.skin}
    values |= {"by_shown": 100 * traits.shown, "by_light": traits.luma}
    for table, value in values.items():
        if value is not None:
            yield table, _class(value, *_TABLES[table])
    yield "by_thing", traits.thing or "nothing drawn"


def _ordered(table: str, rows: dict[str, list[bool]]) -> list[tuple[str, list[bool]]]:
    """Returns the classes of a table in order."""
    order = _names(*_TABLES[table]) if table in _TABLES else sorted(rows)
    return [(name, rows[name]) for name in order if name in rows]


def _figures(found: Sequence[bool]) -> dict[str, Any]:
    hits, count = sum(found), len(found)
    return {"faces": count, "found": hits, "recall": _share(hits, count), "interval": wilson_interval(hits, count)}


def wilson_interval(hits: int, count: int) -> list[float] | None:
    """Returns the 95 % interval of a share by Wilson's score; `None` of nothing."""
    if not count:
        return None
    share, z = hits / count, 1.959964
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * float(np.sqrt(share * (1 - share) / count + z * z / (4 * count * count))) / (1 + z * z / count)
    return [round(max(0.0, middle - half), 4), round(min(1.0, middle + half), 4)]


def _mask(boxes: Sequence[Box], height: int, width: int) -> NDArray[np.bool_]:
    mask = np.zeros((height, width), np.bool_)
    for box in boxes:
        mask[box.rows, box.columns] = True
    return mask


def _share(part: float, whole: float) -> float | None:
    return round(float(part / whole), 4) if whole else None


def _names(edges: Sequence[float], unit: str) -> list[str]:
    """Returns the names of the classes that edges divide, in order."""
    whole = all(edge >= 1 for edge in edges)
    inner = [f"{low:g}-{high - 1 if whole else high:g}{unit}" for low, high in pairwise(edges)]
    return [f"below {edges[0]:g}{unit}", *inner, f"{edges[-1]:g}{unit} and more"]


def _class(value: float, edges: Sequence[float], unit: str) -> str:
    return _names(edges, unit)[int(np.searchsorted(edges, value, side="right"))]
