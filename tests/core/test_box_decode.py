"""Decoding the heat map: formats by example, and what privacy needs for every map."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from hw_anon.core.box_decode import MANTISSA, Detections, cell_box, cell_shape, decode, encode, peaks, size_of
from hw_anon.core.boxes import MIN_REGION, Box, face_region
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.frame import Fault

WIDTH, HEIGHT = 96, 64
ROWS, COLUMNS = 4, 6
MAPS = hnp.arrays(np.uint8, (ROWS, COLUMNS, 5), elements=st.integers(0, 255))


def _decode(cells: NDArray[np.uint8], threshold: int = 100, max_faces: int = 4, every_cell: bool = False) -> Detections:
    size = {"frame_width": WIDTH, "frame_height": HEIGHT}
    return decode(cells, threshold=threshold, max_faces=max_faces, every_cell=every_cell, **size)


def _map(*cells: tuple[int, int, list[int]]) -> NDArray[np.uint8]:
    values = np.zeros((ROWS, COLUMNS, 5), np.uint8)
    for row, column, cell in cells:
        values[row, column] = cell
    return values


def test_the_size_table_is_its_formula() -> None:
    assert list(MANTISSA) == [round(1024 * 2 ** (i / 32)) for i in range(32)]
    sizes = [size_of(code) for code in range(256)]
    assert (sizes[0], sizes[32], sizes[64], sizes[255]) == (4, 8, 16, 1002)
    assert sizes == sorted(sizes)
    for code, size in enumerate(sizes):
        assert abs(size - 4 * 2 ** (code / 32)) <= 0.5 + 0.001 * size
    with pytest.raises(ContractError, match="size code 256"):
        size_of(256)


@pytest.mark.parametrize(
    ("row", "column", "cell", "box"),
    [
        (0, 0, [0, 0, 0, 32, 32], Box(x=-4, y=-4, width=8, height=8)),
        (1, 2, [0, 128, 128, 64, 32], Box(x=32, y=20, width=16, height=8)),
        (1, 2, [0, 7, 8, 32, 32], Box(x=28, y=13, width=8, height=8)),
        (3, 5, [0, 255, 255, 0, 255], Box(x=94, y=-437, width=4, height=1002)),
    ],
)
def test_the_box_of_a_cell(row: int, column: int, cell: list[int], box: Box) -> None:
    assert cell_box(row, column, np.array(cell, np.uint8)) == box


def test_one_face_is_its_region() -> None:
    box = Box(x=30, y=20, width=16, height=16)
    row, column, cell = encode(box, score=200)
    assert cell_box(row, column, cell) == box
    assert _decode(_map((row, column, cell.tolist()))) == Detections(regions=(face_region(box, WIDTH, HEIGHT),))


def test_threshold_is_inclusive() -> None:
    cells = _map((1, 1, [100, 0, 0, 32, 32]))
    assert len(_decode(cells, threshold=100).regions) == 1
    assert _decode(cells, threshold=101) == Detections()


def test_of_equal_neighbours_the_first_wins() -> None:
    scores = np.full((ROWS, COLUMNS), 200, np.uint8)
    assert np.argwhere(peaks(scores, 0)).tolist() == [[0, 0]]
    scores[2, 3] = 201
    assert np.argwhere(peaks(scores, 0)).tolist() == [[0, 0], [2, 3]]


def test_of_two_faces_beside_each_other_the_lower_one_counts_only_with_every_cell() -> None:
    cells = _map((1, 1, [250, 0, 0, 32, 32]), (1, 2, [240, 0, 0, 32, 32]))
    first, second = (face_region(cell_box(1, c, cells[1, c]), WIDTH, HEIGHT) for c in (1, 2))
    assert _decode(cells).regions == (first,)
    assert _decode(cells, every_cell=True).regions == (first, second)


def test_peaks_against_a_plain_loop() -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        scores = rng.integers(0, 6, (5, 7)).astype(np.uint8)
        found = peaks(scores, 2)
        for r in range(5):
            for c in range(7):
                earlier = [(r - 1, c - 1), (r - 1, c), (r - 1, c + 1), (r, c - 1)]
                later = [(r, c + 1), (r + 1, c - 1), (r + 1, c), (r + 1, c + 1)]
                expected = scores[r, c] >= 2
                expected &= all(scores[r, c] > scores[n] for n in earlier if 0 <= n[0] < 5 and 0 <= n[1] < 7)
                expected &= all(scores[r, c] >= scores[n] for n in later if 0 <= n[0] < 5 and 0 <= n[1] < 7)
                assert found[r, c] == expected


def test_a_weaker_box_is_dropped_only_if_the_stronger_region_covers_it() -> None:
    strong = (1, 1, [250, 0, 0, 64, 64])  # 16 pixels, at (8, 8); region (3, 3) to (29, 29)
    inside, outside = (1, 3, [240, 0, 0, 0, 0]), (1, 3, [240, 0, 0, 64, 64])
    assert len(_decode(_map(strong, (3, 3, [240, 0, 0, 64, 64]))).regions) == 2
    assert len(_decode(_map(strong, outside)).regions) == 2
    covered = (1, 1, [250, 255, 0, 96, 96])  # 32 pixels around (32, 16)
    assert len(_decode(_map(covered, inside)).regions) == 1


def test_regions_come_by_score_and_equal_ones_in_raster_order() -> None:
    cells = _map((0, 0, [150, 0, 0, 0, 0]), (0, 2, [220, 0, 0, 0, 0]), (3, 0, [220, 0, 0, 0, 0]))
    boxes = [cell_box(r, c, cells[r, c]) for r, c in ((0, 2), (3, 0), (0, 0))]
    assert _decode(cells).regions == tuple(face_region(box, WIDTH, HEIGHT) for box in boxes)


def test_more_faces_than_room_fail_the_frame() -> None:
    corners = [(r, c, [220, 0, 0, 0, 0]) for r in (0, 3) for c in (0, 3, 5)]
    assert len(_decode(_map(*corners), max_faces=6).regions) == 6
    assert _decode(_map(*corners), max_faces=5) == Detections(fault=Fault.TOO_MANY_FACES)


@pytest.mark.parametrize("shape", [(ROWS, COLUMNS - 1, 5), (ROWS + 1, COLUMNS, 5), (ROWS, COLUMNS, 4), (0, 0, 5)])
def test_a_map_of_other_shape_fails_the_frame(shape: tuple[int, ...]) -> None:
    assert _decode(np.zeros(shape, np.uint8)) == Detections(fault=Fault.DETECTOR_LENGTH)
    assert _decode(np.zeros((ROWS, COLUMNS, 5), np.uint8).astype(np.int8)).fault is Fault.DETECTOR_LENGTH


@given(MAPS, st.integers(0, 255), st.integers(1, 6), st.booleans())
def test_every_candidate_is_covered_or_the_frame_fails(
    cells: NDArray[np.uint8], threshold: int, max_faces: int, every_cell: bool
) -> None:
    result = _decode(cells, threshold, max_faces, every_cell)
    scores = cells[:, :, 0]
    candidates = np.argwhere(scores >= threshold if every_cell else peaks(scores, threshold))
    if result.fault is not Fault.NONE:
        assert (result.fault, result.regions) == (Fault.TOO_MANY_FACES, ())
        assert len(candidates) > max_faces
        return
    assert len(result.regions) <= max_faces
    for region in result.regions:
        assert region.inside(WIDTH, HEIGHT)
        assert min(region.width, region.height) >= MIN_REGION
    for r, c in candidates:
        visible = cell_box(int(r), int(c), cells[r, c]).clipped(WIDTH, HEIGHT)
        assert visible
        assert any(region.intersection(visible) == visible for region in result.regions)
    assert bool(result.regions) == bool((cells[:, :, 0] >= threshold).any()), "the highest score is always a candidate"


@given(MAPS, st.integers(0, 254))
def test_a_lower_threshold_never_uncovers(cells: NDArray[np.uint8], threshold: int) -> None:
    strict, loose = _decode(cells, threshold + 1), _decode(cells, threshold)
    if loose.fault is Fault.NONE:
        assert strict.fault is Fault.NONE
        assert set(strict.regions) <= set(loose.regions), "stronger candidates do not depend on weaker ones"


@given(st.integers(0, 80), st.integers(0, 50), st.integers(4, 900), st.integers(4, 900), st.integers(0, 255))
def test_encode_is_close(x: int, y: int, width: int, height: int, score: int) -> None:
    box = Box(x=x - width // 2, y=y - height // 2, width=width, height=height)
    if 2 * box.x + width < 0 or 2 * box.y + height < 0:
        return
    row, column, cell = encode(box, score=score)
    near = cell_box(row, column, cell)
    for side, found in ((width, near.width), (height, near.height)):
        assert abs(side - found) <= 0.5 + 0.0112 * side
    assert abs(2 * (near.x - box.x) + near.width - width) <= 2, "same centre, to a pixel"


def test_refuses_what_cannot_be() -> None:
    assert cell_shape(320, 240) == (15, 20)
    with pytest.raises(ConfigError, match="frame_width = 330"):
        cell_shape(330, 240)
    with pytest.raises(ConfigError, match="frame_height = 0"):
        cell_shape(320, 0)
    with pytest.raises(ConfigError, match="threshold = 256"):
        _decode(_map(), threshold=256)
    with pytest.raises(ContractError, match="outside the frame"):
        encode(Box(x=-10, y=0, width=8, height=8), score=0)
