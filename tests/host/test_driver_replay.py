"""A recorded run repeats without its board, call by call, and a driver that does something else is noticed."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from host.driver import AnonymizedCamera, CameraSettings
from host.driver.recorder import INPUTS_FILE, MEMORY_FILE, RUN_FILE, TRAFFIC_FILE, RunRecorder
from host.driver.replay import RecordedRun, replay
from hw_anon.core.errors import ContractError, DeviceError
from tests.host.world import BUILD_ID, board_with, scenes, write_design

SETTINGS = CameraSettings(frame_timeout_s=0.01, hardware_timeout_s=0.001, recoveries=2, poll_interval_s=0.0)


@pytest.fixture
def design(tmp_path: Path) -> Path:
    return write_design(tmp_path / "design")


def record(design: Path, directory: Path, *, count: int = 12, asynchronous: bool = False) -> Path:
    """Records a run with a stalled DMA in it."""
    raw = scenes(count, seed=9)
    board, _ = board_with(raw, repeat=True)
    recorder = RunRecorder(board, directory)
    for frame in raw:
        recorder.show(frame)

    def deliver(frame: object, index: int) -> None:
        recorder.deliver(frame)  # type: ignore[arg-type]
        frame.release()  # type: ignore[attr-defined]
        if index == 4:
            board.dma.stall(at_line=0, for_ever=False)

    async def awaited(camera: AnonymizedCamera) -> None:
        for index in range(count):
            deliver(await camera.readframe_async(), index)

    with AnonymizedCamera(design, SETTINGS, hardware=recorder) as camera:
        if asynchronous:
            asyncio.run(awaited(camera))
        else:
            for index in range(count):
                deliver(camera.readframe(), index)
        assert camera.health.recoveries == 1
    return recorder.finish(build_id=BUILD_ID, settings=SETTINGS, asynchronous=asynchronous)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_run_repeats_call_by_call(design: Path, tmp_path: Path, asynchronous: bool) -> None:
    recording = replay(record(design, tmp_path / "run", asynchronous=asynchronous), design)
    assert len(recording.outputs) == 12 and recording.calls > 300
    assert len(np.load(tmp_path / "run" / INPUTS_FILE)["frames"]) == 12


def test_a_driver_that_does_something_else_is_noticed(design: Path, tmp_path: Path) -> None:
    directory = record(design, tmp_path / "run")
    run = json.loads((directory / RUN_FILE).read_text())
    run["settings"]["threshold"] = 90
    (directory / RUN_FILE).write_text(json.dumps(run))
    with pytest.raises(ContractError, match="recorded was"):
        replay(directory, design)


def test_other_memory_is_noticed(design: Path, tmp_path: Path) -> None:
    directory = record(design, tmp_path / "run")
    run = json.loads((directory / RUN_FILE).read_text())
    run["outputs"][3]["sha256"] = "0" * 64
    (directory / RUN_FILE).write_text(json.dumps(run))
    with pytest.raises(ContractError, match="the driver delivered"):
        replay(directory, design)
    data = bytearray((directory / MEMORY_FILE).read_bytes())
    data[len(data) // 2] ^= 255
    (directory / MEMORY_FILE).write_bytes(bytes(data))
    with pytest.raises(ContractError):
        replay(directory, design)


def test_a_shorter_or_unfinished_recording_is_noticed(design: Path, tmp_path: Path) -> None:
    directory = record(design, tmp_path / "run", count=6)
    lines = (directory / TRAFFIC_FILE).read_text().splitlines()
    (directory / TRAFFIC_FILE).write_text("\n".join(lines[:-5]))
    with pytest.raises(ContractError, match="it has ended"):
        replay(directory, design)
    (directory / RUN_FILE).unlink()
    with pytest.raises(ContractError, match="no finished recording"):
        RecordedRun.load(directory)


def test_another_design_is_refused(design: Path, tmp_path: Path) -> None:
    directory = record(design, tmp_path / "run", count=6)
    other = write_design(tmp_path / "other", build_id="d" * 32)
    with pytest.raises(ContractError, match="was recorded with build"):
        replay(directory, other)


def test_a_failure_of_the_board_repeats_too(design: Path, tmp_path: Path) -> None:
    board, source = board_with(scenes(6))
    source.silent = True
    recorder = RunRecorder(board, tmp_path / "run")
    with (
        AnonymizedCamera(design, replace(SETTINGS, recoveries=0), hardware=recorder) as camera,
        pytest.raises(DeviceError, match="no video"),
    ):
        camera.readframe()
    directory = recorder.finish(build_id=BUILD_ID, settings=replace(SETTINGS, recoveries=0))
    run = json.loads((directory / RUN_FILE).read_text())
    run["outputs"] = [{}]
    (directory / RUN_FILE).write_text(json.dumps(run))
    with pytest.raises(DeviceError, match="no video"):
        replay(directory, design)
