"""What people wear, which changes from clip to clip: clothes, and how the hair is worn that day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hw_anon.data.synthetic.look import Colour, Look, srgb

__all__ = ["TOPS", "Outfit", "sample_outfit"]

TOPS = ("tee", "vneck", "tank", "sweater", "shirt", "hoodie")
"""Kinds of tops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outfit:
    """What changes from clip to clip."""

    top: str
    """One of `TOPS`."""
    colours: tuple[Colour, Colour, Colour]
    """Main, second and trousers' colour: sRGB, 0 to 1."""
    pattern: int
    """0 plain, 1 stripes across, 2 checks, 3 a print on the chest, 4 yoke of the second colour, 5 stripes along."""
    period: float
    """Of the pattern, metres."""
    neck: float
    """Height of the neckline at reference size, metres."""
    vee: float
    """Depth of the neckline's vee, metres."""
    collar: float
    """Radius of the opening for the neck at reference size, metres."""
    sleeve: float
    """Where sleeves end: distance from the middle at reference size, metres."""
    thickness: float
    """Of the cloth, metres."""
    tied: bool
    """Whether long hair is tied back."""
    bun: bool
    """Whether tied hair is a bun rather than a tail."""
    hair_volume: float
    """Factor on the hair's thickness."""
    seed: int
    """Seed of folds and weave."""


def _cloth_colour(rng: np.random.Generator) -> Colour:
    if rng.random() < 0.3:
        return srgb(np.full(3, rng.choice([20, 45, 90, 170, 232])) + rng.normal(0, 6, 3))
    hue = rng.random() * 6
    wheel = np.clip(np.abs((hue + np.array([0.0, 4.0, 2.0])) % 6 - 3) - 1, 0, 1)
    return srgb((1 - rng.uniform(0.2, 0.85) * (1 - wheel)) * rng.uniform(0.2, 0.95) * 255)


def sample_outfit(seed: int, look: Look) -> Outfit:
    """Draws what is worn; equal seeds give equal outfits.

    Args:
        seed: of the clip or portrait.
        look: of the person who wears it.
    """
    rng = np.random.default_rng([seed, 7])
    top = TOPS[rng.choice(len(TOPS), p=[0.28, 0.14, 0.08, 0.22, 0.16, 0.12])]
    long_sleeve = top in ("sweater", "hoodie") or rng.random() < 0.4
    tied = look.hair.kind == "long" and rng.random() < 0.35
    return Outfit(
        top=top,
        colours=(_cloth_colour(rng), _cloth_colour(rng), _cloth_colour(rng)),
        pattern=int(rng.choice(6, p=[0.42, 0.16, 0.11, 0.13, 0.1, 0.08])),
        period=float(rng.uniform(0.016, 0.06)),
        neck=float(
            {"sweater": 0.74, "hoodie": 0.74, "shirt": 0.738, "tank": 0.705}.get(top, 0.728) + rng.normal(0, 0.006)
        ),
        vee=float(rng.uniform(0.05, 0.11) if top in ("vneck", "shirt") else rng.uniform(0.0, 0.02)),
        collar=float(rng.uniform(0.064, 0.072) if top in ("sweater", "shirt", "hoodie") else rng.uniform(0.068, 0.09)),
        sleeve=float(
            rng.uniform(0.44, 0.485) if long_sleeve else (0.16 if top == "tank" else rng.uniform(0.255, 0.33))
        ),
        thickness=float({"sweater": 0.009, "hoodie": 0.013}.get(top, 0.005) * rng.uniform(0.8, 1.3)),
        tied=bool(tied),
        bun=bool(rng.random() < 0.5),
        hair_volume=float(rng.uniform(0.85, 1.2)),
        seed=int(rng.integers(1 << 31)),
    )
