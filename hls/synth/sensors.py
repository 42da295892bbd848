"""What stands before the camera on each board: how video comes in, in which mode, over which pins.

Nothing here has a register that software could reach: the HDMI receiver announces its modes itself, the MIPI receiver
runs with its built-in settings, and the camera writes the sensor's settings itself. Pins are those of the boards'
published constraint files: PYNQ's base overlays (PYNQ-Z2, KV260) and the reference design of Opsero's RPi Camera FMC,
camera port 0 (ZCU104).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hw_anon.core.boards import get_board
from hw_anon.core.errors import ConfigError
from hw_anon.core.sensor import BayerOrder

__all__ = ["CHAINS", "MODES", "Chain", "MipiLane", "SensorMode", "get_chain", "get_mode"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SensorMode:
    """Timing of a video mode."""

    name: str
    """Its name on the command line."""
    source: Literal["hdmi", "mipi"]
    """Kind of chain that has it."""
    width: int
    """Columns."""
    height: int
    """Rows."""
    total_width: int
    """Columns with horizontal blanking."""
    total_height: int
    """Rows with vertical blanking."""
    frames_per_s: float
    """Frames per second."""

    @property
    def sample_mhz(self) -> float:
        """Samples per microsecond, blanking included."""
        return self.total_width * self.total_height * self.frames_per_s / 1e6


MODES: tuple[SensorMode, ...] = (
    # CEA-861: 74.25 MHz.
    SensorMode(
        name="hdmi-720p60", source="hdmi", width=1280, height=720, total_width=1650, total_height=750, frames_per_s=60.0
    ),
    # OV5640 as PYNQ's driver sets it up: registers 0x380C to 0x380F.
    SensorMode(
        name="ov5640-1080p30", source="mipi", width=1920, height=1080, total_width=2500, total_height=1120,
        frames_per_s=30.0,
    ),
    SensorMode(
        name="ov5640-720p60", source="mipi", width=1280, height=720, total_width=1896, total_height=984,
        frames_per_s=60.0,
    ),
)  # fmt: skip
"""The modes, each kind's default first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MipiLane:
    """Where a lane's positive wire comes in."""

    pin: str
    """Pin of the package."""
    site: str
    """Name of the pin's site, as the receiver's settings want it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chain:
    """What one board has before the camera."""

    board: str
    """The board."""
    source: Literal["hdmi", "mipi"]
    """How video comes in."""
    bayer: BayerOrder
    """Order of the sensor's colour filters."""
    pins: tuple[tuple[str, str, str], ...]
    """Port, pin and I/O standard of every pin that constraints place."""
    lanes: tuple[MipiLane, ...] = ()
    """Clock lane and data lanes of a MIPI receiver, which places its pins itself."""
    bank: int = 0
    """I/O bank of the lanes."""
    properties: tuple[str, ...] = ()
    """Further lines of constraints."""

    @property
    def sample_bits(self) -> int:
        """Bits of a beat at the camera's input."""
        return 24 if self.source == "hdmi" else 8


def _differential(name: str, positive: str, negative: str) -> tuple[tuple[str, str, str], ...]:
    split = name.partition("[")
    return tuple(
        (f"{split[0]}_{side}{split[1]}{split[2]}", pin, "TMDS_33") for side, pin in (("p", positive), ("n", negative))
    )


_TERMINATION = tuple(
    f"set_property DIFF_TERM_ADV TERM_100 [get_ports {{mipi_phy_if_{wire}_{side}{index}}}]"
    for wire, index in (("clk", ""), ("data", "[*]"))
    for side in "pn"
)

CHAINS: dict[str, Chain] = {
    "pynq-z2": Chain(
        board="pynq-z2",
        source="hdmi",
        bayer="none",
        pins=(
            *_differential("hdmi_in_clk", "N18", "P19"),
            *_differential("hdmi_in_data[0]", "V20", "W20"),
            *_differential("hdmi_in_data[1]", "T20", "U20"),
            *_differential("hdmi_in_data[2]", "N20", "P20"),
            ("hdmi_in_hpd", "T19", "LVCMOS33"),
            ("hdmi_in_ddc_scl_io", "U14", "LVCMOS33"),
            ("hdmi_in_ddc_sda_io", "U15", "LVCMOS33"),
        ),
        # 720p60, the only mode that is announced.
        properties=("create_clock -name hdmi_in -period 13.468 [get_ports hdmi_in_clk_p]",),
    ),
    "kv260": Chain(
        board="kv260",
        source="mipi",
        bayer="bggr",
        pins=(
            ("iic_scl_io", "G11", "LVCMOS33"),
            ("iic_sda_io", "F10", "LVCMOS33"),
            ("sensor_enable", "F11", "LVCMOS33"),
        ),
        lanes=(
            MipiLane(pin="D7", site="IO_L13P_T2L_N0_GC_QBC_66"),
            MipiLane(pin="E5", site="IO_L14P_T2L_N2_GC_66"),
            MipiLane(pin="G6", site="IO_L15P_T2L_N4_AD11P_66"),
        ),
        bank=66,
        properties=_TERMINATION,
    ),
    "zcu104": Chain(
        board="zcu104",
        source="mipi",
        bayer="bggr",
        pins=(
            ("iic_scl_io", "K18", "LVCMOS12"),
            ("iic_sda_io", "K19", "LVCMOS12"),
            ("sensor_enable", "F18", "LVCMOS12"),
        ),
        lanes=(
            MipiLane(pin="F17", site="IO_L13P_T2L_N0_GC_QBC_67"),
            MipiLane(pin="H19", site="IO_L15P_T2L_N4_AD11P_67"),
            MipiLane(pin="L20", site="IO_L19P_T3L_N0_DBC_AD9P_67"),
        ),
        bank=67,
        properties=_TERMINATION,
    ),
}
"""The chains, by board."""


def get_chain(board: str) -> Chain:
    """Returns what stands before the camera on a board.

    Raises:
        ConfigError: if the board is unknown, or has no chain.
    """
    name = get_board(board).name
    if name not in CHAINS:
        raise ConfigError(
            f"{name} has no sensor chain: describe one in hls/synth/sensors.py; there are {', '.join(CHAINS)}"
        )
    return CHAINS[name]


def get_mode(name: str | None, chain: Chain) -> SensorMode:
    """Returns a mode of a chain, its default if no name is given.

    Raises:
        ConfigError: if the chain has no such mode.
    """
    modes = [mode for mode in MODES if mode.source == chain.source]
    for mode in modes:
        if name in (None, mode.name):
            return mode
    raise ConfigError(f"{chain.board} has no video mode {name!r}; its modes: {', '.join(mode.name for mode in modes)}")
