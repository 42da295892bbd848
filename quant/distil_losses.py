"""What a student of `quant.distil` minimises: distance to its target, and what is left of the person in its answers.

- *Pixels*: L1 between images and between their gradients; where the target differs from the original, or something
  covers the face, more.
- *Leak*: how far an error points from the target back to the original. Of two answers equally far from the target the
  one that errs towards the person gives more away.
- *Likeness*: a recogniser's word (SFace, differentiable): how unlike the target the answer is, and how like the person,
  beyond what every face has of the mean face.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from hw_anon.core.config import Config, require_range
from hw_anon.data.banks import FaceBank
from hw_anon.data.weights import SFACE
from hw_anon.nets.align import align_faces
from hw_anon.nets.sface import SFACE_SIDE
from hw_anon.nets.sface_file import load_sface
from hw_anon.train.batches import NO_JITTER, cut_faces, draw_nothing, soften, step_generator

__all__ = ["HIDING", "NO_TERMS", "DistilTerms", "Lesson", "Recogniser", "pixel_loss"]

_WINDOW = 8  # pixels on each side of a patch whose leak is measured
_FAINT = 2e-3  # of a patch's squared difference: below it there is little to leak
_FULL_FOCUS = 0.125  # difference between target and original that counts in full
_MEAN_OF = 192  # pictures that the mean face is the mean of
_CHUNK = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class DistilTerms(Config):
    """Weights of what a student minimises beside the L1 distance to its target; all 0: nothing."""

    focus: float = 0.0
    """How much more a pixel weighs where the target differs from the original."""
    things: float = 0.0
    """How much more a pixel weighs that a hand or a held thing covers."""
    leak: float = 0.0
    """Weight of errors that point back to the original."""
    target_likeness: float = 0.0
    """Weight of 1 minus the cosine between SFace's features of answer and target."""
    own_likeness: float = 0.0
    """Weight of the cosine between its features of answer and original, both without the mean face's; at least 0."""
    faces: int = 8
    """Faces of a batch that SFace looks at."""
    softness: float = 0.8
    """SFace looks through a blur of random strength, up to this."""

    def __post_init__(self) -> None:
        for field in ("focus", "things", "leak", "target_likeness", "own_likeness"):
            require_range(self, field, 0.0, None)
        require_range(self, "faces", 1, None)
        require_range(self, "softness", 0.0, 1.0)

    @property
    def recogniser(self) -> bool:
        """Whether a recogniser takes part."""
        return self.target_likeness + self.own_likeness > 0


NO_TERMS = DistilTerms()
"""Distance to the target alone."""
HIDING = DistilTerms(focus=3.0, leak=0.25, target_likeness=0.2, own_likeness=0.4)
"""As the shipped student of the average face was taught."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Lesson:
    """A batch of crops and what should be answered to them."""

    seen: Tensor
    """`[N, 3 + key, S, S]` 0..1: what the student sees."""
    target: Tensor
    """`[N, 3, S, S]` 0..1: what it should answer."""
    cover: Tensor
    """`[N, 1, S, S]` 0..1: how much of each pixel a thing covers."""
    held: Tensor
    """`[N, 1, S, S]` 0..1: how much of each pixel a hand or what it holds covers; what is only drawn there does not
    count: it may as well be teeth."""
    landmarks: Tensor
    """`[N, 5, 2]` in pixels of the crop."""


def pixel_loss(answer: Tensor, lesson: Lesson, edge_weight: float, terms: DistilTerms) -> Tensor:
    """Returns pixels and leak, `[]`.

    Args:
        answer: `[N, 3, S, S]`, clipped or not.
        lesson: what it is an answer to.
        edge_weight: of the distance between image gradients.
        terms: the other weights.
    """
    original, target = lesson.seen[:, :3], lesson.target
    error = answer - target
    edges = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
    weight = 1.0 + terms.focus * ((target - original).abs().mean(1, keepdim=True) / _FULL_FOCUS).clamp(max=1.0)
    weight = weight + terms.things * lesson.held
    loss = (error.abs() * (weight / weight.mean())).mean() + edge_weight * edges
    if not terms.leak:
        return loss
    uncovered = 1.0 - lesson.cover
    back, wrong = (original - target) * uncovered, error * uncovered
    along = F.avg_pool2d((wrong * back).sum(1, keepdim=True), _WINDOW)
    whole = F.avg_pool2d(back.square().sum(1, keepdim=True), _WINDOW)
    return loss + terms.leak * (along.abs() / (whole + _FAINT)).mean()


class Recogniser:
    """SFace, and the mean of its features."""

    def __init__(self, faces: FaceBank, size: int) -> None:
        """Loads SFace and shows it some faces.

        Args:
            faces: training people, on the device where it is to compute.
            size: side of crops.

        Raises:
            ToolError: if the package that ships SFace is missing.
        """
        self._device = faces.pictures.device
        network = load_sface(SFACE.find()).requires_grad_(False).to(self._device)
        self._network = network.to(memory_format=torch.channels_last)
        chosen = torch.randint(len(faces), (_MEAN_OF,), generator=step_generator(0, 0, "mean face"))
        features = []
        with torch.no_grad():
            for part in chosen.split(_CHUNK):
                cut = cut_faces(faces, part, size, NO_JITTER, draw_nothing(len(part)))
                features.append(self._features(cut.images[:, :3], cut.landmarks, torch.zeros_like(cut.softness)))
        self._mean = torch.cat(features).mean(0)

    def _features(self, images: Tensor, landmarks: Tensor, softness: Tensor) -> Tensor:
        """Returns features of unit length, `[N, 128]` float32, computed in bfloat16."""
        aligned = align_faces(soften(images, softness), landmarks, height=SFACE_SIDE, width=SFACE_SIDE)
        with torch.autocast(self._device.type, dtype=torch.bfloat16):
            features: Tensor = self._network(aligned.contiguous(memory_format=torch.channels_last))
        return F.normalize(features.float(), dim=1)

    def loss(self, answer: Tensor, lesson: Lesson, terms: DistilTerms, generator: torch.Generator) -> Tensor:
        """Returns the weighted likeness of the first faces of a batch, `[]`."""
        few = slice(0, terms.faces)
        landmarks, original = lesson.landmarks[few], lesson.seen[few, :3]
        softness = (terms.softness * torch.rand(len(landmarks), generator=generator)).to(self._device)
        given = self._features(answer[few].clamp(0.0, 1.0), landmarks, softness)
        with torch.no_grad():
            own, wanted = (self._features(x, landmarks, softness) for x in (original, lesson.target[few]))
        apart = (1.0 - (given * wanted).sum(1)).mean()
        person = F.normalize(own - self._mean, dim=1)
        like = ((given - self._mean) * person).sum(1).clamp_min(0.0).mean()
        return terms.target_likeness * apart + terms.own_likeness * like
