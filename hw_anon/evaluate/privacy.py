"""What a privacy measurement depends on and what it gives: settings, results, and their flat JSON form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hw_anon.core.config import Config, require_range
from hw_anon.evaluate.camera_frames import CameraFigures
from hw_anon.evaluate.foreign import ForeignFigures
from hw_anon.evaluate.verification import Estimate

__all__ = [
    "ADAPTIVE",
    "INVERSION",
    "MODIFIED_MODIFIED",
    "ORIGINAL_MODIFIED",
    "PRINTED",
    "PrivacyResult",
    "PrivacySettings",
    "ProtocolResult",
    "strongest_parrot",
]

MODIFIED_MODIFIED = "modified-modified"
"""Both pictures of a pair are modified."""
ORIGINAL_MODIFIED = "original-modified"
"""One picture of a pair is original, the other modified."""
ADAPTIVE = "adaptive"
"""The attacker retrains a recogniser on modified pictures of the people it is to name."""
INVERSION = "inversion"
"""One picture of a pair is original, the other was modified and then restored by a network trained to do so."""
PRINTED = (
    "method",
    "protocol",
    "judge",
    "judge_seen",
    "dataset",
    "n_pairs",
    "auc",
    "eer",
    "accuracy",
    "tar_at_far_1e-3",
    "rank1_parrot",
    "map50",
    "map50_near_face",
    "face_found",
    "l1",
    "seed",
)
"""Fields of a row that programs read off `hw-anon evaluate --json`; files have intervals and sample sizes as well."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PrivacySettings(Config):
    """Everything that the numbers depend on besides the pictures, the modifier and the trained attackers."""

    folds: int = 10
    """Subject-disjoint folds of verification."""
    pairs_per_fold: int | None = None
    """Pairs of one person in a fold, and as many of two; all if not given."""
    train_pictures: int = 5
    """Pictures of each person in the gallery and the parrots' training sets; the others are probes. People with no
    picture left for a probe are left out of identification."""
    parrot_side: int = 32
    """Side in pixels of the aligned grey faces that the linear parrot learns from."""
    parrot_components: int = 80
    """Principal components the linear parrot keeps."""
    resamples: int = 200
    """Bootstrap resamples of the intervals."""
    seed: int = 0
    """Seed of pairs, bootstrap and trained attackers."""

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
    """`modified-modified`, `original-modified`, `adaptive` or `inversion`."""
    judge: str
    """Name of the judge; of the adaptive protocol, the attacker's: `pixels` and each judge's name for the linear
    parrot on grey values and on embeddings, `parrot-cnn` or `parrot-sface` for a trained network."""
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
    attacker: str | None = None
    """What was trained, on what and for how long, where something was."""
    restored_l1: Estimate | None = None
    """Mean absolute difference of restored regions from the originals, values 0 to 1; of the inversion."""
    restored_ssim: Estimate | None = None
    """Structural similarity of restored regions to the originals; of the inversion."""


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
    """Seed of pairs, bootstrap and trained attackers."""
    l1: Estimate
    """Mean absolute difference inside the regions, values 0 to 1."""
    ssim: Estimate
    """Structural similarity inside the regions."""
    face_found: Estimate
    """Share of modified pictures in which YuNet finds the face at IoU 0.5 or more."""
    protocols: tuple[ProtocolResult, ...]
    """Results by protocol and judge."""
    enlarge: float | None = None
    """Side of the replaced region over that of the face's box, where one factor made all regions."""
    method_seed: int | None = None
    """Seed of the modifier's training; `None` where nothing was trained."""
    map50: Estimate | None = None
    """mAP of the action detector on this method's frames, joined from its own measurement."""
    map50_near_face: Estimate | None = None
    """The same over the actions near the face."""
    camera: CameraFigures | None = None
    """What happened to the frames, where a whole camera was measured."""
    foreign: ForeignFigures | None = None
    """What was measured, where it is an anonymiser of others."""

    def rows(self) -> list[dict[str, Any]]:
        """Returns one flat JSON object for each protocol and judge; `*_ci` is the 95 % interval of `*`.

        `seed` is the modifier's own where it was trained, otherwise that of the evaluation. `rank1_parrot` of an
        adaptive row is its own attacker's; other rows repeat the strongest attacker's, named by `rank1_parrot_by`.
        """
        return [self._row(result) for result in self.protocols]

    def printed(self) -> list[dict[str, Any]]:
        """Returns the rows with the fields of `PRINTED` alone, in that order; `None` is not measured.

        Rows of a whole camera, and of an anonymiser of others, have its fields after them.
        """
        return [{name: row[name] for name in PRINTED} | self._figures() for row in self.rows()]

    def _figures(self) -> dict[str, Any]:
        return next((figures.as_json() for figures in (self.camera, self.foreign) if figures is not None), {})

    def _row(self, result: ProtocolResult) -> dict[str, Any]:
        adaptive = result.protocol == ADAPTIVE
        parrot = result if adaptive else strongest_parrot(self.protocols)
        estimates = {
            "auc": result.auc,
            "eer": result.eer,
            "accuracy": result.accuracy,
            "tar_at_far_1e-3": result.tar_at_far,
            "rank1": None if adaptive else result.rank1,
            "rank1_parrot": parrot.rank1 if parrot else None,
            "map50": self.map50,
            "map50_near_face": self.map50_near_face,
            "face_found": self.face_found,
            "l1": self.l1,
            "ssim": self.ssim,
            "restored_l1": result.restored_l1,
            "restored_ssim": result.restored_ssim,
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
            "region_enlargement": self.enlarge,
            "crop_side": self.crop_side,
            "n_pairs": result.n_pairs,
            "n_probes": result.rank1.n if result.rank1 else None,
            "attacker": result.attacker,
            "rank1_parrot_by": parrot.judge if parrot else None,
        }
        for name, estimate in estimates.items():
            row[name] = None if estimate is None else round(estimate.value, 6)
            row[f"{name}_ci"] = None if estimate is None else [round(estimate.low, 6), round(estimate.high, 6)]
        row["seed"] = self.seed if self.method_seed is None else self.method_seed
        row["evaluation_seed"] = self.seed
        return row | self._figures()


def strongest_parrot(protocols: Sequence[ProtocolResult]) -> ProtocolResult | None:
    """Returns the adaptive attacker that names most probes rightly, `None` if there was none."""
    parrots = [part for part in protocols if part.protocol == ADAPTIVE and part.rank1]
    return max(parrots, key=lambda part: part.rank1.value if part.rank1 else 0.0, default=None)
