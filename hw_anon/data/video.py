"""Videos: frames by number with their times, exactly the frame that was asked for.

Frames are counted from 1 in the order in which they are shown. A video's packets are listed once without decoding;
a frame is then reached from the key frame before it, so that any frame costs a few decoded ones, and the frame's own
time stamp, not a guess from the frame rate, says which it is.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.boxes import MAX_SIDE
from hw_anon.core.errors import ConfigError, ContractError, ToolError
from hw_anon.data.images import require_utf8
from hw_anon.data.samples import natural_key, require_directory, require_file

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

__all__ = ["VIDEO_SUFFIXES", "OpenVideos", "Video", "VideoFolder", "VideoFrameAt"]

VIDEO_SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm"})
"""File names that are taken for videos, in lower case."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class VideoFrameAt:
    """One frame of a video."""

    number: int
    """Number of the frame, from 1."""
    time_s: float
    """When it is shown, in seconds from the first frame."""
    picture: NDArray[np.uint8]
    """`[H, W, 3]` uint8 RGB."""


class Video:
    """An open video file; close it, or use it in a `with` block."""

    def __init__(self, path: Path) -> None:
        """Opens the file and lists its frames.

        Raises:
            ContractError: if the file is missing, is no video, has no frames, or its frames are too large.
            ToolError: if PyAV is not installed.
        """
        try:
            import av
        except ImportError as exc:
            raise ToolError("videos need PyAV; install it with: pip install av") from exc
        self.path = require_file(path, "a video")
        self._errors: tuple[type[Exception], ...] = (av.FFmpegError, ValueError, EOFError)
        self._container = self._opened()
        try:
            self._stream = self._video_stream()
            self._times = self._list_frames()
        except BaseException:
            self._container.close()
            raise
        self._decoder: Iterator[VideoFrame] | None = None
        self._next = 0

    def _opened(self) -> InputContainer:
        import av

        try:
            return av.open(str(self.path), metadata_errors="replace")
        except self._errors as exc:
            raise ContractError(f"{self.path}: not a readable video ({exc})") from exc

    def _video_stream(self) -> VideoStream:
        streams = self._container.streams.video
        if not streams:
            raise ContractError(f"{self.path}: holds no video")
        stream = streams[0]
        if getattr(stream, "codec_context", None) is None:
            raise ContractError(f"{self.path}: its codec is unknown, or the file is cut off")
        if not (0 < stream.width <= MAX_SIDE and 0 < stream.height <= MAX_SIDE):
            raise ContractError(
                f"{self.path}: {stream.width}×{stream.height} pixels; 1 to {MAX_SIDE} a side are allowed"
            )
        return stream

    def _list_frames(self) -> list[int]:
        """Returns the time stamps of all frames in the order in which they are shown."""
        try:
            packets = [p.pts for p in self._container.demux(self._stream) if p.size and not p.is_discard]
            if packets and None not in packets and len(set(packets)) == len(packets):
                times = sorted(pts for pts in packets if pts is not None)
            else:  # AVI, for instance, has no such stamps: those that the decoder makes up are used
                self._restart()
                times = sorted({f.pts for f in self._container.decode(self._stream) if f.pts is not None})
        except self._errors as exc:
            raise ContractError(f"{self.path}: damaged ({exc})") from exc
        if not times:
            raise ContractError(f"{self.path}: holds no frames")
        return times

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self._decoder = None
        self._container.close()

    def __len__(self) -> int:
        return len(self._times)

    @property
    def width(self) -> int:
        """Columns of a frame."""
        return int(self._stream.width)

    @property
    def height(self) -> int:
        """Rows of a frame."""
        return int(self._stream.height)

    def time_s(self, number: int) -> float:
        """Returns when a frame is shown, in seconds from the first.

        Raises:
            ConfigError: if there is no such frame.
        """
        self._require(number)
        assert self._stream.time_base is not None, "a stream with time stamps has a time base"
        return float((self._times[number - 1] - self._times[0]) * self._stream.time_base)

    def frame(self, number: int) -> VideoFrameAt:
        """Decodes one frame; ascending numbers are decoded in one pass.

        Args:
            number: from 1.

        Raises:
            ConfigError: if there is no such frame.
            ContractError: if the frame is damaged or cut off.
        """
        self._require(number)
        wanted = self._times[number - 1]
        try:
            # Going on is cheaper than starting at a key frame while the frame is near.
            if self._decoder is None or not 0 <= number - 1 - self._next < 64:
                self._seek(wanted)
            frame = self._decode_until(wanted)
            if frame is None:
                self._restart()
                frame = self._decode_until(wanted)
        except self._errors as exc:
            self._decoder = None
            raise ContractError(f"{self.path}: frame {number} cannot be decoded ({exc})") from exc
        if frame is None:
            self._decoder = None
            raise ContractError(
                f"{self.path}: frame {number} of {len(self)} is missing; the video is damaged or cut off"
            )
        self._next = number
        return VideoFrameAt(number=number, time_s=self.time_s(number), picture=self._rgb(frame, number))

    def frames(self) -> Iterator[VideoFrameAt]:
        """Yields all frames in order.

        Raises:
            ContractError: if a frame is damaged or cut off.
        """
        for number in range(1, len(self) + 1):
            yield self.frame(number)

    def _require(self, number: int) -> None:
        if not 1 <= number <= len(self):
            raise ConfigError(f"{self.path}: frame {number}: frames are numbered 1 to {len(self)}")

    def _seek(self, stamp: int) -> None:
        """Puts the decoder on a key frame that is not shown after `stamp`, on the first frame if in doubt.

        Containers without an index are searched by guessing, and may land between two key frames or behind the right
        one: the pictures up to the next key frame would be wrong without anyone noticing.
        """
        self._container.seek(stamp, stream=self._stream, backward=True)
        packets = self._container.demux(self._stream)
        first = next(packets)
        if not first.is_keyframe or first.pts is None or first.pts > stamp:
            self._restart()
            return
        self._decoder = (frame for packet in chain((first,), packets) for frame in packet.decode())

    def _restart(self) -> None:
        self._container.close()
        self._container = self._opened()
        self._stream = self._video_stream()
        self._decoder = iter(self._container.decode(self._stream))

    def _decode_until(self, wanted: int) -> VideoFrame | None:
        """Returns the frame of that time stamp, `None` if the decoder is already past it or at the end."""
        assert self._decoder is not None, "a decoder was started"
        for frame in self._decoder:
            if frame.pts is not None and frame.pts >= wanted:
                return frame if frame.pts == wanted else None
        return None

    def _rgb(self, frame: VideoFrame, number: int) -> NDArray[np.uint8]:
        if frame.is_corrupt:
            raise ContractError(f"{self.path}: frame {number} is damaged")
        picture = np.ascontiguousarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
        if picture.shape != (self.height, self.width, 3):
            raise ContractError(
                f"{self.path}: frame {number} is {picture.shape[1]}×{picture.shape[0]} pixels, "
                f"the video {self.width}×{self.height}"
            )
        return picture


