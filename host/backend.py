"""The whole camera as a backend of the evaluation: a frame goes in at the sensor and comes out of the driver.

    with open_backend("sim", work=Path("work"), camera=Path("build/camera")) as backend:
        result = backend.anonymise(frame)

`sim` is the simulated board, with the Verilated design of a camera directory or (without one) the golden model. `board`
is a real board whose sensor sees the frames on a screen or gets them over HDMI: software has no way to put a frame into
the camera, so somebody has to show it (`show`) and the result is what was seen of it.
"""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from host.driver.camera import AnonymizedCamera
from host.driver.settings import SIMULATED, CameraSettings
from host.simulated.source import VideoSource
from host.simulation import simulated_camera
from hw_anon.core.camera import CameraConfig
from hw_anon.core.errors import ConfigError, ContractError, DeviceError
from hw_anon.core.frame import AnonymisedFrame, check_frame

__all__ = ["BackendName", "CameraBackend", "open_backend"]

BackendName = Literal["sim", "board"]


class CameraBackend:
    """Frames through sensor, camera, DMA and driver."""

    def __init__(self, name: BackendName, camera: AnonymizedCamera, show: Callable[[NDArray[np.uint8]], None]) -> None:
        """Made by `open_backend`.

        Args:
            name: `sim` or `board`.
            camera: the open camera.
            show: lets the sensor see a frame `[H, W, 3]` next.
        """
        self.name = name
        """Short name used in reports."""
        self.camera = camera
        """The driver."""
        self._show = show

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """`(H, W, 3)` of the frames it takes."""
        return self.camera.layout.height, self.camera.layout.width, 3

    def anonymise(self, frame_u8: NDArray[np.uint8]) -> AnonymisedFrame:
        """Returns what the driver delivers for a frame.

        Args:
            frame_u8: `[H, W, 3]` uint8 RGB of the camera's size.

        Raises:
            ContractError: if shape or dtype are not the camera's.
            DeviceError: if no frame comes.
        """
        if check_frame(frame_u8).shape != self.frame_shape:
            raise ContractError(
                f"{self.name}: the camera takes frames of {list(self.frame_shape)}, got {list(frame_u8.shape)}"
            )
        self._show(frame_u8)
        with self.camera.readframe() as frame:
            return frame.copy()


class _Feed:
    """An endless script that is fed frame by frame; it seems exhausted while nothing waits."""

    def __init__(self) -> None:
        self._frames: deque[NDArray[np.uint8]] = deque()

    def show(self, frame: NDArray[np.uint8]) -> None:
        self._frames.append(frame)

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return self

    def __next__(self) -> NDArray[np.uint8]:
        if not self._frames:
            raise StopIteration
        return self._frames.popleft()


@contextmanager
def open_backend(
    name: BackendName,
    *,
    camera: Path | None = None,
    config: CameraConfig | None = None,
    board: str | None = None,
    work: Path | None = None,
    settings: CameraSettings | None = None,
    show: Callable[[NDArray[np.uint8]], None] | None = None,
) -> Iterator[CameraBackend]:
    """Opens a backend by name.

    Args:
        name: `sim` or `board`.
        camera: `sim`: camera directory of the Verilated design, the golden model if not given; `board`: the design.
        config: `sim` without a camera directory: the golden model's camera.
        board: `sim`: board to simulate around the camera, in place of its own.
        work: directory for the simulated board's files; a temporary one if not given.
        settings: how the driver uses the camera.
        show: `board`: lets the sensor see a frame next (plays it on the source that is plugged in).

    Raises:
        ConfigError: if the name is unknown.
        DeviceError: if the board cannot be opened, or nobody shows it frames.
    """
    if name not in ("sim", "board"):
        raise ConfigError(f"unknown backend {name!r}; known: sim, board")
    with ExitStack() as stack:
        if name == "sim":
            feed = _Feed()
            place = work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hw-anon-")))
            source = VideoSource(feed)
            simulated = simulated_camera(work=place, source=source, camera=camera, config=config, board=board)
            design: Path | None = stack.enter_context(simulated).design
            settings, show = settings or SIMULATED, feed.show
        else:
            design, show = camera, _require_player(show)
        yield CameraBackend(name, stack.enter_context(AnonymizedCamera(design, settings)), show)


def _require_player(show: Callable[[NDArray[np.uint8]], None] | None) -> Callable[[NDArray[np.uint8]], None]:
    if show is None:
        raise DeviceError(
            "a board's camera sees what its sensor sees: give show=, a function that plays a frame on the source at "
            "its video input, and wait for it there"
        )
    return show
