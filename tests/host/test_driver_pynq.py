"""The unmodified driver on real pynq and the simulated board: equality, interrupts, faults, shutdown."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from host.driver import AnonymizedCamera, CameraSettings
from host.stand_ins import model_config
from hw_anon.core.errors import DeviceError
from hw_anon.core.frame import Fault
from tests.host.world import golden, scenes

pytestmark = pytest.mark.board

CONFIG = model_config()
FAST = CameraSettings(frame_timeout_s=1.0, hardware_timeout_s=0.5, recoveries=2)


@contextmanager
def simulated(work: Path, frames: list, **options: object) -> Iterator:
    from host.simulated.source import VideoSource
    from host.simulation import simulated_camera

    with simulated_camera(work=work, source=VideoSource(frames), config=CONFIG, **options) as board:
        yield board


def test_a_hundred_frames_through_pynq_are_the_golden_ones_without_a_copy(tmp_path: Path) -> None:
    raw = scenes(100)
    expected = golden(raw)
    with simulated(tmp_path, raw) as board, AnonymizedCamera(board.design, FAST) as camera:
        addresses = camera.buffer_addresses
        for frame, wanted in zip(camera.frames(), expected, strict=False):
            assert frame.pixels.__array_interface__["data"][0] in addresses
            assert frame.copy().equals(wanted)
            if frame.number == 99:
                break
        health = camera.health
        assert (health.frames, health.lost, health.torn, health.late, health.recoveries) == (100, 0, 0, 0, 0)
        assert camera.name == "simulated"
        assert board.device.downloads == [str(board.design / "hw_anon.bit")]
    assert board.device.default_memory.used_bytes <= 16384  # the frame that this function still holds


def test_interrupts_wake_two_event_loops_one_after_the_other(tmp_path: Path) -> None:
    raw = scenes(20)
    expected = golden(raw)
    with simulated(tmp_path, raw) as board, AnonymizedCamera(board.design, FAST) as camera:

        async def take(count: int) -> list[int]:
            numbers = []
            async for frame in camera.frames_async():
                assert frame.copy().equals(expected[frame.number])
                numbers.append(frame.number)
                if len(numbers) == count:
                    break
            return numbers

        assert asyncio.run(take(10)) == list(range(10))
        assert asyncio.run(take(10)) == list(range(10, 20))
        assert camera.health.lost_interrupts == 0


def test_a_lost_interrupt_costs_no_frame(tmp_path: Path) -> None:
    with simulated(tmp_path, scenes(5)) as board, AnonymizedCamera(board.design, FAST) as camera:
        board.device.board.faults.lose_interrupts(1)

        async def take() -> list[int]:
            return [(await camera.readframe_async()).number for _ in range(4)]

        assert asyncio.run(take()) == [0, 1, 2, 3]
        assert camera.health.lost_interrupts >= 1 and camera.health.recoveries == 0


@pytest.mark.parametrize("fault", ["stall", "stall in a frame", "slave", "internal", "camera stopped"])
def test_faults_end_in_recovery_in_time(tmp_path: Path, fault: str) -> None:
    from host.simulated.vdma import DmaError

    with simulated(tmp_path, scenes(30)) as board, AnonymizedCamera(board.design, FAST) as camera:
        camera.readframe().release()
        faults = board.device.board.faults
        match fault:
            case "stall":
                faults.stall_dma()
            case "stall in a frame":
                faults.stall_dma(at_line=20)
            case "camera stopped":
                camera.registers.stop()
            case _:
                faults.dma_error(DmaError[fault.upper()])
        before = time.monotonic()
        while camera.health.recoveries == 0:
            camera.readframe().release()
        assert time.monotonic() - before < FAST.longest_wait_s
        assert camera.readframe().fault in (Fault.NONE, Fault.RESET)


def test_a_dma_that_is_stalled_for_ever_is_a_clear_error(tmp_path: Path) -> None:
    with simulated(tmp_path, scenes(30)) as board, AnonymizedCamera(board.design, FAST) as camera:
        camera.readframe().release()
        board.device.board.faults.stall_dma(for_ever=True)
        before = time.monotonic()
        with pytest.raises(DeviceError, match="no frame after 2 restarts"):
            while True:
                camera.readframe().release()
        assert time.monotonic() - before < FAST.longest_wait_s


def test_a_torn_frame_is_dropped_and_counted(tmp_path: Path) -> None:
    raw = scenes(12)
    expected = golden(raw)
    with simulated(tmp_path, raw) as board, AnonymizedCamera(board.design, FAST) as camera:
        for frame in camera.frames():
            assert frame.copy().equals(expected[frame.number])
            if frame.number == 3:
                board.device.board.faults.tear_frame(at_line=7)
            if frame.number >= 8:
                break
        assert camera.health.torn + camera.health.lost >= 1


def test_another_build_in_the_hardware_is_refused(tmp_path: Path) -> None:
    with (
        simulated(tmp_path, scenes(1), number="ab" * 16) as board,
        pytest.raises(DeviceError, match="the manifest says abab"),
    ):
        AnonymizedCamera(board.design, FAST).open()


def test_exhausted_contiguous_memory_is_a_clear_error(tmp_path: Path) -> None:
    with (
        simulated(tmp_path, scenes(1), memory_bytes=3 * 8192) as board,
        pytest.raises(DeviceError, match=r"cma="),
    ):
        AnonymizedCamera(board.design, FAST).open()
    assert board.device.default_memory.used_bytes == 0


def test_a_design_that_is_not_loaded_is_refused_without_download(tmp_path: Path) -> None:
    with simulated(tmp_path, scenes(1)) as board, pytest.raises(DeviceError, match="not loaded"):
        AnonymizedCamera(board.design, replace(FAST, download=False)).open()


def test_a_design_that_is_loaded_already_is_used(tmp_path: Path) -> None:
    with simulated(tmp_path, scenes(4)) as board:
        with AnonymizedCamera(board.design, FAST) as camera:
            camera.readframe().release()
        with AnonymizedCamera(board.design, replace(FAST, download=False)) as camera:
            assert camera.readframe().number >= 1
        assert len(board.device.downloads) == 1


PROGRAM = """
import os
import signal
import sys
from pathlib import Path
from host.driver import AnonymizedCamera
from host.simulated.source import VideoSource
from host.simulation import simulated_camera
from host.stand_ins import model_config, scene
from itertools import count

for number in (signal.SIGTERM, signal.SIGHUP):  # what runs in the background may begin with signals ignored
    signal.signal(number, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
config = model_config()
source = VideoSource(scene(config, k) for k in count())
with simulated_camera(work=Path(sys.argv[1]), source=source, config=config) as board:
    try:
        with AnonymizedCamera(board.design) as camera:
            for frame in camera.frames():
                if frame.number == 3:
                    os.write(1, b"running\\n")  # not print: the signal may come before a buffered writer has returned
    finally:
        hardware = board.device.board
        with hardware.lock:  # the board's clock goes on, and a camera is used by one thread at a time
            halted, run = hardware.vdma.read(0x34) & 1, hardware.camera.read(0x20) & 1
        os.write(1, b"halted %d run %d\\n" % (halted, run))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_the_dma_before_the_process_ends(tmp_path: Path, number: signal.Signals) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout is not None
        try:
            assert child.stdout.readline() == "running\n"
            child.send_signal(number)
            output, errors = child.communicate(timeout=30)
        finally:
            child.kill()
    assert output == "halted 1 run 0\n", f"ended with {child.returncode}: {errors}"
    assert child.returncode == (-number if number == signal.SIGINT else 128 + number)
