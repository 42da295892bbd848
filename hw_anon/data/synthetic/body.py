"""The parametric body: mesh, skeleton, shape directions and expressions, read from the file that `bake.py` made.

Metres; x to the person's left, y backwards (the face looks towards -y), z up. A rotation of a bone turns everything
below it about the bone's head, in the axes of the world at rest: no bone has axes of its own to know about.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np
from numpy.typing import NDArray

from hw_anon.core.errors import ConfigError, ContractError

__all__ = ["BODY_FILE", "SPARSE_STEP_M", "BodyModel", "SparseTargets", "load_body", "skin", "transforms_of"]

BODY_FILE = Path(__file__).with_name("body.npz")
"""The baked body, shipped with the package."""
SPARSE_STEP_M = 2e-5
"""Unit of the stored displacements: 0.02 mm."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SparseTargets:
    """Displacements of few vertices each."""

    names: tuple[str, ...]
    """What each target is called."""
    starts: NDArray[np.int64]
    """`[T + 1]`: where each target's vertices begin."""
    vertices: NDArray[np.int64]
    """`[N]` moved vertices."""
    offsets: Floats
    """`[N, 3]` metres."""

    def add(self, vertices: Floats, target: int, weight: float) -> None:
        """Adds one target to `[V, 3]` vertices in place."""
        part = slice(self.starts[target], self.starts[target + 1])
        vertices[self.vertices[part]] += weight * self.offsets[part]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BodyModel:
    """Everything about bodies that no single person owns."""

    template: Floats
    """`[V, 3]` vertices before any target; the body's come first, then hair, teeth and lashes."""
    body_vertices: int
    """How many of the vertices belong to the body."""
    faces: NDArray[np.int64]
    """`[F, 3]` triangles of the body."""
    uv_faces: NDArray[np.int64]
    """`[F, 3]` corners of them in `uv`."""
    uv: Floats
    """`[U, 2]` in 0 to 1, v upwards."""
    parts: Mapping[str, NDArray[np.int64]]
    """Triangles of `hair`, `upper-teeth`, `lower-teeth`, `l-eyelashes`, `r-eyelashes`."""
    bone_names: tuple[str, ...]
    """Names of the bones, parents first; `.L` and `.R` are the person's own sides."""
    bone_parents: NDArray[np.int64]
    """`[B]`, -1 for the root."""
    template_bones: Floats
    """`[B, 3]` heads of the bones before any target."""
    skin_bones: NDArray[np.int64]
    """`[V, K]` bones that move each vertex."""
    skin_weights: Floats
    """`[V, K]` their shares."""
    macro_slots: tuple[str, ...]
    """What the columns of `macro_masks` stand for (`female`, `old`, `maxweight`, …)."""
    macro_masks: Floats
    """`[M, slots]`: the target's weight is the product of the marked slots' values."""
    macro_coefficients: Floats
    """`[M, C]` each target in the directions of `macro_basis`."""
    macro_basis: NDArray[np.float32]
    """`[C, (V + B) · 3]` directions of vertices and bone heads."""
    features: SparseTargets
    """Two targets per name of `feature_names`: for positive and for negative values."""
    feature_names: tuple[str, ...]
    """Single features of face and head."""
    feature_bones: Floats
    """`[2 · features, B, 3]` what they do to the bone heads."""
    actions: SparseTargets
    """Facial actions (`jawOpen`, `eyeBlinkLeft`, …)."""
    masks: Mapping[str, NDArray[np.uint8]]
    """Parts of the skin in texture space, `[S, S]` uint8, v downwards."""
    sky: Floats
    """`[body_vertices]` share of the surroundings that a vertex sees at rest."""
    note: str
    """Origin and licence, JSON."""

    def bone(self, name: str) -> int:
        """Returns the index of a bone.

        Raises:
            ConfigError: if there is none of that name.
        """
        if name not in self.bone_names:
            raise ConfigError(f"there is no bone {name!r}; there are {', '.join(self.bone_names)}")
        return self.bone_names.index(name)


@functools.cache
def load_body(path: Path = BODY_FILE) -> BodyModel:
    """Reads the body file, once per process.

    Args:
        path: the file.

    Raises:
        ContractError: if it is missing or damaged.
    """
    if not path.is_file():
        raise ContractError(
            f"{path} is missing: install the package again, or make it with hw_anon.data.synthetic.bake"
        )
    try:
        with np.load(path, allow_pickle=False) as stored:
            return _model({name: stored[name] for name in stored.files})
    except (ValueError, KeyError, OSError) as exc:
        raise ContractError(f"{path} is no body file ({exc}); make it again with hw_anon.data.synthetic.bake") from exc


