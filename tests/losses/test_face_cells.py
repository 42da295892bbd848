"""The detector's targets are what the decoder reads, and its loss is least where they are met."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="missing: torch")

from hw_anon.core.box_decode import CELL, cell_box, decode, encode  # noqa: E402
from hw_anon.core.boxes import Box, face_region  # noqa: E402
from hw_anon.core.errors import ConfigError  # noqa: E402
from hw_anon.losses.face_cells import (  # noqa: E402
    SCORE_SLOPE,
    CellTargets,
    cell_loss,
    cell_targets,
    stack_targets,
)

WIDTH, HEIGHT = 320, 240


def _targets(*faces: Box, ignored: tuple[Box, ...] = ()) -> CellTargets:
    return cell_targets(faces, frame_width=WIDTH, frame_height=HEIGHT, ignored=ignored)


def _answer(targets: CellTargets) -> torch.Tensor:
    """The cells that meet the targets, `[5, R, C]`."""
    return torch.cat([targets.scores[None], targets.codes])


def _bytes(targets: CellTargets) -> np.ndarray:
    return (255 * _answer(targets)).round().byte().permute(1, 2, 0).numpy()


@pytest.mark.parametrize("seed", range(60))
def test_the_decoder_reads_the_boxes_that_were_written(seed: int) -> None:
    rng = np.random.default_rng(seed)
    width, height = (int(side) for side in np.exp2(rng.uniform(3, 7.6, 2)))
    centre_x, centre_y = int(rng.integers(0, WIDTH)), int(rng.integers(0, HEIGHT))
    box = Box(x=centre_x - width // 2, y=centre_y - height // 2, width=width, height=height)
    cells = _bytes(_targets(box))
    row, column, cell = encode(box, score=255)
    np.testing.assert_array_equal(cells[row, column], cell)
    read = cell_box(row, column, cells[row, column])
    assert abs(read.width - width) <= 0.011 * width + 0.5, "half a step of 1/32 octave"
    assert abs(read.height - height) <= 0.011 * height + 0.5
    assert abs(2 * read.x + read.width - 2 * box.x - width) <= 1, "the centre is kept to half a pixel"
    assert abs(2 * read.y + read.height - 2 * box.y - height) <= 1
    found = decode(cells, threshold=254, max_faces=4, frame_width=WIDTH, frame_height=HEIGHT)
    assert found.regions == (face_region(read, WIDTH, HEIGHT),)


def test_several_faces_are_read_back_in_any_order() -> None:
    faces = (
        Box(x=8, y=5, width=30, height=40),
        Box(x=200, y=20, width=9, height=12),
        Box(x=90, y=90, width=120, height=140),
    )
    found = decode(_bytes(_targets(*faces)), threshold=200, max_faces=4, frame_width=WIDTH, frame_height=HEIGHT)
    assert len(found.regions) == 3
    for face in faces:
        assert max(face_region(face, WIDTH, HEIGHT).iou(region) for region in found.regions) > 0.93
    again = _targets(*reversed(faces))
    assert torch.equal(_answer(again), _answer(_targets(*faces)))


def test_of_two_faces_in_one_cell_the_larger_is_kept() -> None:
    small, large = Box(x=100, y=100, width=10, height=10), Box(x=85, y=85, width=38, height=40)
    row, column, cell = encode(large, score=255)
    assert encode(small, score=255)[:2] == (row, column)
    for order in ((small, large), (large, small)):
        np.testing.assert_array_equal(_bytes(_targets(*order))[row, column], cell)


def test_neighbours_say_the_same_face_as_well_as_they_can() -> None:
    face = Box(x=100, y=100, width=60, height=60)
    targets, cells = _targets(face), _bytes(_targets(face))
    row, column, _ = encode(face, score=255)
    for other_row, other_column in ((row - 1, column), (row, column - 1)):
        assert targets.weights[other_row, other_column] > 0.3
        read = cell_box(other_row, other_column, cells[other_row, other_column])
        assert read.width == pytest.approx(60, abs=1)
        assert face.iou(read) > 0.85
        assert max(abs(read.x - face.x), abs(read.y - face.y)) < CELL / 4


def test_faces_at_and_beyond_the_border() -> None:
    assert not _targets(Box(x=-80, y=0, width=40, height=40)).scores.any()
    partly = _targets(Box(x=-50, y=50, width=60, height=40))
    assert partly.scores[4, 0] == 1.0, "its visible part is 10 pixels wide"
    assert _targets(Box(x=300, y=220, width=39, height=39)).scores[14, 19] == 1.0


def test_what_is_ignored_does_not_count_unless_there_is_a_face() -> None:
    hidden = Box(x=160, y=80, width=32, height=17)
    targets = _targets(ignored=(hidden, Box(x=400, y=0, width=5, height=5)))
    assert [tuple(cell) for cell in torch.nonzero(~targets.counted).tolist()] == [(5, 10), (5, 11), (6, 10), (6, 11)]
    face = Box(x=170, y=85, width=8, height=8)
    assert int((~_targets(face, ignored=(hidden,)).counted).sum()) == 3


def test_the_loss_is_small_where_the_targets_are_met_and_grows_with_each_error() -> None:
    batch = stack_targets([_targets(Box(x=100, y=100, width=60, height=60)), _targets()])
    logit = 5.0 / SCORE_SLOPE
    exact = torch.cat([torch.where(batch.scores == 1.0, 0.5 + logit, 0.5 - logit)[:, None], batch.codes], 1)
    scores, boxes = cell_loss(exact, batch)
    assert float(scores) < 0.01
    assert float(boxes) == 0.0
    row, column = 8, 8
    assert batch.scores[0, row, column] == 1.0
    for frame, cell, value in ((0, (0, row, column), 0.3), (1, (0, 2, 2), 0.7)):
        wrong = exact.clone()
        wrong[frame][cell] = value
        assert float(cell_loss(wrong, batch)[0]) > float(scores) + 0.3
    for channel in range(1, 5):
        wrong = exact.clone()
        wrong[0, channel, row, column] += 0.1
        wrong[1, channel] += 0.5
        score_loss, box_loss = cell_loss(wrong, batch)
        assert float(score_loss) == float(scores)
        assert 0 < float(box_loss) < 0.5, "cells without a face do not count"


def test_saturated_scores_still_learn() -> None:
    """Before the clipping there is a gradient even where the byte is 0 and a face is missed."""
    batch = stack_targets([_targets(Box(x=100, y=100, width=60, height=60))])
    answer = torch.full((1, 5, 15, 20), -0.5, requires_grad=True)
    sum(cell_loss(answer, batch)).backward()
    assert answer.grad is not None
    assert float(answer.grad[0, 0, 8, 8]) < -1.0


def test_ignored_cells_have_no_gradient() -> None:
    batch = stack_targets([_targets(ignored=(Box(x=0, y=0, width=320, height=240),))])
    assert float(cell_loss(torch.rand(1, 5, 15, 20), batch)[0]) == 0.0
    counted = replace(batch, counted=torch.ones_like(batch.counted))
    assert float(cell_loss(torch.rand(1, 5, 15, 20), counted)[0]) > 0.0


def test_frames_that_no_cells_cover_are_refused() -> None:
    with pytest.raises(ConfigError, match="frame_width = 100"):
        cell_targets([], frame_width=100, frame_height=240)
