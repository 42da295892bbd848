"""A program that is interrupted inside the driver and goes on, or that forks: no frame is ever overwritten."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

from host.driver import AnonymizedCamera, CameraSettings, camera, capture, frames, ring
from hw_anon.core.errors import DeviceError
from hw_anon.core.frame import AnonymisedFrame
from tests.host.world import CONFIG, board_with, golden, scenes, write_design

FAST = CameraSettings(frame_timeout_s=0.01, hardware_timeout_s=0.001, recoveries=2, poll_interval_s=0.0)
RAW = scenes(9, seed=7)
GOLDEN = [*golden(RAW), AnonymisedFrame(frame=np.zeros((CONFIG.height, CONFIG.width, 3), np.uint8))]
"""What may be delivered: the frames, or black after a restart in the middle of one."""
WATCHED = {module.__file__ for module in (camera, capture, frames, ring)}


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_design(tmp_path_factory.mktemp("designs") / "kv260" / "one")


class Interruption:
    """Raises `KeyboardInterrupt` at one line of the driver, as Ctrl-C may; notes the lines that were reached."""

    def __init__(self, line: int | None = None) -> None:
        self.reached: list[tuple[str, int]] = []
        self._line = line

    def __enter__(self) -> Interruption:
        self._before = sys.gettrace()
        sys.settrace(self._enter)
        return self

    def __exit__(self, *raised: object) -> None:
        sys.settrace(self._before)

    def _enter(self, frame: FrameType, event: str, argument: Any) -> Any:
        return self._step if frame.f_code.co_filename in WATCHED else None

    def _step(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            self.reached.append((frame.f_code.co_filename, frame.f_lineno))
            if len(self.reached) == self._line:
                raise KeyboardInterrupt
        return self._step


def _goes_on(design: Path, line: int | None) -> list[tuple[str, int]]:
    """Interrupts a `readframe` at a line, goes on, and looks at every frame; returns the lines that were reached."""
    board, _ = board_with(RAW, repeat=True)
    with AnonymizedCamera(design, replace(FAST, held_frames=4), hardware=board) as opened:
        kept = [opened.readframe()]
        with Interruption(line) as interruption, pytest.raises(KeyboardInterrupt) if line else nullcontext():
            opened.readframe().release()
        seen = [kept[0].pixels.copy()]
        for count in range(9):
            frame = opened.readframe()
            assert any(np.array_equal(frame.pixels, wanted.frame) for wanted in GOLDEN)
            if count % 3 == 0:
                kept.append(frame.acquire())
                seen.append(frame.pixels.copy())
            frame.release()
        assert all(np.array_equal(frame.pixels, picture) for frame, picture in zip(kept, seen, strict=True))
        del frame
        for held in kept:
            held.release()
        opened.readframe().release()
        assert opened.health.held == 0, "a buffer was lost"
        assert opened.health.recoveries <= 1
    assert not board.live, "memory was lost"
    return interruption.reached


def test_wherever_ctrl_c_strikes_frames_stay_whole(design: Path) -> None:
    reached = _goes_on(design, None)
    last = {place: count for count, place in enumerate(reached, 1)}
    assert len(last) > 60, "the lines of the driver are watched"
    for count in last.values():
        _goes_on(design, count)


def test_an_interrupted_take_over_is_a_restart_that_says_so(design: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    board, _ = board_with(scenes(24), repeat=True)
    exchange = ring.FrameRing.exchange

    def struck(self: ring.FrameRing, store: int, replacement: int) -> int:
        monkeypatch.setattr(ring.FrameRing, "exchange", exchange)
        raise KeyboardInterrupt

    with AnonymizedCamera(design, FAST, hardware=board) as opened:
        opened.readframe().release()
        monkeypatch.setattr(ring.FrameRing, "exchange", struck)
        with pytest.raises(KeyboardInterrupt):
            opened.readframe()
        opened.readframe().release()
        assert opened.health.recoveries == 1
        assert "interrupted while a frame was taken over" in opened.health.last_reason


def test_a_fork_cannot_touch_its_parents_camera(design: Path) -> None:
    raw = scenes(6)
    board, _ = board_with(raw)
    with AnonymizedCamera(design, FAST, hardware=board) as opened:
        opened.readframe().release()
        running = board.dma.read(0x34)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writing, _in_the_fork(opened, board, running).encode())
            os._exit(0)
        os.close(writing)
        os.waitpid(child, 0)
        assert os.read(reading, 1000) == b"fork of it, fork of it, untouched"
        os.close(reading)
        assert opened.readframe().copy().equals(golden(raw)[1])


def _in_the_fork(opened: AnonymizedCamera, board: Any, running: int) -> str:
    """Tries everything in the child, which has a copy of the board of models."""
    said = []
    for action in (opened.readframe, lambda: opened.registers.stop()):
        try:
            action()
            said.append("done")
        except DeviceError as error:
            said.append("fork of it" if "fork of it" in str(error) else str(error))
    before = dict(board.live)
    opened.close()
    untouched = board.closed == 0 and board.live == before and board.dma.read(0x34) == running
    return ", ".join([*said, "untouched" if untouched else "touched"])
