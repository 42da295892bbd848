"""Anonymised video to a file and back.

The file says in its metadata that the camera's frames are in it; what does not say so is not played as a recording.
Frames keep their own times: a frame that came late is shown late, whatever the nominal rate.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from host.frames import Snapshot
from hw_anon.core.errors import ConfigError, ContractError

__all__ = ["Recorder", "Recording"]

_SUFFIXES = (".mkv", ".mp4")
_TIME_BASE = Fraction(1, 90_000)
_MARK = "hw-anon anonymised video"
_QUALITY = {"crf": "18", "preset": "veryfast"}


class Recorder:
    """Writes frames as H.264; the file appears when the recording ends.

    Args:
        path: the file, `.mp4` or `.mkv`.
        fps: nominal frames a second, for players; each frame is shown at its own time.
        origin: what the frames come from, for the file's metadata.

    Raises:
        ConfigError: if the suffix or the rate is none that can be written.
        OSError: if the directory cannot be written.
    """

    name = "recorder"

    def __init__(self, path: Path, *, fps: float, origin: str) -> None:
        if path.suffix not in _SUFFIXES:
            raise ConfigError(f"{path}: a recording ends in {' or '.join(_SUFFIXES)}")
        if not 0.1 <= fps <= 1000:
            raise ConfigError(f"fps = {fps}: allowed range is 0.1 to 1000")
        self.frames = 0
        self.path = path
        self._rate = Fraction(fps).limit_denominator(1001)
        self._origin = origin
        self._first_s = 0.0
        self._last_pts = -1
        self._stream: Any = None
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=path.suffix)
        os.close(handle)
        self._temporary = Path(name)
        self._container: Any = av.open(name, "w")
        self._container.metadata["comment"] = f"{_MARK}, {origin}"

    def take(self, frame: Snapshot) -> None:
        """Appends a frame.

        Raises:
            ContractError: if it is of another size than the first.
        """
        height, width = frame.pixels.shape[:2]
        if self._stream is None:
            self._begin(width, height, frame.timestamp)
        if (self._stream.width, self._stream.height) != (width, height):
            raise ContractError(f"frame {frame.number} is {width}×{height}, the recording another size")
        picture = av.VideoFrame.from_ndarray(frame.pixels, format="rgb24")
        pts = round((frame.timestamp - self._first_s) / float(_TIME_BASE))
        picture.pts = self._last_pts = max(pts, self._last_pts + 1)
        picture.time_base = _TIME_BASE
        self._container.mux(self._stream.encode(picture))
        self.frames += 1

    def _begin(self, width: int, height: int, time_s: float) -> None:
        stream = self._container.add_stream("libx264", rate=self._rate, options=_QUALITY)
        stream.width, stream.height = width, height
        stream.pix_fmt = "yuv420p" if width % 2 == height % 2 == 0 else "yuv444p"
        stream.codec_context.time_base = _TIME_BASE
        self._stream, self._first_s = stream, time_s

    def finish(self) -> None:
        """Ends the file and moves it into place; without a frame no file appears.

        Raises:
            OSError: if the disk is full; no file appears then.
        """
        try:
            if self._stream is not None:
                self._container.mux(self._stream.encode(None))
            self._container.close()
            if self.frames:
                self._temporary.chmod(0o644)
                self._temporary.replace(self.path)
        finally:
            self._temporary.unlink(missing_ok=True)


class Recording:
    """Plays a recording as a source of frames, as fast as they are taken.

    Args:
        path: a file that `Recorder` wrote.

    Raises:
        ContractError: if it cannot be read as video, or is no recording of this program: what a camera did not
            anonymise must not pass for anonymised.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with av.open(str(path)) as container:
                tags = {name.lower(): value for name, value in container.metadata.items()}  # Matroska shouts
                streams = len(container.streams.video)
        except (OSError, av.error.FFmpegError) as exc:
            raise ContractError(f"{path}: cannot be read as video: {exc}") from exc
        comment = tags.get("comment", "")
        if not comment.startswith(_MARK) or not streams:
            raise ContractError(f"{path}: is no video that hw-anon-host record wrote; it may show faces")
        self.origin = comment.removeprefix(f"{_MARK}, ")
        self._played = 0

    def frames(self) -> Iterator[Snapshot]:
        """Yields the frames, with the times that they had."""
        with av.open(str(self.path)) as container:
            for number, picture in enumerate(container.decode(video=0)):
                pixels = np.ascontiguousarray(picture.to_ndarray(format="rgb24"), np.uint8)
                self._played += 1
                yield Snapshot(pixels=pixels, number=number, timestamp=float(picture.time or 0.0))

    def counters(self) -> Mapping[str, int]:
        """Returns how many frames were played."""
        return {"frames": self._played}

    def describe(self) -> str:
        """Returns whose recording it is."""
        return f"recording of {self.origin}"
