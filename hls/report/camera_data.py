"""What the page of a running camera shows, as plain records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.backend import Link
from hw_anon.core.camera import CameraConfig
from hw_anon.core.frame import AnonymisedFrame

__all__ = ["STAGES", "CameraReport", "ShownFrame", "ShownNetwork"]

STAGES = ("capture", "detect", "decode", "modify", "paste", "deliver")
"""Stages of a frame in their order; names of `StageCycles` and `FrameBudget`."""
_KINDS = (("LUT", "lut"), ("DSP", "dsp"), ("BRAM18", "bram18"), ("URAM", "uram"))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ShownFrame:
    """One frame before and after the simulated camera."""

    title: str
    """What was sent."""
    before: NDArray[np.uint8]
    """`[H, W, 3]` uint8: what the sensor saw."""
    after: AnonymisedFrame
    """What the CPU gets."""
    cycles: dict[str, int]
    """Cycles of each stage, and `latency`: last raw pixel in to first pixel out."""
    differing_bytes: int
    """Bytes of frame and metadata that are not the golden model's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownNetwork:
    """One of the camera's two networks."""

    role: str
    """`detector` or `modifier`."""
    name: str
    """Its name."""
    design_id: str
    """Its build."""
    purpose: str
    """What its weights were trained for, as noted with them."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CameraReport:
    """Everything that the page shows."""

    name: str
    """Name of the camera."""
    build_id: str
    """Build id of the camera."""
    config: CameraConfig
    """The camera."""
    budget: dict[str, Any]
    """`FrameBudget.as_json()`."""
    resources: dict[str, dict[str, int]]
    """Amounts by part and kind; `sum` is all of it."""
    networks: tuple[ShownNetwork, ...]
    """Detector and modifier."""
    source: str
    """What was sent, for people."""
    frames: tuple[ShownFrame, ...]
    """The stretch that ran in the simulated RTL, at least one frame."""
    faulty: tuple[ShownFrame, ...]
    """Frames sent to be delivered black, from the same run."""
    registers_differ: tuple[str, ...]
    """Counters and faults in which RTL and golden model differ."""
    simulated_cycles: int
    """Cycles of the whole run."""
    golden: tuple[AnonymisedFrame, ...]
    """All frames of the source as the golden model delivers them."""
    left_out: int
    """Frames of the source that nothing was done with."""
    fps: float
    """Frames a second of the video."""
    links: tuple[Link, ...] = ()
    """The equality chain of the modifier; empty if it was not run."""

    @property
    def rtl_frames(self) -> tuple[ShownFrame, ...]:
        """All frames of the simulated RTL."""
        return (*self.frames, *self.faulty)

    @property
    def differing_bytes(self) -> int:
        """Differing bytes of all comparisons; 0 is the bar."""
        return sum(frame.differing_bytes for frame in self.rtl_frames) + sum(
            link.differing_bytes for link in self.links
        )

    @property
    def usage(self) -> tuple[tuple[str, int, int], ...]:
        """Resource, amount used, amount on the board; resources that the board lacks are left out."""
        board = self.config.target
        rows = ((label, self.resources["sum"][kind], int(getattr(board, kind))) for label, kind in _KINDS)
        return tuple(row for row in rows if row[1] or row[2])

    @property
    def parts(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Part and its amounts in the order of `usage`, without the sum."""
        labels = {label for label, _, _ in self.usage}
        kinds = [kind for label, kind in _KINDS if label in labels]
        return tuple(
            (name, tuple(amounts[kind] for kind in kinds)) for name, amounts in self.resources.items() if name != "sum"
        )

    @property
    def latency_ms(self) -> float:
        """Longest time from the last raw pixel in to the first anonymised one out, in milliseconds."""
        return 1e3 * max(frame.cycles["latency"] for frame in self.frames) / self.config.clk_hz

    @property
    def holds_fps(self) -> float:
        """Frame rate that the budget allows at the camera's clock."""
        return float(self.config.clk_hz / self.budget["needed_cycles"])
