"""In place of the board's environment: the real driver on a board of models, around a camera directory; no pynq.

python -m tests.hls.demo_board -m host.served sim --camera DIR [--answers FILE]
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import deque
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from host.backend import CameraBackend
from host.driver.camera import AnonymizedCamera
from host.driver.settings import SIMULATED
from host.model_board import ModelBoard
from host.served import serve
from host.simulated.model import ModelCamera
from host.simulated.timed import TimedCamera
from hw_anon.core.camera_directory import CameraDirectory
from hw_anon.core.network_answers import AnswerBook
from hw_anon.core.video_words import frame_beats
from tests.host.world import write_design

STATUS, RUNNING = 0x24, 1


def main(arguments: list[str]) -> None:
    """Serves standard input and output."""
    assert arguments[:4] == ["-m", "host.served", "sim", "--camera"], arguments
    made = CameraDirectory.load(Path(arguments[4]))
    port: ModelCamera | TimedCamera
    if len(arguments) > 5:
        book = AnswerBook.load(Path(arguments[6]))
        port = ModelCamera(made.config, detect=book.detect, modify=book.modify, build_id=made.build_id)
    else:
        port = TimedCamera(made.library, data_dir=made.rtl)
    waiting: deque[NDArray[np.uint32]] = deque()

    def source() -> NDArray[np.uint32] | None:
        return waiting.popleft() if waiting and port.read(STATUS) & RUNNING else None

    board = ModelBoard(port, source=source)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with tempfile.TemporaryDirectory() as place:
        design = write_design(Path(place) / "design", made.config, build_id=made.build_id)
        with AnonymizedCamera(design, SIMULATED, hardware=board) as camera:
            backend = CameraBackend(
                "sim",
                camera,
                lambda frame: waiting.append(frame_beats(frame)),
                send=waiting.append,
                port=port if isinstance(port, TimedCamera) else None,
            )
            serve(backend, sys.stdin.buffer, answers)


if __name__ == "__main__":
    main(sys.argv[1:])
