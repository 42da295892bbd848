"""CASIA-WebFace: 494,414 pictures of 10,575 people, as folders or as the `.rec`/`.idx` pair that is passed around.

It may be had from its authors for research; nothing of it is part of this project. In the `.rec` form record 0 says
`[first key that is no picture, key after the last person]`; picture records go from 1, and each person's record says
`[first picture, picture after the last]`. Files without such a record 0 hold pictures only.

Source: D. Yi et al., "Learning face representation from scratch", 2014.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.errors import ContractError
from hw_anon.core.hashing import sha256_bytes, sha256_file
from hw_anon.data.folders import FolderIdentities
from hw_anon.data.images import decode_picture
from hw_anon.data.recordio import PictureRecord, RecordFile
from hw_anon.data.samples import IdentitySample, IdentitySet

__all__ = ["CASIA_PEOPLE", "RecordIdentities", "open_casia"]

CASIA_PEOPLE = 10_575
"""People in the whole set."""

_MAX_LABEL = 2**24  # whole numbers up to here are exact in float32


class RecordIdentities(IdentitySet):
    """The people of a `.rec` file; the identity's name is its label."""

    def __init__(self, path: Path, *, title: str | None = None) -> None:
        """Finds out which record shows whom.

        With a record 0 that describes the others only the people's records are read; without, every record is, once.

        Args:
            path: the `.rec` file; its index lies beside it with the suffix `.idx`.
            title: name for reports, the file's by default.

        Raises:
            ContractError: if a file is missing or damaged, or the records contradict each other.
        """
        self._records = RecordFile(path)
        with self._records:
            pictures = _by_person(self._records)
        # Two people's records may carry one label: then they are one person.
        labels = sorted({label for label, _ in pictures})
        position = {label: index for index, label in enumerate(labels)}
        ordered = sorted((position[label], key) for label, key in pictures)
        super().__init__(
            title=title or path.stem,
            identities=[str(label) for label in labels],
            samples=[IdentitySample(name=str(key), identity=identity) for identity, key in ordered],
        )

    def picture(self, index: int) -> NDArray[np.uint8]:
        """Decodes one picture, see `IdentitySet.picture`."""
        sample = self.samples[index]
        record = self._records.read(int(sample.name))
        where = f"{self._records.path}: record {sample.name}"
        if str(_label(record, where)) != self.identities[sample.identity]:
            raise ContractError(
                f"{where}: is labelled {record.labels[0]:g}, but its person's record says "
                f"{self.identities[sample.identity]}; the file is damaged"
            )
        return decode_picture(record.data, where)

    def content_hash(self, identity: int) -> str:
        """Returns a hash of the whole file and the person, see `IdentitySet.content_hash`."""
        return sha256_bytes(f"{self._file_hash} {self.identities[identity]}".encode())

    @cached_property
    def _file_hash(self) -> str:
        return sha256_file(self._records.path)


def open_casia(path: Path, *, complete: bool = True) -> IdentitySet:
    """Opens CASIA-WebFace in either form.

    Args:
        path: the folder of folders, the `.rec` file, or the folder that holds `train.rec`.
        complete: whether it must hold all 10,575 people; off for subsets.

    Raises:
        ContractError: if it is neither, is damaged, or is not complete.
    """
    record_file = path / "train.rec" if path.is_dir() and (path / "train.rec").is_file() else path
    casia: IdentitySet
    if record_file.suffix == ".rec":
        casia = RecordIdentities(record_file, title="CASIA-WebFace")
    else:
        casia = FolderIdentities(path, title="CASIA-WebFace")
    if complete and len(casia.identities) != CASIA_PEOPLE:
        raise ContractError(
            f"{path}: {len(casia.identities)} people; CASIA-WebFace has {CASIA_PEOPLE} "
            "(say that it is a subset to use it as it is)"
        )
    return casia


def _by_person(records: RecordFile) -> list[tuple[int, int]]:
    """Returns label and key of each picture."""
    first = records.read(0) if 0 in records.offsets else None
    if first is None or not first.has_list:
        return [(_label(records.read(key), f"{records.path}: record {key}"), key) for key in records.offsets]
    where = f"{records.path}: record 0"
    people_start, people_end = _range(first, where)
    if not 1 < people_start < people_end:
        raise ContractError(f"{where}: announces people's records {people_start} to {people_end - 1}")
    pictures: list[tuple[int, int]] = []
    expected = 1
    for key in range(people_start, people_end):
        where = f"{records.path}: record {key}"
        start, end = _range(records.read(key), where)
        if not expected <= start < end <= people_start:
            raise ContractError(
                f"{where}: announces pictures {start} to {end - 1}; expected some of {expected} to {people_start - 1}"
            )
        expected = end
        label = _label(records.read(start), f"{records.path}: record {start}")
        missing = [number for number in range(start, end) if number not in records.offsets]
        if missing:
            raise ContractError(f"{where}: its picture {missing[0]} is not in the index")
        pictures += [(label, number) for number in range(start, end)]
    return pictures


def _range(record: PictureRecord, where: str) -> tuple[int, int]:
    if len(record.labels) < 2:
        raise ContractError(f"{where}: expected the first and the last key of a range, got {len(record.labels)} label")
    return _whole(record.labels[0], where), _whole(record.labels[1], where)


def _label(record: PictureRecord, where: str) -> int:
    return _whole(record.labels[0], where)


def _whole(value: float, where: str) -> int:
    if not 0 <= value <= _MAX_LABEL or value != int(value):
        raise ContractError(f"{where}: label {value} is not a whole number from 0 to {_MAX_LABEL}")
    return int(value)
