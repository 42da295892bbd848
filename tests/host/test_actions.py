"""From boxes to events: the detector's contract, tracks, hysteresis, and where events go."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="missing: onnxruntime")

from host.actions.detector import Detections, OnnxDetector
from host.actions.events import Event, EventConfig, EventStream
from host.actions.sinks import LineSink, MqttSink, file_sink
from host.actions.tracks import Track, Tracker, TrackerConfig, overlaps
from hw_anon.core.errors import ConfigError, ContractError, DeviceError, ToolError
from tests.host.tiny_detector import ACTIONS, HEIGHT, WIDTH, write_tiny_detector

STEP_S = 0.1


def seen(*people: tuple[float, int, float]) -> Detections:
    """Detections of people 40 pixels wide: left edge, action, score."""
    ranked = sorted(people, key=lambda person: -person[2])
    boxes = np.array([(x, 10, x + 40, 110) for x, _, _ in ranked], np.float32).reshape(-1, 4)
    labels = np.array([label for _, label, _ in ranked], np.int64)
    return Detections(boxes=boxes, labels=labels, scores=np.array([s for _, _, s in ranked], np.float32))


def numbers(tracks: list[Track]) -> list[int]:
    return [track.number for track in tracks]


def test_the_detector_runs_the_graph_and_counts(tmp_path: Path) -> None:
    write_tiny_detector(tmp_path)
    detector = OnnxDetector(tmp_path, threads=1)
    frame = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    assert len(detector.detect(frame).boxes) == 0
    frame[10:30, 20:50, 1] = 200
    found = detector.detect(frame)
    assert found.boxes.tolist() == [[20, 10, 50, 30]]
    assert found.labels.tolist() == [1]
    assert found.scores[0] == pytest.approx(200 / 255)
    assert detector.meter.count == 2
    assert detector.warm_up_ms > 0


def test_the_detector_refuses_other_frames_threads_and_graphs(tmp_path: Path) -> None:
    write_tiny_detector(tmp_path)
    with pytest.raises(ContractError, match="--width"):
        OnnxDetector(tmp_path, threads=1).detect(np.zeros((HEIGHT, WIDTH + 1, 3), np.uint8))
    with pytest.raises(ConfigError, match="threads"):
        OnnxDetector(tmp_path, threads=0)
    (tmp_path / "detector.onnx").write_bytes(b"no graph")
    with pytest.raises(ContractError, match="not the graph"):
        OnnxDetector(tmp_path)
    with pytest.raises(ContractError, match="export-detector"):
        OnnxDetector(tmp_path / "nothing")


def test_overlaps_are_intersections_over_unions() -> None:
    boxes = np.array([(0, 0, 10, 10), (5, 0, 15, 10), (20, 20, 30, 30), (3, 3, 3, 3)], float)
    shared = overlaps(boxes, boxes)
    assert shared[0, 0] == 1
    assert shared[0, 1] == pytest.approx(1 / 3)
    assert shared[0, 2] == 0
    assert not shared[3].any()


def test_two_actions_of_one_box_are_one_person_and_two_people_keep_their_numbers() -> None:
    tracker = Tracker(3, TrackerConfig(confirm=2, smoothing_s=0))
    for step in range(10):
        tracks, ended = tracker.update(
            seen((10 + 2 * step, 0, 0.9), (12 + 2 * step, 1, 0.6), (150, 2, 0.8)), step * STEP_S
        )
    assert numbers(tracks) == [1, 2]
    assert not ended
    assert tracks[0].scores.tolist() == pytest.approx([0.9, 0.6, 0])
    assert tracks[0].velocity[0] == pytest.approx(20, rel=0.01)


def test_people_who_cross_keep_their_numbers_by_their_movement() -> None:
    tracker = Tracker(1, TrackerConfig(confirm=2))
    for step in range(30):
        tracks, _ = tracker.update(seen((8.0 * step, 0, 0.9), (240 - 8.0 * step, 0, 0.8)), step * STEP_S)
    left, right = (next(t for t in tracks if t.number == number) for number in (1, 2))
    assert left.box[0] == 232
    assert right.box[0] == 8


def test_weak_boxes_continue_a_track_but_begin_none() -> None:
    tracker = Tracker(1, TrackerConfig(confirm=1, begin=0.5))
    assert tracker.update(seen((10, 0, 0.4)), 0.0) == ([], [])
    assert numbers(tracker.update(seen((10, 0, 0.9)), 0.1)[0]) == [1]
    tracks, _ = tracker.update(seen((12, 0, 0.2)), 0.2)
    assert (numbers(tracks), tracks[0].seen) == ([1], 2)


def test_a_track_ends_after_its_patience_and_its_number_is_not_used_again() -> None:
    tracker = Tracker(1, TrackerConfig(confirm=1, patience_s=0.5))
    tracker.update(seen((10, 0, 0.9)), 0.0)
    assert numbers(tracker.update(seen(), 0.5)[0]) == [1]
    tracks, ended = tracker.update(seen((10, 0, 0.9)), 1.2)
    assert (numbers(tracks), numbers(ended)) == ([1], []), "seen again where it is expected: the same person"
    tracks, ended = tracker.update(seen(), 1.8)
    assert (numbers(tracks), numbers(ended)) == ([], [1])
    assert numbers(tracker.update(seen((10, 0, 0.9)), 1.9)[0]) == [2]


def test_a_single_false_alarm_is_never_reported() -> None:
    tracker = Tracker(1, TrackerConfig(confirm=3))
    assert tracker.update(seen((10, 0, 0.99)), 0.0) == ([], [])
    for step in range(1, 30):
        assert tracker.update(seen(), step * STEP_S) == ([], [])


def events_of(scores: list[float], config: EventConfig | None = None) -> list[str]:
    """Kinds of the events of one track whose smoothed score runs through `scores`, a step each."""
    stream = EventStream(("drinking", "idle"), config)
    kinds = []
    for frame, score in enumerate(scores):
        track = Track(
            number=1, box=np.array([1.0, 2, 3, 4]), scores=np.array([score, 0.99]), first_s=0, last_s=frame * STEP_S
        )
        kinds += [
            f"{event.event}@{event.frame}" for event in stream.update([track], [], frame=frame, time_s=frame * STEP_S)
        ]
    kinds += [event.event for event in stream.finish([track], frame=len(scores), time_s=len(scores) * STEP_S)]
    assert not stream.active(1)
    return kinds


def test_events_have_hysteresis() -> None:
    assert events_of([0.1, 0.49, 0.51, 0.31, 0.49, 0.31, 0.29, 0.49, 0.1]) == ["start@2", "end@6"]


def test_what_goes_on_is_repeated_and_what_is_open_is_ended() -> None:
    assert events_of([0.9] * 25) == ["start@0", "ongoing@10", "ongoing@20", "end"]


def test_idle_makes_no_events() -> None:
    assert events_of([0.0, 0.0]) == []


def test_a_stream_that_would_end_as_it_starts_is_refused() -> None:
    with pytest.raises(ConfigError, match="above on"):
        EventConfig(on=0.3, off=0.5)


EVENT = Event(
    event="end",
    action="drinking",
    track=3,
    score=0.25,
    frame=412,
    time_s=27.4,
    duration_s=1.5,
    box=(1.0, 2.0, 3.0, 4.0),
)


def test_lines_are_json_and_files_are_appended_to(tmp_path: Path) -> None:
    for _ in range(2):
        sink = file_sink(tmp_path / "new" / "events.jsonl")
        sink.send(EVENT)
        sink.close()
    lines = (tmp_path / "new" / "events.jsonl").read_text().splitlines()
    assert [json.loads(line)["action"] for line in lines] == ["drinking", "drinking"]
    assert json.loads(lines[0])["box"] == [1, 2, 3, 4]


def test_a_line_is_there_at_once() -> None:
    stream = io.StringIO()
    LineSink(stream).send(EVENT)
    assert stream.getvalue().endswith("}\n")


class FakeClient:
    """What `MqttSink` uses of paho's client."""

    def __init__(self, code: int = 0, *, delivers: bool = True) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.code, self.delivers = code, delivers
        self.on_publish: Any = None

    def publish(self, topic: str, payload: str, qos: int) -> SimpleNamespace:
        self.calls.append(("publish", topic, payload, qos))
        if self.delivers:
            self.on_publish(None, None, 1, 0, None)
        return SimpleNamespace(rc=self.code)

    def __getattr__(self, name: str) -> Any:
        return lambda *args: self.calls.append((name, *args))


