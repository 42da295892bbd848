"""What a build reports, as plain records; nothing here knows FINN, HTML or files."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.backend import Link
from hw_anon.core.boards import Board
from hw_anon.core.errors import ConfigError

__all__ = ["BuildReport", "FifoRow", "LayerRow", "Origin", "Pictures", "StageRow"]


class Origin(StrEnum):
    """Where a figure about the hardware comes from: three different things that are never mixed."""

    ESTIMATED = "estimated"
    SIMULATED = "simulated in RTL"
    MEASURED = "measured on a board"


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerRow:
    """One node of the hardware graph."""

    name: str
    """Node name, as in the RTL."""
    op: str
    """Operator type, e.g. `MVAU_rtl`."""
    pe: int | None
    """Processing elements (outputs at once), `None` where the operator has none."""
    simd: int | None
    """Inputs at once, `None` where the operator has none."""
    cycles: int
    """Estimated cycles per face."""
    dsp: int = 0
    """Estimated DSP slices."""
    bram18: int = 0
    """Estimated 18-Kib block RAMs."""
    lut: int = 0
    """Estimated look-up tables."""
    input_datatype: str = ""
    """Datatype of the (first) input stream."""
    output_datatype: str = ""
    """Datatype of the output stream."""
    macs: int = 0
    """Multiply-accumulate operations per face; 0 for operators that only move or compare."""
    packing_limit: float = 0.0
    """Most multiply-accumulates that one DSP slice can do per cycle at this layer's widths; 0 if it uses none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FifoRow:
    """One FIFO."""

    name: str
    """Instance name in the RTL."""
    producer: str
    """Node that writes it, or `input`."""
    consumer: str
    """Node that reads it, or `output`."""
    width_bits: int
    """Width of a beat."""
    depth: int
    """Depth given, in beats."""
    fill: int
    """Highest fill seen in the instrumented simulation, in beats."""
    storage: str
    """What it is made of, e.g. `SRL`, `BRAM`, `registers`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StageRow:
    """One stage of the flow."""

    name: str
    """Stage name."""
    seconds: float
    """Wall time on the build host."""
    nodes: dict[str, int]
    """Nodes by operator type after the stage."""
    changes: tuple[str, ...] = ()
    """What changed against the stage before."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Pictures:
    """Face crops before and after the accelerator."""

    before: NDArray[np.uint8]
    """`[N, H, W, 3]` uint8 RGB."""
    after: NDArray[np.uint8]
    """Same shape."""
    labels: tuple[str, ...]
    """N captions."""
    source: str = "RTL simulation"
    """What computed `after`."""

    def __post_init__(self) -> None:
        """Checks the arrays.

        Raises:
            ConfigError: if they are not two uint8 RGB batches of one shape with a label each.
        """
        images = (self.before, self.after)
        if any(x.dtype != np.uint8 or x.ndim != 4 or x.shape[-1] != 3 for x in images):
            raise ConfigError("pictures must be [N, H, W, 3] uint8")
        if self.before.shape != self.after.shape or len(self.labels) != len(self.before):
            raise ConfigError(
                f"pictures: {list(self.before.shape)} before, {list(self.after.shape)} after, {len(self.labels)} labels"
            )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BuildReport:
    """Everything that the report of one build shows."""

    net: str
    """Name of the network."""
    design_id: str
    """Identity of the build, from its manifest."""
    board: Board
    """Board the build is for."""
    clock_mhz: float
    """Clock of the accelerator."""
    input_shape: tuple[int, int, int]
    """Height, width and channels of a face crop."""
    interval_cycles_rtl: int
    """Steady-state cycles per face in the RTL simulation."""
    interval_cycles_ideal: int
    """The slowest layer's MACs / (PE · SIMD)."""
    latency_cycles: int
    """Cycles from the first beat in to the last beat out, simulated."""
    macs_per_inference: int
    """Multiply-accumulate operations of one face."""
    dsp: int
    """DSP slices, estimated, all parts of the design included."""
    lut: int
    """Look-up tables, estimated."""
    bram18: int
    """18-Kib block RAMs, estimated."""
    uram: int
    """UltraRAM blocks, estimated."""
    layers: tuple[LayerRow, ...]
    """In stream order."""
    fifos: tuple[FifoRow, ...]
    """In stream order."""
    stages: tuple[StageRow, ...]
    """In the order they ran."""
    links: tuple[Link, ...]
    """The equality chain as it was checked for this build."""
    fifo_sizing_s: float
    """Wall time of the FIFO sizing on the build host."""
    build_s: float
    """Wall time of the whole build on the build host."""
    simulated_kcycles_per_s: float
    """Simulated thousand clock cycles per second of wall time."""
    versions: dict[str, str] = field(default_factory=dict)
    """Tool versions by name."""
    pictures: Pictures | None = None
    """Faces before and after, if any were run."""
    measured_faces_per_s: float | None = None
    """Throughput measured on a board; `None` if this build never ran on one."""

    def __post_init__(self) -> None:
        """Checks what divisions and charts rely on.

        Raises:
            ConfigError: naming the field.
        """
        for name in ("clock_mhz", "interval_cycles_rtl", "interval_cycles_ideal", "macs_per_inference"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name} = {getattr(self, name)}: must be above 0")
        if not self.layers:
            raise ConfigError("layers is empty: a build has at least one")

    @property
    def faces_per_s(self) -> float:
        """Faces per second at the build's clock, from the simulated interval."""
        return self.clock_mhz * 1e6 / self.interval_cycles_rtl

    @property
    def latency_ms(self) -> float:
        """Latency of one face at the build's clock, in milliseconds."""
        return self.latency_cycles / (self.clock_mhz * 1e3)

    @property
    def interval_ratio(self) -> float:
        """Simulated over ideal interval; 1 is perfect."""
        return self.interval_cycles_rtl / self.interval_cycles_ideal

    @property
    def packing_limit(self) -> float:
        """Most MACs per DSP slice and cycle for this network: the layers' limits, in harmonic mean by MACs; 0 if none.

        A design that meets every layer's limit needs `sum(macs / limit) / interval` DSP slices, hence the mean.
        """
        packed = [layer for layer in self.layers if layer.packing_limit > 0 and layer.macs > 0]
        slots = sum(layer.macs / layer.packing_limit for layer in packed)
        return sum(layer.macs for layer in packed) / slots if slots else 0.0

    @property
    def dsp_efficiency(self) -> float:
        """MACs per DSP slice and cycle over the packing limit: 1 means that no multiplier ever idles; 0 without DSP."""
        macs = sum(layer.macs for layer in self.layers if layer.packing_limit > 0)
        if not self.dsp or not macs:
            return 0.0
        return macs / (self.dsp * self.interval_cycles_rtl) / self.packing_limit

    @property
    def differing_bytes(self) -> int:
        """Differing bytes over all links; 0 is the bar."""
        return sum(link.differing_bytes for link in self.links)

    @property
    def usage(self) -> tuple[tuple[str, int, int], ...]:
        """Resource, amount used, amount on the board; resources that the board lacks are left out."""
        rows = (
            ("DSP", self.dsp, self.board.dsp),
            ("LUT", self.lut, self.board.lut),
            ("BRAM18", self.bram18, self.board.bram18),
            ("URAM", self.uram, self.board.uram),
        )
        return tuple(row for row in rows if row[1] or row[2])
