"""The block design of a board: its platform, the camera, and the sensor's chain before it."""

from __future__ import annotations

from hls.synth.design import BlockDesign, Cell, External, Segment
from hls.synth.sensors import Chain
from hw_anon.core.hwh import DESIGN_NAME
from hw_anon.core.platform import Platform

__all__ = ["ONE", "REFERENCE_MHZ", "make_design"]

REFERENCE_MHZ = 200.0
"""Reference of input delays and of the MIPI receiver."""
ONE, ZERO = "const_one", "const_zero"
_WIZARD, _RESET, _REGISTERS, _MEMORY = "clk_wiz_0", "proc_sys_reset_0", "axi_registers", "axi_memory"
_HDMI, _HDMI_STREAM = "dvi2rgb_0", "v_vid_in_axi4s_0"
_MIPI, _MIPI_STREAM = "mipi_csi2_rx_0", "axis_subset_0"
_TMDS, _IIC = "digilentinc.com:interface:tmds_rtl:1.0", "xilinx.com:interface:iic_rtl:1.0"
_MIPI_LINE_MBPS = 672

_SYSTEM_SETTINGS = {
    "processing_system7": (
        ("PCW_USE_M_AXI_GP0", "1"),
        ("PCW_USE_S_AXI_HP0", "1"),
        ("PCW_S_AXI_HP0_DATA_WIDTH", "64"),
        ("PCW_USE_FABRIC_INTERRUPT", "1"),
        ("PCW_IRQ_F2P_INTR", "1"),
        ("PCW_EN_CLK0_PORT", "1"),
        ("PCW_FPGA0_PERIPHERAL_FREQMHZ", "100"),
    ),
    "zynq_ultra_ps_e": (
        ("PSU__USE__M_AXI_GP0", "1"),
        ("PSU__USE__M_AXI_GP1", "0"),
        ("PSU__USE__M_AXI_GP2", "0"),
        ("PSU__MAXIGP0__DATA_WIDTH", "32"),
        ("PSU__USE__S_AXI_GP2", "1"),
        ("PSU__SAXIGP2__DATA_WIDTH", "64"),
        ("PSU__USE__IRQ0", "1"),
        ("PSU__FPGA_PL0_ENABLE", "1"),
        ("PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ", "100"),
    ),
}
_SYSTEM_PINS = {
    "processing_system7": {
        "clock": "FCLK_CLK0",
        "reset": "FCLK_RESET0_N",
        "clocked": ("M_AXI_GP0_ACLK", "S_AXI_HP0_ACLK"),
        "memory": "S_AXI_HP0/HP0_DDR_LOWOCM",
    },
    "zynq_ultra_ps_e": {
        "clock": "pl_clk0",
        "reset": "pl_resetn0",
        "clocked": ("maxihpm0_fpd_aclk", "saxihp0_fpd_aclk"),
        "memory": "SAXIGP2/HP0_DDR_LOW",
    },
}
_BOARD_PARTS = {"pynq-z2": "*:pynq-z2:*", "kv260": "*:kv260_som:*", "zcu104": "*:zcu104:*"}
_VDMA_SETTINGS = (
    "C_INCLUDE_SG", "C_INCLUDE_MM2S", "C_INCLUDE_S2MM", "C_INCLUDE_S2MM_DRE", "C_NUM_FSTORES", "C_ADDR_WIDTH",
    "C_M_AXI_S2MM_DATA_WIDTH", "C_S2MM_GENLOCK_MODE", "C_S2MM_LINEBUFFER_DEPTH", "C_S2MM_MAX_BURST_LENGTH",
    "C_USE_S2MM_FSYNC",
)  # fmt: skip
"""Of the platform's parameters those that are set; the tools derive the others from what is connected."""
_INTC_SETTINGS = ("C_KIND_OF_INTR", "C_IRQ_CONNECTION")


