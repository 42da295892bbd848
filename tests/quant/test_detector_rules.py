"""The two rules of the decoder beside each other, on cells made by hand."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("brevitas", reason="missing: brevitas")
pytest.importorskip("cv2", reason="missing: opencv-python-headless")

from hw_anon.core.box_decode import encode
from hw_anon.core.boxes import Box
from hw_anon.data.detector_frames import ComposedFrame
from quant.detector_rules import measure_rules

WIDTH, HEIGHT = 96, 80
LEFT, RIGHT, ALONE = (
    Box(x=8, y=8, width=16, height=20),
    Box(x=26, y=8, width=16, height=20),
    Box(x=70, y=50, width=18, height=22),
)


def _frame(*faces: Box) -> ComposedFrame:
    return ComposedFrame(frame=np.zeros((HEIGHT, WIDTH, 3), np.uint8), faces=faces, ignored=(), traits=())


def _cells(*scored: tuple[Box, int]) -> np.ndarray:
    cells = np.zeros((HEIGHT // 16, WIDTH // 16, 5), np.uint8)
    for box, score in scored:
        row, column, cell = encode(box, score=score)
        cells[row, column] = cell
    return cells


def test_what_each_rule_finds_and_what_it_costs() -> None:
    beside = _cells((LEFT, 200), (RIGHT, 190), (ALONE, 120))
    frames, cells = [_frame(LEFT, RIGHT), _frame(ALONE)], [beside, _cells((ALONE, 120))]
    rows = {(r["threshold"], r["candidates"]): r for r in measure_rules(cells, frames, threshold=128, max_faces=2)}
    assert list(rows) == [(level, rule) for level in (128, 112, 96) for rule in ("peaks", "every_cell")]
    found = {key: row["from_16_pixels"]["found"] for key, row in rows.items()}
    assert [found[128, rule] for rule in ("peaks", "every_cell")] == [1, 2]
    assert [found[112, rule] for rule in ("peaks", "every_cell")] == [2, 3]
    assert rows[128, "every_cell"]["regions"] == 1.0
    assert (rows[128, "every_cell"]["false_boxes"], rows[112, "peaks"]["false_boxes"]) == (0.0, 0.5)
    assert [rows[112, rule]["black"] for rule in ("peaks", "every_cell")] == [0.0, 0.5]


def test_no_level_below_one() -> None:
    rows = measure_rules([_cells()], [_frame()], threshold=10, max_faces=4)
    assert [row["threshold"] for row in rows] == [10, 10]
