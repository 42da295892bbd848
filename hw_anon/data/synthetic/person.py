"""A person ready for pictures: mesh with hair, clothes and glasses, texture, skeleton; and the poses of it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.errors import ConfigError
from hw_anon.data.synthetic import wear
from hw_anon.data.synthetic.atlas import Atlas, load_atlas
from hw_anon.data.synthetic.body import BodyModel, skin, transforms_of
from hw_anon.data.synthetic.look import Look, sample_look
from hw_anon.data.synthetic.outfit import Outfit, sample_outfit
from hw_anon.data.synthetic.paint import paint
from hw_anon.data.synthetic.shape import Build, rest_shape, sample_build, sample_features

__all__ = ["Identity", "Person", "Posed", "make_person", "sample_identity"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who somebody is: everything that stays the same from picture to picture."""

    seed: int
    """What it was drawn from."""
    build: Build
    """Age, gender, ancestry, build."""
    features: tuple[float, ...]
    """Single features of the face, in the order of `BodyModel.feature_names`."""
    look: Look
    """Skin, hair, brows, eyes, …"""

    @property
    def gender(self) -> str:
        """`female` or `male`, as the body is built."""
        return "female" if self.build.gender > 0.5 else "male"

    @property
    def age_years(self) -> float:
        """Age as it looks, from about 20."""
        return float(np.interp(self.build.age, [0.6, 2 / 3, 1.0], [18, 25, 75]))


def sample_identity(seed: int) -> Identity:
    """Draws a person; equal seeds give equal people, skin tones over the whole range are equally likely."""
    rng = np.random.default_rng([seed, 1])
    tone = float(rng.random())
    build = sample_build(rng, tone)
    atlas = load_atlas()
    features = sample_features(rng, atlas.model.feature_names)
    return Identity(seed=seed, build=build, features=tuple(map(float, features)), look=sample_look(rng, build, tone))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Posed:
    """A person in a pose."""

    vertices: Floats
    """`[V, 3]` metres."""
    transforms: Floats
    """`[B, 4, 4]` from rest to posed, for each bone."""
    anchors: Mapping[str, Floats]
    """Named places on the body, posed: see `Person.anchors`."""

    def anchor(self, name: str) -> Floats:
        """Returns where a named place is, `[3]` metres.

        Raises:
            ConfigError: if there is none of that name.
        """
        if name not in self.anchors:
            raise ConfigError(f"there is no anchor {name!r}; there are {', '.join(sorted(self.anchors))}")
        return self.anchors[name]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Person:
    """A person's mesh, texture and skeleton; immutable, to be posed again and again."""

    identity: Identity
    """Who it is."""
    outfit: Outfit
    """What is worn."""
    model: BodyModel
    """Bones, weights, expressions."""
    rest: Floats
    """`[V, 3]` vertices at rest, metres: the body first, then hair, teeth, lashes, glasses."""
    bones: Floats
    """`[B, 3]` heads of the bones at rest, metres."""
    skin_bones: NDArray[np.int64]
    """`[V, K]` bones of each vertex."""
    skin_weights: Floats
    """`[V, K]` their shares."""
    sky: NDArray[np.float32]
    """`[V]` share of the surroundings that each vertex sees."""
    faces: NDArray[np.int64]
    """`[F, 3]` triangles."""
    uv: NDArray[np.float32]
    """`[U, 2]` places in the texture, in texels."""
    uv_faces: NDArray[np.int64]
    """`[F, 3]` corners in `uv`."""
    kinds: NDArray[np.int64]
    """`[F]` rows of `materials`."""
    colours: NDArray[np.float32]
    """`[F, 3]` linear RGB of triangles without texture."""
    materials: Floats
    """`[M, 4]` as `raster.shade` takes them."""
    texture: NDArray[np.float32]
    """`[h, w, 4]` linear RGB and gloss."""
    anchor_vertices: Mapping[str, NDArray[np.int64]]
    """Vertices whose mean is a named place (`mouth`, `ear.L`, …)."""
    landmark_vertices: NDArray[np.int64]
    """`[5]`: the person's right eye, left eye, nose, right and left mouth corner."""
    face_vertices: NDArray[np.int64]
    """Vertices of the face, brow to chin and ear to ear."""
    face_triangles: NDArray[np.int64]
    """`[N, 3]` triangles of the face."""
    face_areas: Floats
    """`[len(face_vertices)]` area that each stands for, square metres."""

    @property
    def anchors(self) -> dict[str, Floats]:
        """Named places at rest, `[3]` metres: mouth, nose, chin, brow, chest, crown; eye.L, ear.L, cheek.L etc."""
        return {name: self.rest[index].mean(0) for name, index in self.anchor_vertices.items()}

    def pose(self, rotations: Mapping[str, Floats], expression: Mapping[str, float] | None = None) -> Posed:
        """Poses the person.

        Args:
            rotations: rotation matrices `[3, 3]` by bone: see `body.transforms_of`.
            expression: strengths of facial actions, 0 to 1, by name (`jawOpen`, `mouthSmileLeft`, …).

        Raises:
            ConfigError: if there is no bone or action of a name.
        """
        moved = self.rest
        for name, strength in (expression or {}).items():
            if name not in self.model.actions.names:
                raise ConfigError(
                    f"there is no facial action {name!r}; there are {', '.join(self.model.actions.names)}"
                )
            if strength:
                moved = moved.copy() if moved is self.rest else moved
                self.model.actions.add(moved, self.model.actions.names.index(name), float(strength))
        transforms = transforms_of(self.bones, self.model, rotations)
        vertices = skin(moved, self.skin_bones, self.skin_weights, transforms)
        anchors = {name: vertices[index].mean(0) for name, index in self.anchor_vertices.items()}
        return Posed(vertices=vertices, transforms=transforms, anchors=anchors)


