"""Dresses a body: thickness of hair and cloth, locks, buns and tails, lashes, teeth, spectacles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw_anon.data.synthetic import raster
from hw_anon.data.synthetic.atlas import HAIR_PANEL, Atlas, smoothstep
from hw_anon.data.synthetic.look import Glasses, Look
from hw_anon.data.synthetic.outfit import Outfit

__all__ = ["MATERIALS", "Mesh", "dress", "hair_depth"]

Floats = NDArray[np.float64]
Reals = NDArray[np.float64] | NDArray[np.float32]

SKIN, EYE, TOOTH, LASH, STRANDS, FRAME = range(6)
MATERIALS = np.array(
    [
        [raster.TEXTURED, 0.13, 14.0, 0.28],
        [raster.TEXTURED, 1.0, 120.0, 0.1],
        [raster.FLAT, 0.25, 40.0, 0.1],
        [raster.FLAT, 0.0, 1.0, 0.0],
        [raster.TEXTURED, 0.09, 14.0, 0.15],
        [raster.FLAT, 0.5, 50.0, 0.0],
    ]
)
"""Rows that the triangles' kinds point to."""

_LINE_ANGLES = np.radians([0, 22, 40, 52, 62, 74, 86, 100, 116, 135, 155, 180])
_LINE_HEIGHTS = np.array([0.957, 0.958, 0.952, 0.936, 0.915, 0.893, 0.886, 0.888, 0.86, 0.83, 0.805, 0.797])
_HEAD_AXIS_Y = -0.045
_STRAP_M = (0.058, 0.105)
_COLLAR_TOP_M = 0.745


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mesh:
    """A dressed body at rest; the fields are those of `person.Person`."""

    vertices: Floats
    faces: NDArray[np.int64]
    uv: NDArray[np.float32]
    uv_faces: NDArray[np.int64]
    kinds: NDArray[np.int64]
    colours: NDArray[np.float32]
    sky: NDArray[np.float32]
    skin_bones: NDArray[np.int64]
    skin_weights: Floats


def hair_depth(x: Reals, y: Reals, z: Reals, look: Look) -> NDArray[np.float32]:
    """Returns how far inside the hairline places of the reference head are, metres; negative is bare skin."""
    angle = np.arctan2(np.abs(x), -(y - _HEAD_AXIS_Y))
    line = np.interp(angle, _LINE_ANGLES, _LINE_HEIGHTS) + look.hair.shift
    front = np.clip(1 - angle / 1.2, 0, 1)
    temples = np.exp(-(((np.abs(x) - 0.045) / 0.022) ** 2)) * (angle < 1.4)
    drop = (
        look.hair.fringe * smoothstep(0, 0.25, front) * (1 - 0.35 * np.exp(-(((x - look.hair.parting) / 0.012) ** 2)))
    )
    return np.asarray(z - line - look.hair.recede * temples + drop, np.float32)


@dataclass(slots=True)
class _Builder:
    """Collects parts of a mesh."""

    atlas: Atlas
    vertices: list[Floats]
    faces: list[NDArray[np.int64]]
    uv: list[NDArray[np.float32]]
    uv_faces: list[NDArray[np.int64]]
    kinds: list[NDArray[np.int64]]
    colours: list[NDArray[np.float32]]
    bones: list[NDArray[np.int64]]
    weights: list[Floats]
    count: int
    corners: int

    def add_faces(self, faces: NDArray[np.int64], kind: int, colour: tuple[float, float, float]) -> None:
        """Adds plain triangles between vertices that exist."""
        self.faces.append(faces)
        self.uv_faces.append(np.zeros_like(faces))
        self.kinds.append(np.full(len(faces), kind))
        self.colours.append(np.tile(np.array(colour, np.float32), (len(faces), 1)))

    def add_part(
        self,
        vertices: Floats,
        faces: NDArray[np.int64],
        kind: int,
        colour: tuple[float, float, float],
        uv: Floats | None = None,
        follow: Floats | float = 1.0,
    ) -> None:
        """Adds a part on the head.

        Args:
            vertices: `[n, 3]` at rest, metres.
            faces: `[m, 3]` triangles of them.
            kind: row of `MATERIALS`.
            colour: linear RGB, where there is no texture.
            uv: `[n, 2]` texels, where there is.
            follow: `[n]` or for all: share of the head's motion; the rest follows the chest.
        """
        self.add_faces(faces + self.count, kind, colour)
        if uv is not None:
            self.uv_faces[-1] = faces + self.corners
            self.uv.append(uv.astype(np.float32))
            self.corners += len(uv)
        model = self.atlas.model
        bones, weights = np.zeros((2, len(vertices), model.skin_bones.shape[1]))
        bones[:, 0], bones[:, 1] = model.bone("head"), model.bone("spine01")
        weights[:, 0] = follow
        weights[:, 1] = 1 - weights[:, 0]
        self.vertices.append(vertices)
        self.bones.append(bones.astype(np.int64))
        self.weights.append(weights)
        self.count += len(vertices)


