"""LFW: 13,233 pictures of 5,749 people, and the pairs of its 10-fold verification protocol.

`pairs.txt` begins with `folds <tab> pairs of each kind` (`10 300`); then come, for each fold, that many lines
`name, number, number` of one person and that many lines `name, number, name, number` of two. The development lists
(`pairsDevTrain.txt`) begin with the number of pairs alone and are one fold.

Source: G. B. Huang et al., "Labeled faces in the wild", technical report 07-49, 2007.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.errors import ContractError
from hw_anon.data.folders import FolderIdentities
from hw_anon.data.samples import read_lines, require_directory, require_file

__all__ = ["LFW_PEOPLE", "LFW_PICTURES", "LfwFaces", "NamedPair", "PersonPicture", "VerificationPair", "read_pairs"]

LFW_PEOPLE = 5749
"""People in the whole set."""
LFW_PICTURES = 13_233
"""Pictures in the whole set."""

_MAX_FOLDS = 1000
_MAX_PAIRS = 10**6


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonPicture:
    """A picture as the list names it."""

    person: str
    """The person's name with underscores, the name of the folder."""
    number: int
    """Number of the picture, from 1."""

    @property
    def file_name(self) -> str:
        """Path within the set, e.g. `George_W_Bush/George_W_Bush_0001.jpg`."""
        return f"{self.person}/{self.person}_{self.number:04d}.jpg"


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedPair:
    """One line of the list."""

    first: PersonPicture
    """One picture."""
    second: PersonPicture
    """The other picture."""
    fold: int
    """The fold that the pair belongs to, from 0."""
    line: int
    """Line number in the list, from 1."""

    @property
    def same(self) -> bool:
        """Whether both show one person."""
        return self.first.person == self.second.person


@dataclass(frozen=True, kw_only=True, slots=True)
class VerificationPair:
    """Two samples of an identity set, and whether they show one person."""

    first: int
    """Index of one sample."""
    second: int
    """Index of the other."""
    same: bool
    """Whether both show one person."""
    fold: int
    """The fold that the pair belongs to, from 0."""


def read_pairs(path: Path) -> tuple[NamedPair, ...]:
    """Reads a list of pairs.

    Raises:
        ContractError: if it is missing, not UTF-8, a line is malformed or of the wrong kind for its place, or it has
            another number of lines than its header says; the message has the line's number.
    """
    require_file(path, "the list of pairs of LFW (pairs.txt)")
    lines = read_lines(path)
    if not lines:
        raise ContractError(f"{path}: is empty; expected 'folds <tab> pairs' in line 1")
    folds, per_kind = _header(lines[0], path)
    expected = 2 * folds * per_kind
    pairs: list[NamedPair] = []
    for number, line in enumerate(lines[1:], start=2):
        where = f"{path}:{number}"
        if len(pairs) == expected:
            raise ContractError(
                f"{where}: the header announces {expected} pairs ({folds} × 2 × {per_kind}); this is more"
            )
        fold, place = divmod(len(pairs), 2 * per_kind)
        pairs.append(_pair(line.split(), place < per_kind, fold, number, where))
    if len(pairs) < expected:
        raise ContractError(
            f"{path}:{len(lines)}: ends after {len(pairs)} of the {expected} pairs that its header announces "
            f"({folds} × 2 × {per_kind}); it is cut off"
        )
    return tuple(pairs)


class LfwFaces(FolderIdentities):
    """The pictures of LFW with the pairs to verify."""

    def __init__(self, root: Path, pairs: Path | None = None, *, complete: bool = True) -> None:
        """Lists the set, reads the pairs and looks up their pictures.

        Args:
            root: the folder with one folder for each person, or the one around it (`lfw`, `lfw-deepfunneled`, …).
            pairs: the list, `pairs.txt` in or beside the folder by default.
            complete: whether all 5,749 people with 13,233 pictures must be there; off for subsets.

        Raises:
            ContractError: if a file is missing or malformed, the set is not complete, or a pair's picture is missing.
        """
        require_directory(root, "the LFW pictures, one folder for each person")
        listed = pairs or next((p for p in (root / "pairs.txt", root.parent / "pairs.txt") if p.is_file()), None)
        if listed is None:
            raise ContractError(f"{root}: pairs.txt is neither in nor beside it; it is a download of its own")
        named = read_pairs(listed)
        super().__init__(_picture_root(root), title="LFW")
        if complete and (len(self.identities), len(self)) != (LFW_PEOPLE, LFW_PICTURES):
            raise ContractError(
                f"{self.root}: {len(self)} pictures of {len(self.identities)} people; LFW has {LFW_PICTURES} of "
                f"{LFW_PEOPLE} (say that it is a subset to use it as it is)"
            )
        position = {sample.name: index for index, sample in enumerate(self.samples)}
        for pair in named:
            for picture in (pair.first, pair.second):
                if picture.file_name not in position:
                    raise ContractError(f"{listed}:{pair.line}: {picture.file_name} is not in {self.root}")
        self.pairs = tuple(
            VerificationPair(
                first=position[pair.first.file_name],
                second=position[pair.second.file_name],
                same=pair.same,
                fold=pair.fold,
            )
            for pair in named
        )
        """The pairs, in the order of the list."""

    def pair_table(self) -> NDArray[np.int64]:
        """Returns `[N, 4]` int64: first sample, second sample, 1 if they show one person, fold."""
        return np.array([(p.first, p.second, p.same, p.fold) for p in self.pairs], np.int64).reshape(-1, 4)


def _picture_root(root: Path) -> Path:
    """Goes one folder deeper where an archive was unpacked into a folder of its own."""
    folders = [path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")]
    if len(folders) == 1 and any(path.is_dir() for path in folders[0].iterdir()):
        return folders[0]
    return root


def _header(line: str, path: Path) -> tuple[int, int]:
    columns = line.split()
    if len(columns) not in (1, 2) or not all(column.isdecimal() for column in columns):
        raise ContractError(f"{path}:1: expected 'folds <tab> pairs' or 'pairs', e.g. '10 300'; got {line[:60]!r}")
    folds, per_kind = (1, int(columns[0])) if len(columns) == 1 else (int(columns[0]), int(columns[1]))
    if not (1 <= folds <= _MAX_FOLDS and 1 <= per_kind <= _MAX_PAIRS):
        raise ContractError(f"{path}:1: {folds} folds of {per_kind} pairs of each kind make no sense")
    return folds, per_kind


def _pair(columns: list[str], same: bool, fold: int, line: int, where: str) -> NamedPair:
    if len(columns) == 3 and same:
        first, second = _person(columns[0], columns[1], where), _person(columns[0], columns[2], where)
        if first == second:
            raise ContractError(f"{where}: compares picture {first.number} of {first.person} with itself")
    elif len(columns) == 4 and not same:
        first, second = _person(columns[0], columns[1], where), _person(columns[2], columns[3], where)
        if first.person == second.person:
            raise ContractError(f"{where}: expected two people here, got {first.person} twice")
    else:
        kind = "'name number number' (one person)" if same else "'name number name number' (two people)"
        raise ContractError(f"{where}: expected {kind} in fold {fold + 1}, got {len(columns)} columns")
    return NamedPair(first=first, second=second, fold=fold, line=line)


def _person(name: str, number: str, where: str) -> PersonPicture:
    if not number.isdecimal() or int(number) < 1:
        raise ContractError(f"{where}: {number!r} is not the number of a picture (1, 2, …)")
    if "/" in name or "\\" in name or name in (".", ".."):
        raise ContractError(f"{where}: {name!r} is not the name of a person")
    return PersonPicture(person=name, number=int(number))
