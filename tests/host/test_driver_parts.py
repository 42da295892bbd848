"""The driver's small parts: numbers, waits, registers, addresses, looking for designs."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.driver.find import describe, find_design, open_design
from host.driver.hardware import CheckedRegisters
from host.driver.recovery import Observation, diagnose
from host.driver.sequence import NUMBERS, SequenceTracker, Verdict
from host.driver.settings import CameraSettings
from host.driver.vdma import S2MMChannel, VdmaStatus, require_address
from host.driver.waits import Deadline, wait_until
from hw_anon.core.errors import ConfigError, ContractError, DeviceError
from hw_anon.core.register_access import CameraStatus, Counters
from tests.host.world import BUILD_ID, CONFIG, write_design


class Clock:
    """Time that goes by only by sleeping."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += max(seconds, 1e-6)


class Memory:
    """Registers that keep what is written, and take Python's int only, as pynq's do."""

    def __init__(self) -> None:
        self.words: dict[int, int] = {}

    def read(self, offset: int) -> int:
        return self.words.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        if type(value) is not int:
            raise ValueError("Data type must be int or bytes.")
        self.words[offset] = value


@given(first=st.integers(0, NUMBERS - 1), steps=st.lists(st.integers(1, NUMBERS // 2 - 1), max_size=8))
def test_newer_numbers_are_next_and_gaps_are_counted(first: int, steps: list[int]) -> None:
    tracker, number = SequenceTracker(), first
    tracker.arrive(first)
    for step in steps:
        number = (number + step) % NUMBERS
        arrival = tracker.arrive(number)
        assert (arrival.verdict, arrival.lost) == (Verdict.NEXT, step - 1)


@given(number=st.integers(0, NUMBERS - 1), back=st.integers(1, NUMBERS // 2))
def test_older_and_equal_numbers_are_neither(number: int, back: int) -> None:
    tracker = SequenceTracker()
    tracker.arrive(number)
    assert tracker.arrive(number).verdict is Verdict.DUPLICATE
    assert tracker.arrive((number - back) % NUMBERS).verdict is Verdict.OUT_OF_ORDER
    assert tracker.arrive((number + 1) % NUMBERS).verdict is Verdict.NEXT


def test_after_a_restart_numbers_may_begin_again_once() -> None:
    tracker = SequenceTracker()
    tracker.arrive(100)
    tracker.restart()
    assert tracker.arrive(100).verdict is Verdict.DUPLICATE
    assert tracker.arrive(3).verdict is Verdict.NEXT
    assert tracker.arrive(2).verdict is Verdict.OUT_OF_ORDER
    tracker.restart()
    assert tracker.arrive(9).lost == 5


def test_a_wait_ends() -> None:
    clock = Clock()
    with pytest.raises(DeviceError, match=r"waited 0\.25 s for Godot"):
        wait_until(lambda: False, clock, timeout_s=0.25, what="Godot")
    assert 0.25 <= clock.time < 0.26
    wait_until(lambda: clock.time > 0.3, clock, timeout_s=0.25, what="later")
    answers = iter([False, True])
    wait_until(lambda: next(answers), clock, timeout_s=0.0, what="a last look")


def test_a_deadline_passes() -> None:
    clock = Clock()
    deadline = Deadline(clock, 1.0)
    clock.time = 0.75
    assert deadline.left == 0.25 and not deadline.passed
    clock.time = 2.0
    assert deadline.left == 0.0 and deadline.passed


def test_registers_take_any_integer_and_no_other_word() -> None:
    memory = Memory()
    registers = CheckedRegisters(memory, "test")
    registers.write(np.int64(4), np.uint32(0xFFFF_FFFF))
    assert registers.read(4) == 0xFFFF_FFFF
    for value in (-1, 1 << 32):
        with pytest.raises(DeviceError, match="no 32-bit word"):
            registers.write(0, value)


@pytest.mark.parametrize("address", [0x1_0000_0000, 0xFFFF_F000, 0x1000_0004, -8])
def test_memory_that_the_dma_cannot_reach_is_refused(address: int) -> None:
    with pytest.raises(DeviceError, match="below 4 GiB"):
        require_address(address, 8192)


def test_a_dma_that_does_not_answer_is_an_error_in_time() -> None:
    clock, memory = Clock(), Memory()
    channel = S2MMChannel(memory, clock, stores=3, timeout_s=0.5)
    memory.words[0x34] = 1
    with pytest.raises(DeviceError, match=r"waited 0\.5 s for the VDMA to start"):
        channel.start([0x1000, 0x2000, 0x3000], line_bytes=96, stride_bytes=128, lines=9)
    with pytest.raises(DeviceError, match=r"waited 0\.5 s for the reset of the VDMA"):
        channel.reset()  # the reset bit stays


def test_the_channel_is_programmed_as_its_guide_says() -> None:
    memory = Memory()
    channel = S2MMChannel(memory, Clock(), stores=3, timeout_s=0.1)
    channel.start([0x1000, 0x2000, 0x3000], line_bytes=96, stride_bytes=128, lines=9)
    assert memory.words[0x30] == 0x0001_5003  # run, in a circle, interrupts after each frame and on errors
    assert [memory.words[0xAC + 4 * k] for k in range(3)] == [0x1000, 0x2000, 0x3000]
    assert (memory.words[0xA0], memory.words[0xA4], memory.words[0xA8]) == (9, 96, 128)
    del memory.words[0xA0]
    channel.exchange(1, 0x5000)
    assert memory.words[0xB0] == 0x5000 and memory.words[0xA0] == 9


@pytest.mark.parametrize("stores", [2, 17])
def test_rings_of_other_lengths_are_refused(stores: int) -> None:
    with pytest.raises(DeviceError, match="needs 3 to 16"):
        S2MMChannel(Memory(), Clock(), stores=stores, timeout_s=0.1)


@pytest.mark.parametrize(("count", "lines", "line_bytes"), [(2, 9, 96), (3, 0, 96), (3, 9, 200), (3, 8192, 96)])
def test_sizes_out_of_range_are_refused(count: int, lines: int, line_bytes: int) -> None:
    channel = S2MMChannel(Memory(), Clock(), stores=3, timeout_s=0.1)
    with pytest.raises(DeviceError):
        channel.start([0x1000] * count, line_bytes=line_bytes, stride_bytes=128, lines=lines)


def test_the_only_design_is_found(tmp_path: Path) -> None:
    one = write_design(tmp_path / "kv260" / "one")
    assert find_design(CameraSettings(), roots=[tmp_path]) == one
    assert find_design(CameraSettings(board="xck26"), roots=[tmp_path, tmp_path / "nothing"]) == one
    with pytest.raises(ConfigError, match="no design for board zcu104"):
        find_design(CameraSettings(board="zcu104"), roots=[tmp_path])
    two = tmp_path / "pynq-z2" / "two"
    shutil.copytree(one, two)
    with pytest.raises(ConfigError, match="2 designs fit"):
        find_design(CameraSettings(), roots=[tmp_path])
    assert find_design(CameraSettings(design_id="two"), roots=[tmp_path]) == two


def test_a_signature_is_demanded(tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    from hw_anon.core.signature import generate_key, sign_manifest

    design = write_design(tmp_path / "one")
    public = generate_key(tmp_path / "key")
    wanted = CameraSettings(require_signature=public)
    with pytest.raises(ContractError, match="is not signed"):
        open_design(design, wanted)
    sign_manifest(design, tmp_path / "key")
    assert describe(open_design(design, wanted)).build_id == BUILD_ID
    other = generate_key(tmp_path / "other")
    with pytest.raises(ContractError, match="trusted is"):
        open_design(design, replace(wanted, require_signature=other))


def test_a_description_that_is_exchanged_after_the_check_is_refused(tmp_path: Path) -> None:
    design = open_design(write_design(tmp_path / "one"), CameraSettings())
    path = design.directory / "camera.json"
    path.write_text(path.read_text().replace(BUILD_ID, "f" * 32))
    with pytest.raises(ContractError, match="changed after it was verified"):
        describe(design)


def test_a_design_without_a_useful_camera_is_refused(tmp_path: Path) -> None:
    assert describe(open_design(write_design(tmp_path / "good"), CameraSettings())).config == CONFIG
    for index, bad in enumerate(("0" * 31, "X" * 32)):
        directory = write_design(tmp_path / str(index), build_id=bad)
        with pytest.raises(ContractError, match="hex digits"):
            describe(open_design(directory, CameraSettings()))


@pytest.mark.parametrize(("ready", "said"), [(False, "waits for its power-up key"), (True, "no video .*: look there")])
def test_a_camera_without_its_key_says_so(ready: bool, said: str) -> None:
    idle = {"capturing": False, "processing": False, "delivering": False, "locked": False}
    seen = Observation(
        counters=Counters(frames_in=0, frames_out=0, frames_black=0, faces=0, dropped=0),
        status=CameraStatus(running=True, key_ready=ready, **idle),
        dma=VdmaStatus(halted=False, frame=False, stream_errors=(), memory_errors=()),
    )
    assert re.search(said, diagnose(seen, seen, no_video="look there"))
