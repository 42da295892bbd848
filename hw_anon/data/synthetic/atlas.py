"""Where things are on the reference body, and how its skin lies in the texture: what painting and dressing share.

The reference body is one average adult. Hairlines, brows, necklines and sleeves are described in its coordinates
(metres) and carried to everybody by the mesh, which is the same for all.

The texture holds four panels: head, body, one eye, and strands of hair.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw_anon.data.synthetic import raster
from hw_anon.data.synthetic.body import BodyModel, load_body
from hw_anon.data.synthetic.shape import Build, rest_shape

__all__ = ["EYE_SPAN_M", "HAIR_PANEL", "TEXTURE_SHAPE", "Atlas", "Panel", "load_atlas", "smoothstep"]

Floats = NDArray[np.float64]
Map = NDArray[np.float32]

TEXTURE_SHAPE = (906, 1120)
"""Rows and columns of the texture."""
HAIR_PANEL = (480, 512, 256, 394)
"""Left, top, width, height of the panel of strands, texels."""
EYE_PANEL = (992, 0, 128)
"""Left, top, side of the eye's panel, texels."""
EYE_SPAN_M = 0.036
"""What the eye's panel spans."""

_HEAD = (0.637, 0.175, 0.363, 0.685)
_HEAD_SHAPE = (906, 480)
_FRONT_Y_M = -0.04
_BODY_SIDE = 512
_REFERENCE = Build(
    age=0.78,
    gender=0.5,
    muscle=0.5,
    weight=0.5,
    height=0.5,
    proportions=0.65,
    cupsize=0.4,
    firmness=0.6,
    ancestry=(1 / 3, 1 / 3, 1 / 3),
)


def smoothstep(low: float, high: float, values: Map | Floats) -> Map:
    """Returns 0 below `low`, 1 above `high`, smooth between."""
    share = np.clip((np.asarray(values, np.float32) - np.float32(low)) / np.float32(high - low), 0, 1)
    return share * share * (3 - 2 * share)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """A panel of the texture."""

    left: int
    """First column in the texture."""
    top: int
    """First row in the texture."""
    x: Map
    """`[h, w]` place on the reference body, metres, to the person's left."""
    y: Map
    """`[h, w]` backwards."""
    z: Map
    """`[h, w]` upwards."""
    covered: NDArray[np.bool_]
    """`[h, w]`: whether the mesh uses the texel."""
    masks: Mapping[str, Map]
    """`[h, w]` parts (`lips`, `eyelids`, `ears`, …), 0 to 1."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.x.shape[0], self.x.shape[1]

    def window(self, inside: NDArray[np.bool_]) -> tuple[slice, slice]:
        """Returns the smallest rows and columns that hold the marked texels `[h, w]`."""
        rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
        return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)

    def crop(self, window: tuple[slice, slice]) -> Panel:
        """Returns a part of the panel as a panel."""
        return Panel(
            left=self.left + window[1].start,
            top=self.top + window[0].start,
            x=np.ascontiguousarray(self.x[window]),
            y=np.ascontiguousarray(self.y[window]),
            z=np.ascontiguousarray(self.z[window]),
            covered=np.ascontiguousarray(self.covered[window]),
            masks={name: np.ascontiguousarray(mask[window]) for name, mask in self.masks.items()},
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Atlas:
    """The reference body and its texture layout."""

    model: BodyModel
    """The body."""
    vertices: Floats
    """`[V, 3]` reference body, metres."""
    bones: Floats
    """`[B, 3]` its bones."""
    head: Panel
    """Skin of head and neck."""
    face: Panel
    """The part of `head` that turns to the front."""
    body: Panel
    """Skin of everything else."""
    uv: Map
    """`[U, 2]` places in the texture, in texels."""
    uv_faces: NDArray[np.int64]
    """`[F, 3]` corners of the body's triangles in `uv`."""
    eye_faces: NDArray[np.bool_]
    """`[F]`: which triangles are eyeballs."""
    head_weight: Floats
    """`[V]` how much each vertex follows head and upper neck."""
    parts: Mapping[str, NDArray[np.bool_]]
    """`[V]` vertices in `ears`, `inside-mouth`, `eyes`, `lips`, …"""
    anchors: Mapping[str, NDArray[np.int64]]
    """Vertices whose mean is a named place."""
    landmarks: NDArray[np.int64]
    """`[5]`: right eye, left eye, nose, right and left mouth corner of the person."""
    face_vertices: NDArray[np.int64]
    """Vertices of the face, brow to chin and ear to ear."""
    face_triangles: NDArray[np.int64]
    """`[N, 3]` triangles between them."""

    def uv_with(self, extra: Map) -> Map:
        """Returns `uv` with more corners behind it."""
        return np.concatenate([self.uv, extra.astype(np.float32)]) if len(extra) else self.uv


