"""The camera's golden model: every fault of the input, of the accelerators and of software, and what follows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hw_anon.core.box_decode import cell_shape, encode
from hw_anon.core.boxes import Box, face_region
from hw_anon.core.camera import CameraConfig, NetworkTiming
from hw_anon.core.camera_model import Arrival, CameraModel, VideoBeats, concatenate, frame_beats
from hw_anon.core.errors import ContractError, DeviceError
from hw_anon.core.frame import AnonymisedFrame, Fault
from hw_anon.core.video_path import anonymise

WIDTH, HEIGHT, SIZE = 48, 32, 8
TIMING = NetworkTiming(interval_cycles=1, latency_cycles=1)
CONFIG = CameraConfig(
    detector=TIMING,
    modifier=TIMING,
    width=WIDTH,
    height=HEIGHT,
    crop_size=SIZE,
    max_faces=2,
    threshold=100,
    source_timeout_cycles=50,
)
FACE = Box(x=10, y=6, width=8, height=8)
REGION = face_region(FACE, WIDTH, HEIGHT)
Detector = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


def _detector(*faces: Box, score: int = 200) -> Detector:
    def detect(half: NDArray[np.uint8]) -> NDArray[np.uint8]:
        assert half.shape == (HEIGHT // 2, WIDTH // 2, 3)
        cells = np.zeros((*cell_shape(WIDTH, HEIGHT), 5), np.uint8)
        for face in faces:
            row, column, cell = encode(face, score=score)
            cells[row, column] = cell
        return cells

    return detect


def _invert(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return 255 - crops


def _stuck(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    raise DeviceError("no answer")


def _camera(
    detect: Detector | None = None, modify: Detector = _invert, arrival: Callable[[int], Arrival] | None = None
) -> CameraModel:
    camera = CameraModel(CONFIG, detect=detect or _detector(FACE), modify=modify)
    if arrival:
        camera.arrival = arrival
    camera.running = True
    return camera


def _frame(seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(1, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def _good(seed: int, number: int) -> AnonymisedFrame:
    assert REGION
    return anonymise(_frame(seed), [REGION], _invert, size=SIZE, max_faces=2, number=number)


def _beats(seed: int) -> VideoBeats:
    return frame_beats(_frame(seed), idle=5)


def _marked(seed: int, position: int, *, sof: bool | None = None, eol: bool | None = None) -> VideoBeats:
    beats = _beats(seed)
    if sof is not None:
        beats.sof[position] = sof
    if eol is not None:
        beats.eol[position] = eol
    return beats


def _stalled(seed: int, position: int, cycles: int) -> VideoBeats:
    beats = _beats(seed)
    beats.idle[position] = cycles
    return beats


MIDDLE = 5 * WIDTH + 7
LINE_END = 6 * WIDTH - 1
BAD_INPUT: dict[str, tuple[VideoBeats, list[Fault]]] = {
    "short line": (_marked(2, MIDDLE, eol=True), [Fault.SHORT_LINE]),
    "a lost pixel": (_beats(2).select(np.arange(WIDTH * HEIGHT) != MIDDLE), [Fault.SHORT_LINE]),
    "missing end of line": (_marked(2, LINE_END, eol=False), [Fault.LONG_LINE]),
    "missing last end of line": (_marked(2, -1, eol=False), [Fault.LONG_LINE]),
    "long line": (concatenate([_marked(2, LINE_END, eol=False), _beats(2).select(slice(1, 9))]), [Fault.LONG_LINE]),
    "truncated": (_beats(2).select(slice(0, MIDDLE)), [Fault.SHORT_FRAME]),
    "truncated after a line": (_beats(2).select(slice(0, LINE_END + 1)), [Fault.SHORT_FRAME]),
    "one pixel": (_beats(2).select(slice(0, 1)), [Fault.SHORT_FRAME]),
    "early start of frame": (_marked(2, MIDDLE, sof=True), [Fault.SHORT_FRAME, Fault.SHORT_LINE]),
    "start of frame on a line's first pixel": (_marked(2, LINE_END + 1, sof=True), [Fault.SHORT_FRAME] * 2),
    "missing start of frame": (_marked(2, 0, sof=False), [Fault.LONG_FRAME]),
    "a line too many": (_beats(2).select(slice(0, WIDTH)).select(np.arange(1, WIDTH)), [Fault.LONG_FRAME]),
    "a stall": (_stalled(2, MIDDLE, 50), [Fault.SOURCE_TIMEOUT]),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_video_is_black_and_the_next_frame_is_right(case: str) -> None:
    beats, faults = BAD_INPUT[case]
    camera = _camera()
    camera.feed(concatenate([_beats(1), beats, _beats(3)]))
    first, *bad, last = camera.take()
    assert first.equals(_good(1, 0))
    assert [frame.fault for frame in bad] == faults
    assert [frame.number for frame in bad] == list(range(1, 1 + len(bad)))
    assert not any(frame.frame.any() for frame in bad)
    assert last.equals(_good(3, 1 + len(bad)))
    assert camera.faults == set(faults)
    counters = camera.counters
    assert (counters.frames_in, counters.frames_out, counters.frames_black) == (2 + len(bad), 2 + len(bad), len(bad))
    assert counters.faces == 2


def test_the_shortest_stall_that_counts() -> None:
    camera = _camera()
    camera.feed(_stalled(1, MIDDLE, 49))
    camera.wait(1000)
    assert camera.take()[0].equals(_good(1, 0)), "blanking between frames has no limit"


def test_a_source_that_stops_for_good_is_noticed_without_a_further_beat() -> None:
    camera = _camera()
    camera.feed(_beats(1).select(slice(0, MIDDLE)))
    camera.wait(49)
    assert camera.take() == []
    camera.wait(1)
    assert [frame.fault for frame in camera.take()] == [Fault.SOURCE_TIMEOUT]


FAILING: dict[str, tuple[Detector, Detector, Fault]] = {
    "detector stuck": (_stuck, _invert, Fault.DETECTOR_TIMEOUT),
    "detector too short": (lambda half: np.zeros((1, 3, 5), np.uint8), _invert, Fault.DETECTOR_LENGTH),
    "modifier stuck": (_detector(FACE), _stuck, Fault.MODIFIER_TIMEOUT),
    "modifier too short": (_detector(FACE), lambda crops: crops[:, :-1], Fault.MODIFIER_LENGTH),
    "modifier too long": (_detector(FACE), lambda crops: np.concatenate([crops, crops]), Fault.MODIFIER_LENGTH),
}


@pytest.mark.parametrize("case", FAILING)
def test_failing_accelerators_make_black_frames(case: str) -> None:
    detect, modify, fault = FAILING[case]
    camera = _camera(detect, modify)
    camera.feed(_beats(1))
    camera.detect, camera.modify = _detector(FACE), _invert
    camera.feed(_beats(2))
    black, good = camera.take()
    assert (black.fault, black.boxes, black.frame.any()) == (fault, (), False)
    assert good.equals(_good(2, 1))
    assert camera.faults == {fault}


def test_too_many_faces() -> None:
    faces = (Box(x=2, y=2, width=8, height=8), Box(x=36, y=2, width=8, height=8))
    camera = _camera(_detector(*faces))
    camera.feed(_beats(1))
    assert len(camera.take()[0].boxes) == 2
    camera.config = replace(CONFIG, max_faces=1)
    camera.feed(_beats(1))
    assert [frame.fault for frame in camera.take()] == [Fault.TOO_MANY_FACES]


def test_no_buffer_free() -> None:
    arrivals = {1: Arrival.OVERRUN, 2: Arrival.DROPPED}
    camera = _camera(arrival=lambda number: arrivals.get(number, Arrival.STORED))
    camera.feed(concatenate([_beats(seed) for seed in range(4)]))
    first, black, last = camera.take()
    assert first.equals(_good(0, 0))
    assert (black.number, black.fault) == (1, Fault.OVERRUN)
    assert last.equals(_good(3, 3)), "nobody waits for a dropped frame"
    assert (camera.counters.dropped, camera.counters.frames_in) == (1, 4)
    assert camera.faults == {Fault.OVERRUN}
    camera.arrival = lambda number: Arrival.DROPPED
    camera.feed(BAD_INPUT["missing start of frame"][0])
    assert camera.take() == []
    assert camera.counters.dropped == 2


def test_stopped_and_started() -> None:
    camera = _camera()
    camera.running = False
    camera.feed(_beats(1))
    camera.feed(_beats(2).select(slice(0, MIDDLE)))
    camera.running = True
    camera.feed(_beats(2).select(slice(MIDDLE, None)))
    assert camera.take() == [], "what began before is not a frame"
    camera.feed(_beats(3).select(slice(0, MIDDLE)))
    camera.running = False
    camera.feed(_beats(3).select(slice(MIDDLE, None)))
    camera.feed(_beats(4))
    (frame,) = camera.take()
    assert frame.equals(_good(3, 0)), "a frame under way is finished"


def test_stopped_in_a_bad_frame() -> None:
    camera = _camera()
    camera.feed(_beats(1).select(slice(0, MIDDLE)))
    camera.running = False
    camera.feed(_beats(2))
    assert [frame.fault for frame in camera.take()] == [Fault.SHORT_FRAME]
    assert camera.counters.frames_in == 1


def test_soft_reset() -> None:
    camera = _camera()
    camera.feed(concatenate([_beats(1), _beats(2), _beats(3).select(slice(0, MIDDLE))]))
    camera.faults.add(Fault.OVERRUN)
    camera.soft_reset(unreleased=[1])
    assert not camera.running
    camera.feed(_beats(3).select(slice(MIDDLE, None)))
    camera.running = True
    camera.feed(_beats(4))
    frames = camera.take()
    assert [frame.fault for frame in frames] == [Fault.NONE, Fault.RESET, Fault.RESET, Fault.NONE]
    assert frames[0].equals(_good(1, 0))
    assert frames[3].equals(_good(4, 3)), "numbers go on"
    assert camera.faults == {Fault.RESET}, "older faults are cleared"
    with pytest.raises(ContractError, match=r"frames \[1\] are not due"):
        camera.soft_reset(unreleased=[1])


def test_threshold_is_clamped_and_holds_from_the_next_frame_on() -> None:
    camera = _camera(_detector(FACE, score=99))
    camera.threshold = 255
    assert camera.threshold == 100
    camera.feed(_beats(1).select(slice(0, MIDDLE)))
    camera.threshold = 99
    camera.feed(_beats(1).select(slice(MIDDLE, None)))
    camera.feed(_beats(2))
    unseen, seen = camera.take()
    assert unseen.boxes == ()
    assert seen.equals(_good(2, 1))


def test_beats_are_checked() -> None:
    beats = _beats(1)
    with pytest.raises(ContractError, match="expected uint8"):
        VideoBeats(pixels=beats.pixels[:, :2], sof=beats.sof, eol=beats.eol, idle=beats.idle)
    with pytest.raises(ContractError, match="one value for each"):
        VideoBeats(pixels=beats.pixels, sof=beats.sof[1:], eol=beats.eol, idle=beats.idle)
    assert len(beats) == WIDTH * HEIGHT


def _seeing(half: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A detector that finds what is brighter than the background, wherever it lies."""
    cells = np.zeros((*cell_shape(WIDTH, HEIGHT), 5), np.uint8)
    bright = np.argwhere((half > 10).any(axis=2))
    if len(bright):
        (top, left), (bottom, right) = bright.min(axis=0), bright.max(axis=0) + 1
        box = Box(x=int(2 * left), y=int(2 * top), width=int(2 * (right - left)), height=int(2 * (bottom - top)))
        row, column, cell = encode(box, score=200)
        cells[row, column] = cell
    return cells


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_whatever_the_marks_no_raw_face_pixel_leaves(data: st.DataObject) -> None:
    frame = np.full((HEIGHT, WIDTH, 3), 10, np.uint8)
    frame[FACE.rows, FACE.columns] = 255
    camera = _camera(_seeing, lambda crops: np.zeros_like(crops))
    beats = concatenate([frame_beats(frame) for _ in range(4)])
    places = st.lists(st.integers(0, 3 * WIDTH * HEIGHT), max_size=3)
    for place in data.draw(places):
        beats.sof[place] ^= True
    for place in data.draw(places):
        beats.eol[place] ^= True
    for place in data.draw(places):
        beats.idle[place] = 50
    kept = np.ones(len(beats), bool)
    kept[data.draw(places)] = False
    camera.feed(beats.select(kept))
    camera.feed(frame_beats(frame))
    frames = camera.take()
    assert not any((delivered.frame == 255).any() for delivered in frames)
    assert [delivered.number for delivered in frames] == list(range(len(frames)))
    assert frames[-1].fault is Fault.NONE
    assert len(frames[-1].boxes) == 1
