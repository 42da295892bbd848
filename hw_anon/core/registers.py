"""The register map of the camera: the one definition of what software can read and write.

From `REGISTERS` come the SystemVerilog package (`hls/rtl/top/autogen`), the accessors (`register_access`) and the table
in the documentation. Property P3 shows here: software can write nothing but the fields of another access than `RO`,
and of those only `THRESHOLD` bears on a picture; hardware clamps it to the built-in value, so that software can make
the detector more sensitive and never less. No register reaches the pixel path otherwise.

All registers are 32 bits wide at byte offsets that are multiples of 4. Other offsets read 0 and ignore writes. Writes
take effect for whole words only: with a byte strobe missing the write is ignored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from hw_anon.core.errors import ConfigError
from hw_anon.core.frame import Fault
from hw_anon.core.metadata import MOST_FACES

__all__ = [
    "ADDRESS_BITS",
    "CAMERA_ID",
    "INTERFACE_VERSION",
    "REGISTERS",
    "Access",
    "Field",
    "Register",
    "check_map",
    "register",
]

ADDRESS_BITS = 12
"""Bits of a byte offset: the window is 4 KiB, the smallest that operating systems map."""
CAMERA_ID = 0x4E415748
"""First register: "HWAN" in ASCII, first letter in the least significant byte."""
INTERFACE_VERSION = (1, 1)
"""Version of this map: software refuses another major number."""
META_OFFSET = 0x100
"""Byte offset of the last metadata beat."""


class Access(Enum):
    """What software can do with a field."""

    RO = "read"
    """Reads; writes are ignored."""
    RW = "read, write"
    """Reads what was written last (clamped where the field says so)."""
    W1C = "write 1 to clear"
    """Reads; hardware sets bits, writing 1 clears them. Where both happen at once, the bit stays set."""
    W1S = "write 1 to set"
    """Reads; writing 1 sets it, only a reset of the whole chip clears it."""
    PULSE = "write 1 to trigger"
    """Writing 1 triggers the action once; reads 0."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """Some bits of a register."""

    name: str
    """Lower case, unique within its register."""
    lsb: int
    """Lowest bit."""
    width: int
    """Bits, at least 1."""
    access: Access
    """What software can do."""
    doc: str
    """Meaning, one or two sentences."""

    @property
    def mask(self) -> int:
        """The field's bits within the register."""
        return ((1 << self.width) - 1) << self.lsb

    def extract(self, word: int) -> int:
        """Returns the field's value in a register's word."""
        return (word & self.mask) >> self.lsb

    def insert(self, value: int) -> int:
        """Returns the register's word with this field set and all others 0.

        Raises:
            ConfigError: if the value does not fit.
        """
        if not 0 <= value < 1 << self.width:
            raise ConfigError(f"register field {self.name} = {value}: allowed range is 0 to {(1 << self.width) - 1}")
        return value << self.lsb


@dataclass(frozen=True, kw_only=True, slots=True)
class Register:
    """One 32-bit register, or an array of them."""

    name: str
    """Upper case, unique."""
    offset: int
    """Byte offset of the (first) word."""
    fields: tuple[Field, ...]
    """The fields; other bits read 0."""
    doc: str
    """Purpose, one sentence."""
    words: int = 1
    """Words of an array."""

    def field(self, name: str) -> Field:
        """Returns the field called `name`.

        Raises:
            ConfigError: if there is none.
        """
        for field in self.fields:
            if field.name == name:
                return field
        raise ConfigError(f"register {self.name} has no field {name!r}")

    @property
    def end(self) -> int:
        """First byte offset after the register."""
        return self.offset + 4 * self.words


def _word(name: str, access: Access, doc: str) -> tuple[Field, ...]:
    return (Field(name=name, lsb=0, width=32, access=access, doc=doc),)


def _counter(name: str, offset: int, doc: str) -> Register:
    fields = _word("count", Access.RO, "Counts modulo 2^32 from power-up; a soft reset does not clear it.")
    return Register(name=name, offset=offset, fields=fields, doc=doc)


_RO, _RW = Access.RO, Access.RW

