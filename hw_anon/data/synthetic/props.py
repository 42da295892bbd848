"""Things that people hold, wear on their lips or stand behind: small meshes made by formula, coloured by chance.

Everything is built in metres about an origin of its own (where it touches the mouth, the ear, the hand …) and then put
into the scene by `Piece.placed`. Colours are linear RGB in 0 to 1; their ranges overlap between the things, so that
colour alone does not tell what somebody holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hw_anon.data.synthetic.rotations import Vector, frame, unit

__all__ = [
    "Piece",
    "any_colour",
    "box",
    "camera",
    "foam",
    "harmonica",
    "lathe",
    "lipstick",
    "mug",
    "patch",
    "phone",
    "rod",
    "sheet",
    "toothbrush",
    "tube",
]

Colour = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Piece:
    """One mesh of one colour."""

    vertices: Vector
    """`[V, 3]` metres."""
    faces: NDArray[np.int64]
    """`[F, 3]` indices into `vertices`."""
    colour: Colour
    """Linear RGB."""

    def placed(self, rotation: Vector, origin: Vector) -> Piece:
        """Returns the piece turned by `rotation` `[3, 3]` and moved so that its origin is at `origin`."""
        return replace(self, vertices=self.vertices @ np.asarray(rotation).T + origin)


def any_colour(rng: np.random.Generator, low: float = 0.03, high: float = 0.85) -> Colour:
    """Returns a colour: often greyish, sometimes strong."""
    value, tint = rng.uniform(low, high), rng.uniform(0.0, 0.7) ** 1.5
    mixed = np.clip(value * (1 - tint) + tint * high * rng.dirichlet([0.6, 0.6, 0.6]) * 1.6, low * 0.5, 0.95)
    return float(mixed[0]), float(mixed[1]), float(mixed[2])


def _apart(*colours: Colour, rng: np.random.Generator, distance: float = 0.3) -> Colour:
    """Returns a colour that stands off from those given."""
    for _ in range(20):
        found = any_colour(rng)
        if all(np.abs(np.sqrt(found) - np.sqrt(other)).max() > distance for other in colours):
            break
    return found


def box(size: Sequence[float], colour: Colour, centre: Sequence[float] = (0, 0, 0)) -> Piece:
    """Returns a box with flat sides; `size` in metres along x, y, z."""
    corners = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    triangles = [
        (0, 1, 3), (0, 3, 2), (4, 6, 7), (4, 7, 5), (0, 4, 5), (0, 5, 1),
        (2, 3, 7), (2, 7, 6), (0, 2, 6), (0, 6, 4), (1, 5, 7), (1, 7, 3),
    ]  # fmt: skip
    vertices = (corners * np.asarray(size) + np.asarray(centre))[np.array(triangles).ravel()]
    return Piece(vertices=vertices, faces=np.arange(36).reshape(-1, 3), colour=colour)


def lathe(profile: Sequence[tuple[float, float]], colour: Colour, around: int = 20) -> Piece:
    """Returns the surface that a line of (radius, z) points sweeps about the z axis."""
    angle = np.arange(around) / around * 2 * np.pi
    rings = np.array([[(r * np.cos(a), r * np.sin(a), z) for a in angle] for r, z in profile])
    return Piece(vertices=rings.reshape(-1, 3), faces=_grid_faces(len(profile), around, closed=True), colour=colour)


def _grid_faces(rows: int, columns: int, *, closed: bool) -> NDArray[np.int64]:
    """Returns two triangles for each cell of a grid of vertices; `closed` joins the last column to the first."""
    row, column = np.mgrid[0 : rows - 1, 0 : columns if closed else columns - 1].reshape(2, -1)
    after = (column + 1) % columns
    a, b, c, d = (
        row * columns + column,
        row * columns + after,
        (row + 1) * columns + after,
        (row + 1) * columns + column,
    )
    return np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int64)


def tube(path: Vector, radius: float | Vector, colour: Colour, around: int = 8) -> Piece:
    """Returns a tube along `path` `[N, 3]`, closed at its ends; `radius` is one number or one for each point."""
    points = np.asarray(path, np.float64)
    along = unit(np.gradient(points, axis=0))
    axes = frame(along, np.broadcast_to([0.31, 0.53, 0.79], along.shape))
    angle = np.arange(around) / around * 2 * np.pi
    radii = np.broadcast_to(radius, len(points))[:, None, None]
    ring = np.cos(angle)[:, None] * axes[:, None, :, 1] + np.sin(angle)[:, None] * axes[:, None, :, 2]
    rings = points[:, None] + radii * ring
    caps = [np.repeat(points[:1, None], around, 1), rings, np.repeat(points[-1:, None], around, 1)]
    vertices = np.concatenate(caps).reshape(-1, 3)
    return Piece(vertices=vertices, faces=_grid_faces(len(points) + 2, around, closed=True), colour=colour)


def rod(start: Vector, end: Vector, radius: float, colour: Colour) -> Piece:
    """Returns a straight stick between two points."""
    return tube(np.linspace(start, end, 4), radius, colour)


def sheet(points: Vector, colour: Colour) -> Piece:
    """Returns the surface through a grid of points `[rows, columns, 3]`."""
    rows, columns, _ = points.shape
    faces = _grid_faces(rows, columns, closed=False)
    return Piece(vertices=points.reshape(-1, 3), faces=faces, colour=colour)


def patch(vertices: Vector, faces: NDArray[np.int64], colour: Colour, lift: float) -> Piece:
    """Returns a film over part of a body: those faces, `lift` metres off the skin.

    Args:
        vertices: `[V, 3]` of the whole posed body.
        faces: `[F, 3]`, the covered part.
        colour: of the film.
        lift: along the surface's normal.
    """
    used, local = np.unique(faces, return_inverse=True)
    local = local.reshape(faces.shape)
    points = vertices[used]
    a, b, c = (points[local[:, corner]] for corner in range(3))
    normals = np.zeros_like(points)
    for corner in range(3):
        np.add.at(normals, local[:, corner], np.cross(b - a, c - a))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
    return Piece(vertices=points + lift * normals, faces=local.astype(np.int64), colour=colour)


@dataclass(frozen=True, kw_only=True, slots=True)
class Mug:
    """A mug's measures in metres; its origin is the point of the rim that touches the lips."""

    radius: float
    height: float
    colour: Colour
    band: Colour
    drink: Colour


