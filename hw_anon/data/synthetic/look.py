"""How people look: skin, hair, brows, eyes, lips, beard, age, glasses. A look is the same in every picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hw_anon.data.synthetic.shape import Build

__all__ = ["HAIR_KINDS", "Colour", "Glasses", "Hair", "Look", "sample_look", "skin_colour", "srgb"]

Colour = tuple[float, float, float]

HAIR_KINDS = ("bald", "buzz", "short", "side", "curly", "afro", "bob", "long")
"""Kinds of hair by length and curl."""

_SKIN = np.array(
    [
        (240, 202, 180),
        (231, 186, 156),
        (216, 166, 131),
        (193, 141, 104),
        (163, 113, 79),
        (129, 86, 60),
        (97, 63, 45),
        (70, 46, 35),
    ]
)
_HAIR = {
    "black": (24, 20, 19),
    "dark": (46, 33, 26),
    "brown": (82, 56, 38),
    "light": (128, 92, 58),
    "blond": (186, 150, 98),
    "red": (122, 58, 32),
    "grey": (146, 144, 141),
    "white": (205, 203, 198),
}
_IRIS = {
    "dark": (52, 34, 22),
    "brown": (92, 60, 34),
    "hazel": (104, 88, 48),
    "green": (84, 108, 76),
    "blue": (84, 116, 148),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hair:
    """Hair on the head."""

    kind: str
    """One of `HAIR_KINDS`."""
    colour: Colour
    """sRGB, 0 to 1."""
    shift: float
    """Height of the hairline against the usual, metres."""
    recede: float
    """How far the temples recede, metres."""
    volume: float
    """Thickness, metres."""
    fringe: float
    """How far hair falls over the forehead, metres; 0 for none."""
    parting: float
    """Where it parts, metres to the person's left."""
    length: float
    """Height above the origin to which long hair falls, metres at reference size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Glasses:
    """Spectacles."""

    width: float
    """Half width of a lens, metres."""
    height: float
    """Half height of a lens, metres."""
    squareness: float
    """Exponent of the rim: 2 is round, 5 nearly a rectangle."""
    rim: float
    """Radius of the rim, metres."""
    colour: Colour
    """Linear RGB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a person looks like beyond shape."""

    tone: float
    """Darkness of the skin, 0 to 1."""
    skin: Colour
    """sRGB, 0 to 1."""
    redness: float
    """Of cheeks, nose and ears."""
    freckles: float
    """0 to 1."""
    moles: tuple[tuple[float, float, float], ...]
    """x, z at reference size and radius, metres."""
    hair: Hair
    """Hair on the head."""
    brow: tuple[float, float, float, float, float, float]
    """Height shift, arch, thickness, tilt, length (metres), density."""
    brow_gap: float
    """Distance of a brow from the middle, metres."""
    iris: Colour
    """sRGB, 0 to 1."""
    lips: Colour
    """sRGB, 0 to 1."""
    lip_strength: float
    """How far the lips differ from the skin, 0 to 1."""
    beard: float
    """0 to 1: none to full."""
    moustache: float
    """0 to 1."""
    stubble: float
    """Shadow of a shaven beard, 0 to 1."""
    years: float
    """Lines of age: 0 none to 1 deep."""
    lashes: float
    """0 bare to 1 heavy."""
    shadow: float
    """Darkness around the eyes, 0 to 1."""
    glasses: Glasses | None
    """Spectacles, worn always, or none."""
    grain_seed: int
    """Seed of the skin's and hair's texture."""


def srgb(colour: tuple[float, float, float] | np.ndarray) -> Colour:
    """Returns a colour of levels 0 to 255 in 0 to 1, away from the ends."""
    red, green, blue = np.clip(np.asarray(colour, float) / 255, 0.02, 0.98)
    return float(red), float(green), float(blue)


def skin_colour(tone: float, warmth: float = 0.0) -> Colour:
    """Returns the sRGB colour of skin, 0 to 1.

    Args:
        tone: 0 lightest to 1 darkest.
        warmth: towards red (positive) or olive (negative), about -1 to 1.
    """
    place = np.clip(tone, 0, 1) * (len(_SKIN) - 1)
    colour = np.array([np.interp(place, range(len(_SKIN)), _SKIN[:, c]) for c in range(3)])
    return srgb(colour * (1 + warmth * np.array([0.03, -0.012, -0.03])))


def _hair_colour(rng: np.random.Generator, tone: float, years: float) -> Colour:
    fair = max(0.0, 0.55 - tone) * 1.6
    names = ("black", "dark", "brown", "light", "blond", "red")
    odds = np.array([0.35 + 1.4 * tone, 0.35, 0.45 * fair + 0.12, 0.4 * fair, 0.35 * fair, 0.16 * fair])
    base = np.array(_HAIR[names[rng.choice(len(names), p=odds / odds.sum())]], float)
    grey = np.clip((years - 0.45) * 2.4 * rng.uniform(0.1, 1.1), 0, 1)
    target = np.array(_HAIR["white" if rng.random() < 0.35 else "grey"], float)
    return srgb((base + (target - base) * grey) * rng.uniform(0.85, 1.15))


def _hair(rng: np.random.Generator, build: Build, tone: float, years: float) -> Hair:
    female = build.gender > 0.5
    coily = np.clip(tone * 1.3 - 0.35, 0, 0.8)
    if female:
        odds = [0.01, 0.03 + 0.1 * coily, 0.1, 0.07, 0.08 + 0.12 * coily, 0.25 * coily, 0.26, 0.42 * (1 - 0.4 * coily)]
    else:
        odds = [0.09 + 0.12 * years, 0.15, 0.3, 0.22, 0.1 + 0.1 * coily, 0.16 * coily, 0.04, 0.05]
    kind = HAIR_KINDS[rng.choice(len(HAIR_KINDS), p=np.array(odds) / np.sum(odds))]
    thick = {"bald": 0.0, "buzz": 0.0025, "short": 0.011, "side": 0.016, "curly": 0.022, "afro": 0.05, "bob": 0.014}
    low, high = (0.68, 0.76) if kind == "bob" else (0.42, 0.66)
    return Hair(
        kind=kind,
        colour=_hair_colour(rng, tone, years),
        shift=float(rng.normal(0, 0.005)),
        recede=float(abs(rng.normal(0, 0.004)) if female else abs(rng.normal(0, 0.008 + 0.014 * years))),
        volume=thick.get(kind, 0.013) * float(rng.uniform(0.75, 1.35)),
        fringe=float(rng.uniform(0.018, 0.036)) if kind in ("short", "bob", "long") and rng.random() < 0.33 else 0.0,
        parting=float(rng.choice([-1, 1]) * rng.uniform(0.0, 0.035)),
        length=float(rng.uniform(low, high)),
    )


def _glasses(rng: np.random.Generator, years: float) -> Glasses | None:
    if rng.random() > 0.17 + 0.2 * years:
        return None
    colours = ((0.012, 0.012, 0.014), (0.09, 0.035, 0.015), (0.35, 0.33, 0.3), (0.3, 0.02, 0.03), (0.02, 0.04, 0.15))
    return Glasses(
        width=float(rng.uniform(0.021, 0.0265)),
        height=float(rng.uniform(0.014, 0.0215)),
        squareness=float(rng.uniform(2.0, 5.0)),
        rim=float(rng.uniform(0.0007, 0.0019)),
        colour=colours[rng.choice(5, p=[0.5, 0.18, 0.14, 0.09, 0.09])],
    )


def sample_look(rng: np.random.Generator, build: Build, tone: float) -> Look:
    """Draws a look that goes with a build.

    Args:
        rng: where chance comes from.
        build: age and gender.
        tone: darkness of the skin, 0 to 1.
    """
    female, years = build.gender > 0.5, float(np.clip((build.age - 0.64) / 0.36, 0, 1))
    iris = ("dark", "brown", "hazel", "green", "blue")
    odds = np.array(
        [0.6 * tone + 0.12, 0.35, max(0, 0.28 - 0.4 * tone), max(0, 0.2 - 0.35 * tone), max(0, 0.4 - 0.7 * tone)]
    )
    skin = np.array(skin_colour(tone, rng.normal(0, 0.8)))
    paint = female and rng.random() < 0.4
    lips = skin * [0.9, 0.62, 0.62] + [0.06, 0.0, 0.01] + rng.normal(0, 0.02, 3)
    if paint:
        lips = np.array([0.62, 0.14, 0.18]) * rng.uniform(0.55, 1.15) + rng.normal(0, 0.04, 3)
    beard, moustache = (0.0, 0.0) if female else (max(0.0, rng.normal(-0.1, 0.6)), max(0.0, rng.normal(-0.25, 0.6)))
    moles = tuple(
        (float(rng.uniform(-0.055, 0.055)), float(rng.uniform(0.78, 0.94)), float(rng.uniform(0.0007, 0.0017)))
        for _ in range(rng.integers(0, 5))
    )
    return Look(
        tone=tone,
        skin=srgb(skin * 255),
        redness=float(rng.uniform(0.0, 0.12)),
        freckles=float(max(0.0, rng.normal(-0.35, 0.6)) * (tone < 0.45)),
        moles=moles,
        hair=_hair(rng, build, tone, years),
        brow=(
            float(rng.normal(0, 0.0016)),
            float(rng.uniform(0.001, 0.006)),
            float(rng.uniform(0.0022, 0.0048) * (0.75 if female else 1.0)),
            float(rng.normal(0, 0.0018)),
            float(rng.uniform(0.037, 0.045)),
            float(rng.uniform(0.5, 0.95)),
        ),
        brow_gap=float(rng.uniform(0.007, 0.0135)),
        iris=srgb(np.array(_IRIS[iris[rng.choice(5, p=odds / odds.sum())]]) * rng.uniform(0.75, 1.25)),
        lips=srgb(lips * 255),
        lip_strength=float(rng.uniform(0.8, 0.95) if paint else rng.uniform(0.3, 0.75)),
        beard=float(min(1.0, beard)),
        moustache=float(min(1.0, max(moustache, beard * rng.uniform(0.3, 1.1)))),
        stubble=0.0 if female else float(rng.uniform(0.0, 0.35)),
        years=years,
        lashes=float(rng.uniform(0.0, 1.0) if female else 0.0),
        shadow=float(rng.uniform(0.0, 0.5) + (0.3 * rng.random() if paint else 0.0)),
        glasses=_glasses(rng, years),
        grain_seed=int(rng.integers(1 << 31)),
    )
