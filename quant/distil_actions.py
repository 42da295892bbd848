"""Actions in a distillation: an action detector that never saw a modified face watches what the student leaves.

A teacher says whose face to draw, and nothing of what people do with their hands at it. So every so many steps the
student also replaces the faces of whole frames, by the differentiable video path, and learns from the detector's losses
(equation (1)) and from what the detector's features lose where faces are. The detector itself learns nothing: what it
is to read is what it read before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hw_anon.core.config import Config, require_range
from hw_anon.core.errors import ContractError
from hw_anon.core.hashing import sha256_bytes
from hw_anon.data.banks import FrameBank
from hw_anon.losses.detection import detection_loss
from hw_anon.nets.action import ActionDetector
from hw_anon.nets.video_path import anonymise_frames
from hw_anon.train.batches import FrameBatch, Jitter, Shuffled, draw, pick_frames, step_generator, step_seed
from hw_anon.train.players import frozen
from hw_anon.train.sampling import install_samplers, seed_frames
from hw_anon.train.terms import lost_features

__all__ = ["ActionTerms", "ActionWatch", "held_batch_norms"]

_JITTER = Jitter(box_shift=0.06, box_scale=0.12)  # as the regions of a detector err, see `CAMERA_JITTER`


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionTerms(Config):
    """How much actions count, and how often they are looked at."""

    every: int = 4
    """Every so-manieth step."""
    frames: int = 8
    """Frames in such a step."""
    detection: float = 0.5
    """Weight of the detector's losses."""
    features: float = 0.5
    """Weight of the distance between its features of modified and of clear frames, where faces are."""

    def __post_init__(self) -> None:
        require_range(self, "every", 1, None)
        require_range(self, "frames", 1, None)
        require_range(self, "detection", 0.0, None)
        require_range(self, "features", 0.0, None)


class ActionWatch:
    """Frames of people at their actions, and who watches them."""

    def __init__(self, frames: FrameBank, detector: ActionDetector, terms: ActionTerms, *, seed: int) -> None:
        """Takes the frames in which a face is visible.

        Args:
            frames: of training clips.
            detector: trained on clear frames; it is not changed but for its samplers, which follow seeds here.
            terms: weights.
            seed: seed of order, light and samples.

        Raises:
            ContractError: if no frame has a face.
        """
        shown = [index for index, regions in enumerate(frames.regions) if regions]
        if not shown:
            raise ContractError("no frame of the clips shows a face")
        self._frames, self._detector, self._terms, self._seed = frames, detector.train(), terms, seed
        self._shown = torch.tensor(shown)
        self._order = Shuffled(len(shown), terms.frames, seed)
        install_samplers(detector)

    def origin(self) -> str:
        """Returns what tells this watch from others, for checkpoints."""
        weights = b"".join(tensor.cpu().numpy().tobytes() for tensor in self._detector.state_dict().values())
        parts = (self._frames.content_hash(), str(self._frames.regions), sha256_bytes(weights), str(self._seed))
        return sha256_bytes("\n".join((*parts, repr(self._terms))).encode())

    def due(self, step: int) -> bool:
        """Returns whether actions take part in a step."""
        return step % self._terms.every == 0

    def loss(self, modify: Callable[[Tensor], Tensor], size: int, step: int) -> Tensor:
        """Returns what M minimises of actions in a step, `[]`, weighted.

        Args:
            modify: `[N, 3, S, S]` 0..1 to the same, not clipped.
            size: S.
            step: which step; equal steps see equal frames.
        """
        terms, detector = self._terms, self._detector
        batch = self._batch(step // terms.every)

        def clipped(crops: Tensor) -> Tensor:
            return modify(crops).clamp(0.0, 1.0)

        with frozen(detector):
            shown = anonymise_frames(batch.frames, batch.regions, clipped, size=size, rounding=False)
            seed_frames(detector, batch.seeds)
            losses: Mapping[str, Tensor] = detector(shown, batch.targets)
            total = terms.detection * detection_loss(dict(losses))
            if terms.features:
                total = total + terms.features * lost_features(detector, batch, shown)
        return total

    def _batch(self, number: int) -> FrameBatch:
        generator = step_generator(self._seed, number, "actions")
        uniform = draw(self._terms.frames, generator, _JITTER)
        seeds = [step_seed(self._seed, number, f"anchors {place}") for place in range(self._terms.frames)]
        return pick_frames(self._frames, self._shown[self._order(number)], _JITTER, uniform, seeds)


@contextmanager
def held_batch_norms(net: nn.Module) -> Iterator[None]:
    """Makes batch norms take, and keep, their statistics while the block runs: a few faces of frames are no batch."""
    learning = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d) and module.training]
    for module in learning:
        module.eval()
    try:
        yield
    finally:
        for module in learning:
            module.train()
