"""The whole camera as a backend of the evaluation: a frame goes in at the sensor and comes out of the driver.

    with open_backend("sim", work=Path("work"), camera=Path("build/camera")) as backend:
        result = backend.anonymise(frame)

`sim` is the simulated board, with the Verilated design of a camera directory or the golden model: with the networks'
noted answers (`hw_anon.core.network_answers`), or with stand-ins if there is no camera directory. `board` is a real
board whose sensor sees the frames on a screen or gets them over HDMI: software has no way to put a frame into the
camera, so somebody has to show it (`show`) and the result is what was seen of it.
"""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from host.driver.camera import AnonymizedCamera
from host.driver.settings import SIMULATED, CameraSettings
from host.simulated.model import ModelCamera
from host.simulated.source import VideoSource
from host.simulated.timed import TimedCamera
from host.simulation import simulated_camera
from hw_anon.core.camera import CameraConfig
from hw_anon.core.camera_abi import CameraPort
from hw_anon.core.camera_directory import CameraDirectory
from hw_anon.core.errors import ConfigError, ContractError, DeviceError
from hw_anon.core.frame import AnonymisedFrame, check_frame
from hw_anon.core.network_answers import AnswerBook

__all__ = ["BackendName", "CameraBackend", "open_backend"]

BackendName = Literal["sim", "board"]


class CameraBackend:
    """Frames through sensor, camera, DMA and driver."""

    def __init__(
        self,
        name: BackendName,
        camera: AnonymizedCamera,
        show: Callable[[NDArray[np.uint8]], None],
        *,
        send: Callable[[NDArray[np.uint32]], None] | None = None,
        port: TimedCamera | None = None,
    ) -> None:
        """Made by `open_backend`.

        Args:
            name: `sim` or `board`.
            camera: the open camera.
            show: lets the sensor see a frame `[H, W, 3]` next.
            send: lets it send raw video words `[N]` next, if it is a simulated one.
            port: the simulated RTL, if there is one.
        """
        self.name = name
        """Short name used in reports."""
        self.camera = camera
        """The driver."""
        self._show = show
        self._send = send
        self._port = port

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

    def anonymise_words(self, words: NDArray[np.uint32]) -> AnonymisedFrame:
        """Returns what the driver delivers for a frame of raw video words, a broken one perhaps.

        Args:
            words: `[N]` uint32 (`hw_anon.core.video_words`).

        Raises:
            ContractError: if the sensor is a real one.
            DeviceError: if no frame comes.
        """
        if self._send is None:
            raise ContractError(f"{self.name}: only a simulated sensor can send video words of one's own")
        self._send(words)
        with self.camera.readframe() as frame:
            return frame.copy()

    def times(self) -> dict[str, Any]:
        """Returns when the latest frame began (`began`) and its stages ended (`times`), in cycles; {} without RTL."""
        if self._port is None:
            return {}
        return {"began": self._port.began, "times": asdict(self._port.times)}

    def state(self) -> dict[str, Any]:
        """Returns the camera's counters and sticky faults and the driver's counters, as JSON values."""
        registers = self.camera.registers
        return {
            "counters": asdict(registers.counters),
            "faults": sorted(fault.name for fault in registers.faults),
            "health": self.camera.health.as_json(),
        }


class _Feed:
    """An endless script that is fed frame by frame; it seems exhausted while nothing waits."""

    def __init__(self) -> None:
        self._frames: deque[NDArray[np.uint8] | NDArray[np.uint32]] = deque()

    def show(self, frame: NDArray[np.uint8] | NDArray[np.uint32]) -> None:
        self._frames.append(frame)

    def __iter__(self) -> Iterator[NDArray[np.uint8] | NDArray[np.uint32]]:
        return self

    def __next__(self) -> NDArray[np.uint8] | NDArray[np.uint32]:
        if not self._frames:
            raise StopIteration
        return self._frames.popleft()


@contextmanager
def open_backend(
    name: BackendName,
    *,
    camera: Path | None = None,
    answers: Path | None = None,
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
        answers: `sim`: what the camera's networks answer; its golden model then stands in place of its RTL.
        config: `sim` without a camera directory: the golden model's camera.
        board: `sim`: board to simulate around the camera, in place of its own.
        work: directory for the simulated board's files; a temporary one if not given.
        settings: how the driver uses the camera.
        show: `board`: lets the sensor see a frame next (plays it on the source that is plugged in).

    Raises:
        ConfigError: if the name is unknown, or answers are given without a camera.
        ContractError: if a file is missing or damaged.
        DeviceError: if the board cannot be opened, or nobody shows it frames.
    """
    if name not in ("sim", "board"):
        raise ConfigError(f"unknown backend {name!r}; known: sim, board")
    with ExitStack() as stack:
        if name == "sim":
            feed = _Feed()
            place = work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hw-anon-")))
            port = _port(camera, answers)
            simulated = stack.enter_context(
                simulated_camera(
                    work=place, source=VideoSource(feed), camera=camera, config=config, port=port, board=board
                )
            )
            opened = stack.enter_context(AnonymizedCamera(simulated.design, settings or SIMULATED))
            rtl = port if isinstance(port, TimedCamera) else None
            yield CameraBackend(name, opened, feed.show, send=feed.show, port=rtl)
        else:
            play = _require_player(show)
            yield CameraBackend(name, stack.enter_context(AnonymizedCamera(camera, settings)), play)


def _require_player(show: Callable[[NDArray[np.uint8]], None] | None) -> Callable[[NDArray[np.uint8]], None]:
    if show is None:
        raise DeviceError(
            "a board's camera sees what its sensor sees: give show=, a function that plays a frame on the source at "
            "its video input, and wait for it there"
        )
    return show


def _port(camera: Path | None, answers: Path | None) -> CameraPort | None:
    """Returns the camera that is simulated; `None` for the golden model with stand-ins."""
    if camera is None:
        if answers is not None:
            raise ConfigError("answers belong to the networks of a camera: name its directory as well")
        return None
    opened = CameraDirectory.load(camera)
    if answers is None:
        return TimedCamera(opened.library, data_dir=opened.rtl)
    book = AnswerBook.load(answers)
    return ModelCamera(opened.config, detect=book.detect, modify=book.modify, build_id=opened.build_id)
