"""The camera shell equals the golden model of the whole camera: pictures, metadata and registers, in every fault."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hls.fuzz.bench import Accelerators, BenchResult, CameraBench, Script, command_failure
from hls.sim.simulator import Stalls
from hw_anon.core.box_decode import cell_shape, decode, encode
from hw_anon.core.boxes import Box
from hw_anon.core.camera import CameraConfig, NetworkTiming, frame_budget
from hw_anon.core.camera_model import Arrival, CameraModel, VideoBeats, concatenate, frame_beats
from hw_anon.core.errors import HwAnonError
from hw_anon.core.frame import AnonymisedFrame, Fault
from hw_anon.core.metadata import Metadata, pack_metadata
from hw_anon.core.registers import register
from hw_anon.core.video_path import downscale
from tests.rtl.harness import STALLS, seeded
from tests.rtl.video import random_frames, video_source

pytestmark = pytest.mark.sim

SMALL = CameraConfig(
    # What the bench's accelerators take: they store their input and answer a beat a cycle; and room for stalls.
    detector=NetworkTiming(interval_cycles=1000, latency_cycles=1000),
    modifier=NetworkTiming(interval_cycles=1000, latency_cycles=1000),
    width=80,
    height=48,
    crop_size=8,
    max_faces=2,
    threshold=255,
    source_timeout_cycles=50,
)
TWO = replace(SMALL, buffers=2)
KEYED = replace(SMALL, key_channels=1, candidates="every_cell")


@dataclass(frozen=True)
class Design:
    """The bench, built once for a configuration."""

    config: CameraConfig
    cache: Path
    replaced: tuple[Path, ...] = ()
    lanes: int = 1

    def check(
        self, script: Script, stalls: Stalls | None = None, arrival: dict[int, Arrival] | None = None
    ) -> tuple[list[AnonymisedFrame], int]:
        """Runs a script on both; returns what both delivered, and the bench's latency."""
        expected, result = self.compare(script, stalls, arrival)
        return expected, result.latency_cycles

    def compare(
        self, script: Script, stalls: Stalls | None = None, arrival: dict[int, Arrival] | None = None
    ) -> tuple[list[AnonymisedFrame], BenchResult]:
        """Runs a script on both; returns what both delivered, and what the bench said beside."""
        accelerators, config = Accelerators(self.config), self.config
        model = CameraModel(config, detect=accelerators.detect, modify=accelerators.modify)
        model.arrival = lambda number: (arrival or {}).get(number, Arrival.STORED)
        for step in script.steps:
            step(model)
        expected = model.take()
        bench = CameraBench(config, self.cache, self.replaced, self.lanes)
        result = bench.run(script, frames=len(expected), stalls=stalls)
        for k, frame in enumerate(expected):
            metadata = pack_metadata(Metadata.of(frame), max_faces=config.max_faces)
            np.testing.assert_array_equal(result.metadata[k], metadata, err_msg=f"frame {k}: {frame.fault.name}")
            np.testing.assert_array_equal(result.video[k, :, :, :3], frame.frame, err_msg=f"frame {k}")
        faults = sum(1 << fault for fault in model.faults)
        last = pack_metadata(Metadata.of(expected[-1]), max_faces=config.max_faces).view("<u4")
        assert result.registers == [faults, *astuple(model.counters), *last.tolist()], "registers"
        return expected, result


def _frame(seed: int, faces: int | None, config: CameraConfig = SMALL) -> NDArray[np.uint8]:
    """Returns a random picture in which the bench's detector finds so many faces; any number if `None`."""
    rng = np.random.default_rng(seed)
    frame = random_frames(1, config.width, config.height, seed)[0]
    rows, columns = cell_shape(config.width, config.height)
    for _ in range(1000):
        for row, column in np.ndindex(rows, columns):
            cell = rng.integers(0, 256, 5).astype(np.uint8)
            cell[3:] //= 2
            block = frame[16 * row : 16 * row + 2, 16 * column : 16 * column + 4]
            block[:, :2], block[:, 2:, :2] = cell[:3], cell[3:]
        cells = Accelerators(config).detect(downscale(frame))
        found = decode(cells, threshold=230, max_faces=99, frame_width=config.width, frame_height=config.height)
        if faces is None or len(found.regions) == faces:
            return frame
    raise AssertionError(f"no picture with {faces} faces for seed {seed}")


