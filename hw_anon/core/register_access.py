"""Accessors of the camera's registers over two plain functions: a board, a simulation or a test can be behind them.

Use it like this: `camera = CameraRegisters(read32=mmio.read, write32=mmio.write)`, then
`camera.require(build_id=manifest_id)` before anything else, and `camera.start()`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hw_anon.core.errors import ContractError, DeviceError
from hw_anon.core.frame import Fault
from hw_anon.core.metadata import Metadata, unpack_metadata
from hw_anon.core.registers import CAMERA_ID, INTERFACE_VERSION, register

__all__ = ["CameraRegisters", "CameraStatus", "Counters", "Geometry"]

_META_ATTEMPTS = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Geometry:
    """The sizes the design was built for."""

    width: int
    """Columns of a frame."""
    height: int
    """Rows of a frame."""
    max_faces: int
    """Faces replaced in a frame at most."""
    buffers: int
    """Frames stored on the chip."""
    crop_size: int
    """Side of the modifier's pictures, in pixels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraStatus:
    """What the camera is doing."""

    running: bool
    """Frames are taken in."""
    capturing: bool
    """A frame is coming in."""
    processing: bool
    """A frame is being searched or modified."""
    delivering: bool
    """A frame is going out."""
    key_ready: bool
    """The modifier's power-up key is there, or it needs none; without it no frame is taken in."""
    locked: bool
    """The threshold is frozen."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counters:
    """Events since power-up, modulo 2^32."""

    frames_in: int
    """Frames that began at the input."""
    frames_out: int
    """Frames delivered, black ones included."""
    frames_black: int
    """Frames delivered black."""
    faces: int
    """Regions replaced in delivered frames."""
    dropped: int
    """Frames of which not even a black one was delivered."""


class CameraRegisters:
    """The camera as software sees it."""

    def __init__(self, *, read32: Callable[[int], int], write32: Callable[[int, int], object]) -> None:
        """Takes the way to the registers; touches none of them.

        Args:
            read32: returns the word at a byte offset.
            write32: writes a word at a byte offset.
        """
        self._read32 = read32
        self._write32 = write32

    def read(self, name: str, word: int = 0) -> int:
        """Returns one word of a register."""
        return int(self._read32(register(name).offset + 4 * word)) & 0xFFFFFFFF

    def read_field(self, name: str, field: str) -> int:
        """Returns one field of a register."""
        return register(name).field(field).extract(self.read(name))

    def write_fields(self, name: str, **values: int) -> None:
        """Writes a register: the given fields, 0 in all others.

        Raises:
            ConfigError: if a field is unknown or a value does not fit.
        """
        definition = register(name)
        word = 0
        for field, value in values.items():
            word |= definition.field(field).insert(int(value))
        self._write32(definition.offset, word)

    @property
    def build_id(self) -> str:
        """The design's build id, 32 hex digits, most significant first."""
        return "".join(f"{self.read('BUILD_ID', word):08x}" for word in (3, 2, 1, 0))

    @property
    def geometry(self) -> Geometry:
        """The sizes the design was built for."""
        return Geometry(
            width=self.read_field("GEOMETRY", "width"),
            height=self.read_field("GEOMETRY", "height"),
            max_faces=self.read_field("LIMITS", "max_faces"),
            buffers=self.read_field("LIMITS", "buffers"),
            crop_size=self.read_field("LIMITS", "crop_size"),
        )

    def require(self, *, build_id: str | None = None) -> None:
        """Refuses a device that is not the camera, not of this register map, or not the expected build (P5).

        Args:
            build_id: the manifest's build id, 32 hex digits; `None` accepts any build.

        Raises:
            DeviceError: naming what was found and what was expected.
        """
        found = self.read("ID")
        if found != CAMERA_ID:
            raise DeviceError(f"no camera at these registers: ID is {found:#010x}, expected {CAMERA_ID:#010x}")
        major, minor = self.read_field("VERSION", "major"), self.read_field("VERSION", "minor")
        if major != INTERFACE_VERSION[0] or minor < INTERFACE_VERSION[1]:
            expected = ".".join(map(str, INTERFACE_VERSION))
            raise DeviceError(f"the camera has register map {major}.{minor}, this software needs {expected} or later")
        if build_id is not None and self.build_id != build_id.lower():
            raise DeviceError(f"the device runs build {self.build_id}, the manifest says {build_id.lower()}")

    def start(self) -> None:
        """Takes frames in, from the next start of frame on."""
        self.write_fields("CONTROL", run=1)

    def stop(self) -> None:
        """Takes no more frames in; one under way is finished."""
        self.write_fields("CONTROL", run=0)

    def soft_reset(self) -> None:
        """Ends all frames that are not yet released, black; stops; clears faults and interrupts."""
        self.write_fields("CONTROL", soft_reset=1)

    def lock(self) -> None:
        """Freezes the threshold until the whole chip is reset; running or not stays as it is."""
        self.write_fields("CONTROL", run=self.read_field("CONTROL", "run"), lock=1)

    @property
    def status(self) -> CameraStatus:
        """What the camera is doing."""
        flags = {f.name: bool(f.extract(self.read("STATUS"))) for f in register("STATUS").fields}
        return CameraStatus(**flags, locked=bool(self.read_field("CONTROL", "lock")))

    @property
    def faults(self) -> frozenset[Fault]:
        """The faults that happened since they were cleared."""
        word = self.read("FAULTS")
        return frozenset(fault for fault in Fault if fault is not Fault.NONE and word >> fault & 1)

    def clear_faults(self, *faults: Fault) -> None:
        """Clears the given faults, all if none is given."""
        chosen = faults or tuple(fault for fault in Fault if fault is not Fault.NONE)
        self.write_fields("FAULTS", **{fault.name.lower(): 1 for fault in chosen})

    @property
    def counters(self) -> Counters:
        """The event counters; read one after the other, so not of one instant while running."""
        return Counters(
            frames_in=self.read("FRAMES_IN"),
            frames_out=self.read("FRAMES_OUT"),
            frames_black=self.read("FRAMES_BLACK"),
            faces=self.read("FACES"),
            dropped=self.read("DROPPED"),
        )

    @property
    def threshold(self) -> int:
        """The detector's threshold in use: scores from it on are faces."""
        return self.read_field("THRESHOLD", "value")

    @property
    def built_threshold(self) -> int:
        """The built-in threshold, the largest one."""
        return self.read_field("THRESHOLD", "built")

    def set_threshold(self, value: int) -> int:
        """Sets the threshold and returns the one that holds: hardware clamps it, and a locked one stays.

        Raises:
            ConfigError: if the value is not 0 to 255.
        """
        self.write_fields("THRESHOLD", value=value)
        return self.threshold

    def enable_interrupts(self, *, frame: bool, fault: bool) -> None:
        """Chooses the events that raise the interrupt line."""
        self.write_fields("IRQ_ENABLE", frame=frame, fault=fault)

    def take_interrupts(self) -> tuple[bool, bool]:
        """Returns which events (frame, fault) happened, and clears exactly those."""
        frame, fault = (bool(self.read("IRQ_STATUS") >> f.lsb & 1) for f in register("IRQ_STATUS").fields)
        self.write_fields("IRQ_STATUS", frame=frame, fault=fault)
        return frame, fault

    def metadata(self) -> Metadata:
        """Returns the metadata of the frame delivered last.

        Raises:
            DeviceError: if the camera has delivered no frame yet, or frames come faster than the words can be read.
        """
        words = 2 * (1 + self.read_field("LIMITS", "max_faces"))
        for _ in range(_META_ATTEMPTS):
            beat = np.array([self.read("META", word) for word in range(words)], "<u4")
            if int(beat[0]) == self.read("META"):
                try:
                    return unpack_metadata(beat.view(np.uint8))
                except ContractError as exc:
                    raise DeviceError(f"the camera has no metadata to tell (no frame delivered yet?): {exc}") from exc
        raise DeviceError("the frame number changed during every attempt to read the metadata; take it from the stream")
