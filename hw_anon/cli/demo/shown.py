"""What the demonstration's page shows, as plain records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hls.camera.run import StageCycles
from host.actions.events import Event
from host.analysis import Scene
from hw_anon.core.backend import Link
from hw_anon.core.camera import CameraConfig
from hw_anon.core.frame import AnonymisedFrame
from hw_anon.core.remote_camera import RemoteState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hw_anon.core.action_model import ActionModel
    from hw_anon.evaluate.assurance import Assurance
    from hw_anon.evaluate.results import Results

__all__ = [
    "ActionRun",
    "CameraFacts",
    "DemoReport",
    "ModelDrive",
    "RtlDrive",
    "ShownFrame",
    "ShownNetwork",
    "delivered_frames",
]

_KINDS = (("LUT", "lut"), ("DSP", "dsp"), ("BRAM18", "bram18"), ("URAM", "uram"))


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


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraFacts:
    """The camera that was simulated."""

    name: str
    """Its name."""
    build_id: str
    """Its build id."""
    rtl_sha256: str
    """Hash of the camera's own RTL; empty if its manifest has none."""
    config: CameraConfig
    """The camera."""
    budget: dict[str, Any]
    """`FrameBudget.as_json()`."""
    resources: dict[str, dict[str, int]]
    """Amounts by part and kind; `sum` is all of it."""
    networks: tuple[ShownNetwork, ...]
    """Detector and modifier."""

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
    def holds_fps(self) -> float:
        """Frame rate that the budget allows at the camera's clock."""
        return float(self.config.clk_hz / self.budget["needed_cycles"])


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ShownFrame:
    """One frame before and after the simulated RTL."""

    title: str
    """What was sent."""
    index: int | None
    """Its place in the source, counted from 0; `None` for a frame that was sent to be delivered black."""
    before: NDArray[np.uint8]
    """`[H, W, 3]` uint8: what the sensor saw."""
    after: AnonymisedFrame
    """What the driver delivered."""
    cycles: StageCycles
    """Cycles of each stage."""
    differing_bytes: int
    """Bytes of frame and metadata that are not the golden model's."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RtlDrive:
    """What the driver got from the simulated RTL."""

    frames: tuple[ShownFrame, ...]
    """Frames of the source, at least one."""
    faulty: tuple[ShownFrame, ...]
    """Frames sent to be delivered black, from the same run."""
    registers_differ: tuple[str, ...]
    """Counters and sticky faults in which RTL and golden model differ."""
    cycles: int
    """Cycles simulated until the last frame was delivered."""
    state: RemoteState
    """What camera and driver have counted."""

    @property
    def all_frames(self) -> tuple[ShownFrame, ...]:
        """All frames of the run."""
        return (*self.frames, *self.faulty)

    @property
    def differing_bytes(self) -> int:
        """Sum over all frames."""
        return sum(frame.differing_bytes for frame in self.all_frames)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ModelDrive:
    """What the driver got from the bit-true model."""

    frames: tuple[AnonymisedFrame, ...]
    """All frames of the source."""
    differing_bytes: int
    """Bytes that are not those of the golden model with the networks' twins."""
    state: RemoteState
    """What camera and driver have counted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionRun:
    """What the action detector found in the delivered frames."""

    model: ActionModel
    """The detector."""
    name: str
    """Where its weights come from."""
    metrics: Mapping[str, Any] | None
    """What was measured when they were trained; `None` if unknown."""
    scenes: Mapping[int, Scene]
    """Tracked people by frame of the source."""
    events: tuple[Event, ...]
    """Starts, reports and ends."""
    analysed: int
    """Frames analysed; black ones are not."""
    median_ms: float
    """Median time of an inference."""
    threads: int
    """Threads of an inference."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DemoReport:
    """Everything that the page shows."""

    command: str
    """The command line."""
    source: str
    """What was sent, for people."""
    fps: float
    """Frames a second of the source."""
    left_out: int
    """Frames of the source that nothing was done with."""
    pictures: tuple[NDArray[np.uint8], ...]
    """The source's frames, `[H, W, 3]` uint8 each."""
    camera: CameraFacts
    """The camera."""
    rtl: RtlDrive
    """The stretch that ran in the simulated RTL."""
    model: ModelDrive
    """All frames through the bit-true model."""
    actions: ActionRun | None
    """What the action detector found; `None` if there is none."""
    links: tuple[Link, ...]
    """The equality chain of the modifier; empty if it was not run."""
    results: Results | str
    """Measured results, or why there are none."""
    assurance: Mapping[str, Assurance]
    """Results of proving, fuzzing and attacking, by name."""

    @property
    def delivered(self) -> tuple[AnonymisedFrame, ...]:
        """The source's frames as the application got them."""
        return delivered_frames(self.rtl, self.model)

    @property
    def differing_bytes(self) -> int:
        """Differing bytes of all comparisons; 0 is the bar."""
        links = sum(link.differing_bytes for link in self.links)
        return self.rtl.differing_bytes + self.model.differing_bytes + links

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not self.differing_bytes and not self.rtl.registers_differ

    @property
    def latency_ms(self) -> float:
        """Longest time from the last raw pixel in to the first anonymised one out, in milliseconds."""
        return 1e3 * max(frame.cycles.latency for frame in self.rtl.frames) / self.camera.config.clk_hz


def delivered_frames(rtl: RtlDrive, model: ModelDrive) -> tuple[AnonymisedFrame, ...]:
    """Returns the source's frames as the application gets them: those of the RTL, the model's in between."""
    frames = list(model.frames)
    for shown in rtl.frames:
        assert shown.index is not None, "faulty frames are kept apart"
        frames[shown.index] = shown.after
    return tuple(frames)