def _model(data: Mapping[str, NDArray]) -> BodyModel:
    """Widens what the file holds to what the arithmetic needs."""
    names = tuple(data["feature_names"].tolist())
    masks = {str(name): mask for name, mask in zip(data["mask_names"], data["masks"], strict=True)}
    return BodyModel(
        template=data["template"].astype(np.float64),
        body_vertices=len(data["sky"]),
        faces=data["faces"].astype(np.int64),
        uv_faces=data["uv_faces"].astype(np.int64),
        uv=data["uv"].astype(np.float64),
        parts={key[5:]: value.astype(np.int64) for key, value in data.items() if key.startswith("part_")},
        bone_names=tuple(data["bone_names"].tolist()),
        bone_parents=data["bone_parents"].astype(np.int64),
        template_bones=data["template_bones"].astype(np.float64),
        skin_bones=data["skin_bones"].astype(np.int64),
        skin_weights=data["skin_weights"] / 255.0,
        macro_slots=tuple(data["macro_slots"].tolist()),
        macro_masks=data["macro_masks"].astype(np.float64),
        macro_coefficients=data["macro_coefficients"].astype(np.float64),
        macro_basis=data["macro_basis"].astype(np.float32),
        features=_sparse(data, "feature", tuple(f"{name}{sign}" for name in names for sign in "+-")),
        feature_names=names,
        feature_bones=data["feature_bones"].astype(np.float64),
        actions=_sparse(data, "action", tuple(data["action_names"].tolist())),
        masks=masks,
        sky=data["sky"] / 255.0,
        note=str(data["note"]),
    )


def _sparse(data: Mapping[str, NDArray], prefix: str, names: tuple[str, ...]) -> SparseTargets:
    return SparseTargets(
        names=names,
        starts=data[f"{prefix}_starts"].astype(np.int64),
        vertices=data[f"{prefix}_vertices"].astype(np.int64),
        offsets=data[f"{prefix}_steps"] * SPARSE_STEP_M,
    )


def transforms_of(bones: Floats, model: BodyModel, rotations: Mapping[str, Floats]) -> Floats:
    """Forward kinematics: where each bone takes the points that it carries.

    Args:
        bones: `[B, 3]` heads of the bones at rest, metres.
        model: names and parents of the bones.
        rotations: rotation matrices `[3, 3]` by bone, about its head in the world's axes at rest; the root may turn
            too, everything unnamed keeps still with its parent.

    Returns:
        `[B, 4, 4]`: from rest to posed, for each bone.

    Raises:
        ConfigError: if there is no bone of a name.
    """
    turned = {model.bone(name): np.asarray(rotation, np.float64) for name, rotation in rotations.items()}
    transforms = np.empty((len(bones), 4, 4))
    for index, parent in enumerate(model.bone_parents):
        above = np.eye(4) if parent < 0 else transforms[parent]
        rotation = turned.get(index)
        if rotation is None:
            transforms[index] = above
            continue
        local = np.eye(4)
        local[:3, :3] = rotation
        local[:3, 3] = bones[index] - rotation @ bones[index]
        transforms[index] = above @ local
    return transforms


@numba.njit(cache=True, error_model="numpy")
def skin(vertices: Floats, bones: NDArray[np.int64], weights: Floats, transforms: Floats) -> Floats:
    """Moves vertices by the weighted transforms of their bones (linear blend skinning).

    Args:
        vertices: `[V, 3]` at rest, metres.
        bones: `[V, K]` bones of each vertex.
        weights: `[V, K]` their shares, which sum to 1.
        transforms: `[B, 4, 4]` from `transforms_of`.

    Returns:
        `[V, 3]` posed.
    """
    posed = np.zeros_like(vertices)
    for v in range(vertices.shape[0]):
        x, y, z = vertices[v, 0], vertices[v, 1], vertices[v, 2]
        for slot in range(bones.shape[1]):
            weight = weights[v, slot]
            if weight == 0:
                continue
            bone = bones[v, slot]
            for c in range(3):
                posed[v, c] += weight * (
                    transforms[bone, c, 0] * x
                    + transforms[bone, c, 1] * y
                    + transforms[bone, c, 2] * z
                    + transforms[bone, c, 3]
                )
    return posed
