"""The RTL of a small camera with stand-in networks under the driver: pictures, golden frames, equality."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from host.driver import AnonymizedCamera
from host.simulated.adversary.marks import STAND_IN_CONFIG, detect, face_bytes, modify, twin_pictures
from hw_anon.core.camera_model import CameraModel, frame_beats
from hw_anon.core.frame import AnonymisedFrame

__all__ = ["STAND_IN_CONFIG", "golden_frames", "pictures", "require_equal"]


def pictures(count: int, *, seed: int = 0) -> list[NDArray[np.uint8]]:
    """Returns raw frames whose faces are marked: none, one or two, and now and then too many."""
    rng = np.random.default_rng(seed)
    return [twin_pictures(rng, STAND_IN_CONFIG, faces=(0, 1, 2, 2, 1, 3)[k % 6])[0] for k in range(count)]


def golden_frames(frames: list[NDArray[np.uint8]]) -> list[AnonymisedFrame]:
    """Returns what the golden model makes of frames that each find a free store."""
    model = CameraModel(STAND_IN_CONFIG, detect=detect, modify=modify)
    model.running = True
    for frame in frames:
        model.feed(frame_beats(frame))
    return model.take()


def require_equal(camera: AnonymizedCamera, expected: list[AnonymisedFrame]) -> None:
    """Takes so many frames and compares each one with the golden one, byte for byte."""
    addresses = camera.buffer_addresses
    for wanted in expected:
        with camera.readframe() as frame:
            assert frame.pixels.__array_interface__["data"][0] in addresses
            assert frame.copy().equals(wanted)
            assert face_bytes(frame.pixels) == 0
    health = camera.health
    assert (health.lost, health.torn, health.late, health.recoveries) == (0, 0, 0, 0)
    assert health.black == sum(not frame.frame.any() for frame in expected)
