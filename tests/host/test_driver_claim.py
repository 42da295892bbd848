"""One driver at a time on a board, whoever it is and however it ended."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from host.driver import AnonymizedCamera, CameraSettings
from host.driver.claim import BoardClaim
from host.stand_ins import model_config
from hw_anon.core.errors import DeviceError
from tests.host.world import golden, scenes

HOLDER = """
import sys
from host.driver.claim import BoardClaim
claim = BoardClaim(sys.argv[1])
print("claimed", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def board(tmp_path: Path) -> str:
    return f"a test's board {tmp_path}"


def test_a_board_has_one_driver_at_a_time(board: str) -> None:
    claim = BoardClaim(board)
    for _ in range(3):
        with pytest.raises(DeviceError, match="this program has a camera open on this board: close it there first"):
            BoardClaim(board)
    BoardClaim(board + " beside it").release()
    claim.release()
    claim.release()
    BoardClaim(board).release()


def test_a_driver_that_is_killed_holds_nothing(board: str) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", HOLDER, board]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as other:
        assert other.stdout is not None
        try:
            assert other.stdout.readline() == "claimed\n"
            with pytest.raises(DeviceError, match=f"process {other.pid} has a camera open"):
                BoardClaim(board)
        finally:
            other.kill()
    BoardClaim(board).release()


def test_a_fork_does_not_keep_what_its_parent_gives_up(board: str) -> None:
    claim = BoardClaim(board)
    born, ended = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ended[1])
        os.write(born[1], b"!")
        os.read(ended[0], 1)  # until the parent is done
        os._exit(0)
    assert os.read(born[0], 1) == b"!"
    claim.release()
    try:
        BoardClaim(board).release()
    finally:
        os.close(ended[1])
        os.waitpid(child, 0)
        for handle in (*born, ended[0]):
            os.close(handle)


@pytest.mark.board
def test_a_second_camera_does_not_disturb_the_first(tmp_path: Path) -> None:
    from host.simulated.source import VideoSource
    from host.simulation import simulated_camera

    raw, settings = scenes(6), CameraSettings(frame_timeout_s=2.0)
    expected = golden(raw)
    with simulated_camera(work=tmp_path, source=VideoSource(raw), config=model_config()) as simulated:
        with AnonymizedCamera(simulated.design, settings) as camera:
            assert camera.readframe().copy().equals(expected[0])
            with pytest.raises(DeviceError, match="this program has a camera open"):
                AnonymizedCamera(simulated.design, settings).open()
            for wanted in expected[1:5]:
                with camera.readframe() as frame:
                    assert frame.copy().equals(wanted)
            assert len(simulated.device.downloads) == 1 and camera.health.recoveries == 0
        with AnonymizedCamera(simulated.design, settings) as camera:
            assert camera.readframe().pixels.shape == expected[0].frame.shape
