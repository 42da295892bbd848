"""The register map is well formed, and its accessors do what the map says, on a model that obeys its access rules."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hw_anon.core.boxes import Box
from hw_anon.core.errors import ConfigError, DeviceError
from hw_anon.core.frame import Fault
from hw_anon.core.metadata import Metadata, pack_metadata
from hw_anon.core.register_access import CameraRegisters, CameraStatus, Geometry
from hw_anon.core.registers import ADDRESS_BITS, CAMERA_ID, REGISTERS, Access, Field, Register, check_map, register

BUILD_ID = "00112233445566778899aabbccddeeff"
BUILT_THRESHOLD = 90


class ModelCamera:
    """A word memory with the access rules of the map, as `control_status` has them."""

    def __init__(self) -> None:
        self.words = {reg.offset + 4 * k: 0 for reg in REGISTERS for k in range(reg.words)}
        self.resets = 0
        self.set("ID", id=CAMERA_ID)
        self.set("VERSION", major=1, minor=1)
        self.set("GEOMETRY", width=320, height=240)
        self.set("LIMITS", max_faces=4, buffers=1, crop_size=64)
        self.set("THRESHOLD", value=BUILT_THRESHOLD, built=BUILT_THRESHOLD)
        for k in range(4):
            self.words[register("BUILD_ID").offset + 4 * k] = int(BUILD_ID, 16) >> 32 * k & 0xFFFFFFFF

    def set(self, name: str, **values: int) -> None:
        reg = register(name)
        self.words[reg.offset] = sum(reg.field(field).insert(value) for field, value in values.items())

    def read32(self, offset: int) -> int:
        return self.words.get(offset, 0)

    def write32(self, offset: int, word: int) -> None:
        assert 0 <= word < 1 << 32
        reg = next((r for r in REGISTERS if r.offset <= offset < r.end), None)
        if reg is None:
            return
        locked = self.words[register("CONTROL").offset] >> 31
        old = self.words[offset]
        for field in reg.fields:
            value = field.extract(word)
            if reg.name == "THRESHOLD":
                if field.name == "value" and not locked:
                    old = old & ~field.mask | min(value, BUILT_THRESHOLD)
            elif field.access is Access.RW:
                old = old & ~field.mask | field.insert(value)
            elif field.access is Access.W1C:
                old &= ~(word & field.mask)
            elif field.access is Access.W1S:
                old |= word & field.mask
            elif field.access is Access.PULSE:
                self.resets += value
        self.words[offset] = old


@pytest.fixture
def model() -> ModelCamera:
    return ModelCamera()


@pytest.fixture
def camera(model: ModelCamera) -> CameraRegisters:
    return CameraRegisters(read32=model.read32, write32=model.write32)


def test_the_map_is_well_formed() -> None:
    check_map(REGISTERS)
    assert REGISTERS[-1].end <= 1 << ADDRESS_BITS
    assert all(reg.doc.endswith(".") and all(f.doc.endswith(".") for f in reg.fields) for reg in REGISTERS)


def test_software_writes_only_what_is_meant() -> None:
    """A new writable field must be thought about: this list is part of property P3."""
    writable = {(reg.name, f.name) for reg in REGISTERS for f in reg.fields if f.access is not Access.RO}
    faults = {("FAULTS", fault.name.lower()) for fault in Fault if fault is not Fault.NONE}
    assert writable == faults | {
        ("CONTROL", "run"),
        ("CONTROL", "soft_reset"),
        ("CONTROL", "lock"),
        ("IRQ_ENABLE", "frame"),
        ("IRQ_ENABLE", "fault"),
        ("IRQ_STATUS", "frame"),
        ("IRQ_STATUS", "fault"),
        ("THRESHOLD", "value"),
    }


FIELD = Field(name="a", lsb=0, width=8, access=Access.RO, doc="A.")
ONE = Register(name="ONE", offset=0, fields=(FIELD,), doc="One.")


@pytest.mark.parametrize(
    ("registers", "message"),
    [
        ((ONE, replace(ONE, name="TWO")), "TWO: offset 0x0"),
        ((replace(ONE, offset=2),), "ONE: offset 0x2"),
        ((replace(ONE, words=2), replace(ONE, name="TWO", offset=4)), "TWO: offset 0x4"),
        ((replace(ONE, offset=4092, words=2),), "too high"),
        ((ONE, replace(ONE, offset=4)), "defined twice"),
        ((replace(ONE, fields=(FIELD, replace(FIELD, name="b", lsb=7))),), "field b overlaps"),
        ((replace(ONE, fields=(replace(FIELD, lsb=25),)),), "leaves the word"),
        ((replace(ONE, fields=(replace(FIELD, width=0),)),), "leaves the word"),
        ((replace(ONE, fields=(FIELD, replace(FIELD, lsb=8))),), "used twice"),
    ],
)
def test_a_malformed_map_is_refused(registers: tuple[Register, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_map(registers)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ConfigError, match="no register is called 'BYPASS'"):
        register("BYPASS")
    with pytest.raises(ConfigError, match="has no field 'bypass'"):
        register("CONTROL").field("bypass")


def test_identity(camera: CameraRegisters, model: ModelCamera) -> None:
    camera.require(build_id=BUILD_ID.upper())
    camera.require()
    assert camera.build_id == BUILD_ID
    assert camera.geometry == Geometry(width=320, height=240, max_faces=4, buffers=1, crop_size=64)
    with pytest.raises(DeviceError, match=f"runs build {BUILD_ID}"):
        camera.require(build_id="f" * 32)
    model.set("VERSION", major=2)
    with pytest.raises(DeviceError, match="register map 2.0"):
        camera.require()
    model.set("ID", id=0xFFFFFFFF)
    with pytest.raises(DeviceError, match="ID is 0xffffffff"):
        camera.require()


def test_run_lock_and_reset_do_not_disturb_each_other(camera: CameraRegisters, model: ModelCamera) -> None:
    camera.start()
    camera.lock()
    model.set("STATUS", running=1, delivering=1, key_ready=1)
    assert camera.status == CameraStatus(
        running=True, capturing=False, processing=False, delivering=True, key_ready=True, locked=True
    )
    assert model.words[register("CONTROL").offset] == 1 << 31 | 1
    camera.stop()
    assert model.words[register("CONTROL").offset] == 1 << 31
    assert model.resets == 0
    camera.soft_reset()
    assert model.resets == 1


def test_threshold_only_gets_more_sensitive(camera: CameraRegisters) -> None:
    assert camera.threshold == camera.built_threshold == BUILT_THRESHOLD
    assert camera.set_threshold(200) == BUILT_THRESHOLD
    assert camera.set_threshold(30) == 30
    camera.lock()
    assert camera.set_threshold(60) == 30
    with pytest.raises(ConfigError, match="value = 256"):
        camera.set_threshold(256)


def test_faults_and_interrupts_are_cleared_one_by_one(camera: CameraRegisters, model: ModelCamera) -> None:
    model.words[register("FAULTS").offset] = 1 << Fault.OVERRUN | 1 << Fault.RESET | 1 << Fault.SHORT_LINE
    assert camera.faults == {Fault.OVERRUN, Fault.RESET, Fault.SHORT_LINE}
    camera.clear_faults(Fault.OVERRUN)
    assert camera.faults == {Fault.RESET, Fault.SHORT_LINE}
    camera.clear_faults()
    assert camera.faults == frozenset()
    model.set("IRQ_STATUS", fault=1)
    assert camera.take_interrupts() == (False, True)
    assert camera.take_interrupts() == (False, False)
    camera.enable_interrupts(frame=True, fault=False)
    assert model.words[register("IRQ_ENABLE").offset] == 1


def test_counters(camera: CameraRegisters, model: ModelCamera) -> None:
    for value, name in enumerate(("FRAMES_IN", "FRAMES_OUT", "FRAMES_BLACK", "FACES", "DROPPED"), start=7):
        model.words[register(name).offset] = value
    counters = camera.counters
    found = (counters.frames_in, counters.frames_out, counters.frames_black, counters.faces, counters.dropped)
    assert found == (7, 8, 9, 10, 11)


def _store(model: ModelCamera, metadata: Metadata) -> None:
    for k, word in enumerate(pack_metadata(metadata, max_faces=4).view("<u4")):
        model.words[register("META").offset + 4 * k] = int(word)


def test_metadata_is_read_whole(camera: CameraRegisters, model: ModelCamera) -> None:
    with pytest.raises(DeviceError, match="no frame delivered yet"):
        camera.metadata()
    last = Metadata(number=9, boxes=(Box(x=1, y=2, width=30, height=40),))
    _store(model, last)
    assert camera.metadata() == last


def test_a_torn_read_is_repeated(model: ModelCamera) -> None:
    old, new = Metadata(number=1, fault=Fault.OVERRUN), Metadata(number=2, boxes=(Box(x=8, y=8, width=9, height=9),))
    _store(model, old)
    reads = 0

    def read32(offset: int) -> int:
        nonlocal reads
        reads += 1
        if reads == 5:
            _store(model, new)
        return model.read32(offset)

    camera = CameraRegisters(read32=read32, write32=model.write32)
    assert camera.metadata() == new


def test_metadata_that_never_rests_is_an_error(model: ModelCamera) -> None:
    number = iter(range(1, 1000))

    def read32(offset: int) -> int:
        _store(model, Metadata(number=next(number)))
        return model.read32(offset)

    with pytest.raises(DeviceError, match="changed during every attempt"):
        CameraRegisters(read32=read32, write32=model.write32).metadata()


def test_numpy_integers_are_written_as_python_integers(model: ModelCamera) -> None:
    def write32(offset: int, word: int) -> None:
        assert type(word) is int, "pynq's MMIO refuses numpy integers"
        model.write32(offset, word)

    camera = CameraRegisters(read32=lambda offset: np.uint32(model.read32(offset)), write32=write32)
    assert camera.set_threshold(np.int64(7)) == 7
