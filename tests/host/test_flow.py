"""Frames reach every consumer as copies, and no consumer holds up the camera."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("onnxruntime", reason="missing: onnxruntime")

from host.actions.detector import OnnxDetector
from host.actions.events import EventConfig
from host.actions.sinks import LineSink
from host.actions.tracks import TrackerConfig
from host.analysis import Analysis
from host.flow import Flow
from host.frames import Snapshot
from hw_anon.core.errors import ContractError, DeviceError
from tests.host.scripted import Lent, Script, until
from tests.host.tiny_detector import write_tiny_detector


class Collector:
    """Keeps the frames."""

    def __init__(self, *, slow_s: float = 0.0, fails_at: int | None = None, name: str = "collector") -> None:
        self.name = name
        self.frames: list[Snapshot] = []
        self.slow_s, self.fails_at = slow_s, fails_at
        self.finished = 0

    def take(self, frame: Snapshot) -> None:
        if frame.number == self.fails_at:
            raise ContractError("seeded failure")
        time.sleep(self.slow_s)
        self.frames.append(frame)

    def finish(self) -> None:
        self.finished += 1


def test_every_consumer_gets_every_frame_as_a_copy_that_the_camera_cannot_change() -> None:
    first, second = Collector(), Collector(slow_s=0.002)
    flow = Flow(Script(40), [first, second], lossless=True)
    flow.run()
    for collector in (first, second):
        assert [frame.number for frame in collector.frames] == list(range(40))
        assert collector.finished == 1
        assert all(frame.pixels.max() != 0xEE for frame in collector.frames)
        with pytest.raises(ValueError, match="read-only"):
            collector.frames[0].pixels[0, 0, 0] = 1
    assert flow.counts.frames == 40
    assert flow.counts.faults == {"DETECTOR_TIMEOUT": 4}
    assert flow.counts.regions == 36


def test_a_slow_consumer_misses_frames_and_the_camera_does_not_wait() -> None:
    slow, fast = Collector(slow_s=0.3, name="slow"), Collector(name="fast")
    flow = Flow(Script(100, period_s=0.002), [slow, fast])
    started = time.monotonic()
    flow.run()
    assert time.monotonic() - started < 5, "a hundred frames at 0.3 s would take half a minute"
    for collector in (slow, fast):
        assert len(collector.frames) + flow.replaced[collector.name] == 100
    assert slow.frames[-1].number == 99, "the newest frame is kept, the older ones go"
    assert len(slow.frames) < 50


def test_a_failing_consumer_ends_the_run_with_its_error() -> None:
    failing, other = Collector(fails_at=5), Collector()
    script = Script(None, period_s=0.001)
    with pytest.raises(ContractError, match="seeded"):
        Flow(script, [failing, other]).run()
    assert failing.finished == other.finished == 1


def test_a_failing_consumer_does_not_hang_a_lossless_source() -> None:
    with pytest.raises(ContractError, match="seeded"):
        Flow(Script(None), [Collector(fails_at=3)], lossless=True).run()


class Stuck(Collector):
    """Does not come back from a frame until it is let go."""

    def __init__(self) -> None:
        super().__init__(name="stuck")
        self.let_go = threading.Event()

    def take(self, frame: Snapshot) -> None:
        self.let_go.wait(60)


def test_a_consumer_that_hangs_does_not_keep_the_next_one_from_finishing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording is whole although the detector hangs."""
    monkeypatch.setattr("host.flow._STOP_S", 0.2)
    stuck, recorder = Stuck(), Collector(name="recorder", slow_s=0.01)
    with pytest.raises(DeviceError, match="stuck did not end within"):
        Flow(Script(5), [stuck, recorder]).run()
    until(lambda: recorder.finished == 1)
    stuck.let_go.set()


def test_a_lossless_source_can_be_stopped_while_a_consumer_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("host.flow._STOP_S", 0.2)
    stuck = Stuck()
    flow = Flow(Script(None), [stuck], lossless=True)
    threading.Timer(0.1, flow.stop).start()
    started = time.monotonic()
    with pytest.raises(DeviceError, match="stuck did not end"):
        flow.run()
    assert time.monotonic() - started < 30, "it waited for the consumer, which takes a minute"
    stuck.let_go.set()


def test_a_sink_that_cannot_be_closed_does_not_keep_the_others_open(tmp_path: Path) -> None:
    write_tiny_detector(tmp_path)
    closed: list[str] = []

    class Sink:
        def __init__(self, name: str, *, fails: bool) -> None:
            self.name, self.fails = name, fails

        def send(self, event: object) -> None:
            pass

        def close(self) -> None:
            closed.append(self.name)
            if self.fails:
                raise OSError("the disk is full")

    analysis = Analysis(OnnxDetector(tmp_path, threads=1), [Sink("file", fails=True), Sink("broker", fails=False)])
    with pytest.raises(OSError, match="disk is full"):
        analysis.finish()
    assert closed == ["file", "broker"]


def test_it_ends_after_so_many_frames_or_when_it_is_told_to() -> None:
    collector = Collector()
    Flow(Script(None), [collector], lossless=True).run(frames=7)
    assert len(collector.frames) == 7
    flow = Flow(Script(None, period_s=0.001), [Collector()])
    threading.Timer(0.1, flow.stop).start()
    flow.run()
    assert flow.counts.frames > 0


def test_ctrl_c_keeps_what_was_done() -> None:
    class Interrupted(Script):
        def describe(self) -> str:
            return "interrupted"

        def frames(self) -> Iterator[Lent]:
            yield from super().frames()
            raise KeyboardInterrupt

    collector = Collector()
    Flow(Interrupted(5), [collector], lossless=True).run()
    assert len(collector.frames) == 5
    assert collector.finished == 1


def test_from_frames_to_events(tmp_path: Path) -> None:
    write_tiny_detector(tmp_path)
    stream = io.StringIO()
    analysis = Analysis(
        OnnxDetector(tmp_path, threads=1),
        [LineSink(stream)],
        tracker=TrackerConfig(smoothing_s=0.1),
        events=EventConfig(every_s=0.5),
    )
    stream.close = lambda: None  # type: ignore[method-assign]  # to be read afterwards
    Flow(Script(40), [analysis], lossless=True).run()
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [event["event"] for event in events] == ["start", "ongoing", "ongoing", "ongoing", "end"]
    assert {(event["action"], event["track"]) for event in events} == {("drinking", 1)}
    assert events[-1]["duration_s"] == pytest.approx(1.8, abs=0.1)
    assert events[0]["box"] == [20, 8, 44, 40]
    assert analysis.scene.people[0].actions[0][0] == "drinking"
    assert analysis.detector.meter.count == 36, "black frames are not analysed"
