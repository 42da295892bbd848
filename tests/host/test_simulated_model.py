"""The golden model as programmable logic: pictures, faults and registers are the model's, whatever the video."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from host.simulated.fast_model import FastCameraModel
from host.simulated.model import ModelCamera
from hw_anon.core.board_frame import unpack_board_frame
from hw_anon.core.camera import CameraConfig, NetworkTiming
from hw_anon.core.camera_abi import BoardFrames, CameraPort
from hw_anon.core.camera_model import CameraModel, VideoBeats
from hw_anon.core.frame import AnonymisedFrame, Fault
from hw_anon.core.register_access import CameraRegisters
from hw_anon.core.video_words import TLAST, frame_beats, video_beats

TIMING = NetworkTiming(interval_cycles=64, latency_cycles=64)
CONFIG = CameraConfig(
    detector=TIMING, modifier=TIMING, width=48, height=32, crop_size=8, max_faces=2, threshold=100,
    source_timeout_cycles=500,
)  # fmt: skip
BUILD_ID = "00112233445566778899aabbccddeeff"


def detect(half: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns cells that the picture commands: the first three bytes from one pixel, two more from the next."""
    cells = np.zeros((CONFIG.height // 16, CONFIG.width // 16, 5), np.uint8)
    cells[:, :, :3], cells[:, :, 3:] = half[::8, ::8], half[::8, 1::8, :2]
    return cells


def modify(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns crops inverted."""
    return 255 - crops


def picture(rng: np.random.Generator) -> NDArray[np.uint8]:
    return rng.integers(1, 110, (CONFIG.height, CONFIG.width, 3)).astype(np.uint8)


@pytest.fixture
def camera() -> ModelCamera:
    return ModelCamera(CONFIG, detect=detect, modify=modify, build_id=BUILD_ID)


def _registers(camera: CameraPort) -> CameraRegisters:
    return CameraRegisters(read32=camera.read, write32=camera.write)


def _delivered(camera: CameraPort, cycles: int = 20_000) -> list[AnonymisedFrame]:
    camera.run(cycles)
    frames = BoardFrames(CONFIG.width, CONFIG.height).feed(camera.receive())
    unpacked = [unpack_board_frame(frame) for frame in frames]
    return [
        AnonymisedFrame(frame=frame, boxes=meta.boxes, fault=meta.fault, number=meta.number) for frame, meta in unpacked
    ]


def _same(found: AnonymisedFrame, expected: AnonymisedFrame) -> bool:
    return (found.number, found.fault, found.boxes) == (expected.number, expected.fault, expected.boxes) and bool(
        np.array_equal(found.frame, expected.frame)
    )


def _damaged(rng: np.random.Generator) -> NDArray[np.uint32]:
    """Returns a frame's words, in two of three cases with marks or words missing or too many."""
    words = frame_beats(picture(rng))
    place = int(rng.integers(1, len(words)))
    match int(rng.integers(0, 6)):
        case 0:
            words[place] ^= np.uint32(1 << int(rng.integers(24, 26)))
        case 1:
            words = np.delete(words, slice(place, place + int(rng.integers(1, 99))))
        case 2:
            words = np.insert(words, place, words[place : place + 7])
        case 3:
            words[place : place + 20] |= np.uint32(int(rng.integers(0, 64)) << 26)
        case _:
            pass
    return words


@pytest.mark.parametrize("seed", range(20))
def test_the_fast_model_equals_the_golden_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    golden = CameraModel(CONFIG, detect=detect, modify=modify)
    fast = FastCameraModel(CONFIG, detect=detect, modify=modify)
    golden.running = fast.running = True
    for _ in range(6):
        beats = video_beats(_damaged(rng))
        golden.feed(beats)
        for part in np.array_split(np.arange(len(beats)), int(rng.integers(1, 5))):
            fast.feed(beats.select(part))
        if rng.random() < 0.3:
            golden.wait(300)
            fast.wait(300)
        expected, found = golden.take(), fast.take()
        assert len(found) == len(expected) and all(map(_same, found, expected))
    assert (fast.faults, fast.counters) == (golden.faults, golden.counters)


@pytest.mark.parametrize("seed", range(6))
def test_the_port_delivers_what_the_golden_model_does(camera: ModelCamera, seed: int) -> None:
    rng = np.random.default_rng(seed)
    golden = CameraModel(CONFIG, detect=detect, modify=modify)
    golden.running = True
    _registers(camera).start()
    camera.set_sink(True, int(rng.integers(0, 500)))
    for _ in range(8):
        words = _damaged(rng)
        golden.feed(video_beats(words))
        camera.send(words)
        expected, found = golden.take(), _delivered(camera, 400_000 // 1000 * 40)
        golden.wait(16_000)
        expected += golden.take()
        assert len(found) == len(expected) and all(map(_same, found, expected))
    counters = _registers(camera).counters
    assert counters == golden.counters
    assert _registers(camera).faults == golden.faults
    if found and not found[-1].fault:
        assert _registers(camera).metadata().boxes == found[-1].boxes


def test_registers_are_the_maps(camera: ModelCamera) -> None:
    registers = _registers(camera)
    registers.require(build_id=BUILD_ID)
    geometry = registers.geometry
    assert (geometry.width, geometry.height, geometry.max_faces, geometry.crop_size) == (48, 32, 2, 8)
    assert registers.set_threshold(255) == 100 == registers.built_threshold
    assert registers.set_threshold(40) == 40
    registers.lock()
    assert registers.set_threshold(80) == 40 and registers.status.locked
    registers.soft_reset()
    assert registers.set_threshold(80) == 40, "a soft reset must not unlock"
    camera.reset()
    assert registers.threshold == 100 and not registers.status.locked


def test_a_soft_reset_blackens_what_is_not_released(camera: ModelCamera) -> None:
    registers = _registers(camera)
    registers.start()
    camera.send(frame_beats(picture(np.random.default_rng(0))))
    camera.run(48 * 32 + 100)
    assert registers.status.processing
    registers.soft_reset()
    (frame,) = _delivered(camera)
    assert frame.fault is Fault.RESET and not frame.frame.any()
    assert registers.faults == {Fault.RESET} and not registers.status.running


def test_a_released_frame_is_delivered_whole(camera: ModelCamera) -> None:
    rng = np.random.default_rng(3)
    registers = _registers(camera)
    registers.start()
    camera.set_sink(False)
    frame = picture(rng)
    frame[::16, ::16, 0] = 1  # no faces
    frame[1::16, ::16, 0] = frame[::16, 1::16, 0] = frame[1::16, 1::16, 0] = 1
    camera.send(frame_beats(frame))
    camera.run(10_000)
    registers.soft_reset()
    camera.set_sink(True)
    (found,) = _delivered(camera)
    assert found.fault is Fault.NONE and np.array_equal(found.frame, frame)


def test_frames_without_room_are_black_or_dropped(camera: ModelCamera) -> None:
    registers = _registers(camera)
    registers.start()
    camera.set_sink(False)
    for seed in range(7):
        camera.send(frame_beats(picture(np.random.default_rng(seed))))
    camera.run(20_000)
    assert registers.counters.dropped == 3 and registers.counters.frames_in == 7
    camera.set_sink(True)
    found = _delivered(camera)
    assert [frame.number for frame in found] == [0, 1, 2, 3]
    assert {frame.fault for frame in found[1:]} == {Fault.OVERRUN}


def test_interrupts_follow_their_enables(camera: ModelCamera) -> None:
    registers = _registers(camera)
    registers.enable_interrupts(frame=True, fault=False)
    registers.start()
    camera.send(frame_beats(picture(np.random.default_rng(1))))
    assert not camera.irq
    camera.run(20_000)
    assert camera.irq
    assert registers.take_interrupts()[0]
    assert not camera.irq


def test_a_source_that_stops_is_noticed_in_time(camera: ModelCamera) -> None:
    _registers(camera).start()
    words = frame_beats(picture(np.random.default_rng(1)))
    camera.send(words[:100])
    camera.run(450)
    assert not _registers(camera).faults
    camera.run(300)
    assert _registers(camera).faults == {Fault.SOURCE_TIMEOUT}


def test_idle_cycles_before_a_beat_take_time(camera: ModelCamera) -> None:
    _registers(camera).start()
    words = frame_beats(picture(np.random.default_rng(1)), pixel_gap=3)
    camera.send(words)
    start = camera.cycle
    while camera.pending():
        camera.run(16)
    assert camera.cycle - start == pytest.approx(4 * len(words), abs=16)


def test_an_early_end_of_line_is_a_fault_of_its_frame_only(camera: ModelCamera) -> None:
    _registers(camera).start()
    bad = frame_beats(picture(np.random.default_rng(1)))
    bad[200] |= TLAST
    camera.send(bad)
    first = _delivered(camera)
    camera.send(frame_beats(picture(np.random.default_rng(2))))
    second = _delivered(camera)
    assert [frame.fault for frame in first] == [Fault.SHORT_LINE]
    assert [frame.number for frame in second] == [1] and second[0].fault in (Fault.NONE, Fault.TOO_MANY_FACES)


def test_beats_are_the_words(camera: ModelCamera) -> None:
    beats = video_beats(frame_beats(picture(np.random.default_rng(1))))
    assert isinstance(beats, VideoBeats) and beats.sof.sum() == 1 and beats.eol.sum() == CONFIG.height
    camera.close()
