"""Where the names of points go in a chart, so that they hide neither each other nor the points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Rectangle", "place_labels"]

_RINGS = (1.0, 2.2, 3.8, 5.6)
_DIRECTIONS = 16


@dataclass(frozen=True, slots=True)
class Rectangle:
    """An upright rectangle in pixels of the figure."""

    left: float
    """Left edge."""
    bottom: float
    """Lower edge."""
    right: float
    """Right edge."""
    top: float
    """Upper edge."""

    def shared(self, other: Rectangle) -> float:
        """Returns the area that both cover."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(0.0, width) * max(0.0, height)

    @property
    def area(self) -> float:
        """Width times height."""
        return (self.right - self.left) * (self.top - self.bottom)


def place_labels(
    anchors: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    obstacles: Sequence[Rectangle],
    frame: Rectangle,
    *,
    gap: float,
) -> list[Rectangle]:
    """Finds a place for each label, one after the other, near its point and as free as possible.

    Args:
        anchors: (x, y) of each point in pixels.
        sizes: (width, height) of each label in pixels.
        obstacles: what labels should not cover, markers and intervals for instance.
        frame: what labels should stay inside of.
        gap: distance from the point to the nearest place.

    Returns:
        One rectangle for each label.
    """
    placed: list[Rectangle] = []
    for anchor, size in zip(anchors, sizes, strict=True):
        blocked = [*obstacles, *placed]
        candidates = [
            _at(anchor, size, gap * ring, 2 * math.pi * step / _DIRECTIONS)
            for ring in _RINGS
            for step in range(_DIRECTIONS)
        ]
        placed.append(min(candidates, key=lambda place: _cost(place, anchor, blocked, frame)))
    return placed


def _at(anchor: tuple[float, float], size: tuple[float, float], distance: float, angle: float) -> Rectangle:
    """The label whose nearest edge lies at that distance and angle from its point."""
    centre_x = anchor[0] + math.cos(angle) * (distance + size[0] / 2)
    centre_y = anchor[1] + math.sin(angle) * (distance + size[1] / 2)
    left, bottom = centre_x - size[0] / 2, centre_y - size[1] / 2
    return Rectangle(left, bottom, left + size[0], bottom + size[1])


def _cost(place: Rectangle, anchor: tuple[float, float], blocked: Sequence[Rectangle], frame: Rectangle) -> float:
    covered = sum(place.shared(other) for other in blocked)
    outside = place.area - place.shared(frame)
    away = math.hypot((place.left + place.right) / 2 - anchor[0], (place.bottom + place.top) / 2 - anchor[1])
    return covered + 20 * outside + 0.8 * away
