"""Kept frames: composed once, then drawn, mirrored and lit, with answers that stay right."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="missing: torch")

from hw_anon.core.boxes import Box  # noqa: E402
from hw_anon.losses.face_cells import CellTargets, cell_targets, stack_targets  # noqa: E402
from quant.kept_frames import keep_frames  # noqa: E402

WIDTH, HEIGHT = 96, 64
FACE = Box(x=19, y=12, width=20, height=26)


def _compose(number: int) -> tuple[torch.Tensor, CellTargets]:
    image = torch.zeros(1, 3, HEIGHT // 2, WIDTH // 2)
    image[:, :, 6:19, 9:19] = 0.5
    image[:, 0, 0, 0] = number / 255.0
    return image, stack_targets([cell_targets([FACE], frame_width=WIDTH, frame_height=HEIGHT)])


def test_frames_are_composed_once_each_by_any_number_of_processes() -> None:
    numbers: list[int] = []

    def compose(number: int) -> tuple[torch.Tensor, CellTargets]:
        numbers.append(number)
        return _compose(number)

    kept = keep_frames(compose, 70)
    assert numbers == list(range(70))
    assert kept.halves[:, 0, 0, 0].tolist() == numbers
    assert torch.equal(keep_frames(_compose, 70, workers=1).halves, kept.halves)


def test_mirrored_frames_have_mirrored_answers() -> None:
    kept = keep_frames(_compose, 4)
    mirror = Box(x=WIDTH - FACE.right, y=FACE.y, width=FACE.width, height=FACE.height)
    seen = set()
    for step in range(12):
        images, targets = kept.batch(2, seed=0, step=step)
        flipped = bool(images[0, :, 12, -12].sum() > images[0, :, 12, 12].sum())
        box = mirror if flipped else FACE
        wanted = cell_targets([box], frame_width=WIDTH, frame_height=HEIGHT)
        assert torch.equal((targets.scores[0] == 1.0), (wanted.scores == 1.0))
        peak = wanted.scores == 1.0
        assert torch.allclose(targets.codes[0][:, peak], wanted.codes[:, peak], atol=2 / 255)
        seen.add(flipped)
    assert seen == {False, True}


def test_equal_steps_give_equal_batches_and_others_others() -> None:
    kept = keep_frames(_compose, 8)
    first, again, other = (kept.batch(4, seed=1, step=step)[0] for step in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert float(first.min()) >= 0.0 and float(first.max()) <= 1.0
