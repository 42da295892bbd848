"""What is sent into the simulated RTL: a few frames of the source, and frames that have to be delivered black."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hw_anon.console.output import note
from hw_anon.core.errors import ConfigError
from hw_anon.core.video_words import TLAST, frame_beats

if TYPE_CHECKING:
    from hls.camera.golden import GoldenCamera
    from hw_anon.data.footage import Footage

__all__ = ["Sent", "chosen_frames", "faulty_frames"]

_CROWD_PEOPLE, _SEED = 3, 7


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Sent:
    """A picture for the simulated camera."""

    title: str
    """What it is, for people."""
    picture: NDArray[np.uint8]
    """`[H, W, 3]` uint8 RGB."""
    index: int | None = None
    """Its place in the source; `None` for a frame that is to be delivered black."""
    pixels: int | None = None
    """Pixels after which the sensor ends the line and says no more; not a multiple of the width. All if not given."""

    def words(self) -> NDArray[np.uint32]:
        """Returns the raw video words."""
        words = frame_beats(self.picture)[: self.pixels].copy()
        words[-1] |= TLAST
        return words


def chosen_frames(footage: Footage, count: int) -> list[Sent]:
    """Returns so many frames spread over the source, or all if there are fewer."""
    total = len(footage.frames)
    count = min(count, total)
    places = [(2 * index + 1) * total // (2 * count) for index in range(count)]
    return [Sent(title=f"frame {place + 1} of {total}", picture=footage.frames[place], index=place) for place in places]


def faulty_frames(golden: GoldenCamera, picture: NDArray[np.uint8]) -> list[Sent]:
    """Returns a frame that ends in the middle, and one with more faces than the camera replaces.

    Args:
        golden: the camera's model, whose detector says how many faces there are.
        picture: `[H, W, 3]` uint8, to be cut off.
    """
    config = golden.model.config
    cut = config.width * (config.height // 2) + config.width // 3
    sent = [Sent(title="cut off in the middle of a line", picture=picture, pixels=cut)]
    crowd = _crowd(golden)
    if crowd is not None:
        sent.append(Sent(title=f"more than {config.max_faces} faces", picture=crowd))
    return sent


def _crowd(golden: GoldenCamera) -> NDArray[np.uint8] | None:
    """Returns a frame of rendered people and the portrait in which the detector finds too many faces."""
    from hls.camera.equality import faces_found
    from hw_anon.data.face_frames import frames_with, portrait_patch, rendered_patches

    config = golden.model.config
    try:
        return next(
            frames_with(
                [config.max_faces + 1],
                [portrait_patch(), *rendered_patches(_CROWD_PEOPLE, _SEED)],
                lambda picture: faces_found(golden, picture),
                width=config.width,
                height=config.height,
                seed=_SEED,
            )
        )
    except ConfigError as exc:
        note(f"no frame with too many faces: {exc}")
        return None