def make_design(platform: Platform, chain: Chain) -> BlockDesign:
    """Returns the block design of a platform with a sensor's chain."""
    system = platform.ps.instance
    pins = _SYSTEM_PINS[platform.ps.kind]
    memory = f"{system}/{pins['memory']}"
    camera, vdma, intc = (peripheral.instance for peripheral in platform.peripherals)
    cells, streams, nets, externals = _hdmi(camera) if chain.source == "hdmi" else _mipi(camera, chain)
    segments = [
        Segment(space=f"{system}/Data", target=target, base=peripheral.window.base, size=peripheral.window.size)
        for peripheral, target in zip(
            platform.peripherals, (f"{camera}/s_axi/reg0", f"{vdma}/S_AXI_LITE/Reg", f"{intc}/S_AXI/Reg"), strict=True
        )
    ]
    window = platform.ps.memory
    segments.append(Segment(space=f"{vdma}/Data_S2MM", target=memory, base=window.base, size=window.size))
    return BlockDesign(
        name=DESIGN_NAME,
        part=platform.board.part,
        board_parts=_BOARD_PARTS[platform.board.name],
        cells=(*_platform_cells(platform), *cells),
        streams=((f"{camera}/m_axis", f"{vdma}/S_AXIS_S2MM"), *streams),
        buses=(
            (f"{system}/{platform.ps.register_port}", f"{_REGISTERS}/S00_AXI"),
            *(
                (f"{_REGISTERS}/M{k:02d}_AXI", f"{p.instance}/{p.interface}")
                for k, p in enumerate(platform.peripherals)
            ),
            (f"{vdma}/M_AXI_S2MM", f"{_MEMORY}/S00_AXI"),
            (f"{_MEMORY}/M00_AXI", f"{system}/{platform.ps.memory_port}"),
        ),
        nets=_merge((*_platform_nets(platform), *nets)),
        externals=externals,
        segments=tuple(segments),
    )


def _platform_cells(platform: Platform) -> tuple[Cell, ...]:
    """Processing system, camera, video DMA, interrupts, interconnect, clocks and resets."""
    vdma, intc = dict(platform.vdma.parameters), dict(platform.intc.parameters)
    clocks = _clocks(platform)
    wizard = [("PRIM_IN_FREQ", f"{platform.clock.ps_mhz:.3f}"), ("PRIM_SOURCE", "Global_buffer"),
              ("NUM_OUT_CLKS", str(len(clocks)))]  # fmt: skip
    for k, mhz in enumerate(clocks, start=1):
        wizard += [(f"CLKOUT{k}_USED", "true"), (f"CLKOUT{k}_REQUESTED_OUT_FREQ", f"{mhz:.3f}")]
    constants = (("CONST_WIDTH", "1"),)
    return (
        Cell(name=platform.ps.instance, vlnv=platform.ps.vlnv, settings=_SYSTEM_SETTINGS[platform.ps.kind]),
        Cell(name=platform.camera.instance, vlnv=platform.camera.vlnv),
        Cell(
            name=platform.vdma.instance, vlnv=platform.vdma.vlnv,
            settings=tuple((name.lower(), vdma[name]) for name in _VDMA_SETTINGS),
        ),
        Cell(
            name=platform.intc.instance, vlnv=platform.intc.vlnv,
            settings=tuple((name, intc[name]) for name in _INTC_SETTINGS),
        ),
        Cell(
            name="xlconcat_0", vlnv="xilinx.com:ip:xlconcat:2.1",
            settings=(("NUM_PORTS", str(len(platform.interrupts))),),
        ),
        _smartconnect(_REGISTERS, len(platform.peripherals)),
        _smartconnect(_MEMORY, 1),
        Cell(
            name=_WIZARD, vlnv="xilinx.com:ip:clk_wiz:6.0",
            settings=(*wizard, ("USE_RESET", "false"), ("USE_LOCKED", "true")),
        ),
        Cell(name=_RESET, vlnv="xilinx.com:ip:proc_sys_reset:5.0"),
        Cell(name=ONE, vlnv="xilinx.com:ip:xlconstant:1.1", settings=(*constants, ("CONST_VAL", "1"))),
        Cell(name=ZERO, vlnv="xilinx.com:ip:xlconstant:1.1", settings=(*constants, ("CONST_VAL", "0"))),
    )  # fmt: skip


def _smartconnect(name: str, slaves: int) -> Cell:
    settings = (("NUM_SI", "1"), ("NUM_MI", str(slaves)), ("NUM_CLKS", "1"))
    return Cell(name=name, vlnv="xilinx.com:ip:smartconnect:1.0", settings=settings)


def _clocks(platform: Platform) -> tuple[float, ...]:
    """Frequencies that the clocking wizard makes, in MHz: the reference, and the design's if it is neither."""
    mhz = platform.clock.design_mhz
    return (REFERENCE_MHZ,) if not platform.clock.wizard or mhz == REFERENCE_MHZ else (REFERENCE_MHZ, mhz)


