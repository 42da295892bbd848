"""A small camera for the driver's tests: its design directory, its golden model, and a board of models around it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from host.model_board import ModelBoard
from host.simulated.model import ModelCamera
from host.stand_ins import bright_faces, inverted, model_config, scene
from hw_anon.core.camera import CameraConfig
from hw_anon.core.camera_model import CameraModel, frame_beats
from hw_anon.core.frame import AnonymisedFrame
from hw_anon.core.manifest import Manifest
from hw_anon.core.video_words import frame_beats as frame_words

BUILD_ID = "0123456789abcdef0123456789abcdef"
CONFIG = model_config()
CLK_HZ = 1e7
"""Slow, so that a frame's time is near that of a small real one."""


def write_design(directory: Path, config: CameraConfig = CONFIG, *, build_id: str = BUILD_ID) -> Path:
    """Writes the smallest design directory that the driver accepts."""
    directory.mkdir(parents=True)
    (directory / "camera.json").write_text(json.dumps({"build_id": build_id, "camera": config.to_dict()}))
    (directory / "hw_anon.bit").write_bytes(b"no bitstream\n")
    (directory / "hw_anon.hwh").write_text("no handoff\n")
    Manifest.create(directory, inputs={}, tools={}, config=config.to_dict()).save(directory)
    return directory


def golden(frames: list[NDArray[np.uint8]], config: CameraConfig = CONFIG) -> list[AnonymisedFrame]:
    """Returns what the golden model makes of frames that each find a free store."""
    model = CameraModel(config, detect=bright_faces, modify=inverted)
    model.running = True
    for frame in frames:
        model.feed(frame_beats(frame))
    return model.take()


def scenes(count: int, config: CameraConfig = CONFIG, *, seed: int = 0) -> list[NDArray[np.uint8]]:
    """Returns raw frames."""
    return [scene(config, number, seed=seed) for number in range(count)]


def model_camera(config: CameraConfig = CONFIG, *, build_id: str = BUILD_ID) -> ModelCamera:
    """Returns the golden model as a camera."""
    return ModelCamera(config, detect=bright_faces, modify=inverted, build_id=build_id)


class Source:
    """Gives frames one after the other, with a pause before each; then nothing, or the same ones again."""

    def __init__(self, frames: list[NDArray[np.uint8]], *, pause: int = 6000, repeat: bool = False) -> None:
        self.frames = frames
        self.sent = 0
        self.repeat = repeat
        self.silent = False
        self._pause = pause
        self._due = 0
        self.port: ModelCamera | None = None

    def __call__(self) -> NDArray[np.uint32] | None:
        assert self.port is not None
        if self.silent or self.port.cycle < self._due or (self.sent >= len(self.frames) and not self.repeat):
            return None
        if not self.port.read(0x24) & 1:  # frames that come before the camera runs are nobody's
            return None
        self._due = self.port.cycle + self._pause
        self.sent += 1
        return frame_words(self.frames[(self.sent - 1) % len(self.frames)])


def board_with(
    frames: list[NDArray[np.uint8]],
    *,
    config: CameraConfig = CONFIG,
    build_id: str = BUILD_ID,
    repeat: bool = False,
    pause: int = 6000,
    **options: int,
) -> tuple[ModelBoard, Source]:
    """Returns a board of models and the source of its video."""
    port = model_camera(config, build_id=build_id)
    source = Source(frames, repeat=repeat, pause=pause)
    source.port = port
    return ModelBoard(port, source=source, clk_hz=CLK_HZ, **options), source


def numbered(frames: Iterator[AnonymisedFrame]) -> dict[int, AnonymisedFrame]:
    """Returns frames by number."""
    return {frame.number: frame for frame in frames}
