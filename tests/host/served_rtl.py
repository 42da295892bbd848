"""`host.served sim --camera DIR` without pynq: driver and RTL on the board of models, for the main environment."""

from __future__ import annotations

import os
import sys
import tempfile
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from host.backend import CameraBackend
from host.driver import AnonymizedCamera, CameraSettings
from host.model_board import ModelBoard
from host.served import serve
from hw_anon.core.camera_directory import CameraDirectory
from hw_anon.core.verilated_camera import VerilatedCamera
from hw_anon.core.video_words import frame_beats
from tests.host.world import write_design

_SETTINGS = CameraSettings(frame_timeout_s=0.1, hardware_timeout_s=0.01, poll_interval_s=0.0)
_STATUS = 0x24


def main(arguments: Sequence[str]) -> int:
    """Serves standard input and output.

    Args:
        arguments: `sim --camera DIR`, as `hw-anon evaluate` gives them.
    """
    backend, option, directory = arguments
    assert (backend, option) == ("sim", "--camera"), arguments
    made = CameraDirectory.load(Path(directory))
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    waiting: deque[NDArray[np.uint8]] = deque()
    with tempfile.TemporaryDirectory() as work, VerilatedCamera(made.library, data_dir=made.rtl) as port:

        def sensor() -> NDArray[np.uint32] | None:
            return frame_beats(waiting.popleft()) if waiting and port.read(_STATUS) & 1 else None

        design = write_design(Path(work) / "design", made.config, build_id=made.build_id)
        board = ModelBoard(port, clk_hz=1e7, source=sensor)
        with AnonymizedCamera(design, _SETTINGS, hardware=board) as camera:
            serve(CameraBackend("sim", camera, waiting.append), sys.stdin.buffer, answers)
    return 0
