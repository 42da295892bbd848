"""The camera's registers without RTL: what `control_status` does with reads, writes and events."""

from __future__ import annotations

import numpy as np

from hw_anon.core.camera import CameraConfig
from hw_anon.core.frame import AnonymisedFrame, Fault
from hw_anon.core.metadata import Metadata, metadata_bits, pack_metadata
from hw_anon.core.registers import CAMERA_ID, INTERFACE_VERSION, Access, register

__all__ = ["ModelRegisters"]

_CONTROL, _FAULTS, _THRESHOLD = register("CONTROL"), register("FAULTS"), register("THRESHOLD")
_IRQ_ENABLE, _IRQ_STATUS, _STATUS, _META = (
    register("IRQ_ENABLE"),
    register("IRQ_STATUS"),
    register("STATUS"),
    register("META"),
)
_RUN, _SOFT_RESET, _LOCK = (_CONTROL.field(name).mask for name in ("run", "soft_reset", "lock"))
_FRAME, _FAULT = (_IRQ_STATUS.field(name).mask for name in ("frame", "fault"))
_FAULT_MASK = sum(field.mask for field in _FAULTS.fields if field.access is Access.W1C)
_COUNTERS = ("FRAMES_IN", "FRAMES_OUT", "FRAMES_BLACK", "FACES", "DROPPED")


class ModelRegisters:
    """State of the register map."""

    def __init__(self, config: CameraConfig, *, build_id: str) -> None:
        """Takes the design's sizes and its build id, 32 hex digits."""
        self._built = config.threshold
        self._constants = {
            register("ID").offset: CAMERA_ID,
            register("VERSION").offset: INTERFACE_VERSION[0] << 16 | INTERFACE_VERSION[1],
            register("GEOMETRY").offset: config.width | config.height << 16,
            register("LIMITS").offset: config.max_faces | config.buffers << 8 | config.crop_size << 16,
            **{register("BUILD_ID").offset + 4 * k: int(build_id, 16) >> 32 * k & 0xFFFF_FFFF for k in range(4)},
        }
        self._counts = dict.fromkeys(_COUNTERS, 0)
        self._offsets = {register(name).offset: name for name in _COUNTERS}
        self._meta = [0] * (metadata_bits(config.max_faces) // 32)
        self._max_faces = config.max_faces
        self.run = self._locked = False
        self.threshold = config.threshold
        self._faults = self._irq_enable = self._irq_status = 0

    @property
    def irq(self) -> bool:
        """Level of the interrupt line."""
        return bool(self._irq_status & self._irq_enable)

    def read(self, offset: int, *, status: int) -> int:
        """Returns the word at a byte offset.

        Args:
            offset: byte offset.
            status: the word of `STATUS`, which is not kept here.
        """
        word = (offset - _META.offset) // 4
        if 0 <= word < len(self._meta):
            return self._meta[word]
        if offset in self._offsets:
            return self._counts[self._offsets[offset]]
        values = {
            _CONTROL.offset: self.run * _RUN | self._locked * _LOCK,
            _STATUS.offset: status,
            _FAULTS.offset: self._faults,
            _IRQ_ENABLE.offset: self._irq_enable,
            _IRQ_STATUS.offset: self._irq_status,
            _THRESHOLD.offset: self.threshold | self._built << 8,
        }
        return values.get(offset, self._constants.get(offset, 0))

    def write(self, offset: int, value: int) -> bool:
        """Writes the word at a byte offset; returns whether that is a soft reset."""
        if offset == _CONTROL.offset:
            reset = bool(value & _SOFT_RESET)
            self.run = bool(value & _RUN) and not reset
            self._locked = self._locked or bool(value & _LOCK)
            if reset:
                self._faults = self._irq_status = 0
            return reset
        if offset == _THRESHOLD.offset and not self._locked:
            self.threshold = min(value & 0xFF, self._built)
        elif offset == _IRQ_ENABLE.offset:
            self._irq_enable = value & (_FRAME | _FAULT)
        elif offset == _IRQ_STATUS.offset:
            self._irq_status &= ~value
        elif offset == _FAULTS.offset:
            self._faults &= ~value
        return False

    def count(self, name: str, amount: int = 1) -> None:
        """Adds to a counter."""
        self._counts[name] = (self._counts[name] + amount) & 0xFFFF_FFFF

    def note(self, fault: Fault) -> None:
        """Notes that the fate of a frame is decided."""
        if bits := 1 << fault & _FAULT_MASK:
            self._faults |= bits
            self._irq_status |= _FAULT

    def deliver(self, frame: AnonymisedFrame) -> None:
        """Notes that a frame was delivered."""
        self.count("FRAMES_OUT")
        self.count("FRAMES_BLACK", int(frame.fault is not Fault.NONE))
        self.count("FACES", len(frame.boxes))
        self._meta = pack_metadata(Metadata.of(frame), max_faces=self._max_faces).view("<u4").astype(np.int64).tolist()
        self._irq_status |= _FRAME
