"""What a student is shown at each step, and what it should answer.

A teacher is a network that is asked, or drawn beforehand: a picture with the answer to each picture. Drawn teachers may
know what covers a face in a picture, and may answer another way under every key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch
from torch import Tensor

from hw_anon.core.errors import ContractError
from hw_anon.data.banks import FaceBank
from hw_anon.train.batches import NO_JITTER, FaceBatch, Jitter, cut_faces, draw, draw_nothing, soften, step_generator
from hw_anon.train.keyed_face import KeyedFace
from hw_anon.train.keys import append_keys, draw_keys
from hw_anon.train.mouths import open_mouths
from hw_anon.train.occlude import occlude
from quant.distil_losses import Lesson
from quant.distil_recipe import DistilRecipe
from quant.modifier import ModifierConfig

__all__ = ["DrawnTeacher", "Teacher", "draw_lesson", "examples"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DrawnTeacher:
    """Answers that were drawn beforehand, one for each picture of a bank."""

    answers: Tensor
    """`[P, 3, H, W]` uint8: what should be answered without a key."""
    covers: Tensor | None = None
    """`[P, 1, H, W]` uint8: how much of each pixel something covers that the answer leaves alone; `None`: nothing."""
    keyed: KeyedFace | None = None
    """What a key adds to the answers; `None`: nothing."""

    def require_of(self, faces: FaceBank) -> None:
        """Checks that the answers are to pictures of a bank.

        Raises:
            ContractError: if there is not one of the same size for each picture.
        """
        count, _, *size = faces.pictures.shape
        wrong = self.answers.shape != faces.pictures.shape
        if wrong or (self.covers is not None and list(self.covers.shape) != [count, 1, *size]):
            raise ContractError(f"answers {list(self.answers.shape)} to {count} pictures of {size}: one for each")


Teacher: TypeAlias = Callable[[Tensor], Tensor] | DrawnTeacher
"""`[N, 3, S, S]` 0..1 to the same, without a key; or drawn."""


def draw_lesson(recipe: DistilRecipe, teacher: Teacher, faces: FaceBank, config: ModifierConfig, step: int) -> Lesson:
    """Returns what is learned in one step, the same whenever it is asked.

    Args:
        recipe: batch, jitter, things, noise and seed.
        teacher: whose answers are learned.
        faces: the pictures, on the recipe's device.
        config: the student's size of crops and its key.
        step: which step.

    Raises:
        ContractError: if a drawn teacher's answers are to other pictures.
    """
    generator = step_generator(recipe.seed, step, "distil")
    indices = torch.randint(len(faces), (recipe.batch,), generator=generator)
    uniform = draw(recipe.batch, generator, recipe.jitter)
    batch, answer, own = _cut(teacher, faces, indices, config.input_size, recipe.jitter, uniform)
    painting = step_generator(recipe.seed, step, "mouths")
    faces_seen = open_mouths(batch.images, batch.landmarks, own, recipe.mouths, painting)
    covered = occlude(faces_seen, recipe.occlude, generator)
    keys = draw_keys(recipe.batch, config.key_channels, generator)
    seen = _through_lens(covered.images, batch.softness, recipe, generator)
    answer = _under_keys(teacher, answer, batch, own, keys)
    return Lesson(
        seen=append_keys(seen, keys.to(seen.device)),
        target=answer + covered.cover * (covered.images - answer),
        cover=torch.maximum(covered.cover, own),
        held=own * (1.0 - covered.cover),
        landmarks=batch.landmarks,
    )


@torch.no_grad()
def examples(teacher: Teacher, faces: FaceBank, indices: Tensor, config: ModifierConfig) -> tuple[Tensor, Tensor]:
    """Returns faces as they are in whole levels with keys behind them, `[N, 3 + K, S, S]`, and their answers.

    Args:
        teacher: who answers, on the CPU.
        faces: the pictures, on the CPU.
        indices: `[N]` which of them.
        config: the student's size of crops and its key.
    """
    keys = draw_keys(len(indices), config.key_channels, step_generator(0, 0, "metrics"))
    none = draw_nothing(len(indices))
    batch, answer, own = _cut(teacher, faces, indices, config.input_size, NO_JITTER, none)
    images = (batch.images * 255.0).round() / 255.0
    return append_keys(images, keys), _under_keys(teacher, answer, batch, own, keys)


@torch.no_grad()
def _cut(
    teacher: Teacher, faces: FaceBank, indices: Tensor, size: int, jitter: Jitter, uniform: Tensor
) -> tuple[FaceBatch, Tensor, Tensor]:
    """Cuts faces with the answers to them; also returns how much of each pixel is covered, `[N, 1, S, S]`."""
    nothing = torch.zeros(len(indices), 1, size, size, device=faces.pictures.device)
    if not isinstance(teacher, DrawnTeacher):
        batch = cut_faces(faces, indices, size, jitter, uniform)
        return batch, teacher(batch.images).float(), nothing
    teacher.require_of(faces)
    pictures = torch.cat([faces.pictures[indices], teacher.answers[indices].to(faces.pictures.device)], 1)
    chosen, order = _some(faces, indices, pictures), torch.arange(len(indices))
    both = cut_faces(chosen, order, size, jitter, uniform)
    batch = replace(both, images=both.images[:, :3])
    if teacher.covers is None:
        return batch, both.images[:, 3:], nothing
    unlit = replace(jitter, grey=0.0, brightness=0.0, contrast=0.0, colour=0.0)
    covers = teacher.covers[indices].to(faces.pictures.device).expand(-1, 3, -1, -1)
    own = cut_faces(_some(faces, indices, covers), order, size, unlit, uniform).images[:, :1]
    return batch, both.images[:, 3:], own


def _some(faces: FaceBank, indices: Tensor, pictures: Tensor) -> FaceBank:
    """Returns some of a bank's faces with other pictures."""
    return replace(
        faces,
        pictures=pictures,
        boxes=faces.boxes[indices],
        landmarks=faces.landmarks[indices],
        labels=faces.labels[indices],
    )


def _under_keys(teacher: Teacher, answer: Tensor, batch: FaceBatch, own: Tensor, keys: Tensor) -> Tensor:
    """Returns answers under keys; what is covered stays as it is."""
    if not isinstance(teacher, DrawnTeacher) or teacher.keyed is None or not keys.shape[1]:
        return answer
    keyed = teacher.keyed.add(answer, keys, batch.landmarks)
    return keyed + own * (batch.images - keyed)


def _through_lens(images: Tensor, softness: Tensor, recipe: DistilRecipe, generator: torch.Generator) -> Tensor:
    """Returns crops as a camera may give them: out of focus, with noise, in whole levels."""
    if recipe.jitter.soften:
        images = soften(images, softness)
    if recipe.noise:
        strength = recipe.noise * torch.rand(len(images), 1, 1, 1, generator=generator)
        images = images + (strength * torch.randn(images.shape, generator=generator)).to(images.device)
    return (images.clamp(0.0, 1.0) * 255.0).round() / 255.0
