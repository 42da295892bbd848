"""Clock registers of the processing systems: as much of them as `pynq.Clocks` reads and writes."""

from __future__ import annotations

from hw_anon.core.platform import Platform, Window

__all__ = ["clock_registers"]

_ZYNQ_REFERENCE_MHZ, _ULTRASCALE_REFERENCE_MHZ = 50.0, 100 / 3


def clock_registers(platform: Platform) -> list[tuple[Window, dict[int, int]]]:
    """Returns windows of registers with their words by offset, as the boot image leaves them."""
    pll = platform.clock.pll_mhz
    if platform.ps.kind == "processing_system7":
        feedback = round(pll / _ZYNQ_REFERENCE_MHZ)
        # ARM, DDR and I/O PLL; the processors' divider; four clocks of the logic, 10 · 1.
        words = {0x100: 26 << 12, 0x104: 21 << 12, 0x108: feedback << 12, 0x120: 0x1F00_0200}
        words |= {0x170 + 0x10 * k: 1 << 20 | 10 << 8 for k in range(4)}
        return [(Window(base=0xF800_0000, size=0x1000), words)]
    halved = 1 << 16
    feedback = round(2 * pll / _ULTRASCALE_REFERENCE_MHZ)
    words = {0x20: halved | feedback << 8, 0x30: halved | 90 << 8}
    words |= {0xC0 + 4 * k: 1 << 24 | 1 << 16 | 15 << 8 for k in range(4)}
    processors = {0x20: halved | 72 << 8, 0x2C: halved | 64 << 8, 0x38: halved | 90 << 8, 0x60: 1 << 8}
    return [
        (Window(base=0xFF5E_0000, size=0x1000), words),
        (Window(base=0xFD1A_0000, size=0x1000), processors),
    ]
