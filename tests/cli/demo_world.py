"""A small demonstration: a camera of stand-ins in place of RTL and driver, and a whole report of what it delivered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from types import SimpleNamespace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hls.camera.golden import GoldenCamera
from host.stand_ins import bright_faces, inverted, model_config, scene
from hw_anon.cli.demo.driving import drive_model, drive_rtl
from hw_anon.cli.demo.sent import Sent, chosen_frames
from hw_anon.cli.demo.shown import CameraFacts, DemoReport, ShownNetwork
from hw_anon.core.camera import CameraConfig, frame_budget
from hw_anon.core.camera_abi import StageTimes
from hw_anon.core.camera_model import CameraModel
from hw_anon.core.frame import AnonymisedFrame
from hw_anon.core.remote_camera import RemoteDelivery, RemoteDescription, RemoteState
from hw_anon.core.video_words import frame_beats, video_beats
from hw_anon.data.footage import Footage

BUILD_ID = "0123456789abcdef" * 2
RTL = "ab" * 32
CONFIG = model_config(width=80, height=48)


class StandInDriver:
    """Answers as `RemoteCamera` does, with a camera model in this process."""

    def __init__(self, config: CameraConfig = CONFIG, *, flip: int = 0, build_id: str = BUILD_ID) -> None:
        """Makes a camera.

        Args:
            config: the camera.
            flip: bits that its modifier gets wrong.
            build_id: what it says of itself.
        """
        self._model = CameraModel(config, detect=bright_faces, modify=lambda crops: inverted(crops) ^ np.uint8(flip))
        self._model.running = True
        self._cycle = 0
        self.description = RemoteDescription(
            backend="sim",
            board=config.board,
            build_id=build_id,
            width=config.width,
            height=config.height,
            max_faces=config.max_faces,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        return None

    def anonymise(self, frame: NDArray[np.uint8]) -> AnonymisedFrame:
        """Delivers a frame."""
        return self.deliver_words(frame_beats(frame)).frame

    def deliver_words(self, words: NDArray[np.uint32]) -> RemoteDelivery:
        """Delivers a frame of words; every stage takes a thousand cycles."""
        self._model.feed(video_beats(words))
        (frame,) = self._model.take()
        began, self._cycle = self._cycle, self._cycle + 7000
        ends = dict(zip(("raw", "cells", "crop", "modified", "first", "last"), range(1, 7), strict=True))
        times = StageTimes(**{name: began + 1000 * place for name, place in ends.items()})
        return RemoteDelivery(frame=frame, began=began, times=times)

    def state(self) -> RemoteState:
        """Tells the model's counters."""
        return RemoteState(
            counters=asdict(self._model.counters),
            faults=frozenset(self._model.faults),
            health={"recoveries": 0, "lost": 0, "torn": 0},
        )


def stand_in_golden(config: CameraConfig = CONFIG) -> GoldenCamera:
    """Returns the golden model with stand-ins for the twins."""
    twins: dict[str, Any] = {
        "detector": SimpleNamespace(modify=lambda halves: bright_faces(halves[0])[None]),
        "modifier": SimpleNamespace(modify=lambda crops: inverted(crops[..., :3])),
    }
    return GoldenCamera(config, **twins)


def footage(count: int = 6, config: CameraConfig = CONFIG) -> Footage:
    """Returns frames with bright spots."""
    return Footage(name="spots", frames=tuple(scene(config, number) for number in range(count)), fps=4.0)


def camera_facts(config: CameraConfig = CONFIG) -> CameraFacts:
    """Returns a camera with a budget and resources."""
    amounts = {"dsp": 9, "lut": 2000, "bram18": 40, "uram": 0}
    return CameraFacts(
        name="small",
        build_id=BUILD_ID,
        rtl_sha256=RTL,
        config=config,
        budget=frame_budget(config).as_json(),
        resources={"camera": amounts, "sum": amounts},
        networks=(ShownNetwork(role="modifier", name="stand-in", design_id="0" * 16, purpose="does not anonymise"),),
    )


def demo_report(
    shown: Footage | None = None, config: CameraConfig = CONFIG, *, flip: int = 0, **changed: Any
) -> DemoReport:
    """Returns a whole report.

    Args:
        shown: the source.
        config: the camera.
        flip: bits that the RTL's modifier gets wrong.
        changed: other values of the report.
    """
    shown = shown or footage(config=config)
    golden = stand_in_golden(config)
    expected = [golden.deliver(picture) for picture in shown.frames]
    sent: Sequence[Sent] = [
        *chosen_frames(shown, 2),
        Sent(title="cut off", picture=shown.frames[0], pixels=config.width * 3 + 5),
    ]
    rtl: Any = StandInDriver(config, flip=flip)
    model: Any = StandInDriver(config)
    values: dict[str, Any] = {
        "command": "hw-anon demo",
        "source": shown.name,
        "fps": shown.fps,
        "left_out": shown.left_out,
        "pictures": shown.frames,
        "camera": camera_facts(config),
        "rtl": drive_rtl(rtl, BUILD_ID, stand_in_golden(config), sent),
        "model": drive_model(model, BUILD_ID, expected, shown.frames, max_faces=config.max_faces),
        "actions": None,
        "links": (),
        "results": "nothing was measured",
        "assurance": {},
    }
    return DemoReport(**{**values, **changed})
