"""What the generator asks of whoever draws: portraits of a person, and the frames of a clip.

The generator, the sets and their tests know no more of rendering than this. `load_studio` gives the real one.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.errors import ToolError
from hw_anon.core.hashing import sha256_files
from hw_anon.data.face_labels import FaceLabel

if TYPE_CHECKING:
    from hw_anon.data.synthetic.render import Rendered

__all__ = ["PersonTraits", "Shot", "Studio", "load_studio"]

_NOT_DRAWING = {"bake.py", "card.py", "generate.py", "plan.py", "sets.py", "shards.py", "sheet.py"}
"""Files beside this one that change nothing in a picture."""


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


class _RenderedStudio:
    """Draws with the renderer of this package."""

    def __init__(self) -> None:
        from hw_anon.data.synthetic.actions import ACTIONS, NEAR_FACE

        self.actions = ACTIONS
        self.near_face = NEAR_FACE

    @functools.cached_property
    def version(self) -> str:
        """Hash of the files that draw."""
        here = Path(__file__).parent
        files = [path for path in here.iterdir() if path.suffix in (".py", ".npz") and path.name not in _NOT_DRAWING]
        return sha256_files(files, root=here)

    def warm_up(self) -> None:
        """Draws one small frame: numba keeps what it compiles on disk."""
        next(self.clip(0, self.actions[0], 0, frames=1, fps=8.0, size=64))

    def traits(self, person: int) -> PersonTraits:
        """Returns what a person is like, see `Studio.traits`."""
        from hw_anon.data.synthetic.person import sample_identity

        identity = sample_identity(person)
        return PersonTraits(
            age=round(identity.age_years, 1), gender=identity.gender, skin=round(_lightness(identity.look.skin), 1)
        )

    def portraits(self, person: int, seeds: Sequence[int], size: int) -> Iterator[Shot]:
        """Draws portraits, see `Studio.portraits`."""
        from hw_anon.data.synthetic.person import sample_identity
        from hw_anon.data.synthetic.scene import make_portrait

        identity = sample_identity(person)
        for seed in seeds:
            yield _shot(make_portrait(identity, seed).picture(size))

    def clip(self, person: int, action: str, seed: int, *, frames: int, fps: float, size: int) -> Iterator[Shot]:
        """Draws a clip, see `Studio.clip`."""
        from hw_anon.data.synthetic.person import sample_identity
        from hw_anon.data.synthetic.scene import make_clip

        scene = make_clip(sample_identity(person), action, seed, fps=fps)
        for number in range(frames):
            yield _shot(scene.frame(number / fps, size))


def load_studio() -> Studio:
    """Returns the studio that draws with this package's renderer.

    Raises:
        ToolError: if numba or OpenCV is missing.
    """
    try:
        import cv2
        import numba
    except ImportError as exc:
        raise ToolError(
            f"drawing people needs {exc.name}; install it with: pip install numba opencv-python-headless"
        ) from exc
    del cv2, numba
    return _RenderedStudio()


def _shot(rendered: Rendered) -> Shot:
    """Takes over what was rendered; a face of which nothing is seen is none."""
    face = None
    if rendered.face_visible_share > 0:
        eye, other_eye, nose, mouth, other_mouth = ((float(x), float(y)) for x, y in rendered.landmarks)
        face = FaceLabel(
            box=rendered.face_box,
            landmarks=(eye, other_eye, nose, mouth, other_mouth),
            visible_share=min(1.0, rendered.face_visible_share),
        )
    return Shot(picture=rendered.picture, face=face, person=rendered.person_box)


def _lightness(srgb: tuple[float, float, float]) -> float:
    """Returns L* (CIE 1976) of an sRGB colour with channels of 0 to 1."""
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in srgb]
    luminance = sum(share * value for share, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return 116 * luminance ** (1 / 3) - 16 if luminance > 0.008856 else 903.3 * luminance
