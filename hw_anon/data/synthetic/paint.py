"""Paints a person's texture: skin, lips, brows, beard, lines of age, hair, eyes and clothes."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from hw_anon.data.synthetic.atlas import (
    EYE_PANEL,
    EYE_SPAN_M,
    HAIR_PANEL,
    TEXTURE_SHAPE,
    Atlas,
    Panel,
    load_atlas,
    smoothstep,
)
from hw_anon.data.synthetic.look import Look
from hw_anon.data.synthetic.outfit import Outfit
from hw_anon.data.synthetic.strokes import blend, dim, noise, to_light
from hw_anon.data.synthetic.wear import cloth_depth, hair_depth

__all__ = ["paint"]

Map = NDArray[np.float32]

_REDDER = np.array([0.5, -0.8, -0.7], np.float32)
_SKIN_GLOSS, _CLOTH_GLOSS, _HAIR_GLOSS, _LIP_GLOSS = 1.0, 0.06, 0.5, 1.6


def _spot(panel: Panel, x: float, z: float, wide: float, high: float) -> Map:
    """Returns a soft ellipse at both sides of the face's front."""
    across, up = (np.abs(panel.x) - np.float32(x)) / np.float32(wide), (panel.z - np.float32(z)) / np.float32(high)
    return np.exp(-(across * across + up * up)) * (panel.y < -0.07)


def paint(atlas: Atlas, look: Look, outfit: Outfit) -> Map:
    """Paints the texture.

    Args:
        atlas: the layout.
        look: of the person.
        outfit: of the clip.

    Returns:
        `[h, w, 4]` float32: linear RGB, and gloss (which also tells skin, 1, from cloth, near 0).
    """
    texture = _bare(look).copy()
    worn = np.random.default_rng(outfit.seed)
    for panel in (atlas.head, atlas.body):
        rows, columns = panel.shape
        _clothes(panel, texture[panel.top : panel.top + rows, panel.left : panel.left + columns], outfit, worn)
    return texture


@functools.lru_cache(maxsize=2)
def _bare(look: Look) -> Map:
    """Paints everything that belongs to the person, `[h, w, 4]` in light and gloss."""
    atlas = load_atlas()
    texture = np.empty((*TEXTURE_SHAPE, 4), np.float32)
    texture[...] = (*look.skin, _SKIN_GLOSS)
    rng = np.random.default_rng(look.grain_seed)
    for panel in (atlas.head, atlas.body):
        rows, columns = panel.shape
        part = texture[panel.top : panel.top + rows, panel.left : panel.left + columns]
        dim(part[..., :3], 0.022 * noise(rng, panel.shape, 60) + 0.02 * noise(rng, panel.shape, 16))
    body = texture[:, atlas.body.left :][: atlas.body.shape[0], : atlas.body.shape[1], :3]
    blend(body, atlas.body.masks["inside-mouth"], (0.42, 0.16, 0.16))
    blend(body, 0.4 * atlas.body.masks["fingernails"], np.array(look.skin) * [0.9, 0.8, 0.8] + 0.14)
    rows, columns = atlas.face.shape
    part = texture[atlas.face.top : atlas.face.top + rows, atlas.face.left : atlas.face.left + columns]
    _face(atlas.face, part[..., :3], part[..., 3], look, rng)
    rows, columns = atlas.head.shape
    part = texture[:rows, :columns]
    dim(part[..., :3], np.float32(0.4 * look.redness) * atlas.head.masks["ears"], _REDDER)
    _scalp(atlas.head, part[..., :3], part[..., 3], look, rng)
    _eye(texture, look)
    _strands(texture, look, rng)
    to_light(texture)
    return texture


def _face(panel: Panel, colour: Map, gloss: Map, look: Look, rng: np.random.Generator) -> None:
    """Paints cheeks, eye sockets, lips, freckles, lines, brows and beard."""
    red = _spot(panel, 0.045, 0.845, 0.02, 0.017) + 0.8 * _spot(panel, 0.0, 0.84, 0.016, 0.014)
    dim(colour, red * np.float32(look.redness), _REDDER)
    dim(colour, np.float32(0.018) * noise(rng, panel.shape, 3))
    socket = _spot(panel, 0.033, 0.866, 0.016, 0.006)
    dark = (
        0.10 * socket
        + 0.25 * look.shadow * panel.masks["eyelids"]
        + 0.12 * look.shadow * _spot(panel, 0.032, 0.882, 0.018, 0.012)
    )
    dark += _lines(panel, look)
    dim(colour, -np.clip(dark, 0, 0.6))
    if look.freckles > 0:
        spots = smoothstep(1.0, 1.5, noise(rng, panel.shape, 3)) * (_spot(panel, 0.03, 0.85, 0.035, 0.022))
        dim(colour, -0.3 * min(1.0, look.freckles) * spots)
    for x, z, radius in look.moles:
        spot = np.exp(-(((panel.x - x) ** 2 + (panel.z - z) ** 2) / radius**2)) * (panel.y < -0.08)
        dim(colour, -0.6 * spot)
    lips = panel.masks["lips"]
    blend(colour, np.float32(look.lip_strength) * lips, look.lips)
    gloss += lips * np.float32(_LIP_GLOSS - 1)
    _brows(panel, colour, look, rng)
    _beard(panel, colour, gloss, look, rng)
    blend(colour, panel.masks["inside-mouth"], (0.35, 0.13, 0.13))


