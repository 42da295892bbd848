"""Things before a face: hands, cups, phones, brushes and cards, drawn with their outlines.

A modifier that meets a cup before a mouth must leave the cup, and a detector must find the face behind it. Pictures of
that are made by laying drawn things over faces, with their outline known to the pixel. The drawings are crude on
purpose: what is learned is that something that does not belong to the face lies before it, not what it is.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.config import suggest
from hw_anon.core.errors import ConfigError

__all__ = ["OCCLUDERS", "draw_occluder", "occluder_bank"]

Floats = NDArray[np.float64]

_SKINS = ((62, 40, 30), (104, 70, 52), (150, 106, 80), (190, 142, 112), (222, 178, 150), (240, 204, 180))


def _grid(side: int) -> tuple[Floats, Floats]:
    """Returns x and y of the pixel centres, -1 to 1."""
    steps = (np.arange(side) + 0.5) * 2 / side - 1
    x, y = np.meshgrid(steps, steps)
    return x, y


def _capsule(x: Floats, y: Floats, ends: tuple[float, float, float, float], radius: float) -> Floats:
    """Returns the signed distance to a line from (x0, y0) to (x1, y1) with round ends, negative inside."""
    x0, y0, x1, y1 = ends
    length = max((x1 - x0) ** 2 + (y1 - y0) ** 2, 1e-9)
    along = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length, 0, 1)
    return np.asarray(np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0)) - radius)


def _plate(x: Floats, y: Floats, width: float, height: float, corner: float) -> Floats:
    """Returns the signed distance to a rectangle with round corners about the middle."""
    beyond_x, beyond_y = np.abs(x) - width + corner, np.abs(y) - height + corner
    outside = np.hypot(np.maximum(beyond_x, 0), np.maximum(beyond_y, 0))
    return np.asarray(outside + np.minimum(np.maximum(beyond_x, beyond_y), 0) - corner)


def _colour(rng: np.random.Generator) -> Floats:
    return rng.uniform(10, 245, 3)


def _hand(x: Floats, y: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A palm with four fingers and a thumb, in a colour of skin; an arm leads out of the picture."""
    tone = np.array(_SKINS[int(rng.integers(len(_SKINS)))], float) * rng.uniform(0.85, 1.1)
    distance = np.minimum(
        _plate(x, y - 0.25, 0.34, 0.3, 0.2), _capsule(x, y, (0, 0.4, rng.uniform(-0.2, 0.2), 1.4), 0.22)
    )
    spread, bend = rng.uniform(0.0, 0.12), rng.uniform(0.25, 0.75)
    shade = np.ones_like(x)
    for finger in range(4):
        root = -0.27 + 0.18 * finger
        tip = root + spread * (finger - 1.5)
        part = _capsule(x, y, (root, 0.0, tip, -bend - 0.06 * (finger in (1, 2))), 0.085)
        shade = np.where(np.abs(part) < 0.02, 0.72, shade)  # the line between fingers
        distance = np.minimum(distance, part)
    thumb = _capsule(x, y, (-0.3, 0.3, -0.62, rng.uniform(-0.15, 0.2)), 0.1)
    return np.minimum(distance, thumb), tone * (shade * (1.0 + 0.15 * x))[..., None]


def _cup(x: Floats, y: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A cup or can, with a band and perhaps a handle."""
    taper = rng.uniform(0.0, 0.2)
    body = _plate(x / (1 - taper * y), y, rng.uniform(0.35, 0.55), rng.uniform(0.5, 0.8), 0.08)
    if rng.random() < 0.5:
        body = np.minimum(body, np.abs(np.hypot(x - 0.55, y) - 0.28) - 0.06)
    ground, band = _colour(rng), _colour(rng)
    edge = rng.uniform(-0.5, 0.2)
    striped = ((y > edge) & (y < edge + rng.uniform(0.1, 0.6)))[..., None]
    round_ = (0.65 + 0.45 * np.cos(1.6 * (x + rng.uniform(-0.4, 0.4))))[..., None]
    return body, np.where(striped, band, ground) * round_


def _phone(x: Floats, y: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A flat case with a screen or a lens."""
    height = rng.uniform(0.7, 0.95)
    width = height * rng.uniform(0.42, 0.55)
    case, inside = _colour(rng) * rng.uniform(0.1, 1.0), _colour(rng)
    screen = _plate(x, y, width - 0.05, height - 0.1, 0.03) < 0
    lens = np.hypot(x - 0.5 * width, y + 0.7 * height) < 0.1
    marked = screen if rng.random() < 0.5 else lens
    return _plate(x, y, width, height, 0.1), np.where(marked[..., None], inside, case) * (1 + 0.1 * y)[..., None]


def _stick(x: Floats, y: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A brush, pen or harmonica: long and thin, one end of another colour."""
    radius = rng.uniform(0.05, 0.18)
    tip = (x > rng.uniform(0.2, 0.7))[..., None]
    return _capsule(x, y, (-0.9, 0, 0.85, 0), radius), np.where(tip, _colour(rng), _colour(rng)) * np.ones_like(x)[
        ..., None
    ]


def _card(x: Floats, y: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A card or mask of random colour, with bars on it."""
    shape = _plate(x, y, rng.uniform(0.4, 0.9), rng.uniform(0.3, 0.7), rng.uniform(0.02, 0.25))
    bars = (np.sin(rng.uniform(2, 16) * (x * rng.uniform(-1, 1) + y)) > rng.uniform(-1, 1))[..., None]
    return shape, np.where(bars, _colour(rng), _colour(rng))


_Drawing = Callable[[Floats, Floats, np.random.Generator], tuple[Floats, Floats]]
OCCLUDERS: dict[str, _Drawing] = {"hand": _hand, "cup": _cup, "phone": _phone, "stick": _stick, "card": _card}
"""Kinds of things: each gives the signed distance to its outline `[S, S]` and colours `[S, S, 3]`, 0..255."""


def draw_occluder(kind: str, seed: int | tuple[int, ...], *, side: int = 64) -> NDArray[np.uint8]:
    """Draws one thing; equal arguments give equal pictures.

    Args:
        kind: one of `OCCLUDERS`.
        seed: what it looks like.
        side: rows and columns, pixels.

    Returns:
        `[S, S, 4]` uint8: RGB, and how much of each pixel it covers.

    Raises:
        ConfigError: if there is no such kind.
    """
    if kind not in OCCLUDERS:
        raise ConfigError(f"occluder {kind!r}: {suggest(kind, OCCLUDERS)}")
    rng = np.random.default_rng(seed)
    distance, colours = OCCLUDERS[kind](*_grid(side), rng)
    colours = colours + rng.normal(0, 1, colours.shape) * rng.uniform(0, 8)
    cover = np.clip(0.5 - distance * side / 2, 0, 1)
    return np.concatenate([np.clip(colours, 0, 255), 255 * cover[..., None]], axis=2).round().astype(np.uint8)


def occluder_bank(count: int, seed: int, *, side: int = 64) -> NDArray[np.uint8]:
    """Returns `[count, S, S, 4]` uint8 things, all kinds equally often."""
    kinds = list(OCCLUDERS)
    return np.stack([draw_occluder(kinds[i % len(kinds)], (seed, i), side=side) for i in range(count)])
