"""The block design around the camera, per board: what the vendor build makes, the `.hwh` says and the driver finds.

    processing system ── general-purpose master ──► camera_0, axi_vdma_0, axi_intc_0 (AXI4-Lite)
    sensor chain ──► camera_0 ── 24-bit AXI4-Stream ──► axi_vdma_0 (S2MM) ──► memory port of the processing system
    camera_0 interrupt, axi_vdma_0 s2mm_introut ──► xlconcat_0 ──► axi_intc_0 ──► interrupt 0 of the processing system

The VDMA has no other channel and no other stream than the camera's output, and the sensor chain ends in the camera:
no master port of the design carries raw pixels (P4). It takes `H + 1` lines of `3 * W` bytes, the frame and the line of
its metadata (`hw_anon/core/board_frame.py`), and starts a frame where the camera's `tuser` says.

**Clock.** The processing system gives 100 MHz. Where the design runs faster, a clocking wizard in the programmable
logic multiplies it: 100 MHz divides the I/O PLL of every boot image (1000 MHz on a KV260, 1500 MHz on a ZCU104), while
200 MHz from 1500 MHz would become 214 MHz when PYNQ chooses the nearest divisor.
"""

from __future__ import annotations

from dataclasses import dataclass

from hw_anon.core.boards import BOARDS, Board, get_board
from hw_anon.core.errors import ConfigError
from hw_anon.core.registers import ADDRESS_BITS, INTERFACE_VERSION

__all__ = [
    "CAMERA_VLNV",
    "FRAME_STORES",
    "InterruptLine",
    "Peripheral",
    "Platform",
    "PlatformClock",
    "ProcessingSystem",
    "Window",
    "get_platform",
]

CAMERA_VLNV = f"hw_anon:video:camera:{INTERFACE_VERSION[0]}.{INTERFACE_VERSION[1]}"
"""Identity of the packaged camera; PYNQ binds the driver to it."""
FRAME_STORES = 4
"""Frames in the VDMA's ring: one being written, one just finished, and two that software may be exchanging."""
_LEAST_STORES, _MOST_STORES = 3, 16
_VDMA_SIZE = _INTC_SIZE = 0x1_0000
_PS_CLOCK_MHZ = 100.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """A range of physical addresses."""

    base: int
    """First address."""
    size: int
    """Bytes, a power of two."""

    @property
    def last(self) -> int:
        """Last address."""
        return self.base + self.size - 1

    def holds(self, address: int, length: int = 1) -> bool:
        """Whether `length` bytes from `address` on are inside."""
        return self.base <= address and address + length <= self.base + self.size


@dataclass(frozen=True, kw_only=True, slots=True)
class Peripheral:
    """A block of the programmable logic with registers."""

    instance: str
    """Name in the block design."""
    vlnv: str
    """Vendor, library, name and version of the block."""
    interface: str
    """Its AXI4-Lite port."""
    window: Window
    """Where its registers are."""
    parameters: tuple[tuple[str, str], ...] = ()
    """Settings as the vendor's tools record them, in order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InterruptLine:
    """One input of the interrupt controller."""

    index: int
    """Bit in the controller's registers."""
    instance: str
    """Block that drives it."""
    port: str
    """The block's port; active high, by level."""

    @property
    def pin(self) -> str:
        """Full name, the key in PYNQ's `interrupt_pins`."""
        return f"{self.instance}/{self.port}"


@dataclass(frozen=True, kw_only=True, slots=True)
class PlatformClock:
    """The one clock of the programmable logic."""

    ps_mhz: float
    """What the processing system gives, in MHz."""
    design_mhz: float
    """What camera, VDMA and interrupt controller run at, in MHz."""
    pll_mhz: float
    """I/O PLL from which the processing system divides it, in MHz."""

    @property
    def wizard(self) -> bool:
        """Whether a clocking wizard stands between the two."""
        return self.ps_mhz != self.design_mhz

    @property
    def divisors(self) -> tuple[int, int]:
        """The processing system's two dividers."""
        ratio = round(self.pll_mhz / self.ps_mhz)
        for second in range(1, 64):
            if ratio % second == 0 and ratio // second < 64:
                return ratio // second, second
        raise ConfigError(f"no dividers for {self.ps_mhz:g} MHz from {self.pll_mhz:g} MHz")


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessingSystem:
    """The hardened processors and their ports to the programmable logic."""

    instance: str
    """Name in the block design."""
    kind: str
    """Name of the vendor's block, by which PYNQ knows the family."""
    vlnv: str
    """Vendor, library, name and version of the block."""
    arch: str
    """Architecture as Linux calls it: `armv7l` or `aarch64`."""
    register_port: str
    """Master port to the peripherals' registers."""
    memory_port: str
    """Slave port to the memory."""
    interrupt_port: str
    """Interrupt input."""
    interrupt: int
    """Number of the first line of that input at the interrupt controller of the processors."""
    memory: Window
    """Memory that the VDMA reaches; all of it below 4 GiB."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Platform:
    """The block design of one board."""

    board: Board
    """The board."""
    ps: ProcessingSystem
    """Its processing system."""
    clock: PlatformClock
    """The clock of the programmable logic."""
    camera: Peripheral
    """The camera."""
    vdma: Peripheral
    """The video DMA from the camera to memory."""
    intc: Peripheral
    """The interrupt controller."""
    interrupts: tuple[InterruptLine, ...]
    """Its inputs."""
    frame_stores: int
    """Frames in the VDMA's ring."""

    @property
    def peripherals(self) -> tuple[Peripheral, ...]:
        """Every block with registers, in the order of their description."""
        return (self.camera, self.vdma, self.intc)

    def interrupt(self, peripheral: Peripheral) -> InterruptLine:
        """Returns the line that a block drives.

        Raises:
            ConfigError: if it drives none.
        """
        for line in self.interrupts:
            if line.instance == peripheral.instance:
                return line
        raise ConfigError(f"{peripheral.instance} drives no interrupt")