def dress(atlas: Atlas, vertices: Floats, bones: Floats, look: Look, outfit: Outfit) -> Mesh:
    """Puts hair, clothes and spectacles on a body at rest.

    Args:
        atlas: the reference.
        vertices: `[V, 3]` of the person.
        bones: `[B, 3]` of the person.
        look: hair, lashes, spectacles.
        outfit: clothes.
    """
    model = atlas.model
    shaped = vertices + _thickness(atlas, vertices, look, outfit)
    builder = _Builder(
        atlas,
        [shaped],
        [model.faces],
        [],
        [atlas.uv_faces],
        [np.where(atlas.eye_faces, EYE, SKIN)],
        [np.zeros((len(model.faces), 3), np.float32)],
        [model.skin_bones],
        [model.skin_weights],
        len(vertices),
        len(atlas.uv),
    )
    for name in ("upper-teeth", "lower-teeth"):
        builder.add_faces(model.parts[name], TOOTH, (0.62, 0.58, 0.5))
    if look.lashes > 0.5:
        for name in ("l-eyelashes", "r-eyelashes"):
            builder.add_faces(model.parts[name], LASH, (0.012, 0.01, 0.009))
    if look.hair.kind in ("bob", "long"):
        _locks(builder, vertices, bones, look, outfit)
    if look.glasses is not None:
        _spectacles(builder, vertices, look.glasses)
    sky = np.ones(builder.count, np.float32)
    sky[: model.body_vertices] = model.sky
    return Mesh(
        vertices=np.concatenate(builder.vertices),
        faces=np.concatenate(builder.faces),
        uv=np.concatenate(builder.uv) if builder.uv else np.zeros((0, 2), np.float32),
        uv_faces=np.concatenate(builder.uv_faces),
        kinds=np.concatenate(builder.kinds).astype(np.int64),
        colours=np.concatenate(builder.colours),
        sky=sky,
        skin_bones=np.concatenate(builder.bones),
        skin_weights=np.concatenate(builder.weights),
    )


def _thickness(atlas: Atlas, vertices: Floats, look: Look, outfit: Outfit) -> Floats:
    """Returns how far hair and cloth lift each vertex, `[V, 3]` metres."""
    model, place = atlas.model, atlas.vertices
    normals = raster.vertex_normals(vertices, model.faces)
    on_body = np.arange(len(vertices)) < model.body_vertices
    bare = atlas.parts["ears"] | atlas.parts["inside-mouth"] | atlas.parts["eyes"] | atlas.parts["eyelids"]
    lift = np.zeros(len(vertices))
    if look.hair.volume > 0:
        depth = hair_depth(place[:, 0], place[:, 1], place[:, 2], look)
        depth = np.where(on_body & (atlas.head_weight > 0.5) & ~bare, depth, -1)
        rng = np.random.default_rng(look.grain_seed)
        rough = {"curly": 0.5, "afro": 0.22, "short": 0.25}.get(look.hair.kind, 0.12)
        waves = np.sin(place @ rng.normal(0, 85, (3, 3)) + rng.uniform(0, 6, 3)).sum(1) / 3
        rise = np.clip(depth / (0.05 if look.hair.kind == "afro" else 0.028), 0, 1) ** 0.75
        lift += look.hair.volume * outfit.hair_volume * rise * (1 + rough * waves)
    covered = cloth_depth(place[:, 0], place[:, 1], place[:, 2], outfit)
    folds = np.sin(place @ np.random.default_rng(outfit.seed).normal(0, 30, (3, 2))).sum(1)
    cloth = smoothstep(0, 0.012, covered) * on_body * ~atlas.parts["inside-mouth"]
    lift += cloth * outfit.thickness * (1 + 0.35 * folds)
    return normals * lift[:, None]