def _failing(seed: int, code: int) -> NDArray[np.uint8]:
    frame = _frame(seed, 2)
    command_failure(frame, code)
    return frame


def _good(seed: int, faces: int | None = 1) -> VideoBeats:
    return frame_beats(_frame(seed, faces))


def _marked(position: int, *, sof: bool | None = None, eol: bool | None = None, idle: int = 0) -> VideoBeats:
    beats = _good(2)
    beats.idle[position] = idle
    if sof is not None:
        beats.sof[position] = sof
    if eol is not None:
        beats.eol[position] = eol
    return beats


WIDTH, WHOLE = SMALL.width, SMALL.width * SMALL.height
MIDDLE, LINE_END = 5 * WIDTH + 7, 6 * WIDTH - 1


@pytest.mark.parametrize("config", [SMALL, TWO], ids=["one_store", "two_stores"])
def test_faces_of_all_numbers_under_all_stalls(config: CameraConfig, sim_cache: Path) -> None:
    design = Design(config, sim_cache)
    for stalls in STALLS:
        script = Script().control(threshold=230)
        for faces in (0, 1, 2, 3, None):
            script.video(_good(10 * stalls.seed + (faces or 0), faces))
        frames, _ = design.check(script, stalls)
        assert [len(frame.boxes) for frame in frames[:3]] == [0, 1, 2]
        assert frames[3].fault is Fault.TOO_MANY_FACES


def test_bad_video(sim_cache: Path) -> None:
    cases = {
        Fault.SHORT_LINE: [_marked(MIDDLE, eol=True), _marked(0, eol=True), _good(2).select(slice(1, None))],
        Fault.LONG_LINE: [_marked(LINE_END, eol=False), _marked(-1, eol=False)],
        Fault.SHORT_FRAME: [_good(2).select(slice(0, MIDDLE)), _good(2).select(slice(0, 1))],
        Fault.LONG_FRAME: [_marked(0, sof=False)],
        Fault.SOURCE_TIMEOUT: [_marked(MIDDLE, idle=50), _marked(-1, idle=50)],
    }
    cases[Fault.SHORT_LINE][2].sof[0] = True
    script = Script().control(threshold=230).video(_good(1))
    for number, beats in enumerate(beats for case in cases.values() for beats in case):
        truncated = len(beats) < WIDTH * SMALL.height - 1
        script.video(beats).video(_good(20 + number), wait=not truncated)
    frames, _ = Design(SMALL, sim_cache).check(script)
    assert {frame.fault for frame in frames} == {Fault.NONE, *cases}
    assert sum(frame.fault is Fault.NONE for frame in frames) == 1 + sum(map(len, cases.values()))


@pytest.mark.parametrize("stalls", [STALLS[0], STALLS[3]], ids=["full_rate", "stalls"])
@pytest.mark.parametrize("config", [SMALL, TWO], ids=["one_store", "two_stores"])
def test_failing_accelerators(config: CameraConfig, stalls: Stalls, sim_cache: Path) -> None:
    expected = {
        1: Fault.DETECTOR_TIMEOUT,
        2: Fault.DETECTOR_LENGTH,
        3: Fault.DETECTOR_LENGTH,
        4: Fault.MODIFIER_TIMEOUT,
        5: Fault.MODIFIER_LENGTH,
        6: Fault.MODIFIER_LENGTH,
    }
    script = Script().control(threshold=230)
    for code in expected:
        script.video(frame_beats(_failing(30 + code, code))).video(_good(40 + code))
    frames, _ = Design(config, sim_cache).check(script, stalls)
    assert [frame.fault for frame in frames[::2]] == list(expected.values())
    assert all(frame.fault is Fault.NONE for frame in frames[1::2])


def test_a_frame_that_comes_too_early_is_black(sim_cache: Path) -> None:
    script = Script().control(threshold=230).video(_good(1)).video(_good(2), wait=False).video(_good(3))
    frames, _ = Design(SMALL, sim_cache).check(script, arrival={1: Arrival.OVERRUN})
    assert [frame.fault for frame in frames] == [Fault.NONE, Fault.OVERRUN, Fault.NONE]


