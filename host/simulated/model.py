"""The golden model of the camera as programmable logic: registers, video in, board-level video out, an interrupt line.

Pictures, metadata, faults and registers are those of `hw_anon.core.camera_model`; only time is simpler than in the RTL:
a beat takes a cycle, a register access `ACCESS_CYCLES`, and a frame's processing a constant number of cycles, after
which it is released. So the model is for long runs of software, the Verilated design for what depends on cycles.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from host.simulated.fast_model import FastCameraModel
from host.simulated.model_registers import ModelRegisters
from hw_anon.core.board_frame import pack_board_frame, require_metadata_line
from hw_anon.core.camera import CameraConfig
from hw_anon.core.camera_model import Arrival
from hw_anon.core.frame import AnonymisedFrame, Fault, black_frame
from hw_anon.core.video_words import IDLE_SHIFT, frame_beats, video_beats

__all__ = ["ACCESS_CYCLES", "ModelCamera"]

ACCESS_CYCLES = 4
"""Cycles of a register access."""
_SLICE = 2048
"""Cycles at a time: within them input comes before output."""
_MOST_WAITING = 4
"""Frames that can wait for their delivery, as in `video_release_guard`."""
_STORED = {Fault.NONE, *(fault for fault in Fault if Fault.TOO_MANY_FACES <= fault < Fault.RESET)}


@dataclass
class _Waiting:
    """A frame that is to be delivered."""

    frame: AnonymisedFrame
    release: int
    """Cycle at which its fate is decided."""
    noted: bool = False
    """Whether its fate was noted in the registers."""


class ModelCamera:
    """A `CameraPort` (`hw_anon.core.camera_abi`) without RTL."""

    def __init__(
        self,
        config: CameraConfig,
        *,
        detect: Callable[[NDArray[np.uint8]], NDArray[np.uint8]],
        modify: Callable[[NDArray[np.uint8]], NDArray[np.uint8]],
        build_id: str = "0" * 32,
        processing_cycles: int | None = None,
    ) -> None:
        """Makes a camera as after power-up.

        Args:
            config: the design.
            detect: the face detector, halved frame `[H/2, W/2, 3]` uint8 to map `[R, C, 5]` uint8; `DeviceError` if it
                never answers.
            modify: the face modifier, `[N, S, S, 3]` uint8 to the same shape; `DeviceError` if it never answers.
            build_id: 32 hex digits.
            processing_cycles: from a frame's last pixel to its release; a thousand if not given.

        Raises:
            ConfigError: if the metadata do not fit into a line.
        """
        require_metadata_line(config.width, config.max_faces)
        self._config = config
        self._networks = (detect, modify)
        self._processing = 1000 if processing_cycles is None else processing_cycles
        self._build_id = build_id
        self.reset()

    @property
    def width(self) -> int:
        """Columns of a frame."""
        return self._config.width

    @property
    def height(self) -> int:
        """Rows of a frame, without the metadata line."""
        return self._config.height

    @property
    def max_faces(self) -> int:
        """Faces replaced in a frame at most."""
        return self._config.max_faces

    @property
    def cycle(self) -> int:
        """Cycles since power-up."""
        return self._cycle

    @property
    def irq(self) -> bool:
        """Level of the interrupt line."""
        return self._registers.irq

    def reset(self) -> None:
        """Switches the camera off and on."""
        detect, modify = self._networks
        self._model = FastCameraModel(self._config, detect=detect, modify=modify, arrival=self._arrival)
        self._registers = ModelRegisters(self._config, build_id=self._build_id)
        self._cycle = 0
        self._input: deque[NDArray[np.uint32]] = deque()
        self._waited = 0  # cycles that the next word has waited already
        self._waiting: deque[_Waiting] = deque()
        self._output = np.zeros(0, np.uint32)  # what is left of the frame that goes out
        self._given: list[NDArray[np.uint32]] = []
        self._ready, self._share = True, 1.0

    def close(self) -> None:
        """Has nothing to free."""

    def read(self, offset: int) -> int:
        """Reads the register at a byte offset."""
        self.run(ACCESS_CYCLES)
        status = (
            self._model.running,
            self._model.capturing,
            any(frame.release > self._cycle for frame in self._waiting),
            len(self._output) > 0,
            True,  # the key: drawn before anything can be read
        )
        return self._registers.read(offset, status=sum(bit << k for k, bit in enumerate(status)))

    def write(self, offset: int, value: int) -> None:
        """Writes the register at a byte offset."""
        self.run(ACCESS_CYCLES)
        if self._registers.write(offset, value):
            self._soft_reset()
        self._model.threshold = self._registers.threshold
        self._model.running = self._registers.run

    def send(self, beats: NDArray[np.uint32]) -> None:
        """Queues raw video words `[N]`."""
        if len(beats):
            self._input.append(beats)

    def pending(self) -> int:
        """Returns how many queued words were not taken yet."""
        return sum(len(words) for words in self._input)

    def set_sink(self, ready: bool, stall_per_mille: int = 0) -> None:
        """Says whether output is taken, and in how many of 1000 cycles it is not all the same."""
        self._ready, self._share = ready, 1 - stall_per_mille / 1000

    def run(self, cycles: int) -> None:
        """Lets exactly so many cycles go by."""
        end = self._cycle + cycles
        while self._cycle < end:
            length = min(_SLICE, end - self._cycle)
            if not self._input and not self._waiting and not self._model.capturing:
                length = end - self._cycle  # nothing can happen
            self._take_in(length)
            self._cycle += length
            self._give_out(length)

    def receive(self) -> NDArray[np.uint32]:
        """Returns all output words `[N]` since the last call."""
        given, self._given = self._given, []
        return np.concatenate(given) if given else np.zeros(0, np.uint32)

    def _arrival(self, number: int) -> Arrival:
        self._collect(self._cycle)
        self._registers.count("FRAMES_IN")
        if len(self._waiting) >= _MOST_WAITING:
            self._registers.count("DROPPED")
            return Arrival.DROPPED
        stored = sum(waiting.frame.fault in _STORED for waiting in self._waiting)
        return Arrival.STORED if stored < self._config.buffers else Arrival.OVERRUN

    def _soft_reset(self) -> None:
        for waiting in self._waiting:
            if waiting.release > self._cycle:
                waiting.frame = black_frame(self.height, self.width, Fault.RESET, number=waiting.frame.number)
                waiting.release = self._cycle
        self._model.soft_reset()
        self._collect(self._cycle)

    def _take_in(self, cycles: int) -> None:
        """Feeds the words whose time comes within so many cycles."""
        left = cycles
        while left and self._input:
            words = self._input[0]
            times = np.cumsum((words[:left] >> IDLE_SHIFT).astype(np.int64) + 1) - self._waited
            count = int(np.searchsorted(times, left, side="right"))
            if not count:
                self._waited += left
                return
            self._model.feed(video_beats(words[:count]))
            left -= int(times[count - 1])
            self._waited = 0
            self._collect(self._cycle + cycles - left)
            if count < len(words):
                self._input[0] = words[count:]
            else:
                self._input.popleft()
        if left:
            self._model.wait(left)
            self._collect(self._cycle + cycles)

    def _collect(self, now: int) -> None:
        """Takes what the model owes; a frame that was captured whole is released after its processing."""
        for frame in self._model.take():
            processed = frame.fault in _STORED
            ready = max([now, *(waiting.release for waiting in self._waiting)])
            self._waiting.append(_Waiting(frame, ready + self._processing if processed else now))

    def _give_out(self, cycles: int) -> None:
        """Notes what is decided, and sends so many words at most."""
        for waiting in self._waiting:
            if not waiting.noted and waiting.release <= self._cycle:
                waiting.noted = True
                self._registers.note(waiting.frame.fault)
        room = int(cycles * self._share) if self._ready else 0
        while room and self._waiting and self._waiting[0].release <= self._cycle:
            frame = self._waiting[0].frame
            if not len(self._output):
                self._output = frame_beats(pack_board_frame(frame, max_faces=self.max_faces))
            self._given.append(self._output[:room])
            self._output, room = self._output[room:], room - min(room, len(self._output))
            if not len(self._output):
                self._registers.deliver(frame)
                self._waiting.popleft()
