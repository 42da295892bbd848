"""Sends pictures through a simulated camera, one after the other, and measures each stage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.board_frame import unpack_board_frame
from hw_anon.core.camera import CameraConfig
from hw_anon.core.camera_abi import BoardFrames, StageTimes, VerilatedCamera, frame_beats
from hw_anon.core.errors import DeviceError
from hw_anon.core.frame import AnonymisedFrame
from hw_anon.core.register_access import CameraRegisters

__all__ = ["CameraRun", "Delivery", "StageCycles", "longest_frame_cycles"]

_SLICES = 64
"""Looks at the output per shortest frame time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StageCycles:
    """Cycles of one frame's stages, one after the other from the last raw pixel on."""

    capture: int
    """First to last raw pixel."""
    detect: int
    """Last raw pixel to the detector's last cell; 0 if the frame was not searched."""
    decode: int
    """Last cell to the first pixel of the first crop, or of the delivered frame if there are no faces."""
    modify: int
    """First pixel of the first crop to the last modified one."""
    paste: int
    """Last modified pixel to the first one of the delivered frame."""
    deliver: int
    """First pixel to the end of the metadata line."""
    latency: int
    """Last raw pixel in to first anonymised pixel out."""

    @classmethod
    def between(cls, begin: int, times: StageTimes) -> StageCycles:
        """Returns the stages of a frame that began at cycle `begin` and was delivered."""
        cells = times.cells if times.cells >= begin else times.raw
        crop = times.crop if times.crop >= begin else times.first
        modified = times.modified if times.modified >= begin else times.first
        return cls(
            capture=times.raw - begin + 1,
            detect=cells - times.raw,
            decode=crop - cells,
            modify=modified - crop,
            paste=times.first - modified,
            deliver=times.last - times.first + 1,
            latency=times.first - times.raw,
        )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Delivery:
    """What came out for one picture."""

    frame: AnonymisedFrame
    """The frame and what the camera said about it."""
    cycles: StageCycles
    """How long it took."""


def longest_frame_cycles(config: CameraConfig, *, gap: int = 0) -> int:
    """Returns cycles after which every frame is delivered, whatever its accelerators do, if the sink takes it.

    Args:
        config: the camera.
        gap: idle cycles before each raw pixel.
    """
    pixels = config.width * config.height
    answers = config.detector_watchdog_cycles + config.decode_cycles
    answers += config.max_faces * config.modifier_watchdog_cycles
    return answers + (config.max_faces + 3 + gap) * pixels + 10_000


class CameraRun:
    """A running camera that takes a picture when the one before it is delivered."""

    def __init__(self, camera: VerilatedCamera, config: CameraConfig, *, threshold: int | None = None) -> None:
        """Starts the camera.

        Args:
            camera: as after power-up.
            config: what it was built from.
            threshold: detector threshold; the built-in one if not given.

        Raises:
            DeviceError: if it is no camera, or another one than its library says.
        """
        self.registers = CameraRegisters(read32=camera.read, write32=camera.write)
        self.registers.require(build_id=camera.build_id)
        if threshold is not None:
            self.registers.set_threshold(threshold)
        self.registers.start()
        self._camera = camera
        self._config = config
        self._frames = BoardFrames(camera.width, camera.height)

    def deliver(self, picture: NDArray[np.uint8], *, pixel_gap: int = 0) -> Delivery:
        """Sends one picture `[H, W, 3]` and waits for what is delivered for it.

        Raises:
            DeviceError: if the camera fails, or delivers nothing in the time that its watchdogs leave.
            ContractError: if its output is no board-level frame.
        """
        return self.deliver_words(frame_beats(picture, pixel_gap=pixel_gap), pixel_gap=pixel_gap)

    def deliver_words(self, words: NDArray[np.uint32], *, pixel_gap: int = 0) -> Delivery:
        """Sends raw video words `[N]` of one frame, a faulty one perhaps, and waits for what is delivered for it.

        Raises:
            DeviceError: if the camera fails, or delivers nothing in the time that its watchdogs leave.
            ContractError: if its output is no board-level frame.
        """
        begin = self._camera.cycle
        self._camera.send(words)
        step = max(1, self._camera.width * self._camera.height // _SLICES)
        for _ in range(longest_frame_cycles(self._config, gap=pixel_gap) // step + 1):
            self._camera.run(step)
            for board_frame in self._frames.feed(self._camera.receive()):
                pixels, metadata = unpack_board_frame(board_frame)
                frame = AnonymisedFrame(
                    frame=pixels, number=metadata.number, boxes=metadata.boxes, fault=metadata.fault
                )
                return Delivery(frame=frame, cycles=StageCycles.between(begin, self._camera.times))
        raise DeviceError(f"the camera delivered nothing within {self._camera.cycle - begin:,} cycles of a picture")
