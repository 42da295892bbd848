"""Finished synthetic sets, read like every other data set."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.errors import ConfigError, ContractError, HwAnonError
from hw_anon.core.hashing import sha256_file
from hw_anon.data.face_labels import FaceLabel
from hw_anon.data.images import decode_picture
from hw_anon.data.samples import (
    ActionBox,
    ActionClip,
    ActionSet,
    IdentitySample,
    IdentitySet,
    read_lines,
    require_directory,
    require_file,
)
from hw_anon.data.synthetic.plan import SPLITS, Split
from hw_anon.data.synthetic.shards import FORMAT, RECIPE, label_of
from hw_anon.data.synthetic.studio import PersonTraits

__all__ = ["SyntheticClips", "SyntheticPeople", "open_clips", "open_people", "read_recipe"]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Archive:
    """One line of an index."""

    file: Path
    sha256: str
    name: str
    split: str
    places: tuple[tuple[int, int], ...]
    faces: tuple[FaceLabel | None, ...]
    line: Mapping[str, Any]

    def picture(self, position: int) -> NDArray[np.uint8]:
        start, length = self.places[position]
        try:
            with self.file.open("rb") as stream:
                stream.seek(start)
                data = stream.read(length)
        except OSError as exc:
            raise ContractError(f"{self.file}: cannot be read ({exc.strerror or exc})") from exc
        if len(data) != length:
            raise ContractError(f"{self.file}: cut off; run hw-anon synthesise again to mend it")
        return decode_picture(data, f"{self.file}, picture {position + 1}")

    def checked_hash(self) -> str:
        actual = sha256_file(require_file(self.file, "an archive of a synthetic set"))
        if actual != self.sha256:
            raise ContractError(f"{self.file}: is not the archive that was indexed; run hw-anon synthesise again")
        return actual


class SyntheticPeople(IdentitySet):
    """Portraits of synthetic people of one split."""

    def __init__(self, directory: Path, split: Split) -> None:
        """Opens the portraits of `train` or `test`.

        Raises:
            ConfigError: if it is another split.
            ContractError: if the set is missing, unfinished or damaged.
        """
        if split not in SPLITS:
            raise ConfigError(f"split {split!r}: allowed values are 'train', 'test'")
        self._archives = [archive for archive in _read_index(directory, "people") if archive.split == split]
        self._places = [(a, p) for a, archive in enumerate(self._archives) for p in range(len(archive.places))]
        names = [f"{self._archives[a].name}/{p + 1:04d}" for a, p in self._places]
        samples = [IdentitySample(name=name, identity=a) for name, (a, _) in zip(names, self._places, strict=True)]
        super().__init__(
            title=f"synthetic people, {split}", identities=[a.name for a in self._archives], samples=samples
        )
        self.directory = directory
        """Where the set is."""

    def picture(self, index: int) -> NDArray[np.uint8]:
        """Decodes one portrait, see `IdentitySet.picture`."""
        archive, position = self._places[index]
        return self._archives[archive].picture(position)

    def face(self, index: int) -> FaceLabel | None:
        """Returns the face in a portrait; `None` where nothing of it is in the picture."""
        archive, position = self._places[index]
        return self._archives[archive].faces[position]

    def content_hash(self, identity: int) -> str:
        """Returns the hash of the person's archive, see `IdentitySet.content_hash`."""
        return self._archives[identity].checked_hash()

    def traits(self, identity: int) -> PersonTraits:
        """Returns what a person is like, by index into `identities`."""
        return PersonTraits(**self._archives[identity].line["traits"])


