"""Compares a simulated camera with its golden model, frame by frame, and gathers what each stage took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hls.camera.borders import border_counts, border_sums
from hls.camera.golden import GoldenCamera, differing_bytes, load_golden
from hls.camera.run import CameraRun, StageCycles
from hw_anon.core.box_decode import decode
from hw_anon.core.camera import FrameBudget, frame_budget
from hw_anon.core.camera_abi import VerilatedCamera
from hw_anon.core.frame import AnonymisedFrame, Fault
from hw_anon.core.video_path import downscale

if TYPE_CHECKING:
    from hw_anon.core.camera_directory import CameraDirectory
    from hw_anon.core.camera_model import CameraModel
    from hw_anon.core.register_access import CameraRegisters

__all__ = ["EqualityReport", "FrameRow", "compare_frames", "faces_found", "registers_differ"]


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameRow:
    """One frame, simulated and compared."""

    number: int
    """Frame number."""
    faces: int
    """Faces replaced."""
    fault: Fault
    """Why it is black; `Fault.NONE` for a picture."""
    sides: tuple[int, int] | None
    """Shortest and longest side of its regions in pixels."""
    borders: dict[str, int]
    """How many of its regions touch each border and each corner of the frame, see `border_counts`."""
    differing_bytes: int
    """Bytes of picture and metadata line that are not the golden model's."""
    cycles: StageCycles
    """How long each stage took."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EqualityReport:
    """A whole run."""

    frames: tuple[FrameRow, ...]
    """All frames in order."""
    registers_differ: tuple[str, ...]
    """Counters and faults that are not the golden model's at the end."""
    cycles: int
    """Cycles simulated."""
    seconds: float
    """Wall time of the simulation."""

    @property
    def differing_bytes(self) -> int:
        """Sum over all frames."""
        return sum(row.differing_bytes for row in self.frames)

    @property
    def clean(self) -> bool:
        """Whether nothing differs."""
        return not self.differing_bytes and not self.registers_differ

    def borders(self) -> dict[str, int]:
        """Returns how many replaced regions touched each border and each corner."""
        return border_sums(row.borders for row in self.frames)

    def latency_by_faces(self) -> dict[int, int]:
        """Returns the most cycles from the last raw pixel in to the first one out, per number of faces replaced."""
        pictures = [row for row in self.frames if row.fault is Fault.NONE]
        counts = sorted({row.faces for row in pictures})
        return {n: max(row.cycles.latency for row in pictures if row.faces == n) for n in counts}

    def over_budget(self, budget: FrameBudget) -> tuple[str, ...]:
        """Returns the stages that took longer than the budget says, for a sink that never stalled."""
        stages = ("detect", "decode", "modify", "paste", "deliver")
        longest = {stage: max(getattr(row.cycles, stage) for row in self.frames) for stage in stages}
        return tuple(stage for stage in stages if longest[stage] > getattr(budget, stage))

    def as_json(self, camera: CameraDirectory) -> dict[str, Any]:
        """Returns everything for machines."""
        config = camera.config
        rows = [
            {**asdict(row), "fault": row.fault.name, "sides": list(row.sides) if row.sides else None}
            for row in self.frames
        ]
        return {
            "build_id": camera.build_id,
            "board": config.target.name,
            "width": config.width,
            "height": config.height,
            "max_faces": config.max_faces,
            "frames": len(rows),
            "differing_bytes": self.differing_bytes,
            "registers_differ": list(self.registers_differ),
            "faults": {row.fault.name: sum(r.fault is row.fault for r in self.frames) for row in self.frames},
            "regions_at_borders": self.borders(),
            "latency_cycles_by_faces": {str(n): cycles for n, cycles in self.latency_by_faces().items()},
            "budget": frame_budget(config).as_json(),
            "over_budget": list(self.over_budget(frame_budget(config))),
            "rows": rows,
            "cycles": self.cycles,
            "simulated_kcycles_per_s": round(self.cycles / max(self.seconds, 1e-9) / 1e3, 1),
        }


def faces_found(golden: GoldenCamera, picture: NDArray[np.uint8]) -> int:
    """Returns how many faces the camera will find in a picture, MAX_FACES + 1 for any number above."""
    config = golden.model.config
    found = decode(
        golden.model.detect(downscale(picture)),
        threshold=golden.model.threshold,
        max_faces=config.max_faces,
        frame_width=config.width,
        frame_height=config.height,
        every_cell=config.every_cell,
    )
    return config.max_faces + 1 if found.fault is Fault.TOO_MANY_FACES else len(found.regions)


def compare_frames(
    camera: CameraDirectory,
    pictures: Iterable[NDArray[np.uint8]],
    *,
    stall_per_mille: int = 0,
    pixel_gap: int = 0,
    threshold: int | None = None,
    on_frame: Callable[[FrameRow], None] | None = None,
) -> EqualityReport:
    """Sends pictures through the simulated camera and through its golden model.

    Args:
        camera: a camera directory.
        pictures: `[H, W, 3]` uint8 each.
        stall_per_mille: in how many of 1000 cycles the sink takes nothing.
        pixel_gap: idle cycles before every raw pixel.
        threshold: what is written to the threshold register at the start; the built-in one holds if not given.
        on_frame: called after each frame.

    Raises:
        DeviceError: if the simulated camera fails or delivers nothing.
        ContractError: if a picture has another size.
    """
    golden, config = load_golden(camera, threshold=threshold), camera.config
    rows: list[FrameRow] = []
    seconds = 0.0
    with VerilatedCamera(camera.library, data_dir=camera.rtl) as simulated:
        run = CameraRun(simulated, config, threshold=threshold)
        simulated.set_sink(True, stall_per_mille)
        for picture in pictures:
            started = time.perf_counter()
            delivery = run.deliver(picture, pixel_gap=pixel_gap)
            seconds += time.perf_counter() - started
            expected = golden.deliver(picture)
            rows.append(_row(delivery.frame, expected, delivery.cycles, config.max_faces))
            if on_frame is not None:
                on_frame(rows[-1])
        differ = registers_differ(run.registers, golden.model)
        cycles = simulated.cycle
    return EqualityReport(frames=tuple(rows), registers_differ=differ, cycles=cycles, seconds=seconds)


def registers_differ(registers: CameraRegisters, model: CameraModel) -> tuple[str, ...]:
    """Returns the counters and faults of a camera that are not its golden model's, with both."""
    pairs: dict[str, tuple[object, object]] = {
        "counters": (registers.counters, model.counters),
        "faults": (registers.faults, frozenset(model.faults)),
    }
    return tuple(f"{name}: {got}, not {wanted}" for name, (got, wanted) in pairs.items() if got != wanted)


def _row(got: AnonymisedFrame, expected: AnonymisedFrame, cycles: StageCycles, max_faces: int) -> FrameRow:
    height, width = got.frame.shape[:2]
    sides = [side for box in got.boxes for side in (box.width, box.height)]
    return FrameRow(
        number=got.number,
        faces=len(got.boxes),
        fault=got.fault,
        sides=(min(sides), max(sides)) if sides else None,
        borders=border_counts(got.boxes, width, height),
        differing_bytes=differing_bytes(got, expected, max_faces=max_faces),
        cycles=cycles,
    )