def _platform_nets(platform: Platform) -> list[tuple[str, tuple[str, ...]]]:
    """Clocks, resets and interrupts of the platform; the sensor's chain adds to `clock`, `reset` and `reference`."""
    system, pins = platform.ps.instance, _SYSTEM_PINS[platform.ps.kind]
    camera, vdma, intc = (peripheral.instance for peripheral in platform.peripherals)
    fabric = f"{system}/{pins['clock']}"
    clock = fabric if not platform.clock.wizard else f"{_WIZARD}/clk_out{len(_clocks(platform))}"
    return [
        (fabric, (f"{_WIZARD}/clk_in1",)),
        (
            clock,
            (
                *(f"{system}/{pin}" for pin in pins["clocked"]), f"{camera}/clk_i", f"{vdma}/s_axi_lite_aclk",
                f"{vdma}/m_axi_s2mm_aclk", f"{vdma}/s_axis_s2mm_aclk", f"{intc}/s_axi_aclk", f"{_REGISTERS}/aclk",
                f"{_MEMORY}/aclk", f"{_RESET}/slowest_sync_clk", "@clock",
            ),
        ),
        (f"{_WIZARD}/clk_out1", ("@reference",)),
        (f"{_WIZARD}/locked", (f"{_RESET}/dcm_locked",)),
        (f"{system}/{pins['reset']}", (f"{_RESET}/ext_reset_in",)),
        (
            f"{_RESET}/peripheral_aresetn",
            (
                f"{camera}/rst_ni", f"{vdma}/axi_resetn", f"{intc}/s_axi_aresetn", f"{_REGISTERS}/aresetn",
                f"{_MEMORY}/aresetn", "@reset",
            ),
        ),
        *((line.pin, (f"xlconcat_0/In{line.index}",)) for line in platform.interrupts),
        ("xlconcat_0/dout", (f"{intc}/intr",)),
        (f"{intc}/irq", (f"{system}/{platform.ps.interrupt_port}",)),
    ]  # fmt: skip


_Nets = tuple[tuple[str, tuple[str, ...]], ...]
_Parts = tuple[tuple[Cell, ...], tuple[tuple[str, str], ...], _Nets, tuple[External, ...]]


def _hdmi(camera: str) -> _Parts:
    """A receiver that announces 720p60 by itself, and what makes its pixels a stream at the design's clock.

    Its debug cores, which show raw video to whoever has the JTAG cable, are on unless they are switched off.
    """
    receiver = (("kEmulateDDC", "true"), ("kEdidFileName", "dgl_720p_cea.data"), ("kClkRange", "2"),
                ("kAddBUFG", "true"), ("kRstActiveHigh", "false"), ("kDebug", "false"))  # fmt: skip
    cells = (
        Cell(name=_HDMI, vlnv="digilentinc.com:ip:dvi2rgb:2.0", settings=receiver),
        Cell(
            name=_HDMI_STREAM,
            vlnv="xilinx.com:ip:v_vid_in_axi4s:5.0",
            settings=(("C_HAS_ASYNC_CLK", "1"), ("C_ADDR_WIDTH", "12")),
        ),
    )
    nets = (
        ("@reference", (f"{_HDMI}/RefClk",)),
        ("@clock", (f"{_HDMI_STREAM}/aclk",)),
        ("@reset", (f"{_HDMI}/aRst_n", f"{_HDMI_STREAM}/aresetn")),
        (f"{_HDMI}/PixelClk", (f"{_HDMI_STREAM}/vid_io_in_clk",)),
        (f"{ONE}/dout", tuple(f"{_HDMI_STREAM}/{pin}" for pin in ("vid_io_in_ce", "aclken", "axis_enable"))),
        (f"{ZERO}/dout", (f"{_HDMI_STREAM}/vid_io_in_reset",)),
    )
    wires = ("hdmi_in_clk_p", "hdmi_in_clk_n", *(f"hdmi_in_data_{side}[{k}]" for side in "pn" for k in range(3)))
    externals = (
        External(name="hdmi_in", pin=f"{_HDMI}/TMDS", vlnv=_TMDS, ports=wires),
        External(
            name="hdmi_in_ddc", pin=f"{_HDMI}/DDC", vlnv=_IIC, mode="Master",
            ports=("hdmi_in_ddc_scl_io", "hdmi_in_ddc_sda_io"),
        ),
        External(name="hdmi_in_hpd", pin=f"{ONE}/dout", ports=("hdmi_in_hpd",)),
    )  # fmt: skip
    streams = ((f"{_HDMI}/RGB", f"{_HDMI_STREAM}/vid_io_in"), (f"{_HDMI_STREAM}/video_out", f"{camera}/s_axis"))
    return cells, streams, nets, externals


