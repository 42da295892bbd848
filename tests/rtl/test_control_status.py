"""`control_status` behind the same accessors that drive a board: every register does what the map says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from hls.interface import DesignInterface
from hls.sim.simulator import Simulator
from hw_anon.core.boxes import Box
from hw_anon.core.errors import DeviceError
from hw_anon.core.frame import Fault
from hw_anon.core.metadata import Metadata, pack_metadata
from hw_anon.core.register_access import CameraRegisters, CameraStatus, Counters, Geometry
from hw_anon.core.registers import REGISTERS, register
from tests.rtl.harness import assertion_fires, port, seeded, simulator
from tests.rtl.video import BENCHES, bench_sources, video_source

pytestmark = pytest.mark.sim

MAX_FACES, BUILT = 2, 90
META_BYTES = 8 * (1 + MAX_FACES)
READ, WRITE, DATA_LATE, ADDRESS_LATE, EVENTS = range(5)
INTERFACE = DesignInterface(
    top="control_bench",
    inputs=(port("s_command", (10 + META_BYTES,), 8, elements=10 + META_BYTES),),
    outputs=(port("m_answer", (8,), 8, elements=8),),
    clock="clk_i",
    reset_n="rst_ni",
)


@dataclass
class Bus:
    """The simulated registers, one access after the other."""

    design: Simulator
    interrupt: bool = False
    running: bool = False
    resets: int = 0
    threshold: int = BUILT
    write_kind: int = WRITE
    strobes: int = 15
    status: int = 0

    def command(self, kind: int, address: int = 0, data: int = 0, meta: Metadata | None = None) -> int:
        beat = np.zeros(10 + META_BYTES, np.int64)
        beat[:8] = [*data.to_bytes(4, "little"), *address.to_bytes(2, "little"), 0, kind]
        beat[8:10] = self.strobes, self.status
        if meta is not None:
            beat[10:] = pack_metadata(meta, max_faces=MAX_FACES)
        answer = self.design.run(beat[None], max_idle_cycles=100).outputs[0][0]
        self.threshold, self.resets, self.running, self.interrupt = (int(v) for v in answer[4:])
        return int.from_bytes(bytes(answer[:4].tolist()), "little")

    def read32(self, offset: int) -> int:
        return self.command(READ, offset)

    def write32(self, offset: int, word: int) -> None:
        self.command(self.write_kind, offset, word)

    def events(
        self, *faults: Fault, frame_in: bool = False, dropped: bool = False, delivered: Metadata | None = None
    ) -> None:
        flags = frame_in | dropped << 1 | (delivered is not None) << 2
        self.command(EVENTS, flags, sum(1 << fault for fault in faults), delivered)


def _build(cache: Path, replaced: Path | None = None) -> Simulator:
    sources = bench_sources(BENCHES / "control_bench.sv", replaced=replaced)
    return simulator(INTERFACE, cache, parameters={"MaxFaces": MAX_FACES}, sources=sources)


@pytest.fixture
def bus(sim_cache: Path) -> Iterator[Bus]:
    """A camera after power-up."""
    with _build(sim_cache) as design:
        yield Bus(design)


@pytest.fixture
def camera(bus: Bus) -> CameraRegisters:
    return CameraRegisters(read32=bus.read32, write32=bus.write32)


def test_identity(camera: CameraRegisters) -> None:
    camera.require(build_id="00112233445566778899aabbccddeeff")
    assert camera.geometry == Geometry(width=80, height=48, max_faces=MAX_FACES, buffers=1, crop_size=8)
    assert camera.counters == Counters(frames_in=0, frames_out=0, frames_black=0, faces=0, dropped=0)
    with pytest.raises(DeviceError, match="no frame delivered yet"):
        camera.metadata()


def test_run_reset_and_lock(bus: Bus, camera: CameraRegisters) -> None:
    bus.events(Fault.OVERRUN)
    camera.start()
    assert (bus.running, bus.resets) == (True, 0)
    camera.lock()
    bus.status = 0b101
    assert camera.status == CameraStatus(
        running=True, capturing=True, processing=False, delivering=True, key_ready=False, locked=True
    )
    bus.status = 0b1000
    assert camera.status.key_ready
    camera.soft_reset()
    assert (bus.running, bus.resets) == (False, 1)
    assert camera.faults == {Fault.RESET}, "older faults are cleared, the one that the reset makes is kept"
    assert camera.status.locked
    camera.write_fields("CONTROL", run=1, soft_reset=1)
    assert (bus.running, bus.resets) == (False, 2)


@pytest.mark.parametrize("kind", [WRITE, DATA_LATE, ADDRESS_LATE])
def test_threshold_only_gets_more_sensitive(kind: int, bus: Bus, camera: CameraRegisters) -> None:
    bus.write_kind = kind
    assert bus.threshold == camera.threshold == camera.built_threshold == BUILT
    for value, expected in ((255, 90), (91, 90), (30, 30), (0, 0), (90, 90), (128, 90), (17, 17)):
        assert camera.set_threshold(value) == expected
        assert bus.threshold == expected
    camera.lock()
    for value in (3, 90):
        assert camera.set_threshold(value) == bus.threshold == 17
    camera.soft_reset()
    assert camera.set_threshold(90) == 17, "a soft reset does not unlock"


def test_faults_and_interrupts(bus: Bus, camera: CameraRegisters) -> None:
    bus.events(Fault.OVERRUN, Fault.SHORT_LINE)
    bus.events(Fault.TOO_MANY_FACES)
    assert camera.faults == {Fault.OVERRUN, Fault.SHORT_LINE, Fault.TOO_MANY_FACES}
    assert not bus.interrupt
    camera.enable_interrupts(frame=True, fault=False)
    assert not bus.interrupt
    camera.enable_interrupts(frame=False, fault=True)
    assert bus.interrupt
    camera.clear_faults(Fault.OVERRUN)
    assert camera.faults == {Fault.SHORT_LINE, Fault.TOO_MANY_FACES}
    assert camera.take_interrupts() == (False, True)
    assert not bus.interrupt
    bus.events(delivered=Metadata(number=1))
    assert camera.take_interrupts() == (True, False)
    camera.clear_faults()
    assert camera.faults == frozenset()
    for fault in Fault:
        bus.command(EVENTS, 0, 1 << fault)
    assert camera.faults == set(Fault) - {Fault.NONE}


def test_counters_and_metadata(bus: Bus, camera: CameraRegisters) -> None:
    boxes = (Box(x=1, y=2, width=30, height=40), Box(x=8, y=0, width=9, height=10))
    bus.events(frame_in=True)
    bus.events(frame_in=True, dropped=True)
    bus.events(frame_in=True, delivered=Metadata(number=0, boxes=boxes))
    assert camera.metadata() == Metadata(number=0, boxes=boxes)
    bus.events(delivered=Metadata(number=2, boxes=boxes[:1]))
    bus.events(delivered=Metadata(number=3, fault=Fault.OVERRUN))
    assert camera.metadata() == Metadata(number=3, fault=Fault.OVERRUN)
    expected = Counters(frames_in=3, frames_out=3, frames_black=1, faces=3, dropped=1)
    assert camera.counters == expected
    camera.soft_reset()
    assert camera.counters == expected


def test_nothing_else_can_be_written(bus: Bus, camera: CameraRegisters) -> None:
    """All words of the window, all bits: only what the map calls writable changes, and only in whole words."""
    writable = {register(name).offset for name in ("CONTROL", "IRQ_ENABLE", "THRESHOLD")}
    listed = {reg.offset + 4 * k for reg in REGISTERS for k in range(reg.words)}
    offsets = sorted({*listed, *(offset + 4 for offset in listed), 0x3C, 0x7FC, 0xFFC})
    before = {offset: bus.read32(offset) for offset in offsets}
    assert all(before[offset] == 0 for offset in offsets if offset not in listed)
    for strobes in (0, 1, 7, 14):
        bus.strobes = strobes
        for offset in writable:
            bus.write32(offset, 0xFFFFFFFF)
    bus.strobes = 15
    for offset in offsets:
        if offset not in writable:
            bus.write32(offset, 0xFFFFFFFF)
            bus.write32(offset, 0)
    assert {offset: bus.read32(offset) for offset in offsets} == before
    assert (bus.running, bus.resets, bus.threshold) == (False, 0, BUILT)


BUGS = {
    "no_clamp": ("s_axi_wdata[7:0] > Threshold ? Threshold : s_axi_wdata[7:0]", "s_axi_wdata[7:0]", "less sensitive"),
    "no_lock": ("at(ThresholdOffset) && !lock_q", "at(ThresholdOffset)", "the lock gave way"),
    "unlock": ("lock_q <= lock_q || s_axi_wdata", "lock_q <= s_axi_wdata", "the lock gave way"),
    "run_on": ("&& !s_axi_wdata[ControlSoftResetLsb];", ";", "running through a soft reset"),
}


@pytest.mark.parametrize("bug", BUGS)
def test_assertions_catch_seeded_bugs(bug: str, sim_cache: Path, tmp_path: Path) -> None:
    old, new, message = BUGS[bug]
    replaced = seeded(video_source("control_status"), old, new, tmp_path)
    with _build(sim_cache, replaced) as design, assertion_fires(design, message):
        bus = Bus(design)
        camera = CameraRegisters(read32=bus.read32, write32=bus.write32)
        if "lock" in bug:
            camera.lock()
        camera.set_threshold(255 if bug == "no_clamp" else 30)
        camera.start()
        camera.write_fields("CONTROL", run=1, soft_reset=1)
        camera.set_threshold(20)
