"""The paper's user study (section 5.5) as one web page, with its answer key in a file of its own.

Three questions: (Q1) do two modified pictures show the same person, 12 pairs that do and 12 that do not; (Q2) who is
the person on a modified picture; (Q3) would you trust this technology with your own face. The paper showed celebrities
in Q2 and asked for the name; here the people are unknown to everybody, and each question shows candidates, all original
and other pictures than the modified one, among which the person is always.

Nothing in the page tells the answers: questions are shuffled, pictures carry neither names nor metadata and no picture
of a person is used twice while there are others, and the study's identity is a hash of the page's questions alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.atomic import write_text_atomically
from hw_anon.core.boxes import Box
from hw_anon.core.config import Config, require_range
from hw_anon.core.errors import ConfigError
from hw_anon.core.hashing import sha256_bytes
from hw_anon.core.video_path import crop_resize
from hw_anon.evaluate.faces import IdentityFaces
from hw_anon.evaluate.foreign import ForeignFigures, foreign_figures
from hw_anon.evaluate.gallery import GalleryMethod, modify_regions, picture_uri
from hw_anon.evaluate.pages import render_template

__all__ = [
    "ANSWERS_FORMAT",
    "KEY_FILE",
    "KEY_FORMAT",
    "PAGE_FILE",
    "Study",
    "StudySettings",
    "make_study",
    "write_study",
]

PAGE_FILE = "study.html"
KEY_FILE = "key.json"
KEY_FORMAT = "hw-anon study key 1"
ANSWERS_FORMAT = "hw-anon study answers 1"

_TEMPLATE = "study.html.j2"

Picture = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True, slots=True)
class StudySettings(Config):
    """Numbers of questions; the defaults are the paper's."""

    positive_pairs: int = 12
    """Q1: pairs of one person."""
    negative_pairs: int = 12
    """Q1: pairs of two people."""
    named: int = 16
    """Q2: people to be named."""
    candidates: int = 8
    """Q2: originals to choose from."""
    shown: int = 12
    """Q3: modified pictures shown."""
    side: int = 160
    """Side of the pictures in pixels."""
    seed: int = 0
    """Seed of people, pictures and order."""

    def __post_init__(self) -> None:
        for name in ("positive_pairs", "negative_pairs", "named", "shown"):
            require_range(self, name, 1, 200)
        require_range(self, "candidates", 2, 30)
        require_range(self, "side", 32, 512, unit="pixels")
        require_range(self, "seed", 0, None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Study:
    """A study's page and its key."""

    page: str
    """The page's HTML."""
    key: dict[str, Any]
    """What `write_study` keeps apart: the right answers and how the study was made."""


class _Pictures:
    """Hands out pictures of people, one not seen before as long as there is one."""

    def __init__(self, faces: IdentityFaces, method: GalleryMethod, side: int, generator: np.random.Generator) -> None:
        self._faces, self._method, self._side, self._generator = faces, method, side, generator
        self._used = np.zeros(len(faces), np.int64)
        self._shown: dict[int, tuple[Picture, Picture]] = {}  # regions of pictures, before and after

    def draw(self, person: int, *, apart_from: Sequence[int] = ()) -> int:
        """Returns the index of one of the least used pictures of a person."""
        mine = np.flatnonzero(self._faces.people == person)
        mine = mine[~np.isin(mine, apart_from)]
        rarest = mine[self._used[mine] == self._used[mine].min()]
        index = int(self._generator.choice(rarest))
        self._used[index] += 1
        return index

    def original(self, index: int) -> str:
        """Returns the face's region as a `data:` address."""
        return picture_uri(crop_resize(self._faces.pictures[index], self._faces.regions[index], self._side))

    def modified(self, index: int) -> str:
        """Returns the modified region as a `data:` address."""
        picture, region = self._faces.pictures[index], self._faces.regions[index]
        modified = modify_regions(picture, [region], self._method)
        self._shown[index] = picture[region.rows, region.columns], modified[region.rows, region.columns].copy()
        return picture_uri(crop_resize(modified, region, self._side))

    def foreign(self) -> ForeignFigures | None:
        """Returns how many of the faces shown as modified an anonymiser of others left as they were."""
        before, after = [old for old, _ in self._shown.values()], [new for _, new in self._shown.values()]
        regions = [[Box(x=0, y=0, width=old.shape[1], height=old.shape[0])] for old in before]
        return foreign_figures(self._method.backend, before, after, regions)


def make_study(
    faces: IdentityFaces, method: GalleryMethod, settings: StudySettings | None = None, *, command: str
) -> Study:
    """Builds a study of one modifier.

    Args:
        faces: people that the modifier's training did not see, at least two pictures of each.
        method: the modifier.
        settings: numbers of questions.
        command: the command line that makes it, for the key.

    Raises:
        ConfigError: if there are too few people or pictures for the questions.
        ToolError: if jinja2 or Pillow is missing.
    """
    settings = settings or StudySettings()
    people, counts = np.unique(faces.people, return_counts=True)
    people = people[counts >= 2]
    needed = max(settings.candidates, 2)
    if len(people) < needed:
        raise ConfigError(f"a study with {settings.candidates} candidates needs {needed} people with two pictures or "
                          f"more; {faces.name} has {len(people)}")  # fmt: skip
    generator = np.random.default_rng(settings.seed)
    pictures = _Pictures(faces, method, settings.side, generator)
    pairs, same = _pairs(people, pictures, settings, generator)
    named, who = _named(people, pictures, settings, generator)
    shown = [pictures.modified(pictures.draw(int(p))) for p in _cycle(people, settings.shown, generator)]
    questions = {"pairs": pairs, "named": named, "shown": shown}
    identity = sha256_bytes(json.dumps(questions, sort_keys=True).encode())[:16]
    key = {
        "format": KEY_FORMAT,
        "study": identity,
        "method": method.backend.name,
        "dataset": faces.name,
        "people": len(people),
        "settings": settings.to_dict(),
        "command": command,
        "pairs": {question["id"]: answer for question, answer in zip(pairs, same, strict=True)},
        "named": {question["id"]: answer for question, answer in zip(named, who, strict=True)},
    }
    if (foreign := pictures.foreign()) is not None:
        key |= foreign.as_json()
    page = render_template(
        _TEMPLATE, study=identity, questions=questions, side=settings.side, answers_format=ANSWERS_FORMAT
    )
    return Study(page=page, key=key)


def write_study(study: Study, directory: Path) -> dict[str, Path]:
    """Writes `study.html` and, to be kept from participants, `key.json`; returns their paths by kind.

    Raises:
        OSError: if a file cannot be written.
    """
    files = {"page": directory / PAGE_FILE, "key": directory / KEY_FILE}
    write_text_atomically(files["page"], study.page)
    write_text_atomically(files["key"], json.dumps(study.key, indent=2, sort_keys=True) + "\n")
    return files


def _pairs(
    people: NDArray[np.int64], pictures: _Pictures, settings: StudySettings, generator: np.random.Generator
) -> tuple[list[dict[str, Any]], list[str]]:
    """Q1: shuffled pairs of modified pictures, and whether each is `same` or `different`."""
    drawn = [(int(p), int(p)) for p in _cycle(people, settings.positive_pairs, generator)]
    left = _cycle(people, settings.negative_pairs, generator)
    drawn += [(int(p), int(generator.choice(people[people != p]))) for p in left]
    questions, answers = [], []
    for number, index in enumerate(generator.permutation(len(drawn)), start=1):
        first, second = drawn[index]
        one = pictures.draw(first)
        other = pictures.draw(second, apart_from=[one])
        questions.append(
            {"id": f"pair-{number:02d}", "left": pictures.modified(one), "right": pictures.modified(other)}
        )
        answers.append("same" if first == second else "different")
    return questions, answers


def _named(
    people: NDArray[np.int64], pictures: _Pictures, settings: StudySettings, generator: np.random.Generator
) -> tuple[list[dict[str, Any]], list[int]]:
    """Q2: modified pictures with candidates, and the right candidate's number from 1 up."""
    questions, answers = [], []
    for number, person in enumerate(_cycle(people, settings.named, generator), start=1):
        shown = pictures.draw(int(person))
        others = generator.permutation(people[people != person])[: settings.candidates - 1]
        row = generator.permutation(np.append(others, person))
        candidates = [pictures.draw(int(p), apart_from=[shown]) for p in row]
        questions.append(
            {
                "id": f"name-{number:02d}",
                "picture": pictures.modified(shown),
                "candidates": [pictures.original(index) for index in candidates],
            }
        )
        answers.append(int(np.flatnonzero(row == person)[0]) + 1)
    return questions, answers


def _cycle(people: NDArray[np.int64], count: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Draws people in random order, nobody again before everybody had a turn."""
    rounds = [generator.permutation(people) for _ in range(-(-count // len(people)))]
    return np.concatenate(rounds)[:count]