_ZYNQ_7000 = ProcessingSystem(
    instance="processing_system7_0",
    kind="processing_system7",
    vlnv="xilinx.com:ip:processing_system7:5.5",
    arch="armv7l",
    register_port="M_AXI_GP0",
    memory_port="S_AXI_HP0",
    interrupt_port="IRQ_F2P",
    interrupt=61,
    memory=Window(base=0, size=512 << 20),
)


def _ultrascale(memory: int) -> ProcessingSystem:
    return ProcessingSystem(
        instance="zynq_ultra_ps_e_0",
        kind="zynq_ultra_ps_e",
        vlnv="xilinx.com:ip:zynq_ultra_ps_e:3.5",
        arch="aarch64",
        register_port="M_AXI_HPM0_FPD",
        memory_port="S_AXI_HP0_FPD",
        interrupt_port="pl_ps_irq0",
        interrupt=121,
        memory=Window(base=0, size=memory),
    )


_SYSTEMS: dict[str, tuple[ProcessingSystem, float, tuple[int, int, int]]] = {
    "pynq-z2": (_ZYNQ_7000, 1000.0, (0x43C0_0000, 0x4300_0000, 0x4180_0000)),
    "kv260": (_ultrascale(2 << 30), 1000.0, (0xA002_0000, 0xA000_0000, 0xA001_0000)),
    "zcu104": (_ultrascale(2 << 30), 1500.0, (0xA002_0000, 0xA000_0000, 0xA001_0000)),
}
"""Processing system, its I/O PLL in MHz, and the bases of camera, VDMA and interrupt controller, by board."""


def get_platform(board: str, *, clk_mhz: float | None = None, frame_stores: int = FRAME_STORES) -> Platform:
    """Returns the block design of a board.

    Args:
        board: name, device or part.
        clk_mhz: clock of the design; the board's default if not given.
        frame_stores: frames in the VDMA's ring.

    Raises:
        ConfigError: if the board is unknown, or the ring is shorter or longer than allowed.
    """
    target = get_board(board)
    if not _LEAST_STORES <= frame_stores <= _MOST_STORES:
        raise ConfigError(f"{frame_stores} frame stores: allowed are {_LEAST_STORES} to {_MOST_STORES}")
    ps, pll_mhz, (camera, vdma, intc) = _SYSTEMS[target.name]
    return Platform(
        board=target,
        ps=ps,
        clock=PlatformClock(ps_mhz=_PS_CLOCK_MHZ, design_mhz=clk_mhz or target.clk_mhz, pll_mhz=pll_mhz),
        camera=Peripheral(
            instance="camera_0",
            vlnv=CAMERA_VLNV,
            interface="s_axi",
            window=Window(base=camera, size=1 << ADDRESS_BITS),
        ),
        vdma=_vdma(vdma, frame_stores),
        intc=Peripheral(
            instance="axi_intc_0",
            vlnv="xilinx.com:ip:axi_intc:4.1",
            interface="s_axi",
            window=Window(base=intc, size=_INTC_SIZE),
            # The kind of each input: 0 in C_KIND_OF_INTR is a level, as both sources hold theirs until cleared.
            parameters=(("C_NUM_INTR_INPUTS", "2"), ("C_KIND_OF_INTR", "0xfffffffc"), ("C_IRQ_CONNECTION", "1")),
        ),
        interrupts=(
            InterruptLine(index=0, instance="camera_0", port="irq_o"),
            InterruptLine(index=1, instance="axi_vdma_0", port="s2mm_introut"),
        ),
        frame_stores=frame_stores,
    )


def _vdma(base: int, frame_stores: int) -> Peripheral:
    """Returns the video DMA: memory-writing channel only, frames begun by `tuser`, buffers at any byte address."""
    parameters = {
        "C_INCLUDE_SG": "0",
        "C_INCLUDE_MM2S": "0",
        "C_INCLUDE_S2MM": "1",
        "C_INCLUDE_S2MM_DRE": "1",
        "C_NUM_FSTORES": str(frame_stores),
        "C_ADDR_WIDTH": "32",
        "C_M_AXI_S2MM_ADDR_WIDTH": "32",
        "C_M_AXI_MM2S_ADDR_WIDTH": "32",
        "C_M_AXI_S2MM_DATA_WIDTH": "64",
        "C_S_AXIS_S2MM_TDATA_WIDTH": "24",
        "C_S2MM_GENLOCK_MODE": "0",
        "C_S2MM_LINEBUFFER_DEPTH": "2048",
        "C_S2MM_MAX_BURST_LENGTH": "16",
        "C_USE_S2MM_FSYNC": "2",
        "C_FLUSH_ON_FSYNC": "1",
        "C_DYNAMIC_RESOLUTION": "1",
    }
    return Peripheral(
        instance="axi_vdma_0",
        vlnv="xilinx.com:ip:axi_vdma:6.3",
        interface="S_AXI_LITE",
        window=Window(base=base, size=_VDMA_SIZE),
        parameters=tuple(parameters.items()),
    )


assert set(_SYSTEMS) == set(BOARDS), "every board has a platform"