@functools.lru_cache(maxsize=4)
def _shape_of(identity: Identity) -> tuple[Floats, Floats]:
    return rest_shape(load_atlas().model, identity.build, np.array(identity.features))


def make_person(identity: Identity, outfit_seed: int) -> Person:
    """Builds a person.

    Args:
        identity: who.
        outfit_seed: seed of clothes and of how the hair is worn.
    """
    atlas = load_atlas()
    model = atlas.model
    outfit = sample_outfit(outfit_seed, identity.look)
    vertices, bones = _shape_of(identity)
    mesh = wear.dress(atlas, vertices, bones, identity.look, outfit)
    face = atlas.face_triangles
    return Person(
        identity=identity,
        outfit=outfit,
        model=model,
        rest=mesh.vertices,
        bones=bones,
        skin_bones=mesh.skin_bones,
        skin_weights=mesh.skin_weights,
        sky=mesh.sky,
        faces=mesh.faces,
        uv=atlas.uv_with(mesh.uv),
        uv_faces=mesh.uv_faces,
        kinds=mesh.kinds,
        colours=mesh.colours,
        materials=wear.MATERIALS,
        texture=paint(atlas, identity.look, outfit),
        anchor_vertices=atlas.anchors,
        landmark_vertices=atlas.landmarks,
        face_vertices=atlas.face_vertices,
        face_triangles=face,
        face_areas=_vertex_areas(mesh.vertices, face, atlas),
    )


def _vertex_areas(vertices: Floats, triangles: NDArray[np.int64], atlas: Atlas) -> Floats:
    """Shares each triangle's area among its corners."""
    a, b, c = vertices[triangles[:, 0]], vertices[triangles[:, 1]], vertices[triangles[:, 2]]
    areas = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 6
    total = np.zeros(len(vertices))
    for corner in range(3):
        np.add.at(total, triangles[:, corner], areas)
    return total[atlas.face_vertices]