@pytest.mark.parametrize("seed", [1, 2])
def test_two_stores_take_a_frame_in_while_another_is_processed(seed: int, sim_cache: Path) -> None:
    """Good frames and all faults but the slow ones, close upon one another: each has its own outcome, none is lost."""
    rng, script = np.random.default_rng(seed), Script().control(threshold=230)
    bad = [
        lambda: _marked(int(rng.integers(1, WIDTH - 1)) + 7 * WIDTH, eol=True),
        lambda: _marked(LINE_END, eol=False),
        lambda: _good(2).select(slice(0, MIDDLE)),
        lambda: frame_beats(_failing(3, int(rng.choice([2, 3, 5, 6])))),
    ]
    cut_off = False
    for number in range(30):
        beats = bad[rng.integers(0, 4)]() if rng.random() < 0.4 else _good(100 * seed + number, None)
        beats.idle[0] = 0 if cut_off else rng.integers(1500, 2500)
        cut_off = len(beats) < WHOLE
        script.video(beats, wait=False)
    frames, _ = Design(TWO, sim_cache).check(script.video(_good(1)))
    assert len({frame.fault for frame in frames}) >= 5
    assert sum(frame.fault is Fault.NONE for frame in frames) >= 12
    with pytest.raises((AssertionError, HwAnonError)):
        Design(SMALL, sim_cache).check(script)  # one store is not enough for this


def test_starts_of_frame_in_a_row_are_dropped_when_nothing_can_note_them(sim_cache: Path) -> None:
    starts = concatenate([_good(1).select(slice(0, 1))] * 9)
    script = Script().control(threshold=230).video(starts).video(_good(2), wait=True)
    # Four frames can wait, of which the first is handed over to the egress at once; the others find no room.
    arrival = dict.fromkeys(range(5, 9), Arrival.DROPPED)
    frames, _ = Design(SMALL, sim_cache).check(script, arrival=arrival)
    assert frames[-1].fault is Fault.NONE


@pytest.mark.parametrize("reset", [True, False], ids=["soft_reset", "goes_on"])
@pytest.mark.parametrize("config", [SMALL, TWO], ids=["one_store", "two_stores"])
def test_a_sink_that_stalls(config: CameraConfig, reset: bool, sim_cache: Path) -> None:
    """However long: the camera answers its registers, drops and counts what it cannot note, and recovers."""
    script, sent = Script().control(threshold=230).sink(stopped=True), 9
    for number in range(sent):
        beats = _good(60 + number)
        beats.idle[0] = 3000
        script.video(beats, wait=False)
    for _ in range(4):
        script.read(register("STATUS").offset, idle=25_000)
    for name in ("FRAMES_IN", "FRAMES_OUT", "DROPPED"):
        script.read(register(name).offset)
    if reset:
        script.control(reset=True, run=False, wait=False, after=20)
        script.read(register("FRAMES_OUT").offset, idle=5000)
    script.sink(stopped=False, idle=25_000).control(threshold=230).video(_good(4, 2)).video(_good(5))
    # One frame is at the egress and four can wait; pictures among them are as many as there are stores.
    arrival = dict.fromkeys(range(config.buffers, 5), Arrival.OVERRUN) | dict.fromkeys(range(5, sent), Arrival.DROPPED)
    frames, result = Design(config, sim_cache).compare(script, arrival=arrival)
    assert result.read[4:] == [sent, 0, sent - 5] + [0] * reset
    assert [frame.fault for frame in frames] == [
        *[Fault.NONE] * config.buffers, *[Fault.OVERRUN] * (5 - config.buffers), Fault.NONE, Fault.NONE
    ]  # fmt: skip
    assert [frame.number for frame in frames] == [*range(5), sent, sent + 1]


RESETS = [0, 1, 60, 700, WHOLE, WHOLE + 60, WHOLE + 130, WHOLE + 220, WHOLE + 300, WHOLE + 420]


@pytest.mark.parametrize("moment", RESETS)
def test_soft_reset(moment: int, sim_cache: Path) -> None:
    """A reset while the frame comes in, is searched, modified, pasted: black; the next frame is right."""
    beats = _good(1, 2)
    pixels = len(beats)
    script = Script().control(threshold=230).video(beats.select(slice(0, min(moment, pixels))) if moment else _good(5))
    late = moment >= pixels
    script.control(reset=True, wait=False, after=moment - pixels if late else 0, unreleased=[0] if late else [])
    if not moment:
        script = Script().control(threshold=230).control(reset=True, wait=False)
    script.control(threshold=230).video(_good(2)).control(threshold=0).video(_good(3))
    frames, _ = Design(SMALL, sim_cache).check(script)
    assert [frame.fault for frame in frames[:-1]] == ([Fault.RESET] if moment else []) + [Fault.NONE]