def cloth_depth(x: Reals, y: Reals, z: Reals, outfit: Outfit) -> NDArray[np.float32]:
    """Returns how far inside the clothes places of the reference body are, metres; negative is bare skin."""
    across = np.abs(x)
    if outfit.top == "tank":
        scoop = outfit.neck - 0.045 * (y < -0.02) + 0.25 * (y + 0.03)
        neckline = np.where(across < _STRAP_M[0], scoop, 0.76)
        armhole = _STRAP_M[1] + 0.55 * np.clip(0.665 - z, 0, 0.1)
        return np.minimum(neckline - z, armhole - across).astype(np.float32)
    cut = outfit.vee * np.exp(-((across / 0.035) ** 2)) * (y < -0.02)
    neckline = outfit.neck + 0.3 * (y + 0.03) - cut
    collar = np.minimum(np.hypot(x, 0.85 * (y + 0.02)) - outfit.collar - 2 * cut, _COLLAR_TOP_M - z)
    opening = np.maximum(neckline - z, collar)
    return np.minimum(opening, outfit.sleeve - across).astype(np.float32)


def _locks(builder: _Builder, vertices: Floats, bones: Floats, look: Look, outfit: Outfit) -> None:
    """Adds long hair, cut to length, or the tail or bun into which it is tied."""
    atlas = builder.atlas
    head = bones[atlas.model.bone("head")]
    if outfit.tied:
        centre = head + np.array([0.0, 0.075, 0.075 if outfit.bun else 0.04])
        radius = (0.042, 0.038, 0.04) if outfit.bun else (0.03, 0.028, 0.11)
        if not outfit.bun:
            centre = centre + np.array([0.0, 0.012, -0.085])
        ball, faces, uv = _ball(centre, radius)
        builder.add_part(ball, faces, STRANDS, (0, 0, 0), uv)
        return
    coarse, faces = np.unique(atlas.model.parts["hair"], return_inverse=True)
    locks, faces = subdivide(np.concatenate([vertices[coarse], atlas.vertices[coarse]], 1), faces.reshape(-1, 3))
    locks, faces = subdivide(locks, faces)
    fine, place = locks[:, :3].copy(), locks[:, 3:]
    around = np.arctan2(place[:, 0], -(place[:, 1] - _HEAD_AXIS_Y))
    rng = np.random.default_rng(look.grain_seed)
    waves = np.mean(
        [np.sin(around * k + place[:, 2] * rng.normal(0, 40) + rng.uniform(0, 6)) for k in (9, 17, 31)], axis=0
    )
    outward = np.stack([np.sin(around), -np.cos(around), np.zeros(len(around))], 1)
    fine += outward * (0.004 * waves + 0.35 * (look.hair.volume * outfit.hair_volume - 0.01))[:, None]
    limit = look.hair.length + 0.008 * waves
    fine[:, 2] += np.maximum(limit - place[:, 2], 0)
    opening = np.interp(place[:, 2], [0.6, 0.78, 0.9, 0.96, 1.0], [0.95, 1.05, 1.12, 0.85, 0.0])
    turned = np.sign(around) * np.maximum(np.abs(around), opening)
    moved = np.stack([np.sin(turned), -np.cos(turned)], 1) - outward[:, :2]
    fine[:, :2] += moved * np.hypot(place[:, 0], place[:, 1] - _HEAD_AXIS_Y)[:, None]
    free, long = (np.abs(around) > opening)[faces].any(1), (place[:, 2] > limit)[faces].any(1)
    kept = free & long & (np.ptp(around[faces], axis=1) < np.pi)
    left, top, width, height = HAIR_PANEL
    down = np.clip((1.02 - place[:, 2]) / 0.7, 0, 1)
    uv = np.stack([left + 2 + (around / (2 * np.pi) + 0.5) * (width - 4), top + 2 + down * (height - 4)], 1)
    follow = np.interp(place[:, 2], [0.62, 0.76], [0.45, 1.0])
    builder.add_part(fine, faces[kept], STRANDS, (0, 0, 0), uv, follow)


def subdivide(points: Floats, faces: NDArray[np.int64]) -> tuple[Floats, NDArray[np.int64]]:
    """Splits each triangle in four: returns `[N', D]` points, the old ones first, and `[4 F, 3]` triangles."""
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    pairs, index = np.unique(edges, axis=0, return_inverse=True)
    ab, bc, ca = (index.reshape(3, -1) + len(points))[:, :]
    a, b, c = faces.T
    split = np.concatenate([np.stack(t, 1) for t in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))])
    return np.concatenate([points, points[pairs].mean(1)]), split


