"""A camera in another process: frames, and every way in which the process may fail."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from hw_anon.core.errors import ContractError, DeviceError, HwAnonError, ToolError
from hw_anon.core.frame import Fault
from hw_anon.core.remote_camera import RemoteCamera

ROOT = Path(__file__).parents[2]

CAMERA = """
import sys
import time

import numpy as np

from hw_anon.core.board_frame import pack_board_frame
from hw_anon.core.boxes import Box
from hw_anon.core.frame import AnonymisedFrame, Fault, black_frame
from hw_anon.core.messages import receive_message, send_message

answers, mode = sys.stdout.buffer, sys.argv[1]
print("the board's log", file=sys.stderr, flush=True)
if mode == "none":
    send_message(answers, {"kind": "error", "error": "DeviceError", "message": "no board"})
    sys.exit(5)
if mode == "silent":
    sys.exit(9)
ready = {"kind": "ready", "backend": "sim", "board": "pynq-z2", "build_id": "ab" * 16}
send_message(answers, ready | {"width": 32, "height": 16, "max_faces": 2})
for number in range(9):
    message = receive_message(sys.stdin.buffer)
    if message is None:
        break
    if mode == "late":
        time.sleep(60)
    if mode == "other":
        send_message(answers, {"kind": "error", "error": "SystemError", "message": "unheard of"})
        sys.exit(1)
    if mode == "short":
        send_message(answers, {"kind": "frame"}, b"short")
        continue
    frame = 255 - np.frombuffer(message[1], np.uint8).reshape(16, 32, 3)
    delivered = AnonymisedFrame(frame=frame, number=number, boxes=(Box(x=0, y=0, width=8, height=8),))
    if not message[1][0]:
        delivered = black_frame(16, 32, Fault.TOO_MANY_FACES, number=number)
    send_message(answers, {"kind": "frame"}, pack_board_frame(delivered, max_faces=2).tobytes())
"""


def _camera(mode: str, timeout_s: float = 60.0) -> RemoteCamera:
    command = [sys.executable, "-c", CAMERA, mode]
    return RemoteCamera(command, environment={"PYTHONPATH": str(ROOT)}, timeout_s=timeout_s)


def test_frames_come_back_with_what_is_said_about_them() -> None:
    frame = np.random.default_rng(0).integers(1, 255, (16, 32, 3)).astype(np.uint8)
    with _camera("good") as camera:
        assert (camera.description.board, camera.description.build_id) == ("pynq-z2", "ab" * 16)
        delivered = camera.anonymise(frame)
        assert np.array_equal(delivered.frame, 255 - frame)
        assert [(box.width, box.height) for box in delivered.boxes] == [(8, 8)]
        black = camera.anonymise(np.zeros_like(frame))
        assert (black.number, black.fault) == (1, Fault.TOO_MANY_FACES)
        with pytest.raises(ContractError, match="takes frames of"):
            camera.anonymise(frame[:8])


@pytest.mark.parametrize(
    ("mode", "kind", "message"),
    [
        ("none", DeviceError, "no board\nthe board's log"),
        ("silent", ToolError, "exit status: 9"),
        ("other", HwAnonError, "unheard of"),
        ("short", ContractError, "5 bytes"),
    ],
)
def test_errors_come_over_with_their_log(mode: str, kind: type[HwAnonError], message: str) -> None:
    with pytest.raises(kind) as raised, _camera(mode) as camera:
        camera.anonymise(np.ones((16, 32, 3), np.uint8))
    assert message in str(raised.value)


def test_a_camera_that_does_not_answer_is_given_up() -> None:
    with pytest.raises(DeviceError, match="within 2 s"), _camera("late", timeout_s=2.0) as camera:
        camera.anonymise(np.ones((16, 32, 3), np.uint8))


def test_a_python_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="board extra"), RemoteCamera([str(tmp_path / "python")]):
        pass