@pytest.mark.parametrize("config", [SMALL, TWO], ids=["one_store", "two_stores"])
def test_soft_resets_at_many_moments_of_a_frame(config: CameraConfig, sim_cache: Path) -> None:
    design, beats = Design(config, sim_cache), _good(1, 2)
    latency = design.check(Script().control(threshold=230).video(beats))[1]
    script, captures = Script(), range(5, WHOLE, 397)
    for moment in captures:
        script.control(threshold=230).video(beats.select(slice(0, moment))).control(reset=True, wait=False)
    number = len(captures)
    # The release comes some cycles before the first pixel; what is released is delivered whole.
    for moment in [*range(0, latency - 20, 61), latency + 5, latency + 2000]:
        script.control(threshold=230).video(beats)
        unreleased = [number] if moment < latency - 20 else []
        script.control(reset=True, wait=False, after=moment, unreleased=unreleased)
        number += 1
    frames, _ = design.check(script.control(threshold=230).video(_good(3)))
    assert [frame.fault for frame in frames] == [Fault.RESET] * (number - 2) + [Fault.NONE] * 3


def test_a_storm_of_settings(sim_cache: Path) -> None:
    rng, script = np.random.default_rng(4), Script().control(threshold=230)
    for seed in range(12):
        beats, start = _good(seed, None), 0
        for end in [*sorted(rng.integers(1, WHOLE, 9)), WHOLE]:
            if end > start:
                script.video(beats.select(slice(start, int(end))), wait=start == 0)
            threshold = 0 if rng.random() < 0.1 else int(rng.integers(128, 256))
            script.control(threshold=threshold, run=bool(end == WHOLE or rng.random() < 0.7), wait=False)
            start = int(end)
    frames, _ = Design(SMALL, sim_cache).check(script, STALLS[2])
    assert len(frames) == 12


def _run_and_threshold() -> Script:
    beats = _good(1, 2)
    script = Script().video(_good(9)).control(threshold=230)
    script.video(beats.select(slice(0, MIDDLE))).control(run=False, threshold=0, wait=False)
    script.video(beats.select(slice(MIDDLE, None)), wait=False).video(_good(2))
    return script.control(threshold=0).video(_good(3, 0)).control(threshold=230).video(_good(3, 0))


def test_run_and_threshold(sim_cache: Path) -> None:
    first, sensitive, last = Design(SMALL, sim_cache).check(_run_and_threshold())[0]
    assert (len(first.boxes), len(last.boxes)) == (2, 0)
    assert sensitive.boxes or sensitive.fault is Fault.TOO_MANY_FACES, "the highest score is always a face then"


def _fuzzed(rng: np.random.Generator, seed: int) -> VideoBeats:
    """Returns a frame with at most two faults of the video, or one that makes an accelerator fail."""
    if rng.random() < 0.3:
        return frame_beats(_failing(seed, int(rng.integers(1, 7))))
    beats = _good(seed, None)
    kept = np.ones(len(beats), bool)
    for place in rng.integers(1, len(beats), rng.integers(0, 3)):
        kind = rng.integers(0, 7)
        if kind == 0:
            beats.sof[place] ^= True
        elif kind == 1:
            beats.eol[place] ^= True
        elif kind == 2:
            beats.eol[place - place % WIDTH + WIDTH - 1] = False
        elif kind == 3:
            beats.idle[place] = 50
        elif kind == 4:
            kept[place] = False
        elif kind == 5:
            kept[place:] = False
        else:
            beats.sof[0] = False
    return beats.select(kept)


@pytest.mark.parametrize(("seed", "config"), [(1, SMALL), (2, TWO)], ids=["one_store", "two_stores"])
def test_fuzzed_faults(seed: int, config: CameraConfig, sim_cache: Path) -> None:
    rng, accelerators = np.random.default_rng(seed), Accelerators(SMALL)
    shadow = CameraModel(SMALL, detect=accelerators.detect, modify=accelerators.modify)
    script, wait = Script().control(threshold=230), True
    script.steps[0](shadow)
    for number in range(50):
        for beats in (_fuzzed(rng, 1000 * seed + number), _good(2000 * seed + number)):
            shadow.feed(beats)
            script.video(beats, wait=wait)
            wait = not shadow.capturing
    frames, _ = Design(config, sim_cache).check(script, STALLS[seed])
    assert len({frame.fault for frame in frames}) >= 10


