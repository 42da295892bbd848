"""Who people are in shape: build and ancestry, single features of the face, and the mesh that comes of them.

Age, gender, build and ancestry weigh the body's large targets as MakeHuman does: each target is made for a combination
such as (female, old, maxweight), and its weight is the product of how much the person is each of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw_anon.data.synthetic.body import BodyModel

__all__ = ["Build", "macro_weights", "rest_shape", "sample_build", "sample_features"]

Floats = NDArray[np.float64]

_AGES = (("newborn", -1 / 3), ("baby", 0.0), ("child", 1 / 3), ("young", 2 / 3), ("old", 1.0))
_CALM = ("eye-push", "eye-trans", "head-angle", "head-trans", "mouth-trans", "nose-trans", "ear-rot", "eyebrows")
"""Features that look wrong when they stray far."""
_STILL = ("head-trans", "head-angle", "mouth-trans-out", "nose-trans-out", "neck-", "head-age", "ear-wing", "ear-flap")
"""Features that break the neck or the middle of the face when they stray at all."""
_FEATURE_SPREAD = 0.38
_ASYMMETRY = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """Age, gender, ancestry and build, each in 0 to 1."""

    age: float
    """2/3 is a young adult, 1 is old."""
    gender: float
    """0 male to 1 female."""
    muscle: float
    """Least to most."""
    weight: float
    """Least to most."""
    height: float
    """Shortest to tallest."""
    proportions: float
    """Ideal to uncommon."""
    cupsize: float
    """Least to most."""
    firmness: float
    """Least to most."""
    ancestry: tuple[float, float, float]
    """African, Asian, European; sums to 1."""

    def spread(self) -> dict[str, float]:
        """Returns how much the person is of each named kind: neighbours on each scale share 1."""
        spread = _between(self.age, [name for name, _ in _AGES], [anchor for _, anchor in _AGES])
        spread |= dict(zip(("african", "asian", "caucasian"), self.ancestry, strict=True))
        for value, low, middle, high in (
            (self.gender, "male", None, "female"),
            (self.muscle, "minmuscle", "averagemuscle", "maxmuscle"),
            (self.weight, "minweight", "averageweight", "maxweight"),
            (self.height, "minheight", None, "maxheight"),
            (self.proportions, "idealproportions", None, "uncommonproportions"),
            (self.cupsize, "mincup", "averagecup", "maxcup"),
            (self.firmness, "minfirmness", "averagefirmness", "maxfirmness"),
        ):
            names = [name for name in (low, middle, high) if name is not None]
            spread |= _between(value, names, list(np.linspace(0, 1, len(names))))
        return spread


def _between(value: float, names: Sequence[str], anchors: Sequence[float]) -> dict[str, float]:
    """Returns the shares of the anchors around a value; the others have none."""
    return {name: float(np.interp(value, anchors, row)) for name, row in zip(names, np.eye(len(names)), strict=True)}


def sample_build(rng: np.random.Generator, tone: float = 0.5) -> Build:
    """Draws an adult.

    Args:
        rng: where chance comes from.
        tone: darkness of the skin, 0 to 1; it makes some ancestries likelier, none certain.
    """
    female = rng.random() < 0.5
    ancestry = rng.dirichlet([0.25 + 1.5 * tone, 0.7, 0.25 + 1.5 * (1 - tone)])
    return Build(
        age=float(rng.uniform(0.6, 1.0)),
        gender=float(rng.uniform(0.85, 1.0) if female else rng.uniform(0.0, 0.15)),
        muscle=float(rng.uniform(0.3, 0.75)),
        weight=float(rng.beta(2.0, 2.2) * 0.75 + 0.15),
        height=float(rng.uniform(0.35, 0.65)),
        proportions=float(rng.uniform(0.4, 0.9)),
        cupsize=float(rng.uniform(0.2, 0.6)),
        firmness=float(rng.uniform(0.4, 0.8)),
        ancestry=(float(ancestry[0]), float(ancestry[1]), float(ancestry[2])),
    )


def sample_features(rng: np.random.Generator, names: Sequence[str]) -> Floats:
    """Draws the single features, `[len(names)]` in -1 to 1; both sides of the face are alike up to a little."""
    drawn: dict[str, float] = {}
    values = np.empty(len(names))
    for index, name in enumerate(names):
        sided = name.startswith(("l-", "r-"))
        base = name[2:] if sided else name
        if base not in drawn:
            spread = (
                _FEATURE_SPREAD * (0.5 if base.startswith(_CALM) else 1.0) * (0.3 if base.startswith(_STILL) else 1.0)
            )
            drawn[base] = float(rng.normal(0, spread))
        values[index] = drawn[base] + (rng.normal(0, _ASYMMETRY) if sided else 0.0)
    return np.clip(values, -1, 1)


def macro_weights(spread: Mapping[str, float], masks: Floats, slots: Sequence[str]) -> Floats:
    """Returns the weight of each large target, `[M]`: the product of the shares that its mask `[M, slots]` marks."""
    shares = np.array([spread[slot] for slot in slots])
    return np.prod(np.where(masks > 0, shares, 1.0), axis=1)


def rest_shape(model: BodyModel, build: Build, features: Floats) -> tuple[Floats, Floats]:
    """Returns the vertices `[V, 3]` and bone heads `[B, 3]` of a person at rest, metres.

    Args:
        model: the body.
        build: age, gender, ancestry, build.
        features: `[len(model.feature_names)]` in -1 to 1.
    """
    weights = macro_weights(build.spread(), model.macro_masks, model.macro_slots)
    moved = (weights @ model.macro_coefficients).astype(np.float32) @ model.macro_basis
    count = len(model.template)
    offsets = moved.astype(np.float64).reshape(-1, 3)
    vertices, bones = model.template + offsets[:count], model.template_bones + offsets[count:]
    for index, value in enumerate(features):
        if value == 0:
            continue
        target = 2 * index + (value < 0)
        model.features.add(vertices, target, abs(value))
        bones += abs(value) * model.feature_bones[target]
    return vertices, bones
