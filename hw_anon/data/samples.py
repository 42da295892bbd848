"""What every real data set looks like to its users: pictures with identities, and clips with labelled frames.

Opening a set reads its lists and checks them; pictures are decoded when they are asked for. The order of everything is
the same on every machine: names are sorted as people sort them (`s2` before `s10`), never taken as the disk lists them.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.boxes import MAX_SIDE, Box
from hw_anon.core.errors import ConfigError, ContractError

__all__ = [
    "ActionBox",
    "ActionClip",
    "ActionSet",
    "IdentitySample",
    "IdentitySet",
    "LabelledFrame",
    "broken_pictures",
    "natural_key",
    "read_lines",
    "require_directory",
    "require_file",
]

_DIGITS = re.compile(r"(\d+)")


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Returns the key that sorts `s2` before `s10`; different names have different keys."""
    parts = _DIGITS.split(name)
    key = [(1, int(part), part) if part.isdecimal() else (0, 0, part) for part in parts if part]
    return (*key, (-1, 0, name))


def require_directory(path: Path, what: str) -> Path:
    """Returns `path` if it is a directory.

    Raises:
        ContractError: naming `what` is expected there.
    """
    if not path.is_dir():
        state = "is a file, not a directory" if path.exists() else "does not exist"
        raise ContractError(f"{path}: {state}; expected {what}")
    return path


def require_file(path: Path, what: str) -> Path:
    """Returns `path` if it is a file.

    Raises:
        ContractError: naming `what` is expected there.
    """
    if not path.is_file():
        state = "is not a file" if path.exists() else "does not exist"
        raise ContractError(f"{path}: {state}; expected {what}")
    return path


def read_lines(path: Path) -> list[str]:
    """Reads a text list: UTF-8, with or without byte order mark, any line ends; blank lines at its end are dropped.

    Raises:
        ContractError: if a line is not UTF-8; the message has its number.
    """
    lines = []
    for number, line in enumerate(path.read_bytes().removeprefix(b"\xef\xbb\xbf").splitlines(), start=1):
        try:
            lines.append(line.decode("utf-8"))
        except UnicodeDecodeError as exc:
            raise ContractError(f"{path}:{number}: is not UTF-8 text ({exc.reason} at byte {exc.start})") from exc
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


@dataclass(frozen=True, kw_only=True, slots=True)
class IdentitySample:
    """One picture of one person."""

    name: str
    """Unique within its set, e.g. `0000045/001.jpg`."""
    identity: int
    """Index into `IdentitySet.identities`."""


class IdentitySet(ABC):
    """Pictures of known people."""

    def __init__(self, *, title: str, identities: Sequence[str], samples: Sequence[IdentitySample]) -> None:
        self.title = title
        """What the set is called in reports."""
        self.identities = tuple(identities)
        """Names of the people; their indices are the class labels."""
        self.samples = tuple(samples)
        """All pictures, ordered by identity."""

    def __len__(self) -> int:
        return len(self.samples)

    @abstractmethod
    def picture(self, index: int) -> NDArray[np.uint8]:
        """Decodes one picture.

        Args:
            index: position in `samples`.

        Returns:
            `[H, W, 3]` uint8 RGB; sizes may differ between pictures.

        Raises:
            ContractError: if the picture is missing or damaged; the message names it.
        """

    @abstractmethod
    def content_hash(self, identity: int) -> str:
        """Returns the SHA-256 of a person's pictures as they are on disk: the key of what is computed from them.

        Args:
            identity: index into `identities`.

        Raises:
            ContractError: if a picture is missing.
        """

    @cached_property
    def of_identity(self) -> tuple[tuple[int, ...], ...]:
        """The samples of each person, indices into `samples`, ascending."""
        found: list[list[int]] = [[] for _ in self.identities]
        for index, sample in enumerate(self.samples):
            found[sample.identity].append(index)
        return tuple(map(tuple, found))

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """`[N]` int64: the identity of each sample."""
        return np.array([sample.identity for sample in self.samples], np.int64)