def test_mqtt_publishes_each_event_under_its_action(tmp_path: Path) -> None:
    secret = tmp_path / "broker"
    secret.write_text("camera:s3cret\n")
    client = FakeClient()
    sink = MqttSink("mqtts://broker.example/hall/camera1", credentials=secret, make_client=lambda: client)
    sink.send(EVENT)
    sink.close()
    assert ("username_pw_set", "camera", "s3cret") in client.calls
    assert ("tls_set",) in client.calls
    assert ("connect_async", "broker.example", 8883) in client.calls
    assert ("publish", "hall/camera1/drinking", EVENT.to_line(), 1) in client.calls
    assert client.calls[-1] == ("loop_stop",)


@pytest.mark.parametrize(("code", "delivers"), [(15, False), (4, False)])
def test_events_that_no_broker_takes_are_an_error_at_the_end(
    code: int, delivers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("host.actions.sinks._LEAVE_S", 0.1)
    sink = MqttSink("mqtt://broker.example/t", make_client=lambda: FakeClient(code, delivers=delivers))
    sink.send(EVENT)
    with pytest.raises(DeviceError, match="1 events"):
        sink.close()


@pytest.mark.parametrize(
    "address",
    [
        "broker",
        "http://broker/t",
        "mqtt://broker",
        "mqtt:///t",
        "mqtt://broker/a/#",
        "mqtt://u:p@broker/t",
        "mqtt://broker:99999/t",
        "mqtt://[::1/t",
    ],
)
def test_wrong_addresses_are_refused(address: str) -> None:
    with pytest.raises(ConfigError):
        MqttSink(address, make_client=FakeClient)


def test_without_paho_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    with pytest.raises(ToolError, match=r"hw-anon\[mqtt\]"):
        MqttSink("mqtt://broker.example/t")


def test_the_tiny_detector_has_the_names_of_the_actions(tmp_path: Path) -> None:
    assert write_tiny_detector(tmp_path).actions == ACTIONS
