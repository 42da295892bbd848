"""How much identity a modifier leaves, under the four protocols of the evaluation.

- `modified-modified`: both pictures of a pair are modified; identification: gallery and probes are modified.
- `original-modified`: one picture is original, the other modified: the attacker has a photograph of the person.
- `adaptive`: the attacker knows the modifier and retrains on its output (the parrot attack): on the pixels of aligned
  faces and on each judge's embeddings (`parrot.py`), or a network of its own (`recogniser_parrot.py`).
- `inversion`: the attacker trains a network that restores faces, on other people (`inversion.py`).

Attackers that train networks are `Attack`s, handed in by the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.backend import ModifierBackend
from hw_anon.evaluate.camera_frames import CameraFrames
from hw_anon.evaluate.detection_metrics import face_recall, l1_distance, structural_similarity
from hw_anon.evaluate.faces import IdentityFaces, face_finder
from hw_anon.evaluate.foreign import foreign_figures
from hw_anon.evaluate.judges import Judge
from hw_anon.evaluate.modified_pictures import Progress, apply_modifier, replayed
from hw_anon.evaluate.parrot import Parrot, known_people, pixel_features, split_pictures, train_parrot
from hw_anon.evaluate.privacy import (
    ADAPTIVE,
    INVERSION,
    MODIFIED_MODIFIED,
    ORIGINAL_MODIFIED,
    PrivacyResult,
    PrivacySettings,
    ProtocolResult,
)
from hw_anon.evaluate.verification import Estimate, Pairs, make_pairs, rank1, verify

__all__ = [
    "ADAPTIVE",
    "INVERSION",
    "MODIFIED_MODIFIED",
    "ORIGINAL_MODIFIED",
    "Attack",
    "Attacked",
    "Originals",
    "PrivacyResult",
    "PrivacySettings",
    "ProtocolResult",
    "evaluate_privacy",
    "recognise",
]

PIXELS = "pixels"

Pictures = Sequence[NDArray[np.uint8]]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Originals:
    """An identity set with what all methods share: each judge's anchors and embeddings of the originals."""

    def __init__(self, faces: IdentityFaces, judges: Sequence[Judge], *, on_progress: Progress | None = None) -> None:
        """Embeds the originals once.

        Args:
            faces: the identity set.
            judges: the judges.
            on_progress: called with what is done, how many pictures are done, and how many there are.
        """
        self.faces = faces
        self.judges = tuple(judges)
        self.finder = face_finder()
        self.anchors: dict[str, list[Any]] = {
            judge.name: [judge.anchor(p, f) for p, f in zip(faces.pictures, faces.faces, strict=True)]
            for judge in self.judges
        }
        self.embeddings = {
            judge.name: self.embed(judge, faces.pictures, on_progress=on_progress) for judge in self.judges
        }

    def embed(
        self,
        judge: Judge,
        pictures: Pictures,
        *,
        indices: Ints | None = None,
        on_progress: Progress | None = None,
    ) -> Floats:
        """Returns a judge's `[N, D]` embeddings of a version of all pictures, or of those at some indices."""
        anchors, vectors = self.anchors[judge.name], []
        chosen = range(len(pictures)) if indices is None else indices.tolist()
        for index in chosen:
            vectors.append(judge.embed(pictures[index], anchors[index]))
            if on_progress:
                on_progress(judge.name, len(vectors), len(chosen))
        return np.stack(vectors)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Attacked:
    """What an attacker that trains has before it: the modifier, to run on any picture, and the people to find out."""

    backend: ModifierBackend
    """The modifier."""
    crop_side: int
    """Side of its crops."""
    originals: Originals
    """The judged people's pictures; what an attack may use of them, its protocol says."""
    pictures: Pictures
    """The same, modified."""
    replays: Sequence[Pictures] = ()
    """The same again, as often as an attacker has the known ones modified under further keys; others are as above."""
    pairs: Pairs
    """Pairs to verify."""
    seen: Collection[str]
    """Judges that training of the modifier used."""
    settings: PrivacySettings
    """Splits and seeds."""