def _lines(panel: Panel, look: Look) -> Map:
    """Returns how much lines of age darken the face."""
    depth = np.float32(max(0.0, look.years - 0.15))
    across, up = np.abs(panel.x), panel.z
    front = (panel.y < -0.07).astype(np.float32)
    fold_x = 0.019 + (0.84 - up) * 0.42
    fold = (
        np.exp(-(((across - fold_x) / 0.0022) ** 2)) * smoothstep(0.798, 0.808, up) * (1 - smoothstep(0.828, 0.842, up))
    )
    brow = np.zeros_like(up)
    for height in (0.924, 0.934, 0.944):
        brow += np.exp(-(((up - height - 0.06 * across**2 * 10) / 0.0011) ** 2)) * (across < 0.042)
    crow = (
        np.exp(-(((across - 0.058) / 0.006) ** 2))
        * (0.5 + 0.5 * np.cos((up - 0.879) * 900))
        * (np.abs(up - 0.878) < 0.011)
    )
    bag = np.exp(-(((up - 0.861 + 3 * (across - 0.032) ** 2 * 4) / 0.0013) ** 2)) * (np.abs(across - 0.032) < 0.015)
    frown = np.exp(-(((across - 0.006) / 0.0011) ** 2)) * (np.abs(up - 0.908) < 0.007)
    return depth * front * (0.26 * fold + 0.16 * brow + 0.14 * crow + 0.18 * bag + 0.16 * frown)


def _brows(panel: Panel, colour: Map, look: Look, rng: np.random.Generator) -> None:
    shift, arch, thick, tilt, length, density = look.brow
    along = (np.abs(panel.x) - np.float32(look.brow_gap)) / np.float32(length)
    inside = np.clip(along, 0, 1)
    middle = 0.9035 + shift + arch * np.sin(np.pi * 0.75 * inside) + tilt * inside
    width = thick * (1 - 0.55 * inside)
    across = (panel.z - middle) / width
    share = np.exp(-1.2 * across * across) * smoothstep(-0.08, 0.06, along) * (1 - smoothstep(0.85, 1.1, along))
    share *= (panel.y < -0.085) * (1 + 0.4 * noise(rng, panel.shape, 2.2))
    hair = np.array(look.hair.colour) * 0.8
    blend(colour, np.clip(share * density, 0, 0.93), hair if hair.mean() < 0.45 else hair * 0.7)


def _beard(panel: Panel, colour: Map, gloss: Map, look: Look, rng: np.random.Generator) -> None:
    if max(look.beard, look.moustache, look.stubble) <= 0:
        return
    across = np.abs(panel.x)
    jaw = 1 - smoothstep(0.797, 0.822, panel.z - 0.55 * np.clip(across - 0.028, 0, 1))
    jaw *= smoothstep(0.735, 0.757, panel.z) * (panel.y < -0.045) * (1 - panel.masks["lips"])
    jaw *= 1 - np.exp(-((across / 0.016) ** 2 + ((panel.z - 0.8) / 0.006) ** 2))
    above = (
        np.exp(-(((panel.z - 0.8225 + 0.25 * across) / 0.0048) ** 2))
        * (1 - smoothstep(0.026, 0.034, across))
        * (panel.y < -0.135)
    )
    above *= 1 - panel.masks["lips"]
    rough = 0.75 + 0.3 * noise(rng, panel.shape, 2.2) + 0.15 * noise(rng, panel.shape, 9)
    share = np.clip((jaw * look.beard + above * look.moustache) * rough, 0, 0.93)
    share = np.maximum(share, 0.3 * look.stubble * np.clip(jaw + above, 0, 1))
    blend(colour, share, np.array(look.hair.colour) * 0.85)
    gloss *= 1 - 0.6 * share


def _scalp(panel: Panel, colour: Map, gloss: Map, look: Look, rng: np.random.Generator) -> None:
    """Paints the hair that lies on the head."""
    if look.hair.kind == "bald":
        return
    depth = hair_depth(panel.x, panel.y, panel.z, look)
    depth = depth + 0.0022 * noise(rng, panel.shape, 7) + 0.0016 * noise(rng, panel.shape, 2.2)
    share = smoothstep(-0.006, 0.007, depth) * (panel.z > 0.74) * (1 - smoothstep(0.3, 0.7, panel.masks["ears"]))
    if look.hair.kind == "buzz":
        share *= 0.72
    around = np.arctan2(panel.x - look.hair.parting, -(panel.y + 0.03))
    fine = 1.6 if look.hair.kind in ("curly", "afro") else 2.6
    streak = 0.5 * np.sin(around * 75 + 3 * noise(rng, panel.shape, 30)) + 0.6 * noise(rng, panel.shape, fine)
    shade = np.float32(0.24) if look.hair.kind in ("curly", "afro") else np.float32(0.17)
    hair = np.asarray(look.hair.colour, np.float32) * (1 + shade * streak)[..., None]
    if look.hair.kind in ("side", "long", "bob"):
        line = np.exp(-(((panel.x - look.hair.parting) / 0.0016) ** 2)) * (panel.z > 0.95) * (panel.y < 0.02)
        hair += (0.55 * line)[..., None] * (np.asarray(look.skin, np.float32) - hair)
    blend(colour, share, hair)
    gloss += share * (_HAIR_GLOSS - gloss)


