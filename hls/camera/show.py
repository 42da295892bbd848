"""Shows what a camera does with given frames: a few through its simulated RTL, all of them through its golden model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hls.camera.equality import registers_differ
from hls.camera.golden import differing_bytes, load_golden
from hls.camera.run import CameraRun
from hls.report.camera_data import ShownFrame
from hw_anon.core.camera_abi import TLAST, VerilatedCamera, frame_beats, video_beats

if TYPE_CHECKING:
    from hw_anon.core.camera_directory import CameraDirectory
    from hw_anon.core.frame import AnonymisedFrame

__all__ = ["Sent", "Stretch", "golden_frames", "simulate_stretch"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Sent:
    """A picture for the simulated camera."""

    title: str
    """What it is, for people."""
    picture: NDArray[np.uint8]
    """`[H, W, 3]` uint8 RGB."""
    pixels: int | None = None
    """Pixels after which the sensor ends the line and says no more; not a multiple of the width. All if not given."""

    def beats(self) -> NDArray[np.uint32]:
        """Returns the raw video words."""
        words = frame_beats(self.picture)[: self.pixels].copy()
        words[-1] |= TLAST
        return words


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Stretch:
    """What the simulated camera delivered."""

    frames: tuple[ShownFrame, ...]
    """In order, one for each picture sent."""
    registers_differ: tuple[str, ...]
    """Counters and faults that are not the golden model's at the end."""
    cycles: int
    """Cycles simulated."""

    @property
    def differing_bytes(self) -> int:
        """Sum over all frames."""
        return sum(frame.differing_bytes for frame in self.frames)

    @property
    def clean(self) -> bool:
        """Whether nothing differs."""
        return not self.differing_bytes and not self.registers_differ


def simulate_stretch(
    camera: CameraDirectory, sent: Iterable[Sent], *, on_frame: Callable[[ShownFrame], None] | None = None
) -> Stretch:
    """Sends pictures through the simulated camera and compares each delivered frame with the golden model's.

    Args:
        camera: a camera directory.
        sent: what the sensor sends.
        on_frame: called after each frame.

    Raises:
        DeviceError: if the simulated camera fails or delivers nothing.
        ContractError: if a picture has another size.
    """
    golden, frames = load_golden(camera), list[ShownFrame]()
    with VerilatedCamera(camera.library, data_dir=camera.rtl) as simulated:
        run = CameraRun(simulated, camera.config)
        for one in sent:
            words = one.beats()
            delivery = run.deliver_words(words)
            golden.model.feed(video_beats(words))
            (expected,) = golden.model.take()
            frames.append(
                ShownFrame(
                    title=one.title,
                    before=one.picture,
                    after=delivery.frame,
                    cycles=asdict(delivery.cycles),
                    differing_bytes=differing_bytes(delivery.frame, expected, max_faces=camera.config.max_faces),
                )
            )
            if on_frame is not None:
                on_frame(frames[-1])
        differ = registers_differ(run.registers, golden.model)
        return Stretch(frames=tuple(frames), registers_differ=differ, cycles=simulated.cycle)


def golden_frames(camera: CameraDirectory, pictures: Iterable[NDArray[np.uint8]]) -> Iterator[AnonymisedFrame]:
    """Yields what the camera's golden model delivers for each picture `[H, W, 3]`, the networks' twins inside.

    Raises:
        ContractError: if a picture has another size.
    """
    golden = load_golden(camera)
    return (golden.deliver(picture) for picture in pictures)
