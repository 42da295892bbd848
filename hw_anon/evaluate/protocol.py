"""How much identity a modifier leaves, under the three protocols of the evaluation.

- `modified-modified`: both pictures of a pair are modified; identification: gallery and probes are modified.
- `original-modified`: one picture is original, the other modified: the attacker has a photograph of the person.
- `adaptive`: the attacker knows the modifier and retrains on its output (the parrot attack, see `parrot.py`), on the
  pixels of aligned faces and on each judge's embeddings.

A modifier works on the square crop of each picture's region, as on the camera: crop, modify, paste (`video_path`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.backend import ModifierBackend
from hw_anon.core.config import Config, require_range
from hw_anon.core.errors import ContractError
from hw_anon.core.video_path import crop_resize, paste
from hw_anon.evaluate.detection_metrics import face_recall, l1_distance, structural_similarity
from hw_anon.evaluate.faces import IdentityFaces, face_finder
from hw_anon.evaluate.judges import Judge
from hw_anon.evaluate.parrot import pixel_features, split_pictures, train_parrot
from hw_anon.evaluate.verification import Estimate, Pairs, make_pairs, rank1, verify

__all__ = [
    "ADAPTIVE",
    "MODIFIED_MODIFIED",
    "ORIGINAL_MODIFIED",
    "Originals",
    "PrivacyResult",
    "PrivacySettings",
    "ProtocolResult",
    "apply_modifier",
    "evaluate_privacy",
]

MODIFIED_MODIFIED = "modified-modified"
ORIGINAL_MODIFIED = "original-modified"
ADAPTIVE = "adaptive"
PIXELS = "pixels"

Progress = Callable[[str, int, int], None]
Pictures = Sequence[NDArray[np.uint8]]

_BATCH = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class PrivacySettings(Config):
    """Everything that the numbers depend on besides the pictures and the modifier."""

    folds: int = 10
    """Subject-disjoint folds of verification."""
    pairs_per_fold: int | None = None
    """Pairs of one person in a fold, and as many of two; all if not given."""
    train_pictures: int = 5
    """Pictures of each person in the gallery and the parrot's training set; the others are probes."""
    parrot_side: int = 32
    """Side in pixels of the aligned grey faces that the parrot learns from."""
    parrot_components: int = 80
    """Principal components the parrot keeps."""
    resamples: int = 200
    """Bootstrap resamples of the intervals."""
    seed: int = 0
    """Seed of pairs and bootstrap."""

    def __post_init__(self) -> None:
        require_range(self, "folds", 2, 100)
        if self.pairs_per_fold is not None:
            require_range(self, "pairs_per_fold", 1, None, unit="pairs")
        require_range(self, "train_pictures", 2, None, unit="pictures")
        require_range(self, "parrot_side", 4, 112, unit="pixels")
        require_range(self, "parrot_components", 1, None)
        require_range(self, "resamples", 10, None)
        require_range(self, "seed", 0, None)


@dataclass(frozen=True, kw_only=True, slots=True)
class ProtocolResult:
    """One protocol by one judge; `None` is not measured by it."""

    protocol: str
    """`modified-modified`, `original-modified` or `adaptive`."""
    judge: str
    """Name of the judge, `pixels` for the parrot on grey values."""
    judge_seen: bool
    """Whether training of the modifier used this judge."""
    n_pairs: int | None = None
    """Pairs verified."""
    accuracy: Estimate | None = None
    """10-fold accuracy."""
    auc: Estimate | None = None
    """Area under the ROC."""
    eer: Estimate | None = None
    """Equal error rate."""
    tar_at_far: Estimate | None = None
    """True accept rate at a false accept rate of 1e-3."""
    rank1: Estimate | None = None
    """Rank-1 identification; of the adaptive protocol, the parrot's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PrivacyResult:
    """Everything measured on one method and one identity set."""

    method: str
    """Name of the modifier."""
    dataset: str
    """Name of the identity set."""
    people: int
    """People in it."""
    pictures: int
    """Pictures of them."""
    not_found: int
    """Pictures left out because no face was found in the original."""
    crop_side: int
    """Side of the modifier's crops in pixels."""
    seed: int
    """Seed of pairs and bootstrap."""
    l1: Estimate
    """Mean absolute difference inside the regions, values 0 to 1."""
    ssim: Estimate
    """Structural similarity inside the regions."""
    face_found: Estimate
    """Share of modified pictures in which YuNet finds the face at IoU 0.5 or more."""
    protocols: tuple[ProtocolResult, ...]
    """Results by protocol and judge."""

    def rows(self) -> list[dict[str, Any]]:
        """Returns one flat JSON object for each protocol and judge; `*_ci` is the 95 % interval of `*`."""
        return [self._row(result) for result in self.protocols]

    def _row(self, result: ProtocolResult) -> dict[str, Any]:
        adaptive = result.protocol == ADAPTIVE
        estimates = {
            "auc": result.auc,
            "eer": result.eer,
            "accuracy": result.accuracy,
            "tar_at_far_1e-3": result.tar_at_far,
            "rank1": None if adaptive else result.rank1,
            "rank1_parrot": result.rank1 if adaptive else None,
            "map50": None,
            "map50_near_face": None,
            "face_found": self.face_found,
            "l1": self.l1,
            "ssim": self.ssim,
        }
        row: dict[str, Any] = {
            "method": self.method,
            "protocol": result.protocol,
            "judge": result.judge,
            "judge_seen": result.judge_seen,
            "dataset": self.dataset,
            "people": self.people,
            "pictures": self.pictures,
            "pictures_without_face": self.not_found,
            "crop_side": self.crop_side,
            "n_pairs": result.n_pairs,
            "n_probes": result.rank1.n if result.rank1 else None,
        }
        for name, estimate in estimates.items():
            row[name] = None if estimate is None else _rounded(estimate.value)
            row[f"{name}_ci"] = None if estimate is None else [_rounded(estimate.low), _rounded(estimate.high)]
        row["seed"] = self.seed
        return row


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

    def embed(self, judge: Judge, pictures: Pictures, *, on_progress: Progress | None = None) -> NDArray[np.float64]:
        """Returns a judge's `[N, D]` embeddings of a version of all pictures."""
        anchors, vectors = self.anchors[judge.name], []
        for index, picture in enumerate(pictures):
            vectors.append(judge.embed(picture, anchors[index]))
            if on_progress:
                on_progress(judge.name, index + 1, len(pictures))
        return np.stack(vectors)


