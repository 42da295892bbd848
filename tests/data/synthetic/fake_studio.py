"""A studio that draws rectangles: quick, deterministic, and different for every argument."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from hw_anon.data.face_labels import FaceLabel
from hw_anon.data.synthetic.studio import PersonTraits, Shot


class FakeStudio:
    """Draws a person as a bright rectangle on noise."""

    actions = ("wave", "drink", "idle")
    near_face = ("drink",)
    version = "fake-1"

    def warm_up(self) -> None:
        """Needs nothing."""

    def traits(self, person: int) -> PersonTraits:
        """Follows from the seed."""
        generator = np.random.default_rng(person)
        gender = ("female", "male")[int(generator.integers(2))]
        return PersonTraits(age=float(generator.integers(18, 80)), gender=gender, skin=float(generator.uniform(20, 80)))

    def portraits(self, person: int, seeds: Sequence[int], size: int) -> Iterator[Shot]:
        """One rectangle each."""
        for seed in seeds:
            yield shot([person, seed], size)

    def clip(self, person: int, action: str, seed: int, *, frames: int, fps: float, size: int) -> Iterator[Shot]:
        """A rectangle that moves."""
        for number in range(frames):
            moved = shot([person, seed, self.actions.index(action)], size, shift=number)
            yield moved if action != "idle" else Shot(picture=moved.picture, face=None, person=moved.person)


class DyingStudio(FakeStudio):
    """Stops after the second person."""

    def __init__(self) -> None:
        self.drawn = 0

    def portraits(self, person: int, seeds: Sequence[int], size: int) -> Iterator[Shot]:
        """Raises as an interrupt would."""
        self.drawn += 1
        if self.drawn > 2:
            raise KeyboardInterrupt
        return super().portraits(person, seeds, size)


def shot(seed: list[int], size: int, shift: int = 0) -> Shot:
    """Noise with a rectangle; the person's box sticks out below."""
    generator = np.random.default_rng(seed)
    picture = generator.integers(0, 60, (size, size, 3)).astype(np.uint8)
    side = size // 4
    x, y = (int(v) for v in generator.integers(4, size // 2, 2))
    x += shift
    picture[y : y + side, x : x + side] = generator.integers(100, 255, 3)
    eye = (x + side * 0.3, y + side * 0.3)
    other = (x + side * 0.7, y + side * 0.3)
    middle = (x + side * 0.5, y + side * 0.5)
    face = FaceLabel(
        box=(x, y, x + side, y + side),
        landmarks=(eye, other, middle, (eye[0], y + side * 0.8), (other[0], y + side * 0.8)),
        visible_share=float(generator.uniform(0.2, 1)),
    )
    return Shot(picture=picture, face=face, person=(x - 3, y - 3, x + side + 3, size + 20))


def fake_studio() -> FakeStudio:
    """Makes the studio, in every process."""
    return FakeStudio()
