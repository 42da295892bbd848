"""Recordings: whole or not there, frames at their own times, and only our own are played."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av", reason="missing: av")

from dataclasses import replace

import av

from host.flow import Flow
from host.frames import Snapshot
from host.recording import Recorder, Recording
from host.sensor_video import SensorVideo
from hw_anon.core.errors import ConfigError, ContractError
from tests.host.scripted import Script, drinking


def recorded(path: Path, times: list[float], *, size: tuple[int, int] = (48, 64)) -> Recorder:
    recorder = Recorder(path, fps=20, origin="a test")
    for number, time_s in enumerate(times):
        pixels = np.full((*size, 3), 10 * number, np.uint8)
        recorder.take(Snapshot(pixels=pixels, number=number, timestamp=time_s))
    recorder.finish()
    return recorder


def played_times(path: Path) -> list[float]:
    return [frame.timestamp for frame in Recording(path).frames()]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_frames_come_back_with_their_times(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"video{suffix}"
    times = [50.0, 50.05, 50.1, 50.4, 50.45]  # one frame was late
    recorded(path, times)
    assert played_times(path) == pytest.approx([time_s - 50 for time_s in times], abs=2e-3)
    levels = [float(frame.pixels.mean()) for frame in Recording(path).frames()]
    assert levels == pytest.approx([0, 10, 20, 30, 40], abs=3)
    assert Recording(path).describe() == "recording of a test"


def test_the_nominal_rate_is_in_the_file(tmp_path: Path) -> None:
    recorded(tmp_path / "video.mp4", [k / 20 for k in range(21)])
    with av.open(str(tmp_path / "video.mp4")) as container:
        stream = container.streams.video[0]
        assert float(stream.average_rate) == pytest.approx(20, rel=0.06)
        assert (stream.width, stream.height, stream.frames) == (64, 48, 21)


def test_equal_times_and_odd_sizes_are_written(tmp_path: Path) -> None:
    recorded(tmp_path / "video.mkv", [1.0, 1.0, 1.0], size=(47, 63))
    frames = list(Recording(tmp_path / "video.mkv").frames())
    assert [frame.pixels.shape for frame in frames] == [(47, 63, 3)] * 3


def test_nothing_appears_before_the_end_nor_without_a_frame(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "video.mp4", fps=20, origin="a test")
    recorder.take(drinking(0))
    assert not (tmp_path / "video.mp4").exists()
    recorder.finish()
    assert [path.name for path in tmp_path.iterdir()] == ["video.mp4"]
    Recorder(tmp_path / "empty.mp4", fps=20, origin="a test").finish()
    assert not (tmp_path / "empty.mp4").exists()


def test_a_frame_of_another_size_is_refused(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "video.mp4", fps=20, origin="a test")
    recorder.take(drinking(0))
    with pytest.raises(ContractError, match="another size"):
        recorder.take(replace(Snapshot(pixels=np.zeros((16, 16, 3), np.uint8)), number=1))
    recorder.finish()


def test_wrong_names_and_rates_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.mkv or \.mp4"):
        Recorder(tmp_path / "video.avi", fps=20, origin="a test")
    with pytest.raises(ConfigError, match="fps"):
        Recorder(tmp_path / "video.mp4", fps=0, origin="a test")


def test_a_foreign_video_is_no_recording(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "raw.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=20)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode(None))
    with pytest.raises(ContractError, match="may show faces"):
        Recording(tmp_path / "raw.mp4")
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(ContractError, match="cannot be read"):
        Recording(tmp_path / "text.mp4")


def test_a_flow_into_a_recorder(tmp_path: Path) -> None:
    Flow(Script(30), [Recorder(tmp_path / "video.mp4", fps=20, origin="x")], lossless=True).run()
    assert played_times(tmp_path / "video.mp4") == pytest.approx([k / 20 for k in range(30)], abs=2e-3)


def test_a_sensor_sees_a_video_in_its_own_shape_and_knows_the_end_with_the_last_picture(tmp_path: Path) -> None:
    recorded(tmp_path / "video.mp4", [k / 20 for k in range(5)], size=(60, 160))
    sensor = SensorVideo(tmp_path / "video.mp4", width=32, height=24)
    totals = []
    for picture in sensor:
        assert picture.shape == (24, 32, 3)
        totals.append(sensor.total)
    assert totals == [None, None, None, None, 5]
    short = SensorVideo(tmp_path / "video.mp4", width=32, height=24, frames=2)
    assert len(list(short)) == short.total == 2