def broken_pictures(identity_set: IdentitySet, indices: Iterable[int] | None = None) -> dict[str, str]:
    """Decodes pictures and returns what is wrong with which: the check to run once before a long training.

    Args:
        identity_set: the set to check.
        indices: the samples to look at, all of them by default.

    Returns:
        The error message of each picture that cannot be read, by sample name, in the order of the set.
    """
    problems = {}
    for index in range(len(identity_set)) if indices is None else indices:
        try:
            identity_set.picture(index)
        except ContractError as exc:
            problems[identity_set.samples[index].name] = str(exc)
    return problems


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionBox:
    """Where one person does one action in a frame, in parts of the frame's width and height."""

    left: float
    """Left edge, 0 to 1."""
    top: float
    """Upper edge, 0 to 1."""
    right: float
    """Right edge, above `left`, to 1."""
    bottom: float
    """Lower edge, below `top`, to 1."""
    action: int
    """Index into `ActionSet.actions`."""
    instance: int = 0
    """Tells the performances within a clip apart: the same person doing the same thing keeps the number."""

    def __post_init__(self) -> None:
        if not (0 <= self.left < self.right <= 1 and 0 <= self.top < self.bottom <= 1):
            edges = (self.left, self.top, self.right, self.bottom)
            raise ConfigError(f"ActionBox {edges}: expected 0 ≤ left < right ≤ 1 and 0 ≤ top < bottom ≤ 1")

    def pixels(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Returns left, top, right, bottom in pixels of a frame of that size."""
        return self.left * width, self.top * height, self.right * width, self.bottom * height

    def box(self, width: int, height: int) -> Box:
        """Returns the whole pixels that the box touches in a frame of that size."""
        left, top, right, bottom = (round(edge, 6) for edge in self.pixels(width, height))
        x, y = int(left), int(top)
        return Box(x=x, y=y, width=max(1, int(np.ceil(right)) - x), height=max(1, int(np.ceil(bottom)) - y))


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionClip:
    """One video with the frames that are labelled."""

    name: str
    """Unique within its set."""
    split: str
    """`train` or `test`."""
    frames: tuple[int, ...]
    """Numbers of the labelled frames, ascending, from 1."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LabelledFrame:
    """A frame as training and evaluation want it."""

    picture: NDArray[np.uint8]
    """`[H, W, 3]` uint8 RGB."""
    boxes: NDArray[np.float32]
    """`[N, 4]` float32: left, top, right, bottom in pixels."""
    actions: NDArray[np.int64]
    """`[N]` int64: indices into `ActionSet.actions`."""


class ActionSet(ABC):
    """Videos with actions and where they happen."""

    one_reader: ClassVar[bool] = False
    """Whether only one thread at a time may ask for pictures, as where videos are decoded."""

    def __init__(self, *, title: str, actions: Sequence[str], clips: Sequence[ActionClip]) -> None:
        self.title = title
        """What the set is called in reports."""
        self.actions = tuple(actions)
        """Names of the actions; their indices are the class labels."""
        self.clips = tuple(clips)
        """All clips, sorted by name."""

    @abstractmethod
    def boxes(self, clip: ActionClip, number: int) -> tuple[ActionBox, ...]:
        """Returns the labels of one frame; none where nobody is visible.

        Args:
            clip: one of `clips`.
            number: one of `clip.frames`.

        Raises:
            ConfigError: if the frame is not a labelled one of that clip.
            ContractError: if the labels are damaged.
        """

    @abstractmethod
    def picture(self, clip: ActionClip, number: int) -> NDArray[np.uint8]:
        """Decodes one frame, `[H, W, 3]` uint8 RGB.

        Raises:
            ContractError: if it is missing or damaged; the message names it.
        """

    @abstractmethod
    def content_hash(self, clip: ActionClip) -> str:
        """Returns the SHA-256 of the clip's pictures as they are on disk: the key of what is computed from them.

        Raises:
            ContractError: if the clip's pictures are missing.
        """

    def of_split(self, split: str) -> tuple[ActionClip, ...]:
        """Returns the clips of `train` or `test`.

        Raises:
            ConfigError: if it is another name.
        """
        if split not in ("train", "test"):
            raise ConfigError(f"split {split!r}: allowed values are 'train', 'test'")
        return tuple(clip for clip in self.clips if clip.split == split)

    def frame(self, clip: ActionClip, number: int) -> LabelledFrame:
        """Decodes one frame and puts its labels into pixels.

        Raises:
            ConfigError: if the frame is not a labelled one of that clip.
            ContractError: if picture or labels are missing or damaged.
        """
        labels = self.boxes(clip, number)
        picture = self.picture(clip, number)
        height, width = picture.shape[:2]
        assert max(height, width) <= MAX_SIDE, "decoded pictures are bounded"
        boxes = np.array([label.pixels(width, height) for label in labels], np.float32).reshape(-1, 4)
        actions = np.array([label.action for label in labels], np.int64)
        return LabelledFrame(picture=picture, boxes=boxes, actions=actions)