class Attack(Protocol):
    """An attacker that trains on what the modifier gives."""

    @property
    def name(self) -> str:
        """Short name."""
        ...

    def run(self, attacked: Attacked, *, on_progress: Progress | None = None) -> list[ProtocolResult]:
        """Trains, attacks, and returns what the attack achieved."""
        ...


def evaluate_privacy(
    backend: ModifierBackend,
    faces: IdentityFaces | Originals,
    *,
    crop_side: int,
    judges: Sequence[Judge] = (),
    seen: Collection[str] = (),
    settings: PrivacySettings | None = None,
    pairs: Pairs | None = None,
    attacks: Sequence[Attack] = (),
    method_seed: int | None = None,
    on_progress: Progress | None = None,
) -> PrivacyResult:
    """Measures one modifier under all protocols.

    Args:
        backend: the modifier, any `ModifierBackend`.
        faces: the identity set, or `Originals` where several methods are measured on one set.
        crop_side: side of the modifier's crops.
        judges: the judges; not used with `Originals`, which has its own.
        seen: names of judges that training of the modifier used.
        settings: pairs, splits and seeds.
        pairs: the pairs to verify, a published list for instance; drawn by the settings if not given.
        attacks: attackers that train networks, beside the linear parrots, which always run.
        method_seed: seed of the modifier's training, if it was trained.
        on_progress: called with what is done, how many pictures are done, and how many there are.

    Raises:
        ConfigError: if the set has too few people for the folds.
        ContractError: if the modifier does not keep the interface.
    """
    settings = settings or PrivacySettings()
    originals = faces if isinstance(faces, Originals) else Originals(faces, judges, on_progress=on_progress)
    known = originals.faces
    if pairs is None:
        pairs = make_pairs(known.people, folds=settings.folds, seed=settings.seed, per_fold=settings.pairs_per_fold)
    pictures = apply_modifier(
        backend, known, crop_side=crop_side, known_pictures=settings.train_pictures, on_progress=on_progress
    )
    attacked = Attacked(
        backend=backend,
        crop_side=crop_side,
        originals=originals,
        pictures=pictures,
        replays=replayed(backend, known, crop_side=crop_side, known_pictures=settings.train_pictures),
        pairs=pairs,
        seen=seen,
        settings=settings,
    )
    results = _untrained(attacked, on_progress)
    for attack in attacks:
        results += attack.run(attacked, on_progress=on_progress)
    return PrivacyResult(
        method=backend.name,
        dataset=known.name,
        people=len(np.unique(known.people)),
        pictures=len(known),
        not_found=known.not_found,
        enlarge=known.enlarge,
        crop_side=crop_side,
        seed=settings.seed,
        method_seed=method_seed,
        l1=l1_distance(known.pictures, pictures, known.regions),
        ssim=structural_similarity(known.pictures, pictures, known.regions),
        face_found=face_recall(
            [[f.box for f in originals.finder.find(p)] for p in pictures], [f.box for f in known.faces]
        ),
        protocols=tuple(results),
        camera=backend.figures if isinstance(backend, CameraFrames) else None,
        foreign=foreign_figures(backend, known.pictures, pictures, [[region] for region in known.regions]),
    )


