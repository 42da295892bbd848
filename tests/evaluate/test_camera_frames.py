"""Pictures through a whole camera: where they lie in a frame, what comes back, and what is counted."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hw_anon.core.boxes import Box
from hw_anon.core.errors import ConfigError
from hw_anon.core.frame import AnonymisedFrame, Fault, black_frame
from hw_anon.core.video_path import anonymise
from hw_anon.data.face_detectors import Candidate
from hw_anon.evaluate.camera_frames import CameraFrames, CameraIdentity, cut_back, placed
from hw_anon.evaluate.faces import IdentityFaces
from hw_anon.evaluate.modified_pictures import apply_modifier

IDENTITY = CameraIdentity(backend="sim", board="pynq-z2", design_id="0" * 16, build_id="0" * 32)


def _picture(rows: int, columns: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(1, 100, (rows, columns, 3)).astype(np.uint8)


def _delivered(frame: NDArray[np.uint8], *boxes: Box) -> AnonymisedFrame:
    return anonymise(frame, boxes, lambda crops: np.full_like(crops, 250), size=8, max_faces=4)


def test_a_picture_that_fits_lies_in_the_middle_as_it_is() -> None:
    picture = _picture(40, 30)
    frame, where = placed(picture, 64, 48)
    assert (where.box.x, where.box.y) == (17, 4)
    assert np.array_equal(frame[where.box.rows, where.box.columns], picture)
    assert (frame[:4] == 128).all()


@pytest.mark.parametrize("size", [(40, 30), (96, 128), (480, 420), (101, 67)])
def test_the_replaced_region_comes_back_and_nothing_else_changes(size: tuple[int, int]) -> None:
    picture = _picture(*size)
    frame, where = placed(picture, 64, 48)
    region = Box(x=24, y=16, width=16, height=12)
    back = cut_back(picture, where, _delivered(frame, region))
    changed = where.in_picture(region)
    assert changed is not None
    assert changed.x <= (region.x - where.box.x) * where.width / where.box.width
    assert (back[changed.rows, changed.columns][2:-2, 2:-2] > 200).mean() > 0.6
    kept = np.ones(picture.shape[:2], bool)
    kept[changed.rows, changed.columns] = False
    assert np.array_equal(back[kept], picture[kept])


def test_a_region_beside_the_picture_changes_nothing() -> None:
    picture = _picture(48, 16)
    frame, where = placed(picture, 64, 48)
    assert np.array_equal(cut_back(picture, where, _delivered(frame, Box(x=0, y=0, width=16, height=16))), picture)


def _faces(count: int) -> IdentityFaces:
    box = Box(x=8, y=8, width=16, height=16)
    marks = ((10.0, 12.0), (20.0, 12.0), (15.0, 16.0), (11.0, 20.0), (19.0, 20.0))
    return IdentityFaces(
        name="toy",
        pictures=tuple(_picture(32, 32, seed) for seed in range(count)),
        people=np.arange(count, dtype=np.int64),
        faces=(Candidate(box=box, score=1.0, landmarks=marks),) * count,
        regions=(box,) * count,
    )


def test_black_frames_and_missed_faces_are_counted_and_kept() -> None:
    turns = iter(range(3))

    def camera(frame: NDArray[np.uint8]) -> AnonymisedFrame:
        turn = next(turns)
        if turn == 0:
            return black_frame(48, 64, Fault.TOO_MANY_FACES)
        boxes = [Box(x=24, y=16, width=16, height=16)] if turn == 1 else []
        return _delivered(frame, *boxes)

    seen: list[int] = []
    frames = CameraFrames(
        "sim-0", camera, width=64, height=48, identity=IDENTITY, compare=lambda frame, delivered: len(delivered.boxes)
    )
    faces = _faces(3)
    pictures = apply_modifier(frames, faces, crop_side=8, on_progress=lambda what, done, total: seen.append(done))
    assert not pictures[0].any()
    assert (pictures[1][8:24, 8:24] == 250).all()
    assert np.array_equal(pictures[2], faces.pictures[2])
    figures = frames.figures.as_json()
    assert (figures["n_frames"], figures["n_black"], figures["n_unreplaced"]) == (3, 1, 1)
    assert figures["faults"] == {"TOO_MANY_FACES": 1}
    assert figures["differing_bytes"] == 1
    assert seen == [1, 2, 3]


def test_crops_are_refused() -> None:
    frames = CameraFrames("sim-0", lambda frame: _delivered(frame), width=64, height=48, identity=IDENTITY)
    with pytest.raises(ConfigError, match="--attack none"):
        frames.modify(np.zeros((1, 8, 8, 3), np.uint8))