LARGE = {"320x240": (320, 240, 4, 1), "640x480_three_lanes": (640, 480, 8, 3)}


@pytest.mark.parametrize("name", LARGE)
def test_large_frames(name: str, sim_cache: Path) -> None:
    """Faces over the corners and in the middle; the frame is delivered within the budget of its configuration."""
    width, height, faces, lanes = LARGE[name]
    slower = NetworkTiming(interval_cycles=10_000, latency_cycles=10_000)
    config = replace(SMALL, width=width, height=height, crop_size=64, max_faces=faces, modifier=slower)
    boxes = [
        Box(x=110, y=60, width=120, height=140),
        Box(x=-5, y=-9, width=60, height=80),
        Box(x=width - 20, y=height - 9, width=9, height=8),
        Box(x=width - 100, y=-20, width=100, height=90),
    ]
    script = Script().control(threshold=255)
    for number in (1, 4) if lanes == 1 else (4,):
        frame = random_frames(1, width, height, number)[0]
        frame[::16, ::16] = 0
        for box in boxes[:number]:
            row, column, cell = encode(box, score=255)
            block = frame[16 * row : 16 * row + 2, 16 * column : 16 * column + 4]
            block[:, :2], block[:, 2:, :2] = cell[:3], cell[3:]
        script.video(frame_beats(frame))
    frames, latency = Design(config, sim_cache, lanes=lanes).check(script)
    assert [len(frame.boxes) for frame in frames] == ([1, 4] if lanes == 1 else [4])
    budget = frame_budget(replace(config, max_faces=4))
    assert latency <= budget.processing - budget.deliver


BUGS = {
    "early_release": ("video_release_guard", "found_q && pasted_q == count_q;", "found_q;"),
    "box_edge": (
        "video_paste",
        "x_q <= last_column ? left_q : x_q + 1'b1;",
        "x_q <= last_column ? left_q + 1'b1 : x_q + 1'b1;",
    ),
    "no_flush": ("video_sequencer", "flush_engines_o || flush_modifier_q != '0;", "1'b0;"),
    "live_threshold": (
        "camera_core",
        "if (half_start) threshold_q <= next_threshold_q;",
        "threshold_q <= threshold_i;",
    ),
    "blind_to_cuts": (
        "video_ingress",
        "else if (sof)                                       end_fault_o",
        "else if (1'b0) end_fault_o",
    ),
}


@pytest.mark.parametrize("bug", BUGS)
def test_seeded_bugs_are_caught(bug: str, sim_cache: Path, tmp_path: Path) -> None:
    module, old, new = BUGS[bug]
    replaced = (seeded(video_source(module), old, new, tmp_path),)
    script = _run_and_threshold()
    script.video(frame_beats(_failing(36, 6))).video(_good(7, 2))
    script.video(_good(8).select(slice(0, MIDDLE))).video(_good(9, 2), wait=False)
    Design(SMALL, sim_cache).check(script)
    with pytest.raises((AssertionError, HwAnonError)):
        Design(SMALL, sim_cache, replaced).check(script)


def test_no_frame_comes_in_before_the_key_and_software_sees_why(sim_cache: Path) -> None:
    """The key is there after some 16,000 cycles; nothing of the frame before it comes out."""
    script = Script().write(register("CONTROL").offset, 1)
    early = Script().video(_good(3), wait=False)
    script.words += early.words
    script.read(register("STATUS").offset, idle=100).read(register("FRAMES_IN").offset)
    script.read(register("STATUS").offset, idle=25_000)
    two = _frame(4, 0)
    for column, score in ((1, 250), (2, 240)):
        two[16:18, 16 * column : 16 * column + 4, :] = 0
        two[16:18, 16 * column : 16 * column + 2, 0] = score
        two[16:18, 16 * column + 2 : 16 * column + 4, :2] = 32
    script.control(threshold=230).video(frame_beats(two))
    frames, result = Design(KEYED, sim_cache).compare(script)
    assert len(frames[0].boxes) == 2, "a face in the cell beside another one, where every cell is a candidate"
    running, ready = (register("STATUS").field(name).mask for name in ("running", "key_ready"))
    assert result.read == [running, 0, running | ready]