def mug(rng: np.random.Generator) -> Mug:
    """Draws a mug."""
    colour = any_colour(rng)
    return Mug(
        radius=float(rng.uniform(0.037, 0.044)),
        height=float(rng.uniform(0.078, 0.1)),
        colour=colour,
        band=_apart(colour, rng=rng),
        drink=any_colour(rng, 0.02, 0.2),
    )


def mug_pieces(thing: Mug, axis: Vector, to_face: Vector, contact: Vector, grip: Vector) -> list[Piece]:
    """Returns a mug at somebody's lips, held by its handle.

    Args:
        thing: its measures and colours.
        axis: `[3]` unit, from the bottom to the rim.
        to_face: `[3]`, roughly from the mug to the face.
        contact: `[3]`, the point of the rim at the lips.
        grip: `[3]`, where the hand holds the handle.
    """
    axes = frame(axis, to_face)
    rotation = np.stack([axes[:, 1], axes[:, 2], axes[:, 0]], axis=1)
    r, h = thing.radius, thing.height
    centre = contact - axis * h - axes[:, 1] * r
    wall = lathe(
        [(0, 0), (r * 0.9, 0), (r * 0.94, 0.3 * h), (r, h), (r * 0.93, h), (r * 0.86, 0.35 * h)], thing.colour, 24
    )
    band = lathe(
        [(r * 0.955, 0.3 * h), (r * 0.99, 0.33 * h), (r * 1.01, 0.7 * h), (r * 0.985, 0.73 * h)], thing.band, 24
    )
    drink = lathe([(0, 0.6 * h), (r * 0.92, 0.6 * h)], thing.drink, 16)
    pieces = [piece.placed(rotation, centre) for piece in (wall, band, drink)]
    side = (grip - centre) - axis * ((grip - centre) @ axis)
    side = unit(side)
    middle = centre + axis * h * 0.5
    reach = max(r + 0.02, min(0.05 + r, float((grip - centre) @ side)))
    turn = np.linspace(0, np.pi, 9)[:, None]
    arc = middle + side * (r * 0.9 + (reach - r * 0.9) * np.sin(turn)) + axis * 0.3 * h * np.cos(turn)
    return [*pieces, tube(arc, 0.006, thing.colour)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Stick:
    """Colours and measures of a thin thing that goes from a hand to the mouth."""

    colour: Colour
    tip: Colour
    radius: float
    beyond: float


def toothbrush(rng: np.random.Generator) -> Stick:
    """Draws a toothbrush: `tip` is the colour of its bristles."""
    white = rng.uniform(0.75, 0.95)
    tip = (white, white, white * float(rng.uniform(0.92, 1)))
    return Stick(
        colour=_apart(tip, rng=rng, distance=0.12), tip=tip, radius=float(rng.uniform(0.0055, 0.007)), beyond=0.04
    )


def toothbrush_pieces(thing: Stick, tip: Vector, grip: Vector, bristles: Vector) -> list[Piece]:
    """Returns a toothbrush held at `grip` whose head is at `tip` and whose bristles point along `bristles`."""
    along = unit(tip - grip)
    back = grip - along * thing.beyond
    handle = tube(np.linspace(back, tip, 6), np.array([1.3, 1.4, 1.3, 1.0, 0.8, 0.9]) * thing.radius, thing.colour)
    axes = frame(along, bristles)
    head = box((0.034, 0.017, 0.016), thing.tip).placed(axes, tip - along * 0.012 + axes[:, 1] * 0.009)
    plate = box((0.038, 0.007, 0.018), thing.colour).placed(axes, tip - along * 0.012 - axes[:, 1] * 0.003)
    return [handle, plate, head]


def foam(rng: np.random.Generator, spread: float = 0.023) -> list[Piece]:
    """Returns toothpaste foam about the mouth's centre, x across, y to the face: white blobs."""
    white = float(rng.uniform(0.8, 0.95))
    pieces = []
    for x in np.linspace(-1, 1, 9) + rng.normal(0, 0.08, 9):
        radius = rng.uniform(0.005, 0.0095)
        outline = [(radius * np.cos(a), radius * np.sin(a)) for a in np.linspace(-np.pi / 2, np.pi / 2, 5)]
        blob = lathe(outline, (white, white, white), 8)
        place = np.array([x * spread, rng.uniform(-0.004, 0.0), -0.009 * (1 - x**2) + rng.normal(0, 0.003)])
        pieces.append(blob.placed(np.eye(3), place))
    return pieces


def lipstick(rng: np.random.Generator) -> Stick:
    """Draws a lipstick: `tip` is what it paints."""
    tip = (float(rng.uniform(0.4, 0.8)), float(rng.uniform(0.01, 0.1)), float(rng.uniform(0.02, 0.22)))
    return Stick(colour=_apart(tip, rng=rng), tip=tip, radius=float(rng.uniform(0.0095, 0.0118)), beyond=0.015)


def lipstick_pieces(thing: Stick, tip: Vector, grip: Vector) -> list[Piece]:
    """Returns a lipstick held at `grip` whose end is at `tip`."""
    along = unit(tip - grip)
    neck = tip - along * 0.026
    case = tube(np.linspace(grip - along * thing.beyond, neck, 4), thing.radius, thing.colour, 12)
    bullet = tube(np.linspace(neck, tip, 4), np.array([0.8, 0.8, 0.8, 0.45]) * thing.radius, thing.tip, 12)
    return [case, bullet]


def harmonica(rng: np.random.Generator) -> list[Piece]:
    """Returns a harmonica: x along it, -y its back to the world, origin at the side that the lips touch."""
    length, cover = float(rng.uniform(0.1, 0.125)), any_colour(rng, 0.25, 0.9)
    comb = _apart(cover, rng=rng)
    plates = [box((length, 0.028, 0.011), cover, (0, -0.016, z)) for z in (0.0115, -0.0115)]
    body = box((length * 1.02, 0.026, 0.012), comb, (0, -0.015, 0))
    holes = [
        box((length / 26, 0.004, 0.008), (0.01, 0.01, 0.01), (x, -0.028, 0))
        for x in np.linspace(-0.42, 0.42, 10) * length
    ]
    ends = [box((0.004, 0.027, 0.03), comb, (side * length * 0.505, -0.0155, 0)) for side in (-1, 1)]
    return [*plates, body, *holes, *ends]


def phone(rng: np.random.Generator) -> list[Piece]:
    """Returns a phone: z its length (up), x its width, y its thickness; -y is its back with the lens."""
    colour = any_colour(rng, 0.01, 0.6)
    width, length = float(rng.uniform(0.064, 0.072)), float(rng.uniform(0.13, 0.146))
    body = box((width, 0.011, length), colour)
    glass = box((width * 0.93, 0.002, length * 0.95), (0.012, 0.012, 0.016), (0, 0.006, 0))
    edge = _apart(colour, rng=rng, distance=0.15)
    rim = [box((0.003, 0.0125, length), edge, (side * width / 2, 0, 0)) for side in (-1, 1)]
    bump = box((0.026, 0.004, 0.03), _apart(colour, rng=rng), (width * 0.26, -0.007, length * 0.37))
    return [body, glass, *rim, bump]


def camera(rng: np.random.Generator) -> list[Piece]:
    """Returns a small camera: x across, z up, -y where its lens looks, origin at the eyepiece."""
    colour = any_colour(rng, 0.01, 0.6)
    trim = _apart(colour, rng=rng)
    width, height = float(rng.uniform(0.1, 0.116)), float(rng.uniform(0.062, 0.072))
    body = box((width, 0.032, height), colour, (0, -0.018, -0.004))
    strip = box((width * 1.005, 0.033, height * 0.26), trim, (0, -0.018, height * 0.38))
    turn = np.array([[1, 0, 0], [0, 0, -1.0], [0, 1, 0]])
    radius = float(rng.uniform(0.022, 0.027))
    barrel = lathe([(radius, 0), (radius, 0.02), (radius * 0.88, 0.034), (radius * 0.7, 0.034)], trim)
    glass = lathe([(radius * 0.72, 0.031), (radius * 0.35, 0.033), (0, 0.033)], (0.015, 0.015, 0.025))
    glint = lathe([(radius * 0.25, 0.0345), (0, 0.0345)], (0.5, 0.55, 0.7), 10)
    lens = [piece.placed(turn, np.array([0, -0.032, -0.006])) for piece in (barrel, glass, glint)]
    flash = box((0.02, 0.004, 0.011), (0.85, 0.85, 0.8), (width * 0.33, -0.035, height * 0.36))
    return [body, strip, *lens, flash]
