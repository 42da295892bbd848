"""The average face as a teacher of `hw-anon distil`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hw_anon.cli.photographs import Photographs, join_photographs, read_photographs
from hw_anon.console.output import progress, status

__all__ = ["AVERAGE", "Drawn", "DrawnOptions", "draw_teacher"]

AVERAGE = "average"
"""The teacher that is no network."""
_PURPOSE = "modifier for the chip, taught to draw nobody's face: the mean of many people in the same pose"
_KEYED = ", another one under every key"


@dataclass(frozen=True, kw_only=True, slots=True)
class DrawnOptions:
    """What the average face is to be."""

    covered: int = 0
    """Near-face actions of each person whose faces are learned beside the portraits, things left alone."""
    key_channels: int = 0
    """Bytes of a key under which the face changes; 0: it never does."""
    cache: Path | None = None
    """Where covered faces are kept; needed for them."""
    photographs: Photographs | None = None
    """Photographs of people that are learned from as well."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Drawn:
    """A drawn teacher for training and one for people never seen, with the pictures that they answer to."""

    train: Any
    """`quant.distil_lessons.DrawnTeacher`."""
    taught: Any
    """Its pictures: a `FaceBank`."""
    test: Any
    """The other's; its pictures are the held-out portraits."""
    record: dict[str, Any]
    """What a student's record says of the teacher."""


def draw_teacher(portraits: Any, held_out: Any, people: Path, options: DrawnOptions) -> Drawn:
    """Draws the average face of the training people over the faces of both banks.

    Args:
        portraits: training people.
        held_out: others.
        people: the synthetic set.
        options: see there.
    """
    from hw_anon.core.hashing import sha256_bytes
    from hw_anon.train.average_face import AverageFace
    from hw_anon.train.keyed_face import KeyedFace, KeyedFaceConfig
    from quant.distil_lessons import DrawnTeacher

    with status("drawing the average face"):
        average, keyed = AverageFace(portraits), None
        if options.key_channels:
            keyed = KeyedFace(portraits, average, KeyedFaceConfig(channels=options.key_channels))
        train = DrawnTeacher(answers=average.draw(portraits), keyed=keyed)
        test = DrawnTeacher(answers=average.draw(held_out), keyed=keyed)
    purpose = _PURPOSE + (_KEYED if keyed is not None else "")
    record: dict[str, Any] = {"purpose": purpose, "name": AVERAGE, "average_face": average.config.to_dict()}
    parts = [sha256_bytes(train.answers.numpy().tobytes())]
    if keyed is not None:
        record["keyed_face"] = keyed.config.to_dict()
        parts.append(keyed.sha256())
    taught = portraits
    if options.covered:
        taught, train = _with_covered(average, portraits, train, people, options)
        record["covered_actions_a_person"] = options.covered
    if options.photographs is not None:
        real, record["photographs"] = read_photographs(options.photographs)
        with status("drawing the average face over photographs"):
            taught, train = join_photographs(average, taught, train, real, options.photographs.share)
        parts.append(repr(sorted(record["photographs"].items())))
    record["sha256"] = parts[0] if len(parts) == 1 else sha256_bytes("\n".join(parts).encode())
    return Drawn(train=train, taught=taught, test=test, record=record)


def _with_covered(average: Any, portraits: Any, teacher: Any, people: Path, options: DrawnOptions) -> tuple[Any, Any]:
    """Returns portraits and covered faces in one bank, and the teacher of both."""
    import torch

    from hw_anon.data.banks import FaceBank
    from hw_anon.data.covered_bank import covered_bank
    from hw_anon.data.synthetic.plan import SynthesisConfig
    from hw_anon.data.synthetic.sets import read_recipe

    assert options.cache is not None, "given with the number of actions"
    config = SynthesisConfig.from_dict(read_recipe(people)["settings"])
    with progress() as bar:
        task = bar.add_task("covered faces")
        covered = covered_bank(
            config,
            "train",
            rounds=options.covered,
            size=portraits.pictures.shape[-1],
            cache=options.cache,
            on_progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    with status("drawing the average face behind what covers faces"):
        drawn = average.draw(replace(covered.faces, pictures=covered.bare)).float()
        share = covered.covers.float() / 255.0
        answers = (drawn + share * (covered.faces.pictures.float() - drawn)).round().byte()
    names = ("pictures", "boxes", "landmarks", "labels")
    joined = {name: torch.cat([getattr(portraits, name), getattr(covered.faces, name)]) for name in names}
    nothing = torch.zeros_like(portraits.pictures[:, :1])
    bank = FaceBank(**joined, people=max(portraits.people, covered.faces.people))
    return bank, replace(
        teacher,
        answers=torch.cat([teacher.answers, answers]),
        covers=torch.cat([nothing, covered.covers]),
    )
