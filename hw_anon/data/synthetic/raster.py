"""The rasteriser's kernels: depth buffer, orthographic shadow map, deferred shading, resolve; compiled by numba.

Screen coordinates are pixels, x to the right, y down; the centre of pixel (0, 0) lies at (0.5, 0.5). World coordinates
are metres, z up. Everything runs on one thread and gives the same numbers at every run.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["cover", "cover_depth", "resolve", "shade", "sky_share", "vertex_normals"]

Floats = NDArray[np.float64]
Colours = NDArray[np.float32]
Ints = NDArray[np.int64]

TEXTURED, FLAT = 0, 1

_njit = numba.njit(cache=True, fastmath={"nsz", "arcp", "contract", "afn"}, error_model="numpy")


@_njit
def vertex_normals(vertices: Floats, faces: Ints) -> Floats:
    """Returns the unit normals `[V, 3]` of `[V, 3]` vertices in `[F, 3]` triangles, weighted by area."""
    normals = np.zeros_like(vertices)
    for f in range(faces.shape[0]):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay, az = vertices[j, 0] - vertices[i, 0], vertices[j, 1] - vertices[i, 1], vertices[j, 2] - vertices[i, 2]
        bx, by, bz = vertices[k, 0] - vertices[i, 0], vertices[k, 1] - vertices[i, 1], vertices[k, 2] - vertices[i, 2]
        x, y, z = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        for c in range(3):
            v = faces[f, c]
            normals[v, 0] += x
            normals[v, 1] += y
            normals[v, 2] += z
    for v in range(normals.shape[0]):
        length = math.sqrt(normals[v, 0] ** 2 + normals[v, 1] ** 2 + normals[v, 2] ** 2) + 1e-20
        normals[v] /= length
    return normals


@_njit
def cover(points: Floats, faces: Ints, ids: NDArray[np.int32], depth: Colours) -> None:
    """Draws triangles into the depth buffer.

    Args:
        points: `[V, 3]`: x, y in pixels and 1/distance along the view; 0 or less is behind the camera.
        faces: `[F, 3]` triangles; those with a vertex behind the camera are left out.
        ids: `[H, W]` int32, overwritten where a triangle is nearest.
        depth: `[H, W]` float32 1/distance, larger is nearer.
    """
    height, width = ids.shape
    for f in range(faces.shape[0]):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        z0, z1, z2 = points[i, 2], points[j, 2], points[k, 2]
        if z0 <= 0 or z1 <= 0 or z2 <= 0:
            continue
        x0, y0, x1, y1, x2, y2 = points[i, 0], points[i, 1], points[j, 0], points[j, 1], points[k, 0], points[k, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < 1e-9:
            continue
        left, right = max(0, math.ceil(min(x0, x1, x2) - 0.5)), min(width - 1, math.floor(max(x0, x1, x2) - 0.5))
        top, bottom = max(0, math.ceil(min(y0, y1, y2) - 0.5)), min(height - 1, math.floor(max(y0, y1, y2) - 0.5))
        inverse = 1 / area
        for y in range(top, bottom + 1):
            dy = y + 0.5 - y0
            for x in range(left, right + 1):
                dx = x + 0.5 - x0
                b1 = (dx * (y2 - y0) - (x2 - x0) * dy) * inverse
                b2 = ((x1 - x0) * dy - dx * (y1 - y0)) * inverse
                b0 = 1 - b1 - b2
                if b0 < 0 or b1 < 0 or b2 < 0:
                    continue
                z = b0 * z0 + b1 * z1 + b2 * z2
                if z > depth[y, x]:
                    depth[y, x] = z
                    ids[y, x] = f


@_njit
def cover_depth(points: Floats, faces: Ints, depth: Colours) -> None:
    """Draws triangles into a shadow map.

    Args:
        points: `[V, 3]`: x, y in map pixels and the distance along the light's direction in metres.
        faces: `[F, 3]` triangles.
        depth: `[S, S]` float32 distances, smaller is nearer to the light.
    """
    side = depth.shape[0]
    for f in range(faces.shape[0]):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        x0, y0, x1, y1, x2, y2 = points[i, 0], points[i, 1], points[j, 0], points[j, 1], points[k, 0], points[k, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < 1e-9:
            continue
        left, right = max(0, math.ceil(min(x0, x1, x2) - 0.5)), min(side - 1, math.floor(max(x0, x1, x2) - 0.5))
        top, bottom = max(0, math.ceil(min(y0, y1, y2) - 0.5)), min(side - 1, math.floor(max(y0, y1, y2) - 0.5))
        inverse = 1 / area
        for y in range(top, bottom + 1):
            dy = y + 0.5 - y0
            for x in range(left, right + 1):
                dx = x + 0.5 - x0
                b1 = (dx * (y2 - y0) - (x2 - x0) * dy) * inverse
                b2 = ((x1 - x0) * dy - dx * (y1 - y0)) * inverse
                if b1 < 0 or b2 < 0 or b1 + b2 > 1:
                    continue
                z = (1 - b1 - b2) * points[i, 2] + b1 * points[j, 2] + b2 * points[k, 2]
                depth[y, x] = min(depth[y, x], z)


@_njit
def _dot(a: Floats, b: Floats) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@_njit
def _shares(points: Floats, i: int, j: int, k: int, x: float, y: float) -> tuple[float, float, float]:
    """Returns how much of a triangle's corners is at a place of the screen, in perspective."""
    x0, y0 = points[i, 0], points[i, 1]
    x1, y1, x2, y2 = points[j, 0] - x0, points[j, 1] - y0, points[k, 0] - x0, points[k, 1] - y0
    inverse = 1 / (x1 * y2 - x2 * y1)
    b1 = ((x - x0) * y2 - x2 * (y - y0)) * inverse
    b2 = (x1 * (y - y0) - (x - x0) * y1) * inverse
    b0 = (1 - b1 - b2) * points[i, 2]
    b1, b2 = b1 * points[j, 2], b2 * points[k, 2]
    total = b0 + b1 + b2
    return b0 / total, b1 / total, b2 / total


