"""Banks shared by the tests of training."""

from __future__ import annotations

import pytest

from hw_anon.data.banks import FaceBank, FrameBank
from tests.train.banks import face_bank, frame_bank


@pytest.fixture(scope="session")
def faces() -> FaceBank:
    return face_bank()


@pytest.fixture(scope="session")
def frames() -> FrameBank:
    return frame_bank()
