"""The camera shell in a test bench: a scripted source, register accesses and sink, and accelerators that can fail.

The bench (`camera_bench.sv`) and the golden model get the same script. The bench's accelerators are stand-ins: the
detector copies pixels of the halved frame into its cells, the modifier inverts; the halved frame's last pixel can tell
them to fail. `Accelerators` is the same in Python.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hls.camera import camera_sources
from hls.interface import DesignInterface, StreamPort
from hls.sim.simulator import Simulator, Stalls
from hls.sim.verilate import SimulatorOptions, build_simulator
from hw_anon.core.box_decode import CELL, CELL_CHANNELS, cell_shape
from hw_anon.core.camera import CameraConfig
from hw_anon.core.camera_model import CameraModel, VideoBeats
from hw_anon.core.errors import DeviceError
from hw_anon.core.metadata import metadata_bits
from hw_anon.core.registers import register

__all__ = ["EOL", "READ", "SOF", "Accelerators", "BenchResult", "CameraBench", "Script", "command_failure"]

_BENCH = Path(__file__).with_name("camera_bench.sv")
SOF, EOL, _WAIT, _WRITE, READ, _SINK, _PAD = (1 << bit for bit in range(7))
_WORD_BYTES = 9
_READ_AT_THE_END = ("FAULTS", "FRAMES_IN", "FRAMES_OUT", "FRAMES_BLACK", "FACES", "DROPPED")
_COMMAND = (0x25, 0x5A)
"""Green and blue of the pixel whose red says how an accelerator fails."""


def command_failure(frame: NDArray[np.uint8], code: int) -> None:
    """Makes the frame `[H, W, 3]` let an accelerator fail: 1 detector never answers, 2 a cell too few, 3 too many.

    Codes 4 to 6 are the same for the modifier.
    """
    frame[-2:, -2:] = code, *_COMMAND


class Accelerators:
    """What the bench's detector and modifier do, the picture telling them how to fail."""

    def __init__(self, config: CameraConfig) -> None:
        self.config = config
        self.code = 0

    def detect(self, half: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Returns the map `[R, C, 5]` of a halved frame, or one row less for a wrong length.

        Raises:
            DeviceError: if it never answers.
        """
        red, green, blue = half[-1, -1]
        self.code = int(red) if (green, blue) == _COMMAND else 0
        if self.code == 1:
            raise DeviceError("the detector was told not to answer")
        cells = np.zeros((*cell_shape(self.config.width, self.config.height), CELL_CHANNELS), np.uint8)
        step = CELL // 2
        cells[:, :, :3] = half[::step, ::step]
        cells[:, :, 3:] = half[::step, 1::step, :2]
        return cells[:-1] if self.code in (2, 3) else cells

    def modify(self, crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Returns crops `[N, S, S, 3]` inverted, or with a row less for a wrong length.

        Raises:
            DeviceError: if it never answers.
        """
        if self.code == 4:
            raise DeviceError("the modifier was told not to answer")
        return crops[:, 1:] if self.code in (5, 6) else 255 - crops


@dataclass
class Script:
    """What source, software and sink do, for the bench and for the golden model alike."""

    words: list[NDArray[np.int64]] = field(default_factory=list)
    """`[N, 9]` bytes of the bench's script."""
    steps: list[Callable[[CameraModel], None]] = field(default_factory=list)
    """The same for the model."""
    reads: int = 0
    """Words that the script reads."""

    def video(self, beats: VideoBeats, *, wait: bool = True) -> Script:
        """Sends beats; with `wait`, the first one when all frames before it are delivered."""
        words = np.zeros((len(beats), _WORD_BYTES), np.int64)
        words[:, :3] = beats.pixels
        words[:, 4] = SOF * beats.sof + EOL * beats.eol
        words[0, 4] |= _WAIT * wait
        words[:, 5], words[:, 6] = beats.idle & 255, beats.idle >> 8
        self.words.append(words)
        self.steps.append(lambda model: model.feed(beats))
        return self

    def write(self, offset: int, data: int, *, idle: int = 0, wait: bool = False) -> Script:
        """Writes the register at a byte offset, after `idle` cycles; the model is told nothing."""
        return self._word(_WRITE | _WAIT * wait, data, idle, offset)

    def read(self, offset: int, *, idle: int = 0, wait: bool = False) -> Script:
        """Reads the register at a byte offset, after `idle` cycles."""
        self.reads += 1
        return self._word(READ | _WAIT * wait, 0, idle, offset)

    def sink(self, *, stopped: bool, idle: int = 0) -> Script:
        """Stops the sink, or lets it go on, after `idle` cycles."""
        return self._word(_SINK, int(stopped), idle, 0)

    def control(
        self,
        *,
        run: bool = True,
        reset: bool = False,
        threshold: int = 255,
        unreleased: Sequence[int] = (),
        after: int = 0,
        wait: bool = True,
    ) -> Script:
        """Writes control and threshold, `after` idle cycles."""
        self.write(register("CONTROL").offset, run | reset << 1, idle=after, wait=wait)
        self.write(register("THRESHOLD").offset, threshold)

        def step(model: CameraModel) -> None:
            model.threshold = threshold
            if reset:
                model.soft_reset(unreleased=unreleased)
            else:
                model.running = run

        self.steps.append(step)
        return self

    def finished(self, frames: int, max_faces: int) -> NDArray[np.int64]:
        """Returns all words, the reading of the registers at the end and the padding to `frames` included."""
        end = Script()
        for name in _READ_AT_THE_END:
            end.read(register(name).offset, wait=True)
        for k in range(metadata_bits(max_faces) // 32):
            end.read(register("META").offset + 4 * k, wait=True)
        end._word(_PAD, frames, 0, 0)
        return np.concatenate([*self.words, *end.words])

    def _word(self, kind: int, data: int, idle: int, offset: int) -> Script:
        beat = data.to_bytes(4, "little") + bytes([kind]) + idle.to_bytes(2, "little") + offset.to_bytes(2, "little")
        self.words.append(np.frombuffer(beat, np.uint8).astype(np.int64)[None])
        return self


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BenchResult:
    """What the camera delivered."""

    video: NDArray[np.uint8]
    """`[N, H, W, 4]`: red, green, blue, 1 start of frame + 2 end of line."""
    metadata: NDArray[np.uint8]
    """`[N, bytes]` metadata beats."""
    registers: list[int]
    """Sticky faults, the counters in the order of `Counters`, the last metadata beat's words of 32 bits."""
    read: list[int]
    """What the script itself read."""
    latency_cycles: int
    """From the last good frame's last pixel to its first one out."""


@dataclass(frozen=True)
class CameraBench:
    """The bench, built once for a configuration."""

    config: CameraConfig
    cache: Path
    """Cache of compiled simulators."""
    replaced: tuple[Path, ...] = ()
    """Modules that stand in for those of their files' names."""
    lanes: int = 1
    """Pixels in a word of the frame store."""
    optimisation: str = "-O0"
    """Of the C++ compiler: how long to compile for how fast a simulation."""
    asserts: bool = True
    """Whether the assertions of the RTL are checked."""

    def run(self, script: Script, *, frames: int, stalls: Stalls | None = None) -> BenchResult:
        """Simulates a script.

        Args:
            script: what happens; its last frame is delivered.
            frames: how many frames come out at most.
            stalls: random pauses of source and sink.

        Raises:
            DeadlockError: if the camera stopped before the end of the script, or delivered more frames.
            SimulationError: if an assertion failed.
        """
        words = script.finished(frames, self.config.max_faces)
        interface = self._interface(len(words), frames, script.reads)
        options = SimulatorOptions(asserts=self.asserts, optimisation=self.optimisation, parameters=self._parameters())
        binary = build_simulator(self._sources(), interface, cache_dir=self.cache, options=options)
        pixels = self.config.width * self.config.height
        with Simulator(binary.library, interface, data_dir=self.cache) as design:
            read, video, meta = design.run(words[None], stalls=stalls, max_idle_cycles=8 * pixels).outputs
            latency = design.monitors()["mon_latency"]
        shape = (frames, self.config.height, self.config.width, 4)
        delivered = int(np.count_nonzero(meta[0].any(axis=-1)))
        return BenchResult(
            video=video.reshape(shape)[:delivered].astype(np.uint8),
            metadata=meta[0, :delivered].astype(np.uint8),
            registers=[int(word) for word in read[0, script.reads :]],
            read=[int(word) for word in read[0, : script.reads]],
            latency_cycles=latency,
        )

    def _sources(self) -> list[Path]:
        replaced = {path.name: path for path in self.replaced}
        stand_in = [replaced.get(path.name, path) for path in camera_sources()]
        return [*stand_in, _BENCH]

    def _parameters(self) -> tuple[tuple[str, str], ...]:
        config = self.config
        values = {
            "Width": config.width,
            "Height": config.height,
            "CropSize": config.crop_size,
            "MaxFaces": config.max_faces,
            "Buffers": config.buffers,
            "KeyChannels": config.key_channels,
            "EveryCell": int(config.every_cell),
            "Threshold": config.threshold,
            "Lanes": self.lanes,
            "SourceTimeout": config.source_timeout_cycles,
            "DetectorTimeout": config.detector_watchdog_cycles,
            "ModifierTimeout": config.modifier_watchdog_cycles,
        }
        return tuple((name, str(value)) for name, value in values.items())

    def _interface(self, words: int, frames: int, reads: int) -> DesignInterface:
        size = metadata_bits(self.config.max_faces) // 8
        reads += len(_READ_AT_THE_END) + size // 4
        return DesignInterface(
            top="camera_bench",
            inputs=(_port("s_script", (words, _WORD_BYTES), 8, _WORD_BYTES),),
            outputs=(
                _port("m_read", (reads,), 32, 1),
                _port("m_frame", (frames * self.config.width * self.config.height, 4), 8, 4),
                _port("m_meta", (frames, size), 8, size),
            ),
            monitors=("mon_latency",),
            clock="clk_i",
            reset_n="rst_ni",
        )


def _port(name: str, shape: tuple[int, ...], bits: int, elements: int) -> StreamPort:
    return StreamPort(
        name=name,
        element_bits=bits,
        elements_per_beat=elements,
        signed=False,
        shape=shape,
        tdata_bits=bits * elements,
    )
