"""The hardware handoff: stable bytes, complete registers, and what PYNQ's own parser makes of it.

`python tests/core/test_hwh.py` rewrites the golden files.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from hw_anon.core.boards import BOARDS
from hw_anon.core.hwh import render_hwh
from hw_anon.core.platform import CAMERA_VLNV, Platform, get_platform
from hw_anon.core.registers import REGISTERS, register

GOLDEN = Path(__file__).parent / "golden"
SHOWN = tuple(register(name) for name in ("ID", "BUILD_ID", "CONTROL"))
"""Registers in the golden files: an array, and fields of several accesses. All others are rendered the same way."""


def _golden(board: str) -> str:
    return render_hwh(get_platform(board), SHOWN)


@pytest.mark.parametrize("board", BOARDS)
def test_bytes_are_the_golden_ones(board: str) -> None:
    assert _golden(board) == (GOLDEN / f"{board}.hwh").read_text(encoding="utf-8")


def test_every_word_of_the_map_is_in_the_file() -> None:
    root = ET.fromstring(render_hwh(get_platform("kv260")))
    found = {node.get("NAME"): node for node in root.iter("REGISTER")}
    assert len(found) == sum(reg.words for reg in REGISTERS)
    offsets = {
        int(prop.get("VALUE", ""), 16)
        for node in found.values()
        for prop in node.findall("PROPERTY")
        if prop.get("NAME") == "ADDRESS_OFFSET"
    }
    assert offsets == {reg.offset + 4 * word for reg in REGISTERS for word in range(reg.words)}


def _parsed(platform: Platform, directory: Path) -> Any:
    frontends = pytest.importorskip("pynqmetadata.frontends", reason="missing: pynqmetadata")
    from pynqmetadata.views.runtime import RuntimeMetadataParser

    path = directory / "design.hwh"
    path.write_text(render_hwh(platform), encoding="utf-8")
    return RuntimeMetadataParser(frontends.Metadata(input=str(path)))


@pytest.mark.board
@pytest.mark.parametrize("board", BOARDS)
def test_pynq_finds_the_blocks(board: str, tmp_path: Path) -> None:
    platform = get_platform(board)
    parser = _parsed(platform, tmp_path)
    for peripheral in platform.peripherals:
        entry = parser.ip_dict[peripheral.instance]
        window = peripheral.window
        assert (entry["phys_addr"], entry["addr_range"], entry["type"]) == (window.base, window.size, peripheral.vlnv)
    camera = parser.ip_dict["camera_0"]
    assert camera["type"] == CAMERA_VLNV
    control = camera["registers"]["CONTROL"]
    assert control["address_offset"] == register("CONTROL").offset
    assert control["fields"]["LOCK"]["bit_offset"] == 31
    assert parser.ip_dict["axi_vdma_0"]["parameters"]["C_NUM_FSTORES"] == str(platform.frame_stores)


@pytest.mark.board
@pytest.mark.parametrize("board", BOARDS)
def test_pynq_finds_interrupts_and_clock(board: str, tmp_path: Path) -> None:
    platform = get_platform(board)
    parser = _parsed(platform, tmp_path)
    assert parser.interrupt_controllers["axi_intc_0"]["raw_irq"] == platform.ps.interrupt
    for line in platform.interrupts:
        pin = parser.interrupt_pins[line.pin]
        assert (pin["controller"], pin["index"]) == ("axi_intc_0", line.index)
    clocks = parser.clock_dict
    assert [clocks[k]["enable"] for k in range(4)] == [1, 0, 0, 0]
    assert (clocks[0]["divisor0"], clocks[0]["divisor1"]) == platform.clock.divisors
    # pynq 4.0.0 looks for the UltraScale+ name of the frequency on a Zynq-7000 too, which no tool writes there.
    expected = None if platform.ps.kind == "processing_system7" else platform.clock.ps_mhz
    assert clocks[0]["frequency"] == expected


if __name__ == "__main__":
    for name in BOARDS:
        (GOLDEN / f"{name}.hwh").write_text(_golden(name), encoding="utf-8")
