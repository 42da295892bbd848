"""Photographs of people beside the rendered portraits that `hw-anon distil --teacher average` learns from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from hw_anon.console.output import progress
from hw_anon.core.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

    from hw_anon.data.banks import FaceBank
    from quant.distil_lessons import DrawnTeacher

__all__ = ["Draws", "Photographs", "join_photographs", "read_photographs"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Photographs:
    """Which photographs, and how often they are shown."""

    people: str
    """A set of `data.people_sources`; everybody in it is learned from."""
    share: float
    """Share of the faces of training that are photographs, above 0, below 1: few are shown often."""
    work: Path
    """Directory of downloads and of the faces that were found."""
    size: int
    """Side of a picture in memory, pixels."""
    threads: int = 1
    """Threads that decode."""

    def __post_init__(self) -> None:
        if not 0.0 < self.share < 1.0:
            raise ConfigError(f"--photograph-share {self.share}: allowed range is above 0, below 1")


class Draws(Protocol):
    """What draws answers over faces, `train.average_face.AverageFace`."""

    def draw(self, bank: FaceBank) -> Tensor:
        """Returns the bank's pictures with the faces replaced, `[N, 3, P, P]` uint8."""


def read_photographs(wanted: Photographs) -> tuple[FaceBank, dict[str, Any]]:
    """Finds faces in photographs and decodes them; also returns what they are, for records.

    Raises:
        ConfigError: if there is no such set.
        ContractError: if a picture is damaged, or none has a face.
        ToolError: if a package is missing that finds faces.
    """
    from hw_anon.data.bank_loading import load_face_bank
    from hw_anon.data.people_sources import RealPeople, open_people_source

    options = RealPeople(face_boxes=wanted.work / "face-boxes", downloads=wanted.work / "downloads")
    source = open_people_source(wanted.people, options)
    parts = list(source.parts.values())
    indices = sorted(index for part in parts for index in part.indices)
    with progress() as bar:
        task = bar.add_task("photographs", total=len(indices))
        bank = load_face_bank(
            parts[0].identities,
            parts[0].face,
            wanted.size,
            indices=indices,
            threads=wanted.threads,
            on_progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    described = {
        "title": source.title,
        "people": bank.people,
        "pictures": len(bank),
        "share": wanted.share,
        "content": bank.content_hash(),
    }
    return bank, described


def join_photographs(
    average: Draws, faces: FaceBank, teacher: DrawnTeacher, photographs: FaceBank, share: float
) -> tuple[FaceBank, DrawnTeacher]:
    """Returns faces and photographs in one bank, and the teacher of both.

    Nothing is known of what covers a face in a photograph. The answer to a grey one is grey, like the camera that took
    it; every other time that it is shown both are tinted, as skin under some light.

    Args:
        average: draws the answers.
        faces: what is learned already.
        teacher: its answers.
        photographs: pictures of the same size.
        share: how much of the joined bank they are to be; each is in it a whole number of times, at least once.
    """
    import torch
    from torchvision.transforms.functional import rgb_to_grayscale

    answers = average.draw(photographs)
    grey = (photographs.pictures == photographs.pictures[:, :1]).flatten(1).all(1)
    answers[grey] = rgb_to_grayscale(answers[grey], 3)
    times = max(1, round(share / (1.0 - share) * len(faces) / len(photographs)))
    order = torch.arange(len(photographs)).repeat(times)
    both = torch.cat([photographs.pictures, answers], 1)[order]
    tinted = grey[order] & (torch.arange(len(order)) // len(photographs) % 2 == 1)
    both[tinted] = _tinted(both[tinted])
    shown = {"boxes": photographs.boxes, "landmarks": photographs.landmarks}
    shown = {name: values[order] for name, values in shown.items()}
    shown |= {"pictures": both[:, :3], "labels": photographs.labels[order] + faces.people}
    joined = {name: torch.cat([getattr(faces, name), values]) for name, values in shown.items()}
    covers = teacher.covers
    if covers is not None:
        covers = torch.cat([covers, torch.zeros_like(both[:, :1])])
    bank = replace(faces, **joined, people=faces.people + photographs.people)
    return bank, replace(teacher, answers=torch.cat([teacher.answers, both[:, 3:]]), covers=covers)


def _tinted(pictures: Tensor) -> Tensor:
    """Gives grey pictures the colours of skin, from pale to red and yellow, `[N, 6, P, P]` uint8 to the same."""
    import torch

    uniform = torch.rand(len(pictures), 1, 3, 1, 1, generator=torch.Generator().manual_seed(0))
    red, blue = 1.02 + 0.25 * uniform[:, :, 0], 0.95 - 0.35 * uniform[:, :, 1]
    green = blue + (red - blue) * (0.3 + 0.3 * uniform[:, :, 2])
    gains = torch.stack([red, green, blue], 2)
    levels = pictures.unflatten(1, (2, 3)).float() * gains
    return levels.flatten(1, 2).round().clamp(0.0, 255.0).byte()
