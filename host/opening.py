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
from hw_anon.core.errors import ConfigError, ContractError

__all__ = ["CameraSource", "Opened", "open_source"]


class CameraSource:
    """An open camera as a source of frames.

    Args:
        camera: the camera, open.
        video: what a simulated sensor sends; the frames end with it. Default: they never end.
        key: public key that signed the camera; none was demanded if not given.
        design_id: the design that a simulated board was made around, in place of the board's own.
    """

    def __init__(
        self,
        camera: AnonymizedCamera,
        video: SensorVideo | None = None,
        *,
        key: Path | None = None,
        design_id: str | None = None,
    ) -> None:
        self.camera = camera
        self.key = key
        self.design_id = design_id or camera.design.design_id
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
        return f"{kind}{seen.board} · {seen.width}×{seen.height} · design {self.design_id}"


Opened = CameraSource | Recording


@contextmanager
def open_source(
    design: Path | None,
    *,
    simulated: Path | None = None,
    video: Path | None = None,
    recording: Path | None = None,
    frames: int | None = None,
    require_signature: Path | None = None,
) -> Iterator[Opened]:
    """Opens what was asked for; closes it at the end of the block.

    Args:
        design: directory of a board's design; the only installed one if nothing is given.
        simulated: directory of a camera to simulate instead.
        video: what the simulated sensor sees.
        recording: an anonymised video to play instead.
        frames: pictures of `video` that are sent at most.
        require_signature: public key (PEM) that has to have signed the design, or the camera to simulate.

    Raises:
        ConfigError: if two sources are asked for, a simulated one without video, or a signature of a recording.
        ContractError: if a file is missing or damaged, or not signed by the key.
        DeviceError: if the board does not answer.
    """
    _require_one_source(design, simulated, video, recording, require_signature)
    if recording is not None:
        yield Recording(recording)
    elif simulated is not None and video is not None:
        camera = _load_camera(simulated, require_signature)
        with _simulated(camera, video, frames, key=require_signature) as source:
            yield source
    else:
        with AnonymizedCamera(design, CameraSettings(require_signature=require_signature)) as opened:
            yield CameraSource(opened, key=require_signature)


def _require_one_source(
    design: Path | None, simulated: Path | None, video: Path | None, recording: Path | None, key: Path | None
) -> None:
    if sum(place is not None for place in (design, simulated, recording)) > 1:
        raise ConfigError("--design, --simulated and --recording exclude each other: frames come from one place")
    if (simulated is None) != (video is None):
        raise ConfigError("--simulated DIRECTORY and --video FILE go together: a simulated sensor sees the video")
    if recording is not None and key is not None:
        raise ConfigError("--require-signature is for a camera: nobody signs a --recording")


def _load_camera(directory: Path, key: Path | None) -> CameraDirectory:
    """Returns a camera directory whose manifest is the very one that the key signed, if a key is given."""
    camera = CameraDirectory.load(directory)
    if key is not None:
        from hw_anon.core.signature import verify_manifest

        if verify_manifest(directory, key) != camera.manifest:
            raise ContractError(f"{directory}: the manifest changed while it was read; get the camera again")
    return camera


@contextmanager
def _simulated(camera: CameraDirectory, video: Path, frames: int | None, *, key: Path | None) -> Iterator[CameraSource]:
    """Yields the unmodified driver on a simulated board around the camera's RTL.

    The board gets a design directory of its own, which nobody signs: design and signature are those of the camera.
    """
    sensor = SensorVideo(video, width=camera.config.width, height=camera.config.height, frames=frames)

    from host.simulated.source import VideoSource
    from host.simulation import simulated_camera

    with (
        tempfile.TemporaryDirectory(prefix="hw-anon-board-") as place,
        simulated_camera(work=Path(place), source=VideoSource(sensor), camera=camera.directory) as simulated,
        AnonymizedCamera(simulated.design, SIMULATED) as opened,
    ):
        yield CameraSource(opened, sensor, key=key, design_id=camera.manifest.design_id)