def _ball(centre: Floats, radius: tuple[float, float, float]) -> tuple[Floats, NDArray[np.int64], Floats]:
    """Returns vertices, triangles and texels of an ellipsoid of hair."""
    rings, sectors = 10, 18
    polar, turn = np.meshgrid(
        np.linspace(0.02, np.pi - 0.02, rings), np.linspace(0, 2 * np.pi, sectors + 1), indexing="ij"
    )
    unit = np.stack([np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn), np.cos(polar)], -1).reshape(-1, 3)
    cell = (np.arange(rings - 1)[:, None] * (sectors + 1) + np.arange(sectors)).ravel()
    step = sectors + 1
    faces = np.concatenate(
        [np.stack([cell, cell + step, cell + 1], 1), np.stack([cell + 1, cell + step, cell + step + 1], 1)]
    )
    left, top, width, height = HAIR_PANEL
    uv = np.stack([left + 2 + turn / (2 * np.pi) * (width - 4), top + 2 + polar / np.pi * (height - 4)], -1).reshape(
        -1, 2
    )
    return centre + unit * radius, faces, uv


def _tube(path: Floats, radius: float, closed: bool) -> tuple[Floats, NDArray[np.int64]]:
    """Returns vertices and triangles of a five-sided tube along `[N, 3]` points."""
    sides, count = 5, len(path)
    ahead = np.roll(path, -1, 0) - np.roll(path, 1, 0)
    if not closed:
        ahead[0], ahead[-1] = path[1] - path[0], path[-1] - path[-2]
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    guide = np.where(np.abs(ahead[:, 1:2]) < 0.8, [[0.0, 1.0, 0.0]], [[0.0, 0.0, 1.0]])
    first = np.cross(ahead, guide)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(ahead, first)
    turn = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    ring = np.cos(turn)[None, :, None] * first[:, None] + np.sin(turn)[None, :, None] * second[:, None]
    vertices = (path[:, None] + radius * ring).reshape(-1, 3)
    i, j = np.meshgrid(np.arange(count if closed else count - 1), np.arange(sides), indexing="ij")
    a, b = i * sides + j, i * sides + (j + 1) % sides
    c, d = (i + 1) % count * sides + j, (i + 1) % count * sides + (j + 1) % sides
    faces = np.concatenate([np.stack([a, c, b], -1).reshape(-1, 3), np.stack([b, c, d], -1).reshape(-1, 3)])
    return vertices, faces


def _spectacles(builder: _Builder, vertices: Floats, glasses: Glasses) -> None:
    """Adds rims, bridge and temples, fitted to the person's eyes, nose and ears."""
    anchors = builder.atlas.anchors
    eyes = {side: vertices[anchors[f"eye.{side}"]].mean(0) for side in "LR"}
    front = min(vertices[anchors["brow"]].mean(0)[1], eyes["L"][1] - 0.012) - 0.006
    turn = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    cos, sin = np.cos(turn), np.sin(turn)
    power = 2 / glasses.squareness
    outline = np.stack([np.sign(cos) * np.abs(cos) ** power, np.sign(sin) * np.abs(sin) ** power], 1)
    for side, sign in (("L", 1.0), ("R", -1.0)):
        eye = eyes[side]
        centre = np.array([eye[0] + sign * 0.001, front, eye[2] - 0.003])
        rim = np.stack(
            [
                centre[0] + outline[:, 0] * glasses.width,
                centre[1] + 3.0 * np.maximum(np.abs(centre[0] + outline[:, 0] * glasses.width) - 0.02, 0) ** 2 * 4,
                centre[2] + outline[:, 1] * glasses.height,
            ],
            1,
        )
        builder.add_part(*_tube(rim, glasses.rim, True), FRAME, glasses.colour)
        ear = vertices[anchors[f"ear.{side}"]]
        outer = rim[np.argmax(rim[:, 0] * sign)] + np.array([0, 0, glasses.height * 0.4])
        behind = np.array([sign * (np.abs(ear[:, 0]).min() + 0.004), ear[:, 1].mean(), ear[:, 2].max() - 0.006])
        builder.add_part(*_tube(np.linspace(outer, behind, 6), glasses.rim * 0.9, False), FRAME, glasses.colour)
    inner = [
        np.array([eyes[s][0] - g * (glasses.width - 0.001), front, eyes[s][2] + 0.002])
        for s, g in (("L", 1), ("R", -1))
    ]
    arch = (inner[0] + inner[1]) / 2 + np.array([0, -0.004, 0.004])
    builder.add_part(*_tube(np.array([inner[0], arch, inner[1]]), glasses.rim, False), FRAME, glasses.colour)
