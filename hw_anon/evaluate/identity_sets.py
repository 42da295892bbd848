"""Identity sets by name: `att`, `lfw:DIR`, `casia:DIR`, `folder:DIR`, `synthetic:DIR`, `synthetic-train:DIR`.

Of the AT&T faces there are halves, too, `att-odd` and `att-even`, to learn from one and to be measured on the other.

Real pictures have their faces found by YuNet, once: what was found is kept on disk under the hash of the pixels and of
the detector, so that another subset, another method or another day does not look again. Synthetic people come with
labels: the test people under `synthetic`, those that training saw, for attackers to train on, under `synthetic-train`.
LFW brings its own pairs, in ten folds; pairs of all other sets are drawn by seed (`make_pairs`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.config import suggest
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.hashing import sha256_bytes
from hw_anon.data.att import ATT_PARTS
from hw_anon.data.face_boxes import FaceBoxCache, FoundFace
from hw_anon.data.face_detectors import Candidate
from hw_anon.data.lfw import LfwFaces
from hw_anon.data.samples import IdentitySet, require_directory
from hw_anon.evaluate.faces import IdentityFaces, Locate, att_identity_faces, face_finder, find_faces, with_faces
from hw_anon.evaluate.verification import Pairs

__all__ = ["SET_KINDS", "JudgedSet", "SetOptions", "open_identity_set", "parse_identity_set", "remembered_finder"]

SET_KINDS = (*ATT_PARTS, "lfw", "casia", "folder", "synthetic", "synthetic-train")
"""Kinds of identity sets; all but those of `ATT_PARTS` are followed by `:` and a path."""

_ATT_ENLARGE = 1.2
_CAMERA_ENLARGE = 1.6
_MAX_PICTURES = 15_000
_MIN_VISIBLE = 0.5
_FINDER_FORMAT = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class SetOptions:
    """Which part of a set, and how much of each picture is replaced."""

    people: int | None = None
    """Only so many people, drawn by seed."""
    pictures: int | None = None
    """Only the first so many pictures of each person."""
    enlarge: float | None = None
    """Side of the region over that of the face's box: 1.2 for the tightly cut AT&T faces, 1.6 otherwise, if not given
    (the camera's)."""
    seed: int = 0
    """Which people, if not all."""

    def __post_init__(self) -> None:
        for name in ("people", "pictures"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ConfigError(f"SetOptions.{name} = {value}: allowed range is 1 and above")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class JudgedSet:
    """Faces to judge, and the pairs that were published with them."""

    faces: IdentityFaces
    """The faces."""
    pairs: Pairs | None = None
    """Published pairs whose faces were both found; `None` if pairs are to be drawn."""
    pairs_lost: int = 0
    """Published pairs left out because a face was not found."""


def open_identity_set(spec: str, *, downloads: Path, cache: Path, options: SetOptions | None = None) -> JudgedSet:
    """Opens an identity set and finds the faces in it.

    Its name in results is the kind; of a plain folder, the folder's name in lower case.

    Args:
        spec: `att`, or kind and path, e.g. `lfw:data/lfw`.
        downloads: where the AT&T faces are fetched to.
        cache: where found faces are remembered.
        options: which part of it.

    Raises:
        ConfigError: if there is no such set, or it is too large to be judged whole.
        ContractError: if a file is missing or damaged, or no face is found.
        ToolError: if a package is missing, or the AT&T faces cannot be fetched.
    """
    chosen = options or SetOptions()
    kind, place = parse_identity_set(spec)
    if kind in ATT_PARTS:
        return JudgedSet(faces=_att(kind, downloads, cache, chosen))
    if kind.startswith("synthetic"):
        return JudgedSet(faces=_synthetic(kind, place, chosen))
    identities = _folders(kind, place, chosen)
    if isinstance(identities, LfwFaces):
        return _lfw(identities, cache, chosen)
    return JudgedSet(faces=_found(kind, identities, cache, chosen))


def parse_identity_set(spec: str) -> tuple[str, Path]:
    """Returns kind and directory of an identity set, looking into nothing: quick, before work that takes minutes.

    Args:
        spec: `att`, or kind and path, e.g. `lfw:data/lfw`.

    Raises:
        ConfigError: if there is no such set.
        ContractError: if its directory does not exist.
    """
    kind, separator, place = spec.partition(":")
    if kind not in SET_KINDS:
        raise ConfigError(f"there is no identity set {spec!r}; {suggest(kind, SET_KINDS)}")
    if bool(place) != (kind not in ATT_PARTS) or (separator and not place):
        folders = ", ".join(other for other in SET_KINDS if other not in ATT_PARTS)
        raise ConfigError(f"identity set {spec!r}: expected {', '.join(ATT_PARTS)}, or {folders} with :DIRECTORY")
    return kind, require_directory(Path(place), f"the pictures of {kind}") if place else Path()


class _Portraits:
    """The portrait detector as `FaceBoxCache` takes it."""

    def __init__(self) -> None:
        self._finder = face_finder()
        self.key = sha256_bytes(f"portrait {_FINDER_FORMAT} {self._finder.weights_hash}".encode())

    def find(self, frame: NDArray[np.uint8]) -> tuple[FoundFace, ...]:
        return tuple(FoundFace(candidate=candidate, confirmation=1.0) for candidate in self._finder.find(frame))


def remembered_finder(cache: Path) -> Locate:
    """Returns the portrait detector with a memory on disk, keyed by the pixels and the detector.

    Args:
        cache: directory of the memory.

    Raises:
        ToolError: if OpenCV or the weights are missing.
    """
    memory = FaceBoxCache(cache, _Portraits())

    def locate(picture: NDArray[np.uint8]) -> tuple[Candidate, ...]:
        content = sha256_bytes(f"{picture.shape}".encode() + np.ascontiguousarray(picture).tobytes())
        return tuple(face.candidate for face in memory.faces(content, [1], lambda _: picture)[1])

    return locate


def _att(kind: str, downloads: Path, cache: Path, options: SetOptions) -> IdentityFaces:
    from hw_anon.data import att

    pictures = att.load_att_faces(downloads)[ATT_PARTS[kind], : options.pictures]
    return att_identity_faces(
        pictures,
        name=kind,
        people=options.people,
        enlarge=options.enlarge or _ATT_ENLARGE,
        seed=options.seed,
        locate=remembered_finder(cache),
    )


def _synthetic(kind: str, root: Path, options: SetOptions) -> IdentityFaces:
    """Generated people; their faces are labels, those that are mostly hidden are left out."""
    from hw_anon.data.synthetic.sets import open_people

    people = open_people(root, "train" if kind == "synthetic-train" else "test")
    indices = _chosen(people, options)
    pictures = [people.picture(int(index)) for index in indices]
    labels = [people.face(int(index)) for index in indices]
    found = [label.candidate() if label and label.visible_share >= _MIN_VISIBLE else None for label in labels]
    enlarge = options.enlarge or _CAMERA_ENLARGE
    return with_faces(kind, pictures, people.labels[indices], found, enlarge=enlarge)


def _folders(kind: str, root: Path, options: SetOptions) -> IdentitySet:
    from hw_anon.data.casia import open_casia
    from hw_anon.data.folders import FolderIdentities

    openers: dict[str, Callable[[], IdentitySet]] = {
        "lfw": lambda: LfwFaces(root, complete=False),
        "casia": lambda: open_casia(root, complete=False),
        "folder": lambda: FolderIdentities(root),
    }
    if kind == "lfw" and (options.people or options.pictures):
        raise ConfigError("LFW is judged on its published pairs: people and pictures cannot be limited")
    return openers[kind]()


def _chosen(identities: IdentitySet, options: SetOptions) -> NDArray[np.int64]:
    """Returns the samples asked for, in the set's order.

    Raises:
        ConfigError: if there are fewer people, or more pictures than fit into memory.
    """
    labels = identities.labels
    known = np.unique(labels)
    if options.people is not None:
        if options.people > len(known):
            raise ConfigError(f"people = {options.people}: {identities.title} has 1 to {len(known)}")
        known = np.random.default_rng(options.seed).permutation(known)[: options.people]
    picked = [np.flatnonzero(labels == person)[: options.pictures] for person in np.sort(known)]
    indices = np.concatenate(picked)
    if len(indices) > _MAX_PICTURES:
        raise ConfigError(
            f"{identities.title}: {len(indices):,} pictures are too many at once (at most {_MAX_PICTURES:,}); "
            "take some people of it, or some pictures of each"
        )
    return indices


def _found(kind: str, identities: IdentitySet, cache: Path, options: SetOptions) -> IdentityFaces:
    indices = _chosen(identities, options)
    pictures = [identities.picture(int(index)) for index in indices]
    name = kind if kind != "folder" else re.sub(r"[^a-z0-9]+", "-", identities.title.lower()).strip("-") or kind
    enlarge = options.enlarge or _CAMERA_ENLARGE
    labels = identities.labels[indices]
    return find_faces(name, pictures, labels, enlarge=enlarge, locate=remembered_finder(cache))


def _lfw(lfw: LfwFaces, cache: Path, options: SetOptions) -> JudgedSet:
    """LFW's pictures that occur in its pairs, and the pairs in their numbering."""
    table = lfw.pair_table()
    indices = np.unique(table[:, :2])
    pictures = [lfw.picture(int(index)) for index in indices]
    locate = remembered_finder(cache)
    found = [max(faces, key=_centred(p), default=None) for p in pictures for faces in (locate(p),)]
    enlarge = options.enlarge or _CAMERA_ENLARGE
    faces = with_faces("lfw", pictures, lfw.labels[indices], found, enlarge=enlarge)
    place = np.full(len(lfw), -1)
    place[indices[[face is not None for face in found]]] = np.arange(len(faces))
    left, right = place[table[:, 0]], place[table[:, 1]]
    kept = (left >= 0) & (right >= 0)
    pairs = Pairs(left=left[kept], right=right[kept], same=table[kept, 2].astype(bool), fold=table[kept, 3])
    if len(np.unique(pairs.fold)) < 2:
        raise ContractError(
            f"{lfw.root}: verification needs pairs in two folds; faces were found for {len(pairs)} pairs"
        )
    return JudgedSet(faces=faces, pairs=pairs, pairs_lost=int(np.sum(~kept)))


def _centred(picture: NDArray[np.uint8]) -> Callable[[Candidate], float]:
    """In LFW the person named is the one in the middle, where others may stand beside them."""
    middle = np.array(picture.shape[1::-1]) / 2

    def nearness(face: Candidate) -> float:
        return -math.hypot(*(np.array([face.box.x + face.box.width / 2, face.box.y + face.box.height / 2]) - middle))

    return nearness