REGISTERS: tuple[Register, ...] = (
    Register(
        name="ID",
        offset=0x000,
        fields=_word("id", _RO, f'{CAMERA_ID:#010x}, "HWAN" in ASCII.'),
        doc="Says that this is the camera.",
    ),
    Register(
        name="VERSION",
        offset=0x004,
        fields=(
            Field(name="minor", lsb=0, width=16, access=_RO, doc="Minor version: additions only."),
            Field(name="major", lsb=16, width=16, access=_RO, doc="Major version: software refuses another one."),
        ),
        doc="Version of this register map.",
    ),
    Register(
        name="GEOMETRY",
        offset=0x008,
        fields=(
            Field(name="width", lsb=0, width=16, access=_RO, doc="Columns of a frame."),
            Field(name="height", lsb=16, width=16, access=_RO, doc="Rows of a frame."),
        ),
        doc="Frame size the design was built for.",
    ),
    Register(
        name="LIMITS",
        offset=0x00C,
        fields=(
            Field(name="max_faces", lsb=0, width=8, access=_RO, doc="Faces the design replaces in a frame at most."),
            Field(name="buffers", lsb=8, width=8, access=_RO, doc="Frames stored on the chip."),
            Field(name="crop_size", lsb=16, width=16, access=_RO, doc="Side of the modifier's pictures, in pixels."),
        ),
        doc="Other sizes the design was built for.",
    ),
    Register(
        name="BUILD_ID",
        offset=0x010,
        words=4,
        fields=_word("bits", _RO, "Bits 32k+31…32k of the build id in word k."),
        doc="128-bit build id, compared with the manifest's before the camera is used (P5).",
    ),
    Register(
        name="CONTROL",
        offset=0x020,
        fields=(
            Field(
                name="run",
                lsb=0,
                width=1,
                access=_RW,
                doc="Takes frames in, from the next start of frame on; cleared, a frame under way is finished.",
            ),
            Field(
                name="soft_reset",
                lsb=1,
                width=1,
                access=Access.PULSE,
                doc="Ends every frame that is not yet released, black with fault RESET, resets both accelerators, and "
                "clears `run`, the faults and the interrupts. A released frame is delivered whole.",
            ),
            Field(
                name="lock",
                lsb=31,
                width=1,
                access=Access.W1S,
                doc="Freezes the threshold. Only a reset of the whole chip unlocks.",
            ),
        ),
        doc="What software can order.",
    ),
    Register(
        name="STATUS",
        offset=0x024,
        fields=(
            Field(name="running", lsb=0, width=1, access=_RO, doc="`run`, as the ingress follows it."),
            Field(name="capturing", lsb=1, width=1, access=_RO, doc="A frame is coming in."),
            Field(name="processing", lsb=2, width=1, access=_RO, doc="A frame is being searched or modified."),
            Field(name="delivering", lsb=3, width=1, access=_RO, doc="A frame is going out."),
            Field(
                name="key_ready",
                lsb=4,
                width=1,
                access=_RO,
                doc="The modifier's power-up key is there; without it no frame is taken in. A camera without key "
                "channels reads 1.",
            ),
        ),
        doc="What the camera is doing.",
    ),
    Register(
        name="FAULTS",
        offset=0x028,
        fields=tuple(
            Field(name=fault.name.lower(), lsb=fault, width=1, access=Access.W1C, doc=f"Fault {fault.value} happened.")
            for fault in Fault
            if fault is not Fault.NONE
        ),
        doc="Sticky faults; a fault's code is its bit number.",
    ),
    Register(
        name="IRQ_ENABLE",
        offset=0x02C,
        fields=(
            Field(name="frame", lsb=0, width=1, access=_RW, doc="Interrupt after each delivered frame."),
            Field(name="fault", lsb=1, width=1, access=_RW, doc="Interrupt at each fault."),
        ),
        doc="Which events raise the interrupt line.",
    ),
    Register(
        name="IRQ_STATUS",
        offset=0x030,
        fields=(
            Field(name="frame", lsb=0, width=1, access=Access.W1C, doc="A frame was delivered."),
            Field(name="fault", lsb=1, width=1, access=Access.W1C, doc="A fault happened."),
        ),
        doc="Events since they were cleared; the line is high while an enabled one is set.",
    ),
    Register(
        name="THRESHOLD",
        offset=0x034,
        fields=(
            Field(
                name="value",
                lsb=0,
                width=8,
                access=_RW,
                doc="Scores from here on are faces. A write above `built` stores `built`; ignored while locked. Used "
                "from the next frame on.",
            ),
            Field(name="built", lsb=8, width=8, access=_RO, doc="The built-in threshold: the largest one."),
        ),
        doc="Sensitivity of the face detector: lower finds more.",
    ),
    _counter("FRAMES_IN", 0x040, "Frames that began at the input while running."),
    _counter("FRAMES_OUT", 0x044, "Frames delivered, black ones included."),
    _counter("FRAMES_BLACK", 0x048, "Frames delivered black."),
    _counter("FACES", 0x04C, "Regions replaced in delivered frames."),
    _counter("DROPPED", 0x050, "Frames of which not even a black one was delivered."),
    Register(
        name="META",
        offset=META_OFFSET,
        words=2 * (1 + MOST_FACES),
        fields=_word("bits", _RO, "Bits 32k+31…32k of the beat in word k; 0 beyond the design's MAX_FACES."),
        doc="Metadata beat of the frame delivered last. Word 0, the frame number, read again tells a torn read.",
    ),
)
"""The register map, by rising offset."""


def register(name: str) -> Register:
    """Returns the register called `name`.

    Raises:
        ConfigError: if there is none.
    """
    for candidate in REGISTERS:
        if candidate.name == name:
            return candidate
    raise ConfigError(f"no register is called {name!r}; known: {', '.join(r.name for r in REGISTERS)}")


def check_map(registers: Sequence[Register]) -> None:
    """Checks that a map is well formed: aligned, rising, without overlaps, inside the window.

    Raises:
        ConfigError: naming the register and what is wrong.
    """
    end, names = 0, set[str]()
    for reg in registers:
        if reg.offset % 4 or reg.offset < end or reg.end > 1 << ADDRESS_BITS or reg.words < 1:
            raise ConfigError(f"register {reg.name}: offset {reg.offset:#x} is not aligned, not rising or too high")
        if reg.name in names:
            raise ConfigError(f"register {reg.name} is defined twice")
        end = reg.end
        names.add(reg.name)
        used = 0
        for field in reg.fields:
            if field.width < 1 or field.lsb < 0 or field.mask >= 1 << 32 or field.mask & used:
                raise ConfigError(f"register {reg.name}: field {field.name} overlaps another or leaves the word")
            used |= field.mask
        if len({field.name for field in reg.fields}) != len(reg.fields):
            raise ConfigError(f"register {reg.name}: a field's name is used twice")
