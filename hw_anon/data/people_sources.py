"""Pictures of known people to train on, by name: `synthetic:DIR`, `casia:PATH`, `folder:DIR`, `att`, `att-odd`.

A synthetic set says where its faces are and whom nobody trains on. In photographs the face is looked for, once: what
was found is kept on disk. Of real people every so-manieth is held out, spread evenly over the set, so that a run can
be measured on people whom it never saw.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.config import suggest
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.hashing import sha256_bytes, sha256_file
from hw_anon.data.att import ATT_PARTS
from hw_anon.data.bank_loading import Progress, load_face_bank
from hw_anon.data.banks import FaceBank
from hw_anon.data.face_boxes import FaceBoxCache, FaceBoxConfig, FaceFinder, FoundFace
from hw_anon.data.face_labels import FaceLabel, found_labels
from hw_anon.data.samples import IdentitySet
from hw_anon.data.synthetic.plan import SPLITS, Split

__all__ = [
    "PEOPLE_KINDS",
    "PeoplePart",
    "PeopleSource",
    "PortraitFinder",
    "RealPeople",
    "open_people_source",
    "parse_source",
]

PEOPLE_KINDS = ("synthetic", "casia", "folder", *ATT_PARTS)
"""Kinds of sets of people; all but those of `ATT_PARTS` are followed by `:` and a path."""

_PORTRAITS = FaceBoxConfig(min_score=0.6, second_opinion=False, long_sides=(480,), max_enlargement=4.0)
"""Portraits are known to show a face: one opinion is enough."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RealPeople:
    """How much of a set is taken, and of photographs where things are kept."""

    face_boxes: Path
    """Cache of the faces that were found."""
    downloads: Path
    """Where the AT&T faces are fetched to."""
    people: int | None = None
    """Only so many people, those who are held out among them, spread evenly; all if not given."""
    pictures: int | None = None
    """Only the first so many pictures of each; all if not given."""
    held_out: float = 0.1
    """Share of the people whom nothing trains on, at least two."""

    def __post_init__(self) -> None:
        for name in ("people", "pictures"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ConfigError(f"RealPeople.{name} = {value}: allowed range is 1 and above")
        if not 0 < self.held_out < 1:
            raise ConfigError(f"RealPeople.held_out = {self.held_out}: allowed range is above 0, below 1")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PeoplePart:
    """The people of one split."""

    identities: IdentitySet
    """The set that they are of."""
    face: Callable[[int], FaceLabel | None]
    """The face in a picture of it, by index."""
    indices: tuple[int, ...]
    """Their pictures."""

    def bank(
        self, size: int, *, threads: int, on_faces: Progress | None = None, on_pictures: Progress | None = None
    ) -> FaceBank:
        """Finds the faces that are not known yet, and decodes the pictures.

        Args:
            size: side of a picture in memory.
            threads: how many decode at a time.
            on_faces: called after each face that was looked for.
            on_pictures: called after each picture.

        Raises:
            ContractError: if a picture is damaged, or none has a face.
            ToolError: if a package is missing that finds faces.
        """
        for done, index in enumerate(self.indices, start=1):
            self.face(index)
            if on_faces:
                on_faces(done, len(self.indices))
        return load_face_bank(
            self.identities, self.face, size, indices=self.indices, threads=threads, on_progress=on_pictures
        )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PeopleSource:
    """People to train on, and people to be measured on."""

    title: str
    """What the set is called."""
    parts: dict[Split, PeoplePart]
    """`train` and `test`."""
    described: dict[str, Any]
    """JSON values for results: where the pictures come from and how many there are."""
    index_hash: str | None = None
    """Hash of the set where it has an index with hashes of its own; otherwise the banks' is to be taken."""


class PortraitFinder:
    """Finds the face that a portrait is about: the one nearest to its middle. A `face_boxes.Finder`."""

    def __init__(self) -> None:
        """Loads the detector.

        Raises:
            ToolError: if OpenCV or the package of the weights is missing.
        """
        self._finder = FaceFinder(_PORTRAITS)
        self.key = sha256_bytes(f"nearest to the middle {self._finder.key}".encode())
        """Changes with the detector and its settings."""

    def find(self, frame: NDArray[np.uint8]) -> tuple[FoundFace, ...]:
        """Returns that face, or none, see `Finder.find`."""
        middle = np.array(frame.shape[1::-1]) / 2

        def distance(face: FoundFace) -> float:
            box = face.box
            return float(np.hypot(*(middle - [box.x + box.width / 2, box.y + box.height / 2])))

        return tuple(sorted(self._finder.find(frame), key=distance)[:1])


class _FoundPortraits:
    """The faces of an identity set, a person at a time."""

    def __init__(self, identities: IdentitySet, cache: Path, pictures: int | None) -> None:
        self._identities, self._pictures = identities, pictures
        self._cache = FaceBoxCache(cache, PortraitFinder())
        self._known: dict[int, FaceLabel | None] = {}

    def __call__(self, index: int) -> FaceLabel | None:
        if index not in self._known:
            identity = self._identities.samples[index].identity
            indices = self._identities.of_identity[identity][: self._pictures]
            found = self._cache.faces(
                self._identities.content_hash(identity),
                range(1, len(indices) + 1),
                lambda number: self._identities.picture(indices[number - 1]),
            )
            self._known |= {indices[n - 1]: next(iter(found_labels(faces)), None) for n, faces in found.items()}
        return self._known[index]


def parse_source(spec: str, kinds: tuple[str, ...], *, what: str, bare: tuple[str, ...] = ()) -> tuple[str, Path]:
    """Returns kind and path of a set's name; a path alone is a synthetic set.

    Args:
        spec: `kind:path`, a kind out of `bare`, or a path.
        kinds: what there is.
        what: what to call it in messages.
        bare: kinds that have no path.

    Raises:
        ConfigError: if there is no such kind, or the path is missing.
    """
    kind, colon, place = spec.partition(":")
    if spec in bare:
        return spec, Path()
    if not colon and kind not in kinds:
        return "synthetic", Path(spec)
    if kind not in kinds:
        raise ConfigError(f"{what} {spec!r}: there is no kind {kind!r}; {suggest(kind, kinds)}")
    if not place or kind in bare:
        raise ConfigError(f"{what} {spec!r}: expected {kind if kind in bare else f'{kind}:PATH'}")
    return kind, Path(place)


def open_people_source(spec: str, options: RealPeople) -> PeopleSource:
    """Opens people to train on.

    Args:
        spec: kind and path, e.g. `casia:data/casia`; a path alone is a synthetic set.
        options: how much of photographs is taken.

    Raises:
        ConfigError: if there is no such set, or it has too few people.
        ContractError: if a file is missing or damaged.
        ToolError: if a package is missing.
    """
    kind, path = parse_source(spec, PEOPLE_KINDS, what="people", bare=tuple(ATT_PARTS))
    if kind == "synthetic":
        return _synthetic(path, options)
    return _real(_identities(kind, path, options), kind, options)


def _synthetic(root: Path, options: RealPeople) -> PeopleSource:
    """Generated people; both splits are thinned out alike, and each keeps two people at the least."""
    from hw_anon.data.synthetic.sets import open_people

    sets = {split: open_people(root, split) for split in SPLITS}
    total = sum(len(people.identities) for people in sets.values())
    if options.people and options.people > total:
        raise ContractError(f"{options.people} people were asked for, there are {total}")
    share = (options.people or total) / total
    parts: dict[Split, PeoplePart] = {}
    for split, people in sets.items():
        count = len(people.identities)
        chosen = _spread(np.arange(count), max(min(2, count), round(share * count)))
        indices = [i for person in chosen.tolist() for i in people.of_identity[person][: options.pictures]]
        parts[split] = PeoplePart(identities=people, face=people.face, indices=tuple(sorted(indices)))
    index = sha256_file(root / "people.jsonl")
    if options.people or options.pictures:
        index = sha256_bytes(f"{index} people {options.people} pictures {options.pictures}".encode())
    return PeopleSource(title="synthetic people", parts=parts, described={"people": index}, index_hash=index)


def _identities(kind: str, path: Path, options: RealPeople) -> IdentitySet:
    from hw_anon.data.att import load_att_faces
    from hw_anon.data.casia import open_casia
    from hw_anon.data.folders import FolderIdentities, write_att_folder

    if kind == "casia":
        return open_casia(path, complete=False)
    if kind in ATT_PARTS:
        path = options.downloads / f"{kind}-faces"
        if not path.is_dir():
            write_att_folder(load_att_faces(options.downloads), path, people=ATT_PARTS[kind])
    titles = {"att": "AT&T faces", "att-odd": "AT&T faces, odd numbers", "att-even": "AT&T faces, even numbers"}
    return FolderIdentities(path, title=titles.get(kind))


def _real(identities: IdentitySet, kind: str, options: RealPeople) -> PeopleSource:
    people = _spread(np.arange(len(identities.identities)), options.people or len(identities.identities))
    held_out = set(_spread(people, max(2, round(options.held_out * len(people)))).tolist())
    kept = [person for person in people.tolist() if person not in held_out]
    if len(kept) < 2:
        raise ConfigError(f"{identities.title}: {len(people)} people are too few; two to train on and two to hold out")
    face = _FoundPortraits(identities, options.face_boxes, options.pictures)

    def part(chosen: list[int]) -> PeoplePart:
        indices = [i for person in chosen for i in identities.of_identity[person][: options.pictures]]
        return PeoplePart(identities=identities, face=face, indices=tuple(indices))

    parts: dict[Split, PeoplePart] = {"train": part(kept), "test": part(sorted(held_out))}
    described = {
        "kind": kind,
        "title": identities.title,
        "people": len(kept),
        "pictures": len(parts["train"].indices),
        "people_held_out": len(held_out),
        "pictures_held_out": len(parts["test"].indices),
    }
    return PeopleSource(title=identities.title, parts=parts, described=described)


def _spread(people: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Returns so many of them, spread evenly.

    Raises:
        ContractError: if there are not so many.
    """
    if count > len(people):
        raise ContractError(f"{count} people were asked for, there are {len(people)}")
    return people[np.linspace(0, len(people) - 1, count).round().astype(np.int64)]
