"""The golden model of the whole camera: beats of video in, delivered frames out, with every fault.

**Ingress.** A beat is a pixel with two marks: start of frame (`sof`, on a frame's first pixel) and end of line (`eol`,
on each line's last pixel). A frame gets the next number when it begins. The ingress is in one of four states:

| state | beat | what happens |
|---|---|---|
| off | any | dropped; `run` is not set |
| seek | without `sof` | dropped: resynchronising after a fault, a reset, or when `run` was set |
| seek, between | with `sof` | a frame begins |
| between | without `sof` | a frame begins and ends at once: `LONG_FRAME`; seek |
| frame | with `sof`, not the first | `SHORT_FRAME`; a new frame begins with this beat |
| frame | with `eol` before the last column | `SHORT_LINE`; seek |
| frame | without `eol` on the last column | `LONG_LINE`; seek |
| frame | the last pixel, with `eol` | the frame is complete; between |

Inside a frame, `source_timeout_cycles` cycles without a beat are a `SOURCE_TIMEOUT`; seek. A frame that begins while no
buffer is free is an `OVERRUN`; seek; without room to note even that it is dropped. `run` cleared lets a frame under way
end; then off. So a frame has one fault, its first one, and every beat belongs to at most one frame.

**Processing** of a complete frame: detector on the halved frame, `box_decode`, crops, modifier, pastes. A detector or
modifier that does not answer (`DeviceError`) or answers with another length fails the frame. After any fault the
accelerator concerned is reset, so that the next frame starts from nothing.

**Delivery** in the order of the numbers: the anonymised frame, or a black one with its fault.

What depends on time alone cannot follow from the beats and is told to the model: whether a buffer was free when a frame
began (`arrival`), and which complete frames were not yet released when a soft reset came.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.box_decode import decode
from hw_anon.core.camera import CameraConfig
from hw_anon.core.errors import ContractError, DeviceError
from hw_anon.core.frame import AnonymisedFrame, Fault, black_frame, check_frame
from hw_anon.core.register_access import Counters
from hw_anon.core.video_path import anonymise, downscale

__all__ = ["Arrival", "CameraModel", "VideoBeats", "concatenate", "frame_beats"]

_NUMBERS = 1 << 32


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class VideoBeats:
    """Beats of AXI4-Stream video."""

    pixels: NDArray[np.uint8]
    """`[N, 3]` RGB."""
    sof: NDArray[np.bool_]
    """`[N]` start of frame, `tuser[0]`."""
    eol: NDArray[np.bool_]
    """`[N]` end of line, `tlast`."""
    idle: NDArray[np.int64]
    """`[N]` cycles without a beat before each one."""

    def __post_init__(self) -> None:
        count = len(self.pixels)
        if self.pixels.shape != (count, 3) or self.pixels.dtype != np.uint8:
            raise ContractError(f"pixels are {self.pixels.dtype} {list(self.pixels.shape)}; expected uint8 [N, 3]")
        if not self.sof.shape == self.eol.shape == self.idle.shape == (count,):
            raise ContractError(f"sof, eol and idle need one value for each of {count} beats")

    def __len__(self) -> int:
        return len(self.pixels)

    def select(self, index: slice | NDArray[np.int64] | NDArray[np.bool_]) -> VideoBeats:
        """Returns some of the beats, e.g. all but those that a fault swallows."""
        return VideoBeats(pixels=self.pixels[index], sof=self.sof[index], eol=self.eol[index], idle=self.idle[index])


class Arrival(Enum):
    """What a new frame finds."""

    STORED = "stored"
    """A free buffer."""
    OVERRUN = "overrun"
    """No free buffer; a black frame is delivered in its place."""
    DROPPED = "dropped"
    """Not even room to note that a black frame is due: only counted."""


class _State(Enum):
    OFF = "off"
    SEEK = "seek"
    BETWEEN = "between"
    FRAME = "frame"


def frame_beats(frame: NDArray[np.uint8], *, idle: int = 0) -> VideoBeats:
    """Returns a frame `[H, W, 3]` as well-formed beats, after `idle` cycles of blanking."""
    height, width = check_frame(frame).shape[:2]
    marks = np.zeros((height, width), bool)
    marks[:, -1] = True
    gaps = np.zeros(height * width, np.int64)
    gaps[0] = idle
    first = np.zeros(height * width, bool)
    first[0] = True
    return VideoBeats(pixels=frame.reshape(-1, 3).copy(), sof=first, eol=marks.reshape(-1), idle=gaps)


def concatenate(parts: Sequence[VideoBeats]) -> VideoBeats:
    """Returns beats one after the other."""
    return VideoBeats(
        pixels=np.concatenate([part.pixels for part in parts]),
        sof=np.concatenate([part.sof for part in parts]),
        eol=np.concatenate([part.eol for part in parts]),
        idle=np.concatenate([part.idle for part in parts]),
    )


class CameraModel:
    """The camera, without time: `feed` beats, `take` the frames that are delivered for them."""

    def __init__(
        self,
        config: CameraConfig,
        *,
        detect: Callable[[NDArray[np.uint8]], NDArray[np.uint8]],
        modify: Callable[[NDArray[np.uint8]], NDArray[np.uint8]],
        arrival: Callable[[int], Arrival] = lambda number: Arrival.STORED,
    ) -> None:
        """Makes a camera as it is after power-up: not running.

        Args:
            config: the design.
            detect: the face detector, halved frame `[H/2, W/2, 3]` uint8 to map `[R, C, 5]` uint8; `DeviceError` if
                it never answers.
            modify: the face modifier, `[N, S, S, 3]` uint8 to the same shape; `DeviceError` if it never answers.
            arrival: what the frame of that number found when it began.
        """
        self.config = config
        self.detect = detect
        self.modify = modify
        self.arrival = arrival
        self.faults: set[Fault] = set()
        self._threshold = config.threshold
        self._frame_threshold = config.threshold
        self._running = False
        self._state = _State.OFF
        self._pixels = np.zeros((config.width * config.height, 3), np.uint8)
        self._position = 0
        self._idle = 0
        self._number = -1
        self._begun = self._out = self._black = self._faces = self._dropped = 0
        self._due: list[AnonymisedFrame] = []

    @property
    def threshold(self) -> int:
        """The detector's threshold for frames that begin from now on."""
        return self._threshold

    @threshold.setter
    def threshold(self, value: int) -> None:
        self._threshold = min(value, self.config.threshold)

    @property
    def running(self) -> bool:
        """Whether frames are taken in."""
        return self._running

    @running.setter
    def running(self, value: bool) -> None:
        self._running = value
        if value and self._state is _State.OFF:
            self._state = _State.SEEK
        elif not value and not self.capturing:
            self._state = _State.OFF

    @property
    def capturing(self) -> bool:
        """Whether a frame is coming in."""
        return self._state is _State.FRAME

    @property
    def counters(self) -> Counters:
        """The counters, once all frames that are due were taken."""
        return Counters(
            frames_in=self._begun % _NUMBERS,
            frames_out=self._out % _NUMBERS,
            frames_black=self._black % _NUMBERS,
            faces=self._faces % _NUMBERS,
            dropped=self._dropped % _NUMBERS,
        )

    def feed(self, beats: VideoBeats) -> None:
        """Takes beats in."""
        for pixel, sof, eol, idle in zip(beats.pixels, beats.sof, beats.eol, beats.idle, strict=True):
            self.wait(int(idle))
            self._idle = 0
            self._beat(pixel, bool(sof), bool(eol))

    def wait(self, cycles: int) -> None:
        """Lets cycles without a beat go by."""
        self._idle += cycles
        if self.capturing and self._idle >= self.config.source_timeout_cycles:
            self._fail(Fault.SOURCE_TIMEOUT)

    def soft_reset(self, *, unreleased: Collection[int] = ()) -> None:
        """Ends every frame that is not released.

        Args:
            unreleased: numbers of the complete frames whose release the reset prevented.

        Raises:
            ContractError: if one of them is not due.
        """
        if missing := set(unreleased) - {frame.number for frame in self._due}:
            raise ContractError(f"frames {sorted(missing)} are not due: a reset cannot have hit them")
        self.faults.clear()
        for k, frame in enumerate(self._due):
            if frame.number in unreleased:
                self._due[k] = self._blackened(frame.number, Fault.RESET)
        if self.capturing:
            self._fail(Fault.RESET)
        self._running = False
        self._state = _State.OFF

    def take(self) -> list[AnonymisedFrame]:
        """Returns the frames that are due, in order, and counts them as delivered."""
        due, self._due = self._due, []
        self._out += len(due)
        self._black += sum(frame.fault is not Fault.NONE for frame in due)
        self._faces += sum(len(frame.boxes) for frame in due)
        return due

    def _beat(self, pixel: NDArray[np.uint8], sof: bool, eol: bool) -> None:
        if sof and self.capturing:
            self._fail(Fault.SHORT_FRAME)
        if not self._wanted(sof) or (not self.capturing and not self._begin(sof)):
            return
        self._pixels[self._position] = pixel
        self._position += 1
        last_column = self._position % self.config.width == 0
        if eol != last_column:
            self._fail(Fault.SHORT_LINE if eol else Fault.LONG_LINE)
        elif self._position == len(self._pixels):
            self._due.append(self._processed())
            self._state = _State.BETWEEN if self._running else _State.OFF

    def _wanted(self, sof: bool) -> bool:
        """Whether a beat belongs to a frame."""
        return self._state is not _State.OFF and (sof or self._state is not _State.SEEK)

    def _begin(self, sof: bool) -> bool:
        """Begins a frame; returns whether its pixels are stored."""
        self._number = self._begun % _NUMBERS
        self._begun += 1
        self._position = 0
        self._frame_threshold = self._threshold
        self._state = _State.FRAME
        arrival = self.arrival(self._number)
        if arrival is Arrival.STORED and sof:
            return True
        self._fail(Fault.OVERRUN if sof or arrival is Arrival.DROPPED else Fault.LONG_FRAME)
        if arrival is Arrival.DROPPED:
            self._due.pop()
            self._dropped += 1
        return False

    def _fail(self, fault: Fault) -> None:
        """Ends the frame that is coming in."""
        self._due.append(self._blackened(self._number, fault))
        self._state = _State.SEEK if self._running else _State.OFF

    def _blackened(self, number: int, fault: Fault) -> AnonymisedFrame:
        self.faults.add(fault)
        return black_frame(self.config.height, self.config.width, fault, number=number)

    def _processed(self) -> AnonymisedFrame:
        """Returns what becomes of the complete frame in the buffer."""
        config, number = self.config, self._number
        frame = self._pixels.reshape(config.height, config.width, 3).copy()
        try:
            cells = self.detect(downscale(frame))
        except DeviceError:
            return self._blackened(number, Fault.DETECTOR_TIMEOUT)
        found = decode(
            cells,
            threshold=self._frame_threshold,
            max_faces=config.max_faces,
            frame_width=config.width,
            frame_height=config.height,
            every_cell=config.every_cell,
        )
        if found.fault is not Fault.NONE:
            return self._blackened(number, found.fault)
        result = anonymise(
            frame,
            found.regions,
            self.modify,
            size=config.crop_size,
            max_faces=config.max_faces,
            number=number,
        )
        if result.fault is not Fault.NONE:
            self.faults.add(result.fault)
        return result