@_njit
def _lit_share(shadow: Colours, m: Floats, place: Floats) -> float:
    """Returns the share of 3 × 3 neighbours in the shadow map that are not nearer to the light than `place`."""
    side = shadow.shape[0]
    px, py, pz = place[0], place[1], place[2]
    x = m[0, 0] * px + m[0, 1] * py + m[0, 2] * pz + m[0, 3]
    y = m[1, 0] * px + m[1, 1] * py + m[1, 2] * pz + m[1, 3]
    z = m[2, 0] * px + m[2, 1] * py + m[2, 2] * pz + m[2, 3]
    ix, iy = int(x), int(y)
    lit = 0.0
    for oy in range(-1, 2):
        for ox in range(-1, 2):
            sx, sy = ix + ox, iy + oy
            if sx < 0 or sy < 0 or sx >= side or sy >= side or z < shadow[sy, sx]:
                lit += 1
    return lit / 9


@_njit
def _add_light(
    glow: Floats,
    lit: float,
    n: int,
    directions: Floats,
    lights: Floats,
    normal: Floats,
    view: Floats,
    texel: Floats,
    kind: int,
    materials: Floats,
) -> None:
    """Adds what a surface throws back of one light: matt, wrapped around skin (red most), and a highlight."""
    lx, ly, lz = directions[n, 0], directions[n, 1], directions[n, 2]
    wrap = materials[kind, 3] * min(1.0, texel[3])
    facing = normal[0] * lx + normal[1] * ly + normal[2] * lz
    if lit <= 0 or facing <= -wrap:
        return
    shine = 0.0
    if facing > 0 and materials[kind, 1] > 0:
        hx, hy, hz = lx + view[0], ly + view[1], lz + view[2]
        half = (normal[0] * hx + normal[1] * hy + normal[2] * hz) / (math.sqrt(hx * hx + hy * hy + hz * hz) + 1e-12)
        if half > 0:
            shine = materials[kind, 1] * texel[3] * half ** materials[kind, 2] * min(1.0, facing * 4)
    wide = (facing + wrap) / (1 + wrap)
    narrow = max(0.0, (facing + 0.4 * wrap) / (1 + 0.4 * wrap))
    glow[0] += lit * lights[n, 0] * (texel[0] * wide + shine)
    glow[1] += lit * lights[n, 1] * (texel[1] * narrow + shine)
    glow[2] += lit * lights[n, 2] * (texel[2] * narrow + shine)


