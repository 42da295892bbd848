"""Small simulated cameras for tests, around the stand-ins of `hls/fuzz/stand_in_networks.sv`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hls.camera import TOP_MODULE, camera_sources, render_top
from hls.fuzz.small_camera import STAND_INS, stand_in_interfaces
from hls.interface import DesignInterface
from hls.sim.camera import build_camera_library
from hls.sim.verilate import SimulatorOptions
from hw_anon.core.box_decode import cell_shape, encode
from hw_anon.core.boxes import Box
from hw_anon.core.camera import CameraConfig, NetworkTiming
from hw_anon.core.camera_model import CameraModel
from hw_anon.core.key_source import simulated_key
from hw_anon.core.video_words import frame_beats, video_beats

__all__ = [
    "BENCH",
    "BUILD_ID",
    "CONFIG",
    "DETECTOR",
    "KEY",
    "MODIFIER",
    "golden",
    "picture",
    "render",
    "stand_in_library",
]

BENCH = STAND_INS
BUILD_ID = "00112233445566778899aabbccddeeff"
KEY = simulated_key(1)
TIMING = NetworkTiming(interval_cycles=5000, latency_cycles=5000)
CONFIG = CameraConfig(
    detector=TIMING, modifier=TIMING, width=80, height=48, crop_size=8, max_faces=2, threshold=230, key_channels=1
)
BOXES = (Box(x=4, y=5, width=20, height=21), Box(x=60, y=30, width=11, height=14), Box(x=40, y=4, width=12, height=12))


DETECTOR, MODIFIER = stand_in_interfaces(CONFIG)


def render(**changed: DesignInterface) -> str:
    """Returns the text of the top, for other networks where given."""
    return render_top(CONFIG, **{"detector": DETECTOR, "modifier": MODIFIER, **changed}, build_id=BUILD_ID)


def stand_in_library(directory: Path, cache: Path, *, networks: Path = BENCH, asserts: bool = True) -> Path:
    """Builds the simulated camera; the top is written to `directory`.

    Args:
        directory: an existing one.
        cache: of built libraries.
        networks: the file of the stand-ins.
        asserts: whether the assertions of the RTL are checked.
    """
    top = directory / f"{TOP_MODULE}.sv"
    top.write_text(render())
    return build_camera_library(
        [*camera_sources(), networks, top],
        CONFIG,
        top=TOP_MODULE,
        build_id=BUILD_ID,
        cache_dir=cache,
        options=SimulatorOptions(asserts=asserts, optimisation="-O0"),
        fast=False,
    ).library


def picture(faces: int, seed: int = 2) -> NDArray[np.uint8]:
    """Returns noise that tells the stand-in detector to find so many faces, at most 3."""
    frame = np.random.default_rng(seed).integers(0, 256, (CONFIG.height, CONFIG.width, 3)).astype(np.uint8)
    frame[::16, ::16] = 0
    for box in BOXES[:faces]:
        row, column, cell = encode(box, score=255)
        block = frame[16 * row : 16 * row + 2, 16 * column : 16 * column + 4]
        block[:, :2], block[:, 2:, :2] = cell[:3], cell[3:]
    return frame


def _detect(half: NDArray[np.uint8]) -> NDArray[np.uint8]:
    cells = np.zeros((*cell_shape(CONFIG.width, CONFIG.height), 5), np.uint8)
    cells[:, :, :3], cells[:, :, 3:] = half[::8, ::8], half[::8, 1::8, :2]
    return cells


def _modify(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
    inverted = 255 - crops
    inverted[..., 0] ^= KEY[0] & 0x7F
    return inverted


def golden(pictures: Sequence[NDArray[np.uint8]] = ()) -> CameraModel:
    """Returns the golden model, running, with pictures sent to it."""
    model = CameraModel(CONFIG, detect=_detect, modify=_modify)
    model.running = True
    for frame in pictures:
        model.feed(video_beats(frame_beats(frame)))
    return model