def _panel(
    model: BodyModel, vertices: Floats, texels: Floats, faces: NDArray[np.bool_], place: tuple[int, int], window: Floats
) -> Panel:
    """Draws the reference body into texture space.

    Args:
        model: the body.
        vertices: `[V, 3]` reference.
        texels: `[U, 2]` corners in the panel's own texels.
        faces: `[F]` which triangles belong to the panel.
        place: left and top in the texture.
        window: `[4]` left, top, width, height of the panel in 0 to 1 of the mesh's own layout, y downwards.
    """
    shape = _HEAD_SHAPE if place == (0, 0) else (_BODY_SIDE, _BODY_SIDE)
    corners, triangles = model.uv_faces[faces], model.faces[faces]
    points = np.concatenate([texels, np.ones((len(texels), 1))], 1)
    ids, depth = np.full(shape, -1, np.int32), np.zeros(shape, np.float32)
    raster.cover(points, corners, ids, depth)
    rows, columns = np.nonzero(ids >= 0)
    a, b, c = (texels[corners[ids[rows, columns], n]] for n in range(3))
    p = np.stack([columns + 0.5, rows + 0.5], 1)
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
    second = ((p[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (p[:, 1] - a[:, 1])) / area
    third = ((b[:, 0] - a[:, 0]) * (p[:, 1] - a[:, 1]) - (p[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])) / area
    shares = np.stack([1 - second - third, second, third], 1)
    places = np.zeros((*shape, 3), np.float32)
    places[rows, columns] = (vertices[triangles[ids[rows, columns]]] * shares[..., None]).sum(1)
    covered = ids >= 0
    _grow(places, covered, 6)
    side = next(iter(model.masks.values())).shape[0]
    grid_y = (window[1] + (np.arange(shape[0]) + 0.5) / shape[0] * window[3]) * side
    grid_x = (window[0] + (np.arange(shape[1]) + 0.5) / shape[1] * window[2]) * side
    masks = {name: _read_mask(mask, grid_x, grid_y) for name, mask in model.masks.items()}
    left, top = place
    x, y, z = (np.ascontiguousarray(places[..., axis]) for axis in range(3))
    return Panel(left=left, top=top, x=x, y=y, z=z, covered=covered, masks=masks)


def _grow(places: Map, covered: NDArray[np.bool_], steps: int) -> None:
    """Copies places outwards over the panel's seams, in place."""
    for _ in range(steps):
        for shift in (1, -1):
            for axis in (0, 1):
                moved, known = np.roll(places, shift, axis), np.roll(covered, shift, axis)
                fresh = known & ~covered
                places[fresh] = moved[fresh]
                covered |= fresh


def _read_mask(mask: NDArray[np.uint8], columns: Floats, rows: Floats) -> Map:
    """Reads a mask between its texels, and softens it a little."""
    low_y = np.clip(rows - 0.5, 0, mask.shape[0] - 1.001)
    low_x = np.clip(columns - 0.5, 0, mask.shape[1] - 1.001)
    iy, ix = low_y.astype(int), low_x.astype(int)
    fy, fx = (low_y - iy)[:, None], (low_x - ix)[None]
    source = mask.astype(np.float32) / 255
    upper = source[np.ix_(iy, ix)] * (1 - fx) + source[np.ix_(iy, ix + 1)] * fx
    lower = source[np.ix_(iy + 1, ix)] * (1 - fx) + source[np.ix_(iy + 1, ix + 1)] * fx
    return (upper * (1 - fy) + lower * fy).astype(np.float32)


def _layout(
    model: BodyModel, vertices: Floats, bones: Floats, eyes: NDArray[np.bool_]
) -> tuple[Map, NDArray[np.int64]]:
    """Returns the corners in texels and the body's triangles in them."""
    u, v = model.uv[:, 0], 1 - model.uv[:, 1]
    in_head = _in_head(model)
    texels = np.stack([_HEAD_SHAPE[1] + u * _BODY_SIDE, v * _BODY_SIDE], 1)
    head = np.stack([(u - _HEAD[0]) / _HEAD[2] * _HEAD_SHAPE[1], (v - _HEAD[1]) / _HEAD[3] * _HEAD_SHAPE[0]], 1)
    used = np.zeros(len(u), np.bool_)
    used[model.uv_faces[in_head].ravel()] = True
    texels[used] = head[used]
    corners = model.uv_faces.copy()
    eye_corners, index = np.unique(model.faces[eyes], return_inverse=True)
    sides = np.where(vertices[eye_corners, :1] > 0, bones[model.bone("eye.L")], bones[model.bone("eye.R")])
    offset = vertices[eye_corners] - sides
    left, top, side = EYE_PANEL
    patch = np.stack(
        [left + (offset[:, 0] / EYE_SPAN_M + 0.5) * side, top + (0.5 - offset[:, 2] / EYE_SPAN_M) * side], 1
    )
    corners[eyes] = len(texels) + index.reshape(-1, 3)
    return np.concatenate([texels, patch]).astype(np.float32), corners


def _in_head(model: BodyModel) -> NDArray[np.bool_]:
    """Tells which triangles lie in the head's island of the mesh's own layout: `[F]`."""
    labels = np.arange(len(model.uv))
    while True:
        lowest = labels[model.uv_faces].min(1)
        before = labels.copy()
        for corner in range(3):
            np.minimum.at(labels, model.uv_faces[:, corner], lowest)
        labels = labels[labels]
        if np.array_equal(labels, before):
            break
    crown = model.faces == np.argmax(model.template[: model.body_vertices, 2])
    return labels[model.uv_faces[:, 0]] == labels[model.uv_faces[crown][0]]


def _vertex_masks(model: BodyModel) -> dict[str, NDArray[np.bool_]]:
    """Looks the masks up at the vertices."""
    places = np.zeros((len(model.template), 2))
    places[model.faces.ravel()] = model.uv[model.uv_faces.ravel()]
    marked = {}
    for name, mask in model.masks.items():
        pixel = np.clip((np.stack([places[:, 0], 1 - places[:, 1]], 1) * len(mask)).astype(int), 0, len(mask) - 1)
        marked[name] = mask[pixel[:, 1], pixel[:, 0]] > 128
        marked[name][model.body_vertices :] = False
    return marked


def _nearest(vertices: Floats, place: tuple[float, float, float], allowed: NDArray[np.bool_]) -> int:
    distance = ((vertices - np.array(place)) ** 2).sum(1)
    return int(np.argmin(np.where(allowed, distance, np.inf)))


def _anchors(
    model: BodyModel, vertices: Floats, bones: Floats, parts: Mapping[str, NDArray[np.bool_]]
) -> tuple[dict[str, NDArray[np.int64]], NDArray[np.int64]]:
    """Returns the named places and the five landmarks."""
    skin = np.zeros(len(vertices), np.bool_)
    skin[: model.body_vertices] = True
    skin &= ~parts["inside-mouth"] & ~parts["eyes"]
    lips = np.flatnonzero(parts["lips"] & skin & (vertices[:, 1] < -0.145))
    anchors = {"mouth": lips[np.abs(vertices[lips, 0]) < 0.014]}
    nose = np.flatnonzero(skin & (np.abs(vertices[:, 0]) < 0.004) & (vertices[:, 2] > 0.82) & (vertices[:, 2] < 0.86))
    anchors["nose"] = nose[np.argsort(vertices[nose, 1])[:1]]
    middle = skin & (np.abs(vertices[:, 0]) < 0.002)
    mouth = vertices[anchors["mouth"]].mean(0)
    anchors["chin"] = np.array([_nearest(vertices, (0, mouth[1], mouth[2] - 0.04), middle)])
    eye = bones[model.bone("eye.L")]
    anchors["brow"] = np.array([_nearest(vertices, (0, eye[1] - 0.03, eye[2] + 0.03), middle)])
    anchors["chest"] = np.array([_nearest(vertices, (0, -0.12, 0.58), middle)])
    anchors["crown"] = np.array([np.argmax(np.where(skin, vertices[:, 2], -np.inf))])
    for side, sign in (("L", 1.0), ("R", -1.0)):
        own = skin & (vertices[:, 0] * sign > 0)
        ball = np.flatnonzero(parts["eyes"] & (vertices[:, 0] * sign > 0))
        anchors[f"eye.{side}"] = ball[np.argsort(vertices[ball, 1])[:6]]
        anchors[f"ear.{side}"] = np.flatnonzero(parts["ears"] & own)
        anchors[f"cheek.{side}"] = np.array([_nearest(vertices, (sign * 0.042, -0.13, eye[2] - 0.03), own)])
        anchors[f"temple.{side}"] = np.array([_nearest(vertices, (sign * 0.068, -0.10, eye[2] + 0.025), own)])
        corner = lips[vertices[lips, 0] * sign > 0]
        anchors[f"mouth_corner.{side}"] = corner[np.argsort(-np.abs(vertices[corner, 0]))[:1]]
    order = ("eye.R", "eye.L", "nose", "mouth_corner.R", "mouth_corner.L")
    return anchors, np.array([anchors[name][0] for name in order])


@functools.cache
def load_atlas() -> Atlas:
    """Makes the atlas, once per process (a few tenths of a second)."""
    model = load_body()
    vertices, bones = rest_shape(model, _REFERENCE, np.zeros(len(model.feature_names)))
    eye_bones = [model.bone("eye.L"), model.bone("eye.R")]
    on_eye = (model.skin_weights * np.isin(model.skin_bones, eye_bones)).sum(1) > 0.5
    on_eye[model.body_vertices :] = False
    eye_faces = on_eye[model.faces].all(1)
    upper = [model.bone(name) for name in ("head", "neck03", "neck02", "eye.L", "eye.R")]
    parts = _vertex_masks(model) | {"eyes": on_eye}
    anchors, landmarks = _anchors(model, vertices, bones, parts)
    uv, uv_faces = _layout(model, vertices, bones, eye_faces)
    texels, on_head = uv[: len(model.uv)].astype(np.float64), _in_head(model)
    head = _panel(model, vertices, texels, on_head, (0, 0), np.array(_HEAD))
    beside = texels - np.array([_HEAD_SHAPE[1], 0.0])
    body = _panel(model, vertices, beside, ~on_head & ~eye_faces, (_HEAD_SHAPE[1], 0), np.array([0.0, 0.0, 1.0, 1.0]))
    chin, eye_height = vertices[anchors["chin"][0], 2], bones[eye_bones[0], 2]
    face = parts["face"] & ~parts["inside-mouth"] & (vertices[:, 2] > chin - 0.006)
    face &= (vertices[:, 2] < eye_height + 0.06) & (vertices[:, 1] < -0.07)
    return Atlas(
        model=model,
        vertices=vertices,
        bones=bones,
        head=head,
        face=head.crop(head.window(head.covered & (head.y < _FRONT_Y_M) & (head.z > chin - 0.04))),
        body=body,
        uv=uv,
        uv_faces=uv_faces,
        eye_faces=eye_faces,
        head_weight=(model.skin_weights * np.isin(model.skin_bones, upper)).sum(1),
        parts=parts,
        anchors=anchors,
        landmarks=landmarks,
        face_vertices=np.flatnonzero(face),
        face_triangles=model.faces[face[model.faces].all(1)],
    )