class OpenVideos:
    """Keeps a few videos open, those that were read last; another process that is handed it opens its own."""

    def __init__(self, most: int = 4) -> None:
        """Opens nothing yet.

        Args:
            most: videos open at a time.
        """
        self._most = most
        self._open: OrderedDict[Path, Video] = OrderedDict()

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_open": OrderedDict()}

    def picture(self, path: Path, number: int) -> NDArray[np.uint8]:
        """Decodes a labelled frame, `[H, W, 3]` uint8 RGB.

        Raises:
            ContractError: if the video is missing or damaged, or has no such frame.
            ToolError: if PyAV is not installed.
        """
        if path not in self._open:
            self._open[path] = Video(path)
            if len(self._open) > self._most:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(path)
        video = self._open[path]
        if number > len(video):
            raise ContractError(
                f"{path}: has {len(video)} frames, but frame {number} is annotated; "
                "it is cut off or another version of the video"
            )
        return video.frame(number).picture

    def close(self) -> None:
        """Closes the videos; reading opens them again."""
        while self._open:
            self._open.popitem()[1].close()


class VideoFolder:
    """A folder of videos, found by name with or without suffix, or by the end of the name."""

    def __init__(self, root: Path) -> None:
        """Lists the videos.

        Raises:
            ContractError: if the folder is missing, holds no video, or a name is not UTF-8.
        """
        require_directory(root, "a folder of videos")
        found = [p for p in root.iterdir() if p.suffix.lower() in VIDEO_SUFFIXES and not p.name.startswith(".")]
        if not found:
            raise ContractError(f"{root}: holds no video ({', '.join(sorted(VIDEO_SUFFIXES))})")
        for path in found:
            require_utf8(path)
        self.root = root
        """The folder."""
        self.names = tuple(sorted((path.name for path in found), key=natural_key))
        """File names, sorted naturally."""

    def __len__(self) -> int:
        return len(self.names)

    def find(self, name: str) -> Path:
        """Returns the path of a video.

        Args:
            name: the file's name, its stem, or what its stem ends with after a `-`, `_`, space or bracket: downloaders
                put a title before the id by which annotations call a video.

        Raises:
            ContractError: if there is none, or several.
        """
        if name in self.names:
            return self.root / name
        stem = Path(name).stem if Path(name).suffix.lower() in VIDEO_SUFFIXES else name
        matches = [other for other in self.names if Path(other).stem == stem]
        if not matches:
            ends = tuple(f"{mark}{stem}" for mark in "-_ [(")
            matches = [other for other in self.names if Path(other).stem.rstrip("])").endswith(ends)]
        if len(matches) != 1:
            state = f"there are {len(matches)} ({', '.join(matches[:3])})" if matches else "there is none"
            raise ContractError(f"{self.root}: expected one video called {name!r}, {state}")
        return self.root / matches[0]

    def open(self, name: str) -> Video:
        """Opens a video.

        Raises:
            ContractError: if there is none, or it is damaged.
            ToolError: if PyAV is not installed.
        """
        return Video(self.find(name))