def _mipi(camera: str, chain: Chain) -> _Parts:
    """A two-lane receiver without a register interface to software, and the eight upper bits of its samples."""
    clock, *data = chain.lanes
    receiver = [
        ("CMN_NUM_LANES", str(len(data))), ("CMN_NUM_PIXELS", "1"), ("CMN_PXL_FORMAT", "RAW10"),
        ("CSI_BUF_DEPTH", "4096"), ("C_CSI_FILTER_USERDATATYPE", "true"), ("C_DPHY_LANES", str(len(data))),
        ("C_EN_BG0_PIN0", "false"), ("C_EN_BG1_PIN0", "false"), ("C_HS_LINE_RATE", str(_MIPI_LINE_MBPS)),
        ("C_HS_SETTLE_NS", "149"), ("DPY_EN_REG_IF", "false"), ("DPY_LINE_RATE", str(_MIPI_LINE_MBPS)),
        ("HP_IO_BANK_SELECTION", str(chain.bank)), ("SupportLevel", "1"), ("VFB_TU_WIDTH", "1"),
        ("CLK_LANE_IO_LOC", clock.pin), ("CLK_LANE_IO_LOC_NAME", clock.site),
    ]  # fmt: skip
    for k, lane in enumerate(data):
        receiver += [(f"DATA_LANE{k}_IO_LOC", lane.pin), (f"DATA_LANE{k}_IO_LOC_NAME", lane.site)]
    subset = (
        ("S_TDATA_NUM_BYTES", "2"), ("S_TDEST_WIDTH", "10"), ("S_TUSER_WIDTH", "1"), ("S_HAS_TLAST", "1"),
        ("M_TDATA_NUM_BYTES", "1"), ("M_TDEST_WIDTH", "0"), ("M_TUSER_WIDTH", "1"), ("M_HAS_TLAST", "1"),
        ("TDATA_REMAP", "tdata[9:2]"), ("TUSER_REMAP", "tuser[0:0]"), ("TLAST_REMAP", "tlast[0]"),
    )  # fmt: skip
    cells = (
        Cell(name=_MIPI, vlnv="xilinx.com:ip:mipi_csi2_rx_subsystem:6.0", settings=tuple(receiver)),
        Cell(name=_MIPI_STREAM, vlnv="xilinx.com:ip:axis_subset_converter:1.1", settings=subset),
    )
    nets = (
        ("@reference", (f"{_MIPI}/dphy_clk_200M",)),
        ("@clock", (f"{_MIPI}/video_aclk", f"{_MIPI}/lite_aclk", f"{_MIPI_STREAM}/aclk")),
        ("@reset", (f"{_MIPI}/video_aresetn", f"{_MIPI}/lite_aresetn", f"{_MIPI_STREAM}/aresetn")),
    )
    wires = ("clk_p", "clk_n", *(f"data_{side}[{k}]" for side in "pn" for k in range(len(data))))
    externals = (
        External(
            name="mipi_phy_if", pin=f"{_MIPI}/mipi_phy_if", vlnv="xilinx.com:interface:mipi_phy_rtl:1.0",
            ports=tuple(f"mipi_phy_if_{wire}" for wire in wires),
        ),
        External(name="iic", pin=f"{camera}/iic", vlnv=_IIC, mode="Master", ports=("iic_scl_io", "iic_sda_io")),
        External(name="sensor_enable", pin=f"{ONE}/dout", ports=("sensor_enable",)),
    )  # fmt: skip
    streams = ((f"{_MIPI}/video_out", f"{_MIPI_STREAM}/S_AXIS"), (f"{_MIPI_STREAM}/M_AXIS", f"{camera}/s_axis"))
    return cells, streams, nets, externals


def _merge(nets: tuple[tuple[str, tuple[str, ...]], ...]) -> _Nets:
    """Joins nets of one driver, and what the chain asked for by `@name` with the platform's net that has it."""
    wanted: dict[str, list[str]] = {}
    for driver, sinks in nets:
        if driver.startswith("@"):
            wanted.setdefault(driver, []).extend(sinks)
    merged: dict[str, list[str]] = {}
    for driver, sinks in nets:
        if not driver.startswith("@"):
            named = [pin for sink in sinks for pin in (wanted.get(sink, []) if sink.startswith("@") else [sink])]
            merged.setdefault(driver, []).extend(named)
    return tuple((driver, tuple(sinks)) for driver, sinks in merged.items() if sinks)
