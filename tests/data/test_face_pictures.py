"""Pictures for frames: labelled by the teacher, and repeated until they are enough."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("cv2", reason="missing: opencv-python-headless")

from hw_anon.core.boxes import Box
from hw_anon.core.errors import ContractError
from hw_anon.data.detector_frames import FrameComposer, FrameSettings
from hw_anon.data.face_boxes import FoundFace
from hw_anon.data.face_detectors import Candidate
from hw_anon.data.face_pictures import FacePicture, load_real_pictures, repeated


class _Teacher:
    """Finds one face in bright pictures and two in the brightest."""

    key = "teacher"

    def find(self, frame: np.ndarray) -> tuple[FoundFace, ...]:
        points = ((30, 22), (38, 22), (34, 26), (31, 32), (37, 32))
        found = []
        for index in range(int(frame.mean() > 50) + int(frame.mean() > 150)):
            box = Box(x=24 - 20 * index, y=12, width=20, height=28)
            candidate = Candidate(box=box, score=1.0, landmarks=points)  # type: ignore[arg-type]
            found.append(FoundFace(candidate=candidate, confirmation=1.0))
        return tuple(found)


def test_real_pictures_are_labelled_by_the_teacher(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for place, level in (("a.png", 10), ("deep/b.png", 100), ("deep/c.png", 200)):
        Image.fromarray(np.full((64, 64, 3), level, np.uint8)).save(tmp_path / place)
    none, one, two = load_real_pictures(tmp_path, finder=_Teacher())
    assert none.face is None
    assert one.face is not None
    assert one.face.box == (24.0, 12.0, 44.0, 40.0)
    assert (len(one.others), len(two.others)) == (0, 1)
    frames = [FrameComposer([two, one], FrameSettings(most_overlays=0)).frame(seed) for seed in range(20)]
    assert max(len(item.faces) + len(item.ignored) for item in frames) == 2, "backgrounds hold all their faces"
    with pytest.raises(ContractError, match="no picture"):
        (tmp_path / "empty").mkdir()
        load_real_pictures(tmp_path / "empty", finder=_Teacher())


def test_real_pictures_are_repeated_until_they_are_their_share() -> None:
    one = FacePicture(pixels=np.zeros((4, 4, 3), np.uint8), face=None)
    assert len(repeated([one] * 10, beside=90, share=0.5)) == 90
    assert len(repeated([one] * 10, beside=90, share=0.05)) == 10, "once at least"
    assert repeated([], beside=90, share=0.5) == ()
