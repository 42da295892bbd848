"""The block design: address map, interrupts, clock; what a VDMA needs of it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from hw_anon.core.boards import BOARDS
from hw_anon.core.errors import ConfigError
from hw_anon.core.platform import FRAME_STORES, Platform, Window, get_platform

BOARD_NAMES = tuple(BOARDS)


@pytest.fixture(params=BOARD_NAMES)
def platform(request: pytest.FixtureRequest) -> Platform:
    """The block design of each board."""
    return get_platform(request.param)


def test_windows_neither_overlap_nor_straddle(platform: Platform) -> None:
    windows = sorted((p.window for p in platform.peripherals), key=lambda window: window.base)
    assert all(low.last < high.base for low, high in pairwise(windows))
    assert all(window.base % window.size == 0 for window in windows)
    assert all(window.base >= platform.ps.memory.size for window in windows), "registers inside the memory"


def test_the_vdma_reaches_memory_below_4_gib_only_and_has_no_reading_channel(platform: Platform) -> None:
    parameters = dict(platform.vdma.parameters)
    assert parameters["C_INCLUDE_MM2S"] == "0"
    assert int(parameters["C_M_AXI_S2MM_ADDR_WIDTH"]) == 32
    assert int(parameters["C_NUM_FSTORES"]) == platform.frame_stores == FRAME_STORES
    assert platform.ps.memory.last < 1 << 32


def test_interrupts_have_their_own_lines(platform: Platform) -> None:
    assert [line.index for line in platform.interrupts] == [0, 1]
    assert platform.interrupt(platform.camera).pin == "camera_0/irq_o"
    assert platform.interrupt(platform.vdma).pin == "axi_vdma_0/s2mm_introut"
    with pytest.raises(ConfigError, match="axi_intc_0 drives no interrupt"):
        platform.interrupt(platform.intc)


def test_the_clock_divides_the_pll_exactly(platform: Platform) -> None:
    first, second = platform.clock.divisors
    assert platform.clock.pll_mhz / first / second == platform.clock.ps_mhz == 100.0
    assert platform.clock.design_mhz == platform.board.clk_mhz
    assert platform.clock.wizard is (platform.board.clk_mhz != 100.0)


def test_a_platform_is_found_by_part_and_can_be_slower() -> None:
    assert get_platform("xck26", clk_mhz=100.0).clock.wizard is False


@pytest.mark.parametrize("stores", [2, 17])
def test_a_ring_of_another_length_is_refused(stores: int) -> None:
    with pytest.raises(ConfigError, match="3 to 16"):
        get_platform("kv260", frame_stores=stores)


def test_window() -> None:
    window = Window(base=0x1000, size=0x100)
    assert window.holds(0x1000, 0x100) and not window.holds(0x1000, 0x101) and not window.holds(0xFFF)