def recognise(
    judge: Judge,
    known: Floats,
    probed: Floats,
    pairs: Pairs,
    people: Ints,
    settings: PrivacySettings,
    *,
    protocol: str,
    seen: bool,
) -> ProtocolResult:
    """Verifies and identifies by a judge that is not retrained.

    Args:
        judge: who compares embeddings.
        known: `[N, D]` embeddings of the pictures that the attacker knows: left of each pair, and the gallery.
        probed: `[N, D]` embeddings of what the attacker sees: right of each pair, and the probes.
        pairs: the pairs.
        people: `[N]` person of each picture.
        settings: splits and seeds.
        protocol: name for the result.
        seen: whether training of the modifier used the judge.
    """
    scores = judge.similarity(known[pairs.left], probed[pairs.right])
    measured = verify(scores, pairs, people, resamples=settings.resamples, seed=settings.seed)
    named: Estimate | None = None
    included = known_people(people, settings.train_pictures)
    if len(included):
        gallery, probes = (included[part] for part in split_pictures(people[included], settings.train_pictures))
        alike = judge.similarity(probed[probes][:, None], known[gallery][None])
        named = rank1(alike, people[gallery], people[probes], resamples=settings.resamples, seed=settings.seed)
    return ProtocolResult(
        protocol=protocol,
        judge=judge.name,
        judge_seen=seen,
        n_pairs=len(pairs),
        accuracy=measured.accuracy,
        auc=measured.auc,
        eer=measured.eer,
        tar_at_far=measured.tar_at_far,
        rank1=named,
    )


def _untrained(attacked: Attacked, on_progress: Progress | None) -> list[ProtocolResult]:
    """Every judge as it is, then the linear parrots."""
    originals, pictures = attacked.originals, attacked.pictures
    people, settings = originals.faces.people, attacked.settings
    embedded = {j.name: originals.embed(j, pictures, on_progress=on_progress) for j in originals.judges}
    results = []
    for judge in originals.judges:
        modified = embedded[judge.name]
        sides = {MODIFIED_MODIFIED: modified, ORIGINAL_MODIFIED: originals.embeddings[judge.name]}
        for protocol, known in sides.items():
            seen = judge.name in attacked.seen
            results.append(
                recognise(judge, known, modified, attacked.pairs, people, settings, protocol=protocol, seen=seen)
            )
    included = known_people(people, settings.train_pictures)
    if not len(included):
        return results
    train, test = (included[part] for part in split_pictures(people[included], settings.train_pictures))
    features: dict[str, Callable[[Pictures, Ints], Floats]] = {
        PIXELS: lambda seen, which: _pixels(attacked, seen, which)
    }
    for judge in originals.judges:
        features[judge.name] = _Embedder(originals, judge, pictures, embedded[judge.name])
    for name, of in features.items():
        known = np.concatenate([of(seen, train) for seen in (pictures, *attacked.replays)])
        who = np.tile(people[train], 1 + len(attacked.replays))
        parrot = train_parrot(known, who, components=settings.parrot_components)
        results.append(_named(name, parrot, of(pictures, test), people[test], attacked))
    return results


def _pixels(attacked: Attacked, pictures: Pictures, indices: Ints) -> Floats:
    faces, side = attacked.originals.faces.faces, attacked.settings.parrot_side
    return np.stack([pixel_features(pictures[i], faces[i], side=side) for i in indices.tolist()])


@dataclass(frozen=True, slots=True, eq=False)
class _Embedder:
    """A judge's embeddings as features; those of the pictures themselves are there already."""

    originals: Originals
    judge: Judge
    pictures: Pictures
    embedded: Floats

    def __call__(self, pictures: Pictures, indices: Ints) -> Floats:
        if pictures is self.pictures:
            return np.asarray(self.embedded[indices])
        return self.originals.embed(self.judge, pictures, indices=indices)


def _named(name: str, parrot: Parrot, probes: Floats, people: Ints, attacked: Attacked) -> ProtocolResult:
    """The retrained linear attacker on one kind of features."""
    settings, times = attacked.settings, 1 + len(attacked.replays)
    named = rank1(parrot.similarity(probes), parrot.people, people, resamples=settings.resamples, seed=settings.seed)
    power_ups = "" if times == 1 else f", each under {times} keys"
    return ProtocolResult(
        protocol=ADAPTIVE,
        judge=name,
        judge_seen=name in attacked.seen,
        rank1=named,
        attacker=f"PCA and LDA, {settings.train_pictures} modified pictures a person{power_ups}",
    )
