"""The golden model of a built camera, with the networks' software twins inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.board_frame import pack_board_frame
from hw_anon.core.camera_model import CameraModel
from hw_anon.core.key_source import simulated_key
from hw_anon.core.video_words import frame_beats, video_beats

if TYPE_CHECKING:
    from hls.twin.run import Twin
    from hw_anon.core.camera import CameraConfig
    from hw_anon.core.camera_directory import CameraDirectory
    from hw_anon.core.frame import AnonymisedFrame

__all__ = ["GoldenCamera", "differing_bytes", "load_golden"]


class GoldenCamera:
    """What a camera must deliver, picture by picture."""

    def __init__(self, config: CameraConfig, *, detector: Twin, modifier: Twin) -> None:
        """Starts the model.

        Args:
            config: the camera.
            detector: twin of the face detector.
            modifier: twin of the face modifier.
        """
        channels = np.frombuffer(simulated_key(config.key_channels), np.uint8)

        def modify(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
            constant = np.broadcast_to(channels, (*crops.shape[:3], len(channels)))
            return modifier.modify(np.concatenate([crops, constant], axis=3))

        self.model = CameraModel(config, detect=lambda half: detector.modify(half[None])[0], modify=modify)
        self.model.running = True

    def deliver(self, picture: NDArray[np.uint8]) -> AnonymisedFrame:
        """Returns the frame for one picture `[H, W, 3]`."""
        self.model.feed(video_beats(frame_beats(picture)))
        (frame,) = self.model.take()
        return frame


def load_golden(camera: CameraDirectory, *, threshold: int | None = None) -> GoldenCamera:
    """Returns the golden model of a camera directory.

    Args:
        camera: the directory.
        threshold: written to the threshold register; the built-in one holds if not given.
    """
    from hls.camera.build import twin_file
    from hls.twin.program import TwinProgram
    from hls.twin.run import Twin

    twins = {role: Twin(TwinProgram.load(camera.directory / twin_file(role))) for role in ("detector", "modifier")}
    golden = GoldenCamera(camera.config, **twins)
    if threshold is not None:
        golden.model.threshold = threshold
    return golden


def differing_bytes(got: AnonymisedFrame, expected: AnonymisedFrame, *, max_faces: int) -> int:
    """Returns how many bytes of two frames and their metadata lines differ."""
    pair = [pack_board_frame(frame, max_faces=max_faces) for frame in (got, expected)]
    return int(np.count_nonzero(pair[0] != pair[1]))
