"""Which pictures a synthetic set has: settings, seeds and jobs, all known before the first picture is drawn.

Every seed follows from the set's seed, the split and a number within it: more people or clips leave those that were
there as they are, and neither the number of processes nor the order of work changes anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from hw_anon.core.config import Config, require_range
from hw_anon.core.errors import ConfigError

__all__ = ["SPLITS", "ClipJob", "PersonJob", "Split", "SynthesisConfig", "clip_jobs", "person_jobs"]

Split = Literal["train", "test"]
SPLITS: tuple[Split, ...] = ("train", "test")
"""Their people are disjoint."""

_PEOPLE, _PORTRAITS, _CLIPS, _DECK = range(4)
_MAX_PER_SPLIT = 99_999


@dataclass(frozen=True, kw_only=True, slots=True)
class SynthesisConfig(Config):
    """Everything that a synthetic set follows from, besides the version of the generator."""

    people: int = 400
    """People in all."""
    test_people: int = 100
    """How many of them are in the test split."""
    pictures_per_person: int = 12
    """Portraits of each person."""
    clips: int = 440
    """Clips in all."""
    test_clips: int = 110
    """How many of them are in the test split, performed by its people."""
    frames_per_clip: int = 16
    """Frames of each clip."""
    fps: float = 8.0
    """Frames a second."""
    size: int = 256
    """Side of a frame in pixels."""
    portrait_size: int = 128
    """Side of a portrait in pixels."""
    seed: int = 0
    """Seed of the whole set."""
    picture_format: Literal["jpeg", "png"] = "jpeg"
    """How pictures are stored."""
    jpeg_quality: int = 92
    """Quality of JPEG pictures; their colours are stored in full resolution."""

    def __post_init__(self) -> None:
        require_range(self, "people", 1, 2 * _MAX_PER_SPLIT)
        require_range(self, "test_people", 0, self.people)
        require_range(self, "pictures_per_person", 0, 999)
        require_range(self, "clips", 0, 2 * _MAX_PER_SPLIT)
        require_range(self, "test_clips", 0, self.clips)
        require_range(self, "frames_per_clip", 1, 9999)
        require_range(self, "fps", 0.1, 240, unit="frames a second")
        require_range(self, "size", 64, 2048, unit="pixels")
        require_range(self, "portrait_size", 64, 2048, unit="pixels")
        require_range(self, "seed", 0, 2**63 - 1)
        require_range(self, "jpeg_quality", 50, 100)
        for split in SPLITS:
            if self.clips_of(split) and not self.people_of(split):
                raise ConfigError(
                    f"SynthesisConfig: the {split} split has {self.clips_of(split)} clips but no people to perform them"
                )
            if max(self.clips_of(split), self.people_of(split)) > _MAX_PER_SPLIT:
                raise ConfigError(f"SynthesisConfig: a split holds at most {_MAX_PER_SPLIT} people and clips")

    def people_of(self, split: Split) -> int:
        """Returns how many people a split has."""
        return self.test_people if split == "test" else self.people - self.test_people

    def clips_of(self, split: Split) -> int:
        """Returns how many clips a split has."""
        return self.test_clips if split == "test" else self.clips - self.test_clips


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonJob:
    """The portraits of one person."""

    name: str
    """Unique in the set, e.g. `train-00012`."""
    split: Split
    """Where the person belongs."""
    person: int
    """Seed of the person."""
    seeds: tuple[int, ...]
    """Seeds of the pictures."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipJob:
    """One clip."""

    name: str
    """Unique in the set, e.g. `test-00003-drinking`."""
    split: Split
    """Where the clip belongs."""
    performer: str
    """Name of the person, as in the portraits."""
    person: int
    """Seed of the person."""
    action: str
    """What is done."""
    seed: int
    """Seed of everything else."""


def person_jobs(config: SynthesisConfig) -> tuple[PersonJob, ...]:
    """Returns the people of both splits, `train` first."""
    return tuple(
        PersonJob(
            name=_person_name(split, number),
            split=split,
            person=_person_seed(config, split, number),
            seeds=tuple(
                _seed(config, _PORTRAITS, split, number, picture) for picture in range(config.pictures_per_person)
            ),
        )
        for split in SPLITS
        for number in range(config.people_of(split))
    )


def clip_jobs(config: SynthesisConfig, actions: tuple[str, ...]) -> tuple[ClipJob, ...]:
    """Returns the clips of both splits, `train` first.

    Actions follow one another in turn, so that their counts differ by at most one. People come from a pack of cards
    that is shuffled whenever it is used up: all perform equally often, and no action has its own people.

    Args:
        config: the settings.
        actions: names of the actions.
    """
    jobs = []
    for split in SPLITS:
        for number, performer in enumerate(_deck(config, split)):
            action = actions[number % len(actions)]
            jobs.append(
                ClipJob(
                    name=f"{split}-{number:05d}-{action}",
                    split=split,
                    performer=_person_name(split, performer),
                    person=_person_seed(config, split, performer),
                    action=action,
                    seed=_seed(config, _CLIPS, split, number),
                )
            )
    return tuple(jobs)


def _deck(config: SynthesisConfig, split: Split) -> list[int]:
    deck: list[int] = []
    for shuffle in range(-(-config.clips_of(split) // max(config.people_of(split), 1))):
        generator = np.random.default_rng([config.seed, _DECK, SPLITS.index(split), shuffle])
        deck += generator.permutation(config.people_of(split)).tolist()
    return deck[: config.clips_of(split)]


def _person_name(split: Split, number: int) -> str:
    return f"{split}-{number:05d}"


def _person_seed(config: SynthesisConfig, split: Split, number: int) -> int:
    return _seed(config, _PEOPLE, split, number)


def _seed(config: SynthesisConfig, kind: int, split: Split, *numbers: int) -> int:
    """Returns a seed of 63 bits that is the same on every machine."""
    sequence = np.random.SeedSequence([config.seed, kind, SPLITS.index(split), *numbers])
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))
