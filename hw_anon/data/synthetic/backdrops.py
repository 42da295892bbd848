"""Rooms behind people: walls, shelves, windows, plants, tiles; drawn flat, with clutter, out of focus by chance.

A backdrop knows nothing of the action in front of it.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from hw_anon.data.synthetic.props import any_colour

__all__ = ["make_backdrop"]

Picture = NDArray[np.float32]
Rng = np.random.Generator


def make_backdrop(rng: np.random.Generator, side: int = 400) -> Picture:
    """Draws a room.

    Args:
        rng: where chance comes from.
        side: of the picture in pixels; details scale with it.

    Returns:
        `[side, side, 3]` float32 linear RGB.
    """
    room = _wall(rng, side)
    things: list[Callable[[Rng, Picture], None]] = [_shelf, _window, _door, _plant, _painting, _cabinet, _lamp, _stuff]
    for index in rng.choice(len(things), size=int(rng.integers(3, 8))):
        things[int(index)](rng, room)
    blur = float(rng.uniform(0.3, 4.0)) * side / 400
    soft = cv2.GaussianBlur(room, (0, 0), max(0.3, blur))
    grain = cv2.resize(rng.normal(0, 0.012, (side // 6, side // 6, 3)).astype(np.float32), (side, side))
    across, down = np.meshgrid(np.linspace(-1, 1, side), np.linspace(-1, 1, side))
    glow = 1 + rng.uniform(-0.25, 0.25) * across + rng.uniform(-0.25, 0.25) * down
    shaded = np.clip((soft + grain) * glow[..., None], 0.004, 1.4)
    return np.ascontiguousarray(shaded, np.float32)


def _level(rng: Rng, colour: tuple[float, float, float], spread: float = 0.15) -> tuple[float, float, float]:
    factor = float(rng.uniform(1 - spread, 1 + spread))
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def _fill(room: Picture, box: tuple[float, float, float, float], colour: tuple[float, float, float]) -> None:
    """Fills a box given by left, top, right, bottom in pixels."""
    left, top, right, bottom = (round(edge) for edge in box)
    cv2.rectangle(room, (left, top), (right, bottom), colour, -1)


def _place(
    rng: Rng, room: Picture, wide: tuple[float, float], high: tuple[float, float]
) -> tuple[float, float, float, float]:
    """Draws a box of that range of sizes (shares of the side); returns left, top, right, bottom in pixels."""
    side = room.shape[0]
    width, height = rng.uniform(*wide) * side, rng.uniform(*high) * side
    left = rng.uniform(-0.3 * width, side - 0.7 * width)
    top = rng.uniform(-0.2 * height, side - 0.8 * height)
    return float(left), float(top), float(left + width), float(top + height)


def _wall(rng: Rng, side: int) -> Picture:
    colour = any_colour(rng, 0.12, 0.75)
    room = np.empty((side, side, 3), np.float32)
    room[:] = colour
    kind = rng.choice(["plain", "tiles", "boards", "paper"], p=[0.45, 0.2, 0.15, 0.2])
    step = max(4, int(rng.uniform(0.04, 0.14) * side))
    line = _level(rng, colour, 0.5)
    if kind in ("tiles", "boards"):
        shift = int(rng.integers(step))
        for place in range(shift, side, step):
            cv2.line(room, (place, 0), (place, side), line, max(1, side // 250))
            if kind == "tiles":
                cv2.line(room, (0, place), (side, place), line, max(1, side // 250))
    elif kind == "paper":
        for place in range(0, side, 2 * step):
            _fill(room, (place, 0, place + step, side), _level(rng, colour, 0.08))
    if rng.random() < 0.45:
        low = rng.uniform(0.72, 0.95) * side
        _fill(room, (0, low, side, side), any_colour(rng, 0.05, 0.5))
        _fill(room, (0, low - 0.02 * side, side, low), any_colour(rng, 0.1, 0.85))
    if rng.random() < 0.3:
        corner = rng.uniform(0.05, 0.95) * side
        room[:, int(corner) :] *= float(rng.uniform(0.6, 0.85))
    return room


def _shelf(rng: Rng, room: Picture) -> None:
    left, top, right, bottom = _place(rng, room, (0.2, 0.5), (0.3, 0.7))
    wood = any_colour(rng, 0.05, 0.6)
    _fill(room, (left, top, right, bottom), _level(rng, wood, 0.4))
    rows = int(rng.integers(2, 5))
    for row in range(rows):
        base = top + (row + 1) * (bottom - top) / rows
        x = left
        while x < right - 3:
            width = rng.uniform(0.008, 0.03) * room.shape[0]
            height = rng.uniform(0.5, 0.9) * (bottom - top) / rows
            if rng.random() < 0.85:
                _fill(room, (x, base - height, min(x + width, right), base), any_colour(rng))
            x += width + 1
        _fill(room, (left, base - 2, right, base + 0.008 * room.shape[0]), wood)


def _window(rng: Rng, room: Picture) -> None:
    left, top, right, bottom = _place(rng, room, (0.2, 0.45), (0.3, 0.6))
    sky = rng.uniform(0.5, 1.2)
    light = (0.9 * sky, 0.96 * sky, 1.02 * sky)
    _fill(room, (left, top, right, bottom), light)
    _fill(room, (left, (top + 2 * bottom) / 3, right, bottom), any_colour(rng, 0.15, 0.6))
    bar = any_colour(rng, 0.15, 0.85)
    thick = max(2, int(0.012 * room.shape[0]))
    cv2.rectangle(room, (round(left), round(top)), (round(right), round(bottom)), bar, thick)
    for share in np.linspace(0, 1, int(rng.integers(2, 4)) + 1)[1:-1]:
        x = round(left + share * (right - left))
        cv2.line(room, (x, round(top)), (x, round(bottom)), bar, thick)
    if rng.random() < 0.5:
        cloth = any_colour(rng)
        for x in np.arange(left - 0.06 * room.shape[0], left + 0.08 * room.shape[0], max(2.0, 0.012 * room.shape[0])):
            _fill(room, (x, top, x + 0.012 * room.shape[0], bottom), _level(rng, cloth, 0.25))


def _door(rng: Rng, room: Picture) -> None:
    left, top, right, _ = _place(rng, room, (0.2, 0.35), (0.7, 1.0))
    colour = any_colour(rng, 0.08, 0.8)
    side = room.shape[0]
    _fill(room, (left - 0.02 * side, top - 0.02 * side, right + 0.02 * side, side), _level(rng, colour, 0.4))
    _fill(room, (left, top, right, side), colour)
    for share in (0.1, 0.55):
        low = top + share * (side - top)
        panel = (left + 0.15 * (right - left), low, right - 0.15 * (right - left), low + 0.35 * (side - top))
        _fill(room, panel, _level(rng, colour, 0.2))


def _plant(rng: Rng, room: Picture) -> None:
    side = room.shape[0]
    x, y = rng.uniform(0, side), rng.uniform(0.4, 1.0) * side
    for _ in range(int(rng.integers(12, 40))):
        green = (float(rng.uniform(0.02, 0.2)), float(rng.uniform(0.1, 0.45)), float(rng.uniform(0.02, 0.15)))
        angle, length = rng.uniform(-2.8, -0.3), rng.uniform(0.05, 0.2) * side
        centre = (round(x + length / 2 * np.cos(angle)), round(y + length / 2 * np.sin(angle)))
        axes = (max(1, round(length / 2)), max(1, round(length * rng.uniform(0.05, 0.15))))
        cv2.ellipse(room, centre, axes, float(np.degrees(angle)), 0, 360, green, -1)
    _fill(room, (x - 0.05 * side, y, x + 0.05 * side, y + 0.1 * side), any_colour(rng))


def _painting(rng: Rng, room: Picture) -> None:
    left, top, right, bottom = _place(rng, room, (0.1, 0.3), (0.1, 0.3))
    _fill(room, (left, top, right, bottom), any_colour(rng))
    edge = 0.012 * room.shape[0]
    _fill(room, (left + edge, top + edge, right - edge, bottom - edge), any_colour(rng))
    for _ in range(int(rng.integers(2, 6))):
        centre = (
            round(rng.uniform(left + 2 * edge, right - 2 * edge)),
            round(rng.uniform(top + 2 * edge, bottom - 2 * edge)),
        )
        radius = (max(1, round(0.12 * (right - left))), max(1, round(rng.uniform(0.05, 0.2) * (bottom - top))))
        cv2.ellipse(room, centre, radius, float(rng.uniform(0, 180)), 0, 360, any_colour(rng), -1)


def _cabinet(rng: Rng, room: Picture) -> None:
    left, top, right, bottom = _place(rng, room, (0.25, 0.7), (0.15, 0.4))
    colour = any_colour(rng)
    _fill(room, (left, top, right, bottom), colour)
    doors = int(rng.integers(2, 5))
    for door in range(doors):
        x = left + door * (right - left) / doors
        cv2.rectangle(
            room,
            (round(x), round(top)),
            (round(x + (right - left) / doors), round(bottom)),
            _level(rng, colour, 0.5),
            2,
        )
        _fill(room, (x + 4, (top + bottom) / 2, x + 7, (top + bottom) / 2 + 0.04 * room.shape[0]), any_colour(rng))


def _lamp(rng: Rng, room: Picture) -> None:
    side = room.shape[0]
    x, y, radius = rng.uniform(0, side), rng.uniform(0, 0.5) * side, rng.uniform(0.02, 0.06) * side
    cv2.line(room, (round(x), round(y)), (round(x), 0 if rng.random() < 0.5 else side), any_colour(rng, 0.02, 0.4), 2)
    shade = np.array(
        [
            (x - radius, y + radius),
            (x + radius, y + radius),
            (x + 0.5 * radius, y - radius),
            (x - 0.5 * radius, y - radius),
        ]
    )
    cv2.fillPoly(room, [shade.round().astype(np.int32)], (1.3, 1.2, 0.95))


def _stuff(rng: Rng, room: Picture) -> None:
    """Draws bottles, boxes and balls in a row."""
    side = room.shape[0]
    base = rng.uniform(0.3, 1.0) * side
    for x in np.sort(rng.uniform(0, side, int(rng.integers(3, 9)))):
        width, height = rng.uniform(0.015, 0.06) * side, rng.uniform(0.03, 0.16) * side
        _fill(room, (x, base - height, x + width, base), any_colour(rng))
        if rng.random() < 0.5:
            _fill(room, (x + 0.3 * width, base - 1.4 * height, x + 0.7 * width, base - height), any_colour(rng))
