"""The driver behind a pipe: real pynq on the simulated board, in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from hw_anon.core.errors import ContractError, DeviceError
from hw_anon.core.remote_camera import RemoteCamera
from tests.host.world import golden, scenes

pytestmark = pytest.mark.board

ROOT = Path(__file__).parents[2]


def _served(*arguments: str) -> RemoteCamera:
    command = [sys.executable, "-m", "host.served", *arguments]
    return RemoteCamera(command, environment={"PYTHONPATH": str(ROOT)}, timeout_s=120.0)


def test_frames_of_another_process_equal_the_golden_model() -> None:
    raw = scenes(5)
    with _served("sim") as camera:
        assert (camera.description.backend, camera.description.board) == ("sim", "kv260")
        for frame, wanted in zip(raw, golden(raw), strict=True):
            assert camera.anonymise(frame).equals(wanted)
        with pytest.raises(ContractError, match="takes frames of"):
            camera.anonymise(np.zeros((16, 16, 3), np.uint8))


def test_what_goes_wrong_there_is_raised_here(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"manifest\.json"), _served("sim", "--camera", str(tmp_path)):
        pass
    with pytest.raises(DeviceError, match="show="), _served("board"):
        pass
