"""The parrot attack: a recogniser that is retrained on modified faces of the people it is to recognise.

Newton et al. 2005 call it parrot recognition: the attacker runs the anonymiser on known pictures, learns who is who
among the results, and names the people in other anonymised pictures. Features go through PCA and Fisher's linear
discriminant; the nearest class centre in the discriminant space wins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.errors import ContractError
from hw_anon.data.face_detectors import Candidate
from hw_anon.data.weights import import_cv2
from hw_anon.evaluate.faces import align_crop

__all__ = ["Parrot", "known_people", "pixel_features", "split_pictures", "train_parrot"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_RIDGE = 1e-4


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Parrot:
    """A trained attacker."""

    mean: Floats
    """`[D]` mean of the training features."""
    projection: Floats
    """`[D, K]` from features to the discriminant space."""
    centres: Floats
    """`[C, K]` centre of each person."""
    people: Ints
    """`[C]` person of each centre."""

    def similarity(self, features: Floats) -> Floats:
        """Returns the negative distance `[N, C]` of `[N, D]` features to each person's centre."""
        points = (features - self.mean) @ self.projection
        distance: Floats = np.linalg.norm(points[:, None] - self.centres[None], axis=-1)
        return -distance


def train_parrot(features: Floats, people: Ints, *, components: int = 80) -> Parrot:
    """Trains the attacker.

    Args:
        features: `[N, D]` features of modified faces.
        people: `[N]` their people.
        components: principal components kept at most (fewer with few pictures).

    Raises:
        ContractError: if there are fewer than two people, or not two pictures for each.
    """
    identities, class_of, counts = np.unique(people, return_inverse=True, return_counts=True)
    if len(identities) < 2 or counts.min() < 2:
        raise ContractError("the parrot attack needs at least two people with two pictures each to train on")
    mean = features.mean(axis=0)
    _, singular, axes = np.linalg.svd(features - mean, full_matrices=False)
    rank = int(np.sum(singular > 1e-9 * max(float(singular[0]), 1e-30)))
    kept = axes[: max(1, min(components, rank, len(features) - len(identities)))].T
    points = (features - mean) @ kept
    centres = np.stack([points[class_of == index].mean(axis=0) for index in range(len(identities))])
    within = points - centres[class_of]
    scatter = within.T @ within / (len(points) - len(identities))
    scatter += np.eye(len(scatter)) * (_RIDGE * np.trace(scatter) / len(scatter) + 1e-12)
    values, vectors = np.linalg.eigh(scatter)
    whiten = vectors / np.sqrt(values)
    # In the whitened space the discriminants are the directions in which the centres differ.
    between = np.linalg.svd((centres - centres.mean(axis=0)) @ whiten, full_matrices=False)[2]
    projection = kept @ whiten @ between[: len(identities) - 1].T
    return Parrot(mean=mean, projection=projection, centres=centres @ whiten @ between[: len(identities) - 1].T,
                  people=identities)  # fmt: skip


def known_people(people: Ints, train: int) -> Ints:
    """Returns the indices of all pictures of people who have more than `train`; none if fewer than two people have.

    Sets of the wild (LFW) have most people once: those can be verified, but not learnt and then named.
    """
    _, class_of, counts = np.unique(people, return_inverse=True, return_counts=True)
    enough = counts > train
    return np.flatnonzero(enough[class_of]) if enough.sum() >= 2 else np.empty(0, np.int64)


def split_pictures(people: Ints, train: int) -> tuple[Ints, Ints]:
    """Returns the indices of each person's first `train` pictures and those of the others.

    Raises:
        ContractError: if a person has no picture left for the second part.
    """
    first: list[int] = []
    rest: list[int] = []
    for person in np.unique(people):
        index = np.flatnonzero(people == person)
        if len(index) <= train:
            raise ContractError(f"person {person} has {len(index)} pictures; more than {train} are needed")
        first += index[:train].tolist()
        rest += index[train:].tolist()
    return np.array(first), np.array(rest)


def pixel_features(picture: NDArray[np.uint8], face: Candidate, *, side: int = 32) -> Floats:
    """Returns the `[side * side]` grey values of the aligned face, 0 to 255."""
    cv2 = import_cv2()
    grey = cv2.cvtColor(align_crop(picture, face.landmarks), cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float64).ravel()