class SyntheticClips(ActionSet):
    """Clips of synthetic people, both splits; every frame is labelled."""

    def __init__(self, directory: Path) -> None:
        """Opens the clips.

        Raises:
            ContractError: if the set is missing, unfinished or damaged.
        """
        recipe = read_recipe(directory)
        self._size = int(recipe["settings"]["size"])
        archives = _read_index(directory, "clips")
        self._archives = {archive.name: archive for archive in archives}
        clips = [
            ActionClip(name=archive.name, split=archive.split, frames=tuple(range(1, len(archive.places) + 1)))
            for archive in sorted(archives, key=lambda archive: archive.name)
        ]
        super().__init__(title="synthetic clips", actions=recipe["actions"], clips=clips)
        self.directory = directory
        """Where the set is."""
        self.near_face = tuple(self.actions.index(name) for name in recipe["near_face"])
        """Indices of the actions that hold something to the face."""

    def boxes(self, clip: ActionClip, number: int) -> tuple[ActionBox, ...]:
        """Returns the box of the person, see `ActionSet.boxes`."""
        archive, position = self._at(clip, number)
        left, top, right, bottom = (edge / self._size for edge in archive.line["pictures"][position]["person"])
        if right <= left or bottom <= top:
            return ()
        return (ActionBox(left=left, top=top, right=right, bottom=bottom, action=self.action(clip)),)

    def picture(self, clip: ActionClip, number: int) -> NDArray[np.uint8]:
        """Decodes one frame, see `ActionSet.picture`."""
        archive, position = self._at(clip, number)
        return archive.picture(position)

    def faces(self, clip: ActionClip, number: int) -> tuple[FaceLabel, ...]:
        """Returns the faces in a frame: one, or none where nothing of it is in the picture.

        Raises:
            ConfigError: if the frame is not one of that clip.
        """
        archive, position = self._at(clip, number)
        face = archive.faces[position]
        return () if face is None else (face,)

    def action(self, clip: ActionClip) -> int:
        """Returns what is done in a clip, an index into `actions`."""
        return self.actions.index(self._archives[clip.name].line["action"])

    def performer(self, clip: ActionClip) -> str:
        """Returns the name of the person in a clip, as in `SyntheticPeople.identities`."""
        return str(self._archives[clip.name].line["performer"])

    def content_hash(self, clip: ActionClip) -> str:
        """Returns the hash of the clip's archive, see `ActionSet.content_hash`."""
        return self._archives[clip.name].checked_hash()

    def _at(self, clip: ActionClip, number: int) -> tuple[_Archive, int]:
        archive = self._archives.get(clip.name)
        if archive is None or not 1 <= number <= len(archive.places):
            raise ConfigError(f"{clip.name}, frame {number}: not a labelled frame of {self.title}")
        return archive, number - 1


def open_people(directory: Path, split: Split) -> SyntheticPeople:
    """Opens the portraits of one split, see `SyntheticPeople`."""
    return SyntheticPeople(directory, split)


def open_clips(directory: Path) -> SyntheticClips:
    """Opens the clips, see `SyntheticClips`."""
    return SyntheticClips(directory)


def read_recipe(directory: Path) -> dict[str, Any]:
    """Returns what the generator noted about a set: settings, version, actions.

    Raises:
        ContractError: if the set is missing or its note is damaged.
    """
    require_directory(directory, "a synthetic set, made by hw-anon synthesise")
    path = require_file(directory / RECIPE, "the settings of a synthetic set")
    try:
        recipe: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if recipe["format"] != FORMAT:
            raise ValueError(f"format {recipe['format']}, expected {FORMAT}")
        if not {"generator", "settings", "actions", "near_face"} <= recipe.keys():
            raise ValueError("incomplete")
    except (ValueError, LookupError, TypeError, AttributeError) as exc:
        raise ContractError(f"{path}: unreadable ({exc}); delete the set and make it again") from exc
    return recipe


def _read_index(directory: Path, kind: str) -> list[_Archive]:
    require_directory(directory, "a synthetic set, made by hw-anon synthesise")
    path = require_file(directory / f"{kind}.jsonl", "the index of a finished synthetic set")
    archives = []
    for number, text in enumerate(read_lines(path), start=1):
        try:
            archives.append(_archive(directory, json.loads(text)))
        except (ValueError, LookupError, TypeError, HwAnonError) as exc:
            raise ContractError(f"{path}:{number}: damaged ({exc}); run hw-anon synthesise again") from exc
    return archives


def _archive(directory: Path, line: Mapping[str, Any]) -> _Archive:
    places = tuple((int(start), int(length)) for start, length in line["places"])
    faces = tuple(label_of(picture) for picture in line["pictures"])
    if len(faces) != len(places):
        raise ValueError(f"{len(places)} pictures, but labels of {len(faces)}")
    return _Archive(
        file=directory / line["file"],
        sha256=line["sha256"],
        name=line["name"],
        split=line["split"],
        places=places,
        faces=faces,
        line=line,
    )
