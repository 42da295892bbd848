"""A batch of the fuzzer: one script for camera and golden model, and what belongs to which fault in it.

What only the camera can know, because it depends on time, the model is told from the frames that were delivered:
whether a frame found a store, and whether a soft reset came before its release. `Batch.certain_steps` are the steps
whose frames must find one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hls.fuzz.bench import Accelerators, Script
from hls.fuzz.pictures import THRESHOLD, good_beats
from hw_anon.core.camera import CameraConfig
from hw_anon.core.camera_model import Arrival, CameraModel, VideoBeats
from hw_anon.core.errors import DeviceError
from hw_anon.core.frame import Fault
from hw_anon.core.registers import register

__all__ = ["GOOD", "Batch", "FuzzModel"]

GOOD = "none (the good frame after each case)"
"""The kind of the frames between the faults."""

_AFTER_CAPTURE = (Fault.NONE, *(fault for fault in Fault if Fault.TOO_MANY_FACES <= fault < Fault.RESET))
"""What a frame can have become that was captured whole: a soft reset can have come before that."""


class FuzzModel(CameraModel):
    """The golden model with a lock, and with what the camera said about time."""

    def __init__(self, config: CameraConfig, observed: dict[int, Fault]) -> None:
        """Makes a camera.

        Args:
            config: the design.
            observed: fault of each delivered frame, by number.
        """
        accelerators = Accelerators(config)
        super().__init__(config, detect=accelerators.detect, modify=accelerators.modify, arrival=self._arrival)
        self.locked = False
        self.observed = observed
        self.certain = True

    def _arrival(self, number: int) -> Arrival:
        if self.certain or self.observed.get(number, Fault.OVERRUN) is not Fault.OVERRUN:
            return Arrival.STORED
        return Arrival.OVERRUN if number in self.observed else Arrival.DROPPED

    def set_threshold(self, value: int) -> None:
        """Writes the threshold, unless it is locked."""
        if not self.locked:
            self.threshold = value

    def reset_when_observed(self) -> None:
        """Ends every frame that was captured whole and that the camera delivered as hit by the reset."""
        self.soft_reset(
            unreleased=[
                frame.number
                for frame in self._due
                if frame.fault in _AFTER_CAPTURE and self.observed.get(frame.number) is Fault.RESET
            ]
        )


def _no_answer(half: NDArray[np.uint8]) -> NDArray[np.uint8]:
    raise DeviceError("the shadow needs no picture")


@dataclass
class Batch:
    """A script under way."""

    config: CameraConfig
    rng: np.random.Generator
    script: Script = field(default_factory=Script)
    kinds: list[str] = field(default_factory=list)
    """Of each step of the script: what it belongs to."""
    certain_steps: set[int] = field(default_factory=set)
    """Steps whose frames find a store for certain."""

    def __post_init__(self) -> None:
        self.shadow = FuzzModel(self.config, {})  # the camera's state, as far as it does not depend on time
        self.shadow.detect = _no_answer
        self.kind = GOOD

    def note(self, *, certain: bool = False) -> None:
        """Notes the kind of the steps that were added, and lets the shadow do them."""
        for step in self.script.steps[len(self.kinds) :]:
            step(self.shadow)
            if certain:
                self.certain_steps.add(len(self.kinds))
            self.kinds.append(self.kind)

    def video(self, beats: VideoBeats, *, wait: bool = True, certain: bool = True) -> None:
        """Sends beats."""
        self.script.video(beats, wait=wait and not self.shadow.capturing)
        self.note(certain=certain)

    def good(self, *, faces: int | None = None, failure: int = 0) -> VideoBeats:
        """Returns a well-formed frame."""
        return good_beats(self.rng, self.config, faces=faces, failure=failure)

    def place(self, first: int = 1) -> int:
        """Returns the position of a pixel, not before `first`."""
        return int(self.rng.integers(first, self.config.width * self.config.height))

    def run(self, *, wait: bool = True) -> None:
        """Sets the camera running, with its built-in threshold."""
        self.script.write(register("CONTROL").offset, 1, wait=wait)
        self.script.write(register("THRESHOLD").offset, THRESHOLD)

        def step(model: CameraModel) -> None:
            assert isinstance(model, FuzzModel)
            model.set_threshold(THRESHOLD)
            model.running = True

        self.script.steps.append(step)
        self.note()

    def reset(self, *, idle: int) -> None:
        """Resets the camera after so many cycles, whatever it is doing."""
        self.script.write(register("CONTROL").offset, 2, idle=idle)
        self.script.steps.append(FuzzModel.reset_when_observed)  # type: ignore[arg-type]
        self.note()

    def recover(self) -> None:
        """Sends a good frame, which must be delivered right."""
        self.kind = GOOD
        if not self.shadow.capturing:
            if self.rng.random() < 0.2:
                self.script.write(register("FAULTS").offset, 0xFFFF_FFFF, wait=True)
                self.script.steps.append(lambda model: model.faults.clear())
            self.run()
        self.video(self.good())
