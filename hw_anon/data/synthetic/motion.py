"""Signals that make a clip move: smooth, never quite periodic, the same for the same random numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hw_anon.data.synthetic.rotations import Vector

__all__ = ["Sway", "blink", "stroke"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Sway:
    """A vector that wanders smoothly about zero: two sines a component."""

    amplitude: Vector
    """`[2, D]`."""
    frequency: Vector
    """`[2, D]` hertz."""
    phase: Vector
    """`[2, D]` radians."""

    @classmethod
    def sample(cls, rng: np.random.Generator, amplitude: Vector | list[float], *, hertz: float = 0.3) -> Sway:
        """Draws a signal.

        Args:
            rng: source of chance.
            amplitude: `[D]`, about the largest value of each component.
            hertz: middle of the frequencies.
        """
        size = np.broadcast_to(np.asarray(amplitude, np.float64), (2, len(amplitude)))
        return cls(
            amplitude=size * np.array([[0.65], [0.35]]) * rng.uniform(0.6, 1.2, size.shape),
            frequency=hertz * np.array([[0.8], [1.9]]) * rng.uniform(0.7, 1.3, size.shape),
            phase=rng.uniform(0, 2 * np.pi, size.shape),
        )

    def at(self, time_s: float) -> Vector:
        """Returns the `[D]` vector at a time."""
        value: Vector = (self.amplitude * np.sin(2 * np.pi * self.frequency * time_s + self.phase)).sum(0)
        return value


def stroke(time_s: float, hertz: float, phase: float) -> float:
    """Returns a to and fro in -1 to 1 that rests a little at its ends."""
    wave = np.sin(2 * np.pi * hertz * time_s + phase)
    return float(np.tanh(1.4 * wave) / np.tanh(1.4))


def blink(time_s: float, period_s: float, phase: float, length_s: float = 0.2) -> float:
    """Returns how far the lids are closed, 0 to 1: for `length_s` once a period."""
    distance = abs((time_s / period_s + phase) % 1 - 0.5) * period_s
    return float(np.clip(1.4 * (1 - 2 * distance / length_s), 0, 1))
