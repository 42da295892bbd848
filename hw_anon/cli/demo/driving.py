"""Frames through the driver: from the simulated RTL, and from the bit-true model with its networks' answers.

The driver runs in the board's environment, in a process of its own; the networks' twins need torch and run here.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from hw_anon.cli.board_process import served_camera
from hw_anon.cli.demo.shown import ModelDrive, RtlDrive, ShownFrame
from hw_anon.console.output import progress
from hw_anon.core.errors import ContractError
from hw_anon.core.frame import AnonymisedFrame
from hw_anon.core.video_words import video_beats

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hls.camera.golden import GoldenCamera
    from hw_anon.cli.demo.sent import Sent
    from hw_anon.core.camera_directory import CameraDirectory
    from hw_anon.core.camera_model import CameraModel
    from hw_anon.core.remote_camera import RemoteCamera, RemoteState

__all__ = ["drive_model", "drive_rtl", "served_driver"]


def served_driver(python: Path, made: CameraDirectory, answers: Path | None = None) -> RemoteCamera:
    """Returns the driver on a simulated board, not started yet.

    Args:
        python: Python of the board's environment.
        made: the camera.
        answers: its networks' noted answers; the RTL is simulated if not given.
    """
    arguments = ["sim", "--camera", str(made.directory)]
    return served_camera(python, [*arguments, *(["--answers", str(answers)] if answers is not None else [])])


def drive_rtl(camera: RemoteCamera, build_id: str, golden: GoldenCamera, sent: Sequence[Sent]) -> RtlDrive:
    """Sends pictures through RTL and driver, and compares each delivered frame with the golden model's.

    Args:
        camera: the driver, not started yet.
        build_id: what the hardware has to say of itself.
        golden: the camera's model, as after power-up.
        sent: what the sensor sends, frames of the source first.

    Raises:
        ContractError: if the driver found another build.
        DeviceError: if the simulated camera fails or delivers nothing.
    """
    from hls.camera.golden import differing_bytes
    from hls.camera.run import StageCycles

    frames: list[ShownFrame] = []
    last = 0
    with ExitStack() as stack:
        _open(camera, build_id, stack)
        bar = stack.enter_context(progress())
        task = bar.add_task("frames through RTL and driver", total=len(sent))
        for one in sent:
            words = one.words()
            delivery = camera.deliver_words(words)
            golden.model.feed(video_beats(words))
            (expected,) = golden.model.take()
            assert delivery.times is not None and delivery.began is not None, "the RTL is simulated"
            frames.append(
                ShownFrame(
                    title=one.title,
                    index=one.index,
                    before=one.picture,
                    after=delivery.frame,
                    cycles=StageCycles.between(delivery.began, delivery.times),
                    differing_bytes=differing_bytes(delivery.frame, expected, max_faces=golden.model.config.max_faces),
                )
            )
            last = delivery.times.last
            bar.advance(task)
        state = camera.state()
    return RtlDrive(
        frames=tuple(frame for frame in frames if frame.index is not None),
        faulty=tuple(frame for frame in frames if frame.index is None),
        registers_differ=_differences(state, golden.model),
        cycles=last + 1,
        state=state,
    )


def drive_model(
    camera: RemoteCamera,
    build_id: str,
    expected: Sequence[AnonymisedFrame],
    pictures: Sequence[NDArray[np.uint8]],
    *,
    max_faces: int,
) -> ModelDrive:
    """Sends pictures through the bit-true model and the driver.

    Args:
        camera: the driver on the model, not started yet.
        build_id: what the hardware has to say of itself.
        expected: what the golden model with the networks' twins delivers for each picture.
        pictures: `[H, W, 3]` uint8 each.
        max_faces: faces in a frame's metadata at most.

    Raises:
        ContractError: if the driver found another build.
        DeviceError: if nothing is delivered.
    """
    from hls.camera.golden import differing_bytes

    delivered: list[AnonymisedFrame] = []
    with ExitStack() as stack:
        _open(camera, build_id, stack)
        bar = stack.enter_context(progress())
        task = bar.add_task("frames through model and driver", total=len(pictures))
        for picture in pictures:
            delivered.append(camera.anonymise(picture))
            bar.advance(task)
        state = camera.state()
    differing = sum(
        differing_bytes(got, wanted, max_faces=max_faces) for got, wanted in zip(delivered, expected, strict=True)
    )
    return ModelDrive(frames=tuple(delivered), differing_bytes=differing, state=state)


def _open(camera: RemoteCamera, build_id: str, stack: ExitStack) -> None:
    stack.enter_context(camera)
    if camera.description.build_id != build_id:
        raise ContractError(f"the driver opened build {camera.description.build_id}, the camera is {build_id}")


def _differences(state: RemoteState, model: CameraModel) -> tuple[str, ...]:
    """Returns the counters and faults of a camera that are not its golden model's, with both."""
    faults = [sorted(fault.name for fault in faults) for faults in (state.faults, model.faults)]
    pairs = {"counters": (state.counters, asdict(model.counters)), "faults": (faults[0], faults[1])}
    return tuple(f"{name}: {got}, not {wanted}" for name, (got, wanted) in pairs.items() if got != wanted)
