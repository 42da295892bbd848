"""Opens what the commands take frames from: a board, a simulated board, or a recording."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from host.driver import AnonymizedCamera, CameraFrame, CameraSettings
from host.driver.settings import SIMULATED
from host.recording import Recording
from host.sensor_video import SensorVideo
from hw_anon.core.camera_directory import CameraDirectory
from hw_anon.core.errors import ConfigError

__all__ = ["CameraSource", "Opened", "open_source"]


class CameraSource:
    """An open camera as a source of frames.

    Args:
        camera: the camera, open.
        video: what a simulated sensor sends; the frames end with it. Default: they never end.
    """

    def __init__(self, camera: AnonymizedCamera, video: SensorVideo | None = None) -> None:
        self.camera = camera
        self._video = video

    def frames(self) -> Iterator[CameraFrame]:
        """Yields frames as they come.

        Raises:
            DeviceError: if none comes, in spite of restarts.
        """
        seen = 0
        for frame in self.camera.frames():
            seen += 1 + frame.lost_before
            yield frame
            if self._video is not None and self._video.total is not None and seen >= self._video.total:
                return

    def counters(self) -> Mapping[str, int]:
        """Returns the driver's counters."""
        return {name: value for name, value in self.camera.health.as_json().items() if isinstance(value, int)}

    def describe(self) -> str:
        """Returns board, size and design."""
        seen, kind = self.camera.description.config, "simulated " if self._video is not None else ""
        return f"{kind}{seen.board} · {seen.width}×{seen.height} · design {self.camera.design.design_id}"


Opened = CameraSource | Recording


@contextmanager
def open_source(
    design: Path | None,
    *,
    settings: CameraSettings | None = None,
    simulated: Path | None = None,
    video: Path | None = None,
    recording: Path | None = None,
    frames: int | None = None,
) -> Iterator[Opened]:
    """Opens what was asked for; closes it at the end of the block.

    Args:
        design: directory of a board's design; the only installed one if nothing is given.
        settings: how the camera is used; by default the driver's own, and patient with a simulated one.
        simulated: directory of a camera to simulate instead.
        video: what the simulated sensor sees.
        recording: an anonymised video to play instead.
        frames: pictures of `video` that are sent at most.

    Raises:
        ConfigError: if two sources are asked for, or a simulated one without video.
        ContractError: if a file is missing or damaged.
        DeviceError: if the board does not answer.
    """
    if sum(place is not None for place in (design, simulated, recording)) > 1:
        raise ConfigError("--design, --simulated and --recording exclude each other: frames come from one place")
    if (simulated is None) != (video is None):
        raise ConfigError("--simulated DIRECTORY and --video FILE go together: a simulated sensor sees the video")
    if recording is not None:
        yield Recording(recording)
    elif simulated is not None and video is not None:
        with _simulated(simulated, video, settings or SIMULATED, frames) as source:
            yield source
    else:
        with AnonymizedCamera(design, settings) as camera:
            yield CameraSource(camera)


@contextmanager
def _simulated(directory: Path, video: Path, settings: CameraSettings, frames: int | None) -> Iterator[CameraSource]:
    """Yields the unmodified driver on a simulated board around the camera's RTL.

    The design's number, which the page shows, is of the simulated board's own design directory.
    """
    config = CameraDirectory.load(directory).config
    sensor = SensorVideo(video, width=config.width, height=config.height, frames=frames)

    from host.simulated.source import VideoSource
    from host.simulation import simulated_camera

    with (
        tempfile.TemporaryDirectory(prefix="hw-anon-board-") as place,
        simulated_camera(work=Path(place), source=VideoSource(sensor), camera=directory) as simulated,
        AnonymizedCamera(simulated.design, settings) as camera,
    ):
        yield CameraSource(camera, sensor)