@_njit
def _sample(texture: Colours, u: float, v: float, out: Floats) -> None:
    """Reads the texture between its four nearest texels; u, v in texels."""
    height, width = texture.shape[:2]
    x, y = min(max(u - 0.5, 0.0), width - 1.001), min(max(v - 0.5, 0.0), height - 1.001)
    ix, iy = int(x), int(y)
    fx, fy = x - ix, y - iy
    for c in range(4):
        upper = texture[iy, ix, c] * (1 - fx) + texture[iy, ix + 1, c] * fx
        lower = texture[iy + 1, ix, c] * (1 - fx) + texture[iy + 1, ix + 1, c] * fx
        out[c] = upper * (1 - fy) + lower * fy


@_njit
def shade(
    ids: NDArray[np.int32],
    points: Floats,
    faces: Ints,
    vertices: Floats,
    normals: Floats,
    sky: Colours,
    uv: Colours,
    uv_faces: Ints,
    kinds: NDArray[np.int64],
    colours: Colours,
    texture: Colours,
    materials: Floats,
    eye: Floats,
    directions: Floats,
    lights: Floats,
    ambient: Floats,
    shadow: Colours,
    to_shadow: Floats,
    picture: Colours,
) -> None:
    """Shades every covered pixel of `picture`, which holds the background before.

    Args:
        ids: `[H, W]` triangle of each pixel, -1 for none.
        points: `[V, 3]` screen positions as in `cover`.
        faces: `[F, 3]` triangles.
        vertices: `[V, 3]` metres.
        normals: `[V, 3]` unit normals.
        sky: `[V]` share of the surroundings that a vertex sees, 0 to 1.
        uv: `[U, 2]` places in the texture, in texels.
        uv_faces: `[F, 3]` corners in `uv`.
        kinds: `[F]` row of `materials`.
        colours: `[F, 3]` linear RGB of triangles without texture.
        texture: `[h, w, 4]` linear RGB and gloss.
        materials: `[M, 4]`: TEXTURED or FLAT, factor of gloss, exponent of gloss, wrap of light around the surface.
        eye: `[3]` the camera's place.
        directions: `[L, 3]` unit vectors to the lights; the first one casts shadows.
        lights: `[L, 3]` linear RGB of the lights.
        ambient: `[2, 3]` linear RGB from above and from below.
        shadow: `[S, S]` shadow map of the first light.
        to_shadow: `[3, 4]` from metres to map pixels and biased distance.
        picture: `[H, W, 3]` linear RGB.
    """
    height, width = ids.shape
    texel = np.empty(4)
    normal, place, view, glow = np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    for y in range(height):
        for x in range(width):
            f = ids[y, x]
            if f < 0:
                continue
            i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
            b0, b1, b2 = _shares(points, i, j, k, x + 0.5, y + 0.5)
            for c in range(3):
                normal[c] = b0 * normals[i, c] + b1 * normals[j, c] + b2 * normals[k, c]
                place[c] = b0 * vertices[i, c] + b1 * vertices[j, c] + b2 * vertices[k, c]
                view[c] = eye[c] - place[c]
            distance = math.sqrt(_dot(view, view))
            length = math.sqrt(_dot(normal, normal)) + 1e-12
            length = length if _dot(normal, view) >= 0 else -length
            for c in range(3):
                view[c] /= distance
                normal[c] /= length
            kind = kinds[f]
            if materials[kind, 0] == TEXTURED:
                s, t, q = uv_faces[f, 0], uv_faces[f, 1], uv_faces[f, 2]
                u = b0 * uv[s, 0] + b1 * uv[t, 0] + b2 * uv[q, 0]
                v = b0 * uv[s, 1] + b1 * uv[t, 1] + b2 * uv[q, 1]
                _sample(texture, u, v, texel)
            else:
                texel[0], texel[1], texel[2], texel[3] = colours[f, 0], colours[f, 1], colours[f, 2], 1.0
            free = b0 * sky[i] + b1 * sky[j] + b2 * sky[k]
            above = 0.5 * (normal[2] + 1)
            for c in range(3):
                glow[c] = texel[c] * free * (ambient[1, c] + (ambient[0, c] - ambient[1, c]) * above)
            for n in range(directions.shape[0]):
                lit = 0.6 + 0.4 * free
                if n == 0:
                    lit *= _lit_share(shadow, to_shadow, place)
                _add_light(glow, lit, n, directions, lights, normal, view, texel, kind, materials)
            for c in range(3):
                picture[y, x, c] = glow[c]


