"""Takes the picture: camera, light, objects, and what is known about the face in it."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.errors import ConfigError
from hw_anon.data.synthetic import raster
from hw_anon.data.synthetic.person import Person, Posed

__all__ = ["Camera", "Light", "Prop", "Rendered", "Vector", "render"]

Floats = NDArray[np.float64]
Vector = tuple[float, float, float]

_SHADOW_SIDE = 640
_SHADOW_REACH_M = 0.62
_SHADOW_BIAS_M = 0.011
_NEAR_M = 0.05
_LANDMARK_DEPTH_M = 0.015
_FACE_DEPTH_M = 0.012
_CURVE_STEPS = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """A pinhole camera."""

    position: Vector
    """Metres."""
    target: Vector
    """The point in the middle of the picture, metres."""
    fov: float = 0.5
    """Vertical field of view, radians."""
    roll: float = 0.0
    """Turn about the line of sight, radians; positive turns the picture's content clockwise."""

    def __post_init__(self) -> None:
        if not 0.01 < self.fov < 2.5:
            raise ConfigError(f"Camera.fov {self.fov}: expected 0.01 to 2.5 radians")
        if np.linalg.norm(np.subtract(self.target, self.position)) < 1e-6:
            raise ConfigError("Camera.position and Camera.target are the same point")

    def axes(self) -> Floats:
        """Returns the unit vectors right, up, forward as rows of `[3, 3]`."""
        forward = np.subtract(self.target, self.position)
        forward = forward / np.linalg.norm(forward)
        right = np.cross(forward, [0.0, 0.0, 1.0] if abs(forward[2]) < 0.999 else [0.0, 1.0, 0.0])
        right /= np.linalg.norm(right)
        up = np.cross(right, forward)
        cos, sin = math.cos(self.roll), math.sin(self.roll)
        return np.stack([cos * right + sin * up, cos * up - sin * right, forward])

    def project(self, points: Floats, size: tuple[int, int]) -> Floats:
        """Returns pixels x, y and 1/distance of `[N, 3]` points, `[N, 3]`; 1/distance is -1 behind the camera.

        Args:
            points: metres.
            size: rows and columns of the picture.
        """
        height, width = size
        seen = (points - np.array(self.position)) @ self.axes().T
        distance = np.where(seen[:, 2] > _NEAR_M, seen[:, 2], -1.0)
        scale = height / 2 / math.tan(self.fov / 2) / np.abs(distance)
        return np.stack([width / 2 + scale * seen[:, 0], height / 2 - scale * seen[:, 1], 1 / distance], 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """Distant lights in linear RGB; the first one casts shadows."""

    directions: tuple[Vector, ...]
    """From the person to each light; any length."""
    colours: tuple[Vector, ...]
    """Linear RGB of each light; 1 shows a white surface that faces it as white."""
    above: Vector = (0.45, 0.47, 0.5)
    """Linear RGB of the surroundings above."""
    below: Vector = (0.2, 0.19, 0.18)
    """Linear RGB of the surroundings below."""
    exposure: float = 1.0
    """Factor on everything, background included."""

    def __post_init__(self) -> None:
        if not self.directions or len(self.directions) != len(self.colours):
            raise ConfigError(
                f"Light: {len(self.directions)} directions, {len(self.colours)} colours; expected as many"
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prop:
    """An object in the scene."""

    vertices: Floats
    """`[N, 3]` metres, in the world; triangles that share vertices look smooth."""
    faces: NDArray[np.int64]
    """`[M, 3]` triangles."""
    colours: NDArray[np.float32]
    """`[3]` for all or `[M, 3]` for each triangle: linear RGB."""
    gloss: float = 0.3
    """Strength of highlights, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rendered:
    """A picture and what is true about the face in it; places in pixels, x to the right, y down."""

    picture: NDArray[np.uint8]
    """`[H, W, 3]` uint8 RGB."""
    landmarks: Floats
    """`[5, 2]` (x, y): left eye and right eye as seen in the image, nose, left and right mouth corner. Whole numbers
    are pixel centres, as in `hw_anon.nets.align`."""
    landmark_visible: NDArray[np.bool_]
    """`[5]`: in the picture and not behind anything."""
    face_box: tuple[float, float, float, float]
    """Left, top, right, bottom of brow to chin and ear to ear, pixel edges; it may stick out of the picture."""
    face_visible_share: float
    """How much of the face that turns to the camera is in the picture and not behind anything, 0 to 1."""
    person_box: tuple[float, float, float, float]
    """Left, top, right, bottom of what is seen of the person, pixel edges; all zero if nothing is."""


@functools.cache
def _tone_curve() -> Floats:
    """Returns display levels for linear light 0 to 2: straight below middle grey, a soft shoulder above, sRGB-like."""
    light = np.linspace(0, 2, _CURVE_STEPS)
    soft = light * (1 + 0.18 * light) / (1 + 0.72 * light * light / (0.55 + light))
    return 255 * np.clip(soft / soft[-1] * 1.02, 0, 1) ** (1 / 2.2)


def render(
    person: Person,
    posed: Posed,
    props: Sequence[Prop],
    camera: Camera,
    light: Light,
    background: NDArray[np.float32],
    size: tuple[int, int],
    *,
    supersample: int = 2,
    grain: float = 1.5,
    grain_seed: int = 0,
) -> Rendered:
    """Renders one picture of one person with objects.

    Args:
        person: whose mesh and texture.
        posed: the person's pose, of `person.pose`.
        props: objects, drawn and shadowed like the person.
        camera: where from.
        light: which light.
        background: `[h, w, 3]` float32 linear RGB of any size, stretched to the picture.
        size: rows and columns.
        supersample: subpixels a side that are averaged into a pixel.
        grain: standard deviation of the noise in display levels.
        grain_seed: seed of the noise.

    Returns:
        The picture and its labels; equal arguments give equal bytes.

    Raises:
        ConfigError: if `size` or `supersample` is not positive.
    """
    if min(size) < 1 or supersample < 1:
        raise ConfigError(f"render: size {size}, supersample {supersample}; expected at least 1")
    fine = size[0] * supersample, size[1] * supersample
    scene = _Scene.of(person, posed, props)
    points = camera.project(scene.vertices, fine)
    ids = np.full(fine, -1, np.int32)
    depth = np.zeros(fine, np.float32)
    raster.cover(points, scene.faces, ids, depth)
    picture = _backdrop(background, fine)
    _shade(scene, points, ids, camera, light, person, posed, picture)
    picture *= np.float32(light.exposure)
    out = np.empty((*size, 3), np.uint8)
    rng = np.random.default_rng(grain_seed)
    noise = rng.standard_normal((*size, 3), np.float32) * np.float32(grain)
    raster.resolve(picture, _tone_curve(), noise, out)
    return _label(person, posed, points, ids, depth, out, supersample)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Scene:
    """Person and objects in one mesh."""

    vertices: Floats
    faces: NDArray[np.int64]
    normals: Floats
    sky: NDArray[np.float32]
    uv_faces: NDArray[np.int64]
    kinds: NDArray[np.int64]
    colours: NDArray[np.float32]
    materials: Floats

    @classmethod
    def of(cls, person: Person, posed: Posed, props: Sequence[Prop]) -> _Scene:
        vertices, faces, sky = [posed.vertices], [person.faces], [person.sky]
        uv_faces, kinds, colours, materials = [person.uv_faces], [person.kinds], [person.colours], [person.materials]
        count, rows = len(posed.vertices), len(person.materials)
        for prop in props:
            faces.append(prop.faces + count)
            vertices.append(prop.vertices)
            sky.append(np.ones(len(prop.vertices), np.float32))
            uv_faces.append(np.zeros((len(prop.faces), 3), np.int64))
            kinds.append(np.full(len(prop.faces), rows))
            colours.append(np.broadcast_to(np.asarray(prop.colours, np.float32), (len(prop.faces), 3)))
            materials.append(np.array([[raster.FLAT, prop.gloss, 45.0, 0.0]]))
            count, rows = count + len(prop.vertices), rows + 1
        joined, triangles = np.concatenate(vertices), np.concatenate(faces)
        return cls(
            vertices=joined,
            faces=triangles,
            normals=raster.vertex_normals(joined, triangles),
            sky=np.concatenate(sky),
            uv_faces=np.concatenate(uv_faces),
            kinds=np.concatenate(kinds),
            colours=np.concatenate(colours),
            materials=np.concatenate(materials),
        )


def _backdrop(background: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Stretches the background to the picture (bilinear)."""
    source = np.asarray(background, np.float32)
    if source.shape[:2] == size:
        return source.copy()
    rows = np.clip((np.arange(size[0]) + 0.5) * source.shape[0] / size[0] - 0.5, 0, source.shape[0] - 1)
    columns = np.clip((np.arange(size[1]) + 0.5) * source.shape[1] / size[1] - 0.5, 0, source.shape[1] - 1)
    for axis, places in ((0, rows), (1, columns)):
        low = places.astype(int)
        high = np.minimum(low + 1, source.shape[axis] - 1)
        share = (places - low).astype(np.float32).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        source = np.take(source, low, axis) * (1 - share) + np.take(source, high, axis) * share
    return np.ascontiguousarray(source)


def _shade(
    scene: _Scene,
    points: Floats,
    ids: NDArray[np.int32],
    camera: Camera,
    light: Light,
    person: Person,
    posed: Posed,
    picture: NDArray[np.float32],
) -> None:
    directions = np.array(light.directions, np.float64)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    to_shadow = _shadow_matrix(directions[0], posed.anchor("chest"))
    shadow = np.full((_SHADOW_SIDE, _SHADOW_SIDE), 1e9, np.float32)
    raster.cover_depth(scene.vertices @ to_shadow[:, :3].T + to_shadow[:, 3], scene.faces, shadow)
    to_shadow[2, 3] -= _SHADOW_BIAS_M
    raster.shade(
        ids,
        points,
        scene.faces,
        scene.vertices,
        scene.normals,
        scene.sky,
        person.uv,
        scene.uv_faces,
        scene.kinds,
        scene.colours,
        person.texture,
        scene.materials,
        np.array(camera.position, np.float64),
        directions,
        np.array(light.colours, np.float64),
        np.array([light.above, light.below], np.float64),
        shadow,
        to_shadow,
        picture,
    )


def _shadow_matrix(direction: Floats, centre: Floats) -> Floats:
    """Returns `[3, 4]`: from metres to the shadow map's pixels and to the distance from the light."""
    right = np.cross(direction, [0.0, 0.0, 1.0] if abs(direction[2]) < 0.999 else [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    scale = _SHADOW_SIDE / 2 / _SHADOW_REACH_M
    axes = np.stack([right * scale, np.cross(right, direction) * scale, -direction])
    shift = np.array([_SHADOW_SIDE / 2, _SHADOW_SIDE / 2, 0.0]) - axes @ centre
    return np.concatenate([axes, shift[:, None]], 1)


def _label(
    person: Person,
    posed: Posed,
    points: Floats,
    ids: NDArray[np.int32],
    depth: NDArray[np.float32],
    picture: NDArray[np.uint8],
    supersample: int,
) -> Rendered:
    """Derives the labels from where things went on the screen."""
    marks = points[person.landmark_vertices]
    pairs = [0, 1] if marks[0, 0] <= marks[1, 0] else [1, 0]
    order = [*pairs, 2, *((3, 4) if marks[3, 0] <= marks[4, 0] else (4, 3))]
    marks = marks[order]
    faced = points[person.face_vertices]
    towards = _facing(points, person)
    seen = _in_front(faced, depth, _FACE_DEPTH_M)
    total = float(person.face_areas[towards].sum())
    share = float(person.face_areas[towards & seen].sum()) / total if total > 0 else 0.0
    rows, columns = np.nonzero((ids >= 0) & (ids < len(person.faces)))
    body = (0.0, 0.0, 0.0, 0.0)
    if len(rows):
        edges = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        body = tuple(float(edge) / supersample for edge in edges)  # type: ignore[assignment]
    box = (*faced[:, :2].min(0), *faced[:, :2].max(0))
    return Rendered(
        picture=picture,
        landmarks=marks[:, :2] / supersample - 0.5,
        landmark_visible=_in_front(marks, depth, _LANDMARK_DEPTH_M),
        face_box=tuple(float(edge) / supersample for edge in box),  # type: ignore[arg-type]
        face_visible_share=share,
        person_box=body,
    )


def _facing(points: Floats, person: Person) -> NDArray[np.bool_]:
    """Tells which of the face's vertices belong to a triangle that turns its front to the camera."""
    corners = points[person.face_triangles][:, :, :2]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    front = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0] < 0
    marked = np.zeros(len(points), np.bool_)
    marked[person.face_triangles[front].ravel()] = True
    return marked[person.face_vertices]


def _in_front(points: Floats, depth: NDArray[np.float32], tolerance_m: float) -> NDArray[np.bool_]:
    """Tells which of `[N, 3]` projected points are in the picture with nothing nearer by more than a tolerance."""
    height, width = depth.shape
    columns, rows = np.floor(points[:, 0]).astype(int), np.floor(points[:, 1]).astype(int)
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height) & (points[:, 2] > 0)
    nearest = depth[np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)].astype(np.float64)
    distance = 1 / np.maximum(points[:, 2], 1e-9)
    return inside & (distance < 1 / np.maximum(nearest, 1e-9) + tolerance_m)