def _clothes(panel: Panel, texture: Map, outfit: Outfit, rng: np.random.Generator) -> None:
    """Paints top and trousers over the panel's part of the texture, `[h, w, 4]`, in light."""
    depth = cloth_depth(panel.x, panel.y, panel.z, outfit)
    share = smoothstep(-0.0012, 0.0012, depth) * (1 - panel.masks["inside-mouth"])
    share[~panel.covered] = 0
    main, second, lower = (np.array(c, np.float32) for c in outfit.colours)
    phase = 2 * np.pi / outfit.period
    stripes = {
        1: np.sin(panel.z * phase) > 0.2,
        2: (np.sin(panel.z * phase) > 0) ^ (np.sin(panel.x * phase) > 0),
        3: (np.hypot(panel.x, (panel.z - 0.5) * 1.2) < 0.075) & (panel.y < 0) & (np.sin(panel.x * phase * 2) > -0.3),
        4: panel.z > 0.56,
        5: np.sin(panel.x * phase) > 0.2,
    }.get(outfit.pattern)
    cloth = np.empty((*panel.shape, 3), np.float32)
    cloth[...] = main
    if stripes is not None:
        cloth[stripes] = second
    hem = (depth < 0.014) & (depth > 0)
    cloth[hem] = cloth[hem] * np.float32(0.82)
    if outfit.top == "shirt":
        buttons = (np.abs(panel.x) < 0.0022) & (panel.y < 0)
        cloth[buttons] = cloth[buttons] * np.float32(0.6)
    cloth[(panel.z < 0.2) & (np.abs(panel.x) < 0.3)] = lower * np.float32(0.6)
    weave = (
        1
        + 0.05 * noise(rng, panel.shape, 12)
        + 0.05 * noise(rng, panel.shape, 1.5)
        + 0.06 * noise(rng, panel.shape, 30, 2)
    )
    dim(cloth, weave - 1)
    to_light(cloth)
    blend(texture[..., :3], share, cloth)
    texture[..., 3] += share * (_CLOTH_GLOSS - texture[..., 3])


def _eye(texture: Map, look: Look) -> None:
    """Paints the eyeball's front: white, iris, pupil."""
    left, top, side = EYE_PANEL
    place = ((np.arange(side, dtype=np.float32) + 0.5) / side - 0.5) * EYE_SPAN_M
    x, y = np.meshgrid(place, place)
    radius, turn = np.hypot(x, y), np.arctan2(y, x)
    colour = np.empty((side, side, 3), np.float32)
    colour[...] = (0.8, 0.77, 0.75)
    colour *= (1 - 0.28 * smoothstep(0.0065, 0.014, radius))[..., None]
    blend(colour, 0.35 * smoothstep(0.009, 0.015, radius), (0.75, 0.45, 0.42))
    iris = np.asarray(look.iris, np.float32) * (1 + 0.3 * np.sin(turn * 23) * np.sin(turn * 7 + 1))[..., None]
    iris *= (1.15 - 0.75 * smoothstep(0.0042, 0.0062, radius))[..., None]
    share = 1 - smoothstep(0.0057, 0.0063, radius)
    colour += share[..., None] * (iris - colour)
    blend(colour, 1 - smoothstep(0.0021, 0.0026, radius), (0.03, 0.03, 0.03))
    colour *= (1 - 0.45 * smoothstep(0.001, 0.0075, -y))[..., None]
    blend(colour, 0.9 * (1 - smoothstep(0.0007, 0.0013, np.hypot(x - 0.0017, (y + 0.0021) * 0.8))), (1.0, 1.0, 1.0))
    texture[top : top + side, left : left + side, :3] = colour
    texture[top : top + side, left : left + side, 3] = 1.0


def _strands(texture: Map, look: Look, rng: np.random.Generator) -> None:
    """Paints the panel of hair strands, which run downwards."""
    left, top, width, height = HAIR_PANEL
    fine = noise(rng, (height, width), 1.6, 40) + 0.7 * noise(rng, (height, width), 5, 30)
    colour = np.asarray(look.hair.colour, np.float32) * (1 + 0.2 * fine)[..., None]
    texture[top : top + height, left : left + width, :3] = colour
    texture[top : top + height, left : left + width, 3] = _HAIR_GLOSS
