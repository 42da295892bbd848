"""What the generator asks of whoever draws: portraits of a person, and the frames of a clip.

The generator, the sets and their tests know no more of rendering than this. `load_studio` gives the real one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hw_anon.data.face_labels import FaceLabel

__all__ = ["PersonTraits", "Shot", "Studio"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonTraits:
    """What the data card counts people by."""

    age: float
    """Years."""
    gender: str
    """`female` or `male`, whichever the body is nearer to."""
    skin: float
    """How light the skin is: the lightness L* of its colour, 0 (black) to 100 (white)."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Shot:
    """One rendered picture with its labels."""

    picture: NDArray[np.uint8]
    """`[H, W, 3]` uint8 RGB."""
    face: FaceLabel | None
    """The face; `None` where nothing of it is in the picture."""
    person: tuple[float, float, float, float]
    """Left, top, right, bottom of the person in pixels."""


class Studio(Protocol):
    """Draws people; everything it draws follows from its arguments alone."""

    @property
    def actions(self) -> tuple[str, ...]:
        """Names of the actions that it can draw."""

    @property
    def near_face(self) -> tuple[str, ...]:
        """Those that hold something to the face."""

    @property
    def version(self) -> str:
        """Changes whenever the same arguments may give another picture."""

    def warm_up(self) -> None:
        """Compiles and loads what drawing needs, so that processes started later find it done."""

    def traits(self, person: int) -> PersonTraits:
        """Returns what a person is like.

        Args:
            person: seed of the person.
        """

    def portraits(self, person: int, seeds: Sequence[int], size: int) -> Iterator[Shot]:
        """Draws head-and-shoulders pictures of one person.

        Args:
            person: seed of the person.
            seeds: one for each picture: light, background, pose, expression, hair and clothes follow from it.
            size: side of a picture in pixels.
        """

    def clip(self, person: int, action: str, seed: int, *, frames: int, fps: float, size: int) -> Iterator[Shot]:
        """Draws the successive frames of one clip.

        Args:
            person: seed of the person.
            action: one of `actions`.
            seed: everything else follows from it.
            frames: how many.
            fps: frames a second.
            size: side of a frame in pixels.
        """
