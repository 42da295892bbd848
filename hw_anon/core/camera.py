"""The one configuration of a camera, and the check that it can keep up with its sensor.

**Frame budget.** One frame takes its way through the camera in stages, one after the other (cycles of the design's
clock; W×H frame, S crop size, F = MAX_FACES, the worst case in every stage):

| stage | cycles at most |
|---|---|
| capture | W·H · clock / pixel rate: first to last pixel from the sensor |
| detect | latency of the detector: after the last pixel it cannot take longer than if all had come at once |
| decode | 11 · cells for finding peaks, (2F + 1) · cells for the suppression, 32 · (F + 1) between |
| modify | latency of the modifier for the first face, its interval (or S·S, if that is more) for each other one |
| paste | F · (W·H + `ENGINE_SETUP_CYCLES`): every region may be the whole frame |
| deliver | W·(H + 1) + `ENGINE_SETUP_CYCLES`: the picture and its metadata line |

With one frame buffer all of it must fit into one frame period; with two, the next frame is captured meanwhile, so the
longer of capture and of all the rest must. A sink that stalls adds to `deliver` and is not part of the budget.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

from hw_anon.core.board_frame import require_metadata_line
from hw_anon.core.boards import Board, get_board
from hw_anon.core.box_decode import CELL, cell_shape
from hw_anon.core.boxes import MAX_SIDE, MIN_REGION
from hw_anon.core.config import Config, require_choice, require_multiple, require_range
from hw_anon.core.errors import ConfigError
from hw_anon.core.metadata import MOST_FACES

__all__ = [
    "ENGINE_SETUP_CYCLES",
    "CameraConfig",
    "CameraSettings",
    "FrameBudget",
    "NetworkTiming",
    "frame_budget",
    "require_budget",
]

ENGINE_SETUP_CYCLES = 96
"""Cycles that crop and paste spend on the two divisions of a region and on filling their pipeline, rounded up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkTiming(Config):
    """Measured speed of an accelerator, from its build's report."""

    interval_cycles: int
    """Cycles between two pictures in steady state."""
    latency_cycles: int
    """Cycles from a picture's first beat in to its last beat out, when it is fed at full rate."""

    def __post_init__(self) -> None:
        require_range(self, "interval_cycles", 1, None, unit="cycles")
        require_range(self, "latency_cycles", 1, None, unit="cycles")


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraSettings(Config):
    """What is chosen of a camera; all else follows from its two networks."""

    board: str = "pynq-z2"
    """Board, device or part."""
    clk_mhz: float | None = None
    """Clock of the whole design in MHz; the board's default if not given."""
    width: int = 320
    """Columns of a frame, a multiple of the detector's cell (16)."""
    height: int = 240
    """Rows of a frame, a multiple of the detector's cell (16)."""
    frames_per_s: float = 30.0
    """Frame rate of the sensor."""
    pixel_rate_mhz: float = 25.0
    """Mean pixel rate within a frame, its line blanking included, in MHz."""
    buffers: int = 1
    """Frames stored on the chip, 1 or 2."""
    max_faces: int = 4
    """Faces replaced in a frame at most; a frame with more is delivered black."""
    threshold: int = 128
    """Built-in detector threshold, the largest one software can set."""
    candidates: str = "peaks"
    """Which cells from the threshold on may be faces: "peaks", higher than their neighbours, or "every_cell"."""
    source_timeout_cycles: int = 1_000_000
    """Cycles without a pixel inside a frame after which the sensor counts as gone."""

    def __post_init__(self) -> None:
        get_board(self.board)
        require_choice(self, "buffers", (1, 2))
        require_range(self, "max_faces", 1, MOST_FACES, unit="faces")
        require_range(self, "threshold", 1, 255)
        require_choice(self, "candidates", ("peaks", "every_cell"))
        require_range(self, "frames_per_s", 0.01, 1000, unit="frames per second")
        require_range(self, "pixel_rate_mhz", 0.1, self.clock_mhz, unit="MHz (the design's clock)")
        require_range(self, "source_timeout_cycles", 1, (1 << 32) - 1, unit="cycles")
        cell_shape(self.width, self.height)
        require_metadata_line(self.width, self.max_faces)

    @property
    def target(self) -> Board:
        """The board."""
        return get_board(self.board)

    @property
    def clock_mhz(self) -> float:
        """Clock of the design in MHz."""
        return self.clk_mhz or self.target.clk_mhz


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraConfig(CameraSettings):
    """Everything that makes one camera design."""

    detector: NetworkTiming
    """Speed of the face detector."""
    modifier: NetworkTiming
    """Speed of the face modifier."""
    crop_size: int = 64
    """Side of the modifier's pictures, in pixels."""
    key_channels: int = 0
    """Constant channels appended to every crop from the power-up key."""
    detector_timeout_cycles: int | None = None
    """Cycles from the last pixel on within which the regions must be known; twice what is budgeted if not given."""
    modifier_timeout_cycles: int | None = None
    """Cycles within which each face must be cropped and modified; twice what is budgeted if not given."""

    def __post_init__(self) -> None:
        CameraSettings.__post_init__(self)  # super() knows the class before it had slots
        require_range(self, "crop_size", MIN_REGION, MAX_SIDE // 4, unit="pixels")
        require_multiple(self, "crop_size", 2)
        require_range(self, "key_channels", 0, 16, unit="channels")
        for name in ("detector_timeout_cycles", "modifier_timeout_cycles"):
            if getattr(self, name) is not None:
                require_range(self, name, 1, (1 << 32) - 1, unit="cycles")

    @property
    def clk_hz(self) -> float:
        """Clock of the design in Hz."""
        return 1e6 * self.clock_mhz

    @property
    def cells(self) -> int:
        """Cells of the detector's map."""
        return (self.width // CELL) * (self.height // CELL)

    @property
    def every_cell(self) -> bool:
        """Whether every cell from the threshold on is a candidate."""
        return self.candidates == "every_cell"

    @property
    def decode_cycles(self) -> int:
        """Cycles from the detector's last beat to the regions, at most."""
        return self.cells * (12 + 2 * self.max_faces) + 32 * (self.max_faces + 1)

    @property
    def detector_watchdog_cycles(self) -> int:
        """Cycles after which the detector counts as stalled."""
        return self.detector_timeout_cycles or 2 * (self.detector.latency_cycles + self.decode_cycles)

    @property
    def modifier_watchdog_cycles(self) -> int:
        """Cycles after which the modifier counts as stalled."""
        crop = self.crop_size**2 + ENGINE_SETUP_CYCLES
        return self.modifier_timeout_cycles or 2 * (self.modifier.latency_cycles + crop)


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameBudget:
    """Cycles that a frame needs in each stage, and those there are."""

    capture: int
    """First to last pixel from the sensor."""
    detect: int
    """The detector, after the last pixel."""
    decode: int
    """Heat map to regions."""
    modify: int
    """Cropping and modifying all faces."""
    paste: int
    """Pasting all faces."""
    deliver: int
    """First pixel to the end of the metadata line."""
    buffers: int
    """Frame buffers: with two, capture overlaps with the rest."""
    available: int
    """Cycles of one frame period."""

    @property
    def processing(self) -> int:
        """Cycles from the last pixel in to the last pixel out."""
        return self.detect + self.decode + self.modify + self.paste + self.deliver

    @property
    def needed(self) -> int:
        """Cycles that one frame occupies what it shares with the next."""
        return max(self.capture, self.processing) if self.buffers > 1 else self.capture + self.processing

    def as_json(self) -> dict[str, int | bool]:
        """Returns all numbers for machines."""
        stages = ("capture", "detect", "decode", "modify", "paste", "deliver", "processing", "needed", "available")
        return {f"{name}_cycles": int(getattr(self, name)) for name in stages} | {"fits": self.needed <= self.available}

    def __str__(self) -> str:
        overlap = "capture beside the rest" if self.buffers > 1 else "one after the other"
        return (
            f"capture {self.capture:,}, detect {self.detect:,}, decode {self.decode:,}, modify {self.modify:,}, "
            f"paste {self.paste:,}, deliver {self.deliver:,} cycles, {overlap}: "
            f"needed {self.needed:,} of {self.available:,}"
        )


def frame_budget(config: CameraConfig) -> FrameBudget:
    """Returns what a frame with MAX_FACES faces needs at most, and what there is."""
    pixels = config.width * config.height
    face_interval = max(config.modifier.interval_cycles, config.crop_size**2 + ENGINE_SETUP_CYCLES)
    return FrameBudget(
        capture=ceil(pixels * config.clk_hz / (1e6 * config.pixel_rate_mhz)),
        detect=config.detector.latency_cycles,
        decode=config.decode_cycles,
        modify=config.modifier.latency_cycles + (config.max_faces - 1) * face_interval,
        paste=config.max_faces * (pixels + ENGINE_SETUP_CYCLES),
        deliver=pixels + config.width + ENGINE_SETUP_CYCLES,
        buffers=config.buffers,
        available=floor(config.clk_hz / config.frames_per_s),
    )


def require_budget(config: CameraConfig) -> FrameBudget:
    """Returns the frame budget of a camera that can keep up.

    Raises:
        ConfigError: if it cannot, with the cycles of each stage and the frame rate it could hold.
    """
    budget = frame_budget(config)
    clock = f"{config.clock_mhz:g} MHz"
    if config.detector.interval_cycles > budget.available:
        raise ConfigError(
            f"the face detector takes {config.detector.interval_cycles:,} cycles a frame; {budget.available:,} are "
            f"available at {clock} and {config.frames_per_s:g} frames/s; fold it wider"
        )
    if budget.needed > budget.available:
        remedy = "" if config.buffers > 1 else ", store two frames (buffers = 2)"
        raise ConfigError(
            f"{config.width}×{config.height} with {config.max_faces} faces does not hold {config.frames_per_s:g} "
            f"frames/s at {clock}, at most {config.clk_hz / budget.needed:.1f}: {budget}; "
            f"fold the modifier wider, allow fewer faces{remedy}"
        )
    return budget