def apply_modifier(backend: ModifierBackend, faces: IdentityFaces, *, crop_side: int) -> list[NDArray[np.uint8]]:
    """Returns every picture with its region replaced by the modified crop.

    Args:
        backend: the modifier.
        faces: the identity set.
        crop_side: side of the square crops that the modifier takes.

    Raises:
        ContractError: if the modifier answers with another shape or dtype.
    """
    out: list[NDArray[np.uint8]] = []
    for start in range(0, len(faces), _BATCH):
        chunk = slice(start, start + _BATCH)
        pictures, regions = faces.pictures[chunk], faces.regions[chunk]
        crops = np.stack([crop_resize(p, r, crop_side) for p, r in zip(pictures, regions, strict=True)])
        modified = backend.modify(crops)
        if modified.shape != crops.shape or modified.dtype != np.uint8:
            raise ContractError(f"{backend.name} answered {modified.dtype} {list(modified.shape)} to {crops.shape}")
        out += [paste(p, r, m) for p, r, m in zip(pictures, regions, modified, strict=True)]
    return out


def evaluate_privacy(
    backend: ModifierBackend,
    faces: IdentityFaces | Originals,
    *,
    crop_side: int,
    judges: Sequence[Judge] = (),
    seen: Collection[str] = (),
    settings: PrivacySettings | None = None,
    pairs: Pairs | None = None,
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
    pictures = apply_modifier(backend, known, crop_side=crop_side)
    embedded = {j.name: originals.embed(j, pictures, on_progress=on_progress) for j in originals.judges}
    pixels = [pixel_features(p, f, side=settings.parrot_side) for p, f in zip(pictures, known.faces, strict=True)]
    results = [_recognition(j, originals, embedded, pairs, settings, j.name in seen) for j in originals.judges]
    features: Mapping[str, NDArray[np.float64]] = {PIXELS: np.stack(pixels), **embedded}
    parrots = [_parrot(name, values, known.people, settings, name in seen) for name, values in features.items()]
    return PrivacyResult(
        method=backend.name,
        dataset=known.name,
        people=len(np.unique(known.people)),
        pictures=len(known),
        not_found=known.not_found,
        crop_side=crop_side,
        seed=settings.seed,
        l1=l1_distance(known.pictures, pictures, known.regions),
        ssim=structural_similarity(known.pictures, pictures, known.regions),
        face_found=face_recall(
            [[f.box for f in originals.finder.find(p)] for p in pictures], [f.box for f in known.faces]
        ),
        protocols=(*(r for both in results for r in both), *parrots),
    )


def _recognition(
    judge: Judge,
    originals: Originals,
    embedded: Mapping[str, NDArray[np.float64]],
    pairs: Pairs,
    settings: PrivacySettings,
    seen: bool,
) -> list[ProtocolResult]:
    """Verification and identification by a judge that was not retrained."""
    people = originals.faces.people
    modified = embedded[judge.name]
    gallery, probes = split_pictures(people, settings.train_pictures)
    results = []
    known_by_protocol = {MODIFIED_MODIFIED: modified, ORIGINAL_MODIFIED: originals.embeddings[judge.name]}
    for protocol, known in known_by_protocol.items():
        scores = judge.similarity(known[pairs.left], modified[pairs.right])
        measured = verify(scores, pairs, people, resamples=settings.resamples, seed=settings.seed)
        alike = judge.similarity(modified[probes][:, None], known[gallery][None])
        named = rank1(alike, people[gallery], people[probes], resamples=settings.resamples, seed=settings.seed)
        results.append(
            ProtocolResult(
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
        )
    return results


def _parrot(
    name: str, features: NDArray[np.float64], people: NDArray[np.int64], settings: PrivacySettings, seen: bool
) -> ProtocolResult:
    """The retrained attacker on one kind of features."""
    train, test = split_pictures(people, settings.train_pictures)
    parrot = train_parrot(features[train], people[train], components=settings.parrot_components)
    alike = parrot.similarity(features[test])
    named = rank1(alike, parrot.people, people[test], resamples=settings.resamples, seed=settings.seed)
    return ProtocolResult(protocol=ADAPTIVE, judge=name, judge_seen=seen, rank1=named)


def _rounded(value: float) -> float:
    return round(value, 6)
