"""Small identity sets: synthetic ones without any weights, and the portrait with them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hw_anon.core.boxes import Box
from hw_anon.data.face_detectors import Candidate
from hw_anon.evaluate.faces import TEMPLATE_112, IdentityFaces

SIDE = 128
PEOPLE = 8
PICTURES = 4


def smooth(generator: np.random.Generator, cells: int) -> NDArray[np.float64]:
    """A `[SIDE, SIDE, 3]` picture of random colours in `cells`×`cells` squares, values 0 to 1."""
    repeat = SIDE // cells
    return np.kron(generator.uniform(0, 1, (cells, cells, 3)), np.ones((repeat, repeat, 1)))


@pytest.fixture
def toy_faces() -> IdentityFaces:
    """Eight people with four pictures each: a person is a pattern of 8×8 squares, a picture adds its own noise."""
    generator = np.random.default_rng(7)
    pictures, people = [], []
    for person in range(PEOPLE):
        pattern = smooth(generator, 8)
        for _ in range(PICTURES):
            noisy = 0.75 * pattern + 0.25 * smooth(generator, 32)
            pictures.append(np.rint(noisy * 255).astype(np.uint8))
            people.append(person)
    eye, other_eye, nose, mouth, other_mouth = ((float(x), float(y)) for x, y in TEMPLATE_112 + 8)
    landmarks = eye, other_eye, nose, mouth, other_mouth
    face = Candidate(box=Box(x=20, y=20, width=88, height=88), landmarks=landmarks, score=1.0)
    return IdentityFaces(
        name="toy",
        pictures=tuple(pictures),
        people=np.array(people),
        faces=(face,) * len(people),
        regions=(Box(x=8, y=8, width=112, height=112),) * len(people),
    )