@_njit
def resolve(picture: Colours, curve: NDArray[np.float64], grain: Colours, out: NDArray[np.uint8]) -> None:
    """Averages blocks of pixels, applies the tone curve and adds grain.

    Args:
        picture: `[s·H, s·W, 3]` linear RGB.
        curve: `[N]` display levels 0 to 255 for linear light 0 to 2 in equal steps.
        grain: `[H, W, 3]` added to the levels.
        out: `[H, W, 3]` uint8.
    """
    height, width = out.shape[:2]
    scale = picture.shape[0] // height
    steps = curve.shape[0] - 1
    for y in range(height):
        for x in range(width):
            for c in range(3):
                total = 0.0
                for sy in range(scale):
                    for sx in range(scale):
                        total += picture[y * scale + sy, x * scale + sx, c]
                place = min(max(total / (scale * scale) * 0.5 * steps, 0.0), steps - 0.001)
                low = int(place)
                level = curve[low] + (curve[low + 1] - curve[low]) * (place - low) + grain[y, x, c]
                out[y, x, c] = int(min(max(level + 0.5, 0.0), 255.0))


def sky_share(vertices: Floats, faces: Ints, directions: int, *, side: int = 512) -> Floats:
    """Returns how much of the surroundings each vertex sees past the rest of the body.

    Args:
        vertices: `[V, 3]` metres.
        faces: `[F, 3]` triangles.
        directions: how many shadow maps, spread evenly over the sphere, are counted.
        side: their width in pixels.

    Returns:
        `[V]` in 0 to 1: the share of the light from the hemisphere above the surface that arrives, weighted by cosine.
    """
    normals = vertex_normals(vertices, faces)
    centre, radius = (vertices.max(0) + vertices.min(0)) / 2, np.ptp(vertices, axis=0).max() * 0.75
    seen, reachable = np.zeros(len(vertices)), np.zeros(len(vertices))
    for n in range(directions):
        up = 1 - (2 * n + 1) / directions
        angle, flat = n * math.pi * (3 - math.sqrt(5)), math.sqrt(1 - up * up)
        light = np.array([flat * math.cos(angle), flat * math.sin(angle), up])
        right = np.cross(light, [0.3, 0.2, 0.933])
        right /= np.linalg.norm(right)
        frame = np.stack([right, np.cross(right, light), -light])
        points = (vertices - centre) @ frame.T
        points[:, :2] = side / 2 + points[:, :2] * (side / 2 / radius)
        depth = np.full((side, side), 1e9, np.float32)
        cover_depth(points, faces, depth)
        pixel = np.clip(points[:, :2].astype(int), 0, side - 1)
        free = points[:, 2] < depth[pixel[:, 1], pixel[:, 0]] + 0.012
        facing = np.maximum(normals @ light, 0)
        seen += free * facing
        reachable += facing
    return np.clip(seen / np.maximum(reachable, 1e-9), 0, 1)
