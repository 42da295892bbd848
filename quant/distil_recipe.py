"""What a distillation is to train, and how."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from hw_anon.core.config import Config, require_range
from hw_anon.core.errors import ConfigError
from hw_anon.train.batches import Jitter
from quant.distil_actions import ActionTerms
from quant.distil_losses import NO_TERMS, DistilTerms
from quant.modifier import ModifierConfig
from quant.zoo import network_config

__all__ = ["CAMERA_JITTER", "DistilRecipe"]

_JITTER = Jitter(scale=0.25, grey=0.35, brightness=0.2, contrast=0.35, colour=0.2)
CAMERA_JITTER = Jitter(
    scale=0.22,
    shift=0.06,
    grey=0.35,
    brightness=0.2,
    contrast=0.35,
    colour=0.2,
    box_shift=0.06,
    box_scale=0.12,
    soften=0.5,
)
"""As the regions of a detector err, and as lenses do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DistilRecipe(Config):
    """A distillation; equal recipes, teachers and data on the same machine give equal weights."""

    net: str
    """Name of a modifier of the zoo, or a directory with weights, whose configuration is taken."""
    start: Path | None = None
    """Weights to start from, a directory; random weights if not given."""
    steps: int = 4000
    """Optimiser steps of all stages."""
    key_channels: int = 0
    """Key channels of the student, in place of the network's own if not 0."""
    own_bits: int | None = None
    """Bits of the last stage in place of the network's own, 2 to 8."""
    quantised: bool = True
    """Whether the student rounds; without, it is the float twin of such a network (`quant.float_twin`)."""
    bits: tuple[int, ...] = (8, 6)
    """Bits of the stages before the network's own precision, which takes half of the steps; none: all of them."""
    batch: int = 32
    """Faces a step."""
    learning_rate: float = 4e-3
    """Peak learning rate of Adam in every stage; it falls to 0 along half a cosine."""
    edge_weight: float = 1.0
    """Weight of the L1 distance between image gradients, beside that between images."""
    terms: DistilTerms = NO_TERMS
    """What else is minimised."""
    actions: ActionTerms | None = None
    """What an action detector says of frames; `None`: none watches."""
    recogniser_share: float = 0.0
    """Last share of the last stage in which a recogniser takes part, if `terms` has one."""
    occlude: float = 0.4
    """Share of the faces with a thing before them."""
    mouths: float = 0.0
    """Share of the faces whose mouth is painted open, teeth and all; the answer does not change."""
    frozen_share: float = 0.3
    """Last share of the last stage with batch-norm statistics frozen, as the chip has them."""
    jitter: Jitter = _JITTER
    """How faces are varied; `soften` blurs what the student sees."""
    noise: float = 0.0
    """Largest standard deviation of the noise on what the student sees, in parts of the range."""
    quick: bool = False
    """Whether steps before the frozen ones compute in bfloat16 (`quant.quick`), compiled: for CPUs that multiply it. A
    float twin computes in float32 all along."""
    checkpoint_every: int = 200
    """Steps between checkpoints."""
    seed: int = 0
    """Seed of weights, order, jitter and keys."""
    device: str = "cpu"
    """Torch device the run used."""

    def __post_init__(self) -> None:
        require_range(self, "steps", 1, None)
        require_range(self, "batch", 2, None)
        require_range(self, "learning_rate", 1e-9, 1.0)
        require_range(self, "edge_weight", 0.0, None)
        require_range(self, "occlude", 0.0, 1.0)
        require_range(self, "mouths", 0.0, 1.0)
        require_range(self, "noise", 0.0, 1.0)
        require_range(self, "frozen_share", 0.0, 1.0)
        require_range(self, "recogniser_share", 0.0, 1.0)
        require_range(self, "checkpoint_every", 1, None)
        if any(not 2 <= bits <= 8 for bits in (*self.bits, self.own_bits or 8)):
            raise ConfigError(f"DistilRecipe: bits {self.bits}, own_bits {self.own_bits}: allowed range is 2 to 8")
        if not self.quantised and (self.bits or self.own_bits or self.key_channels):
            raise ConfigError("DistilRecipe: a float twin has no stages of bits and no key")
        if self.actions is not None and self.key_channels:
            raise ConfigError("DistilRecipe: actions are watched behind a student without a key only")

    @property
    def student(self) -> ModifierConfig:
        """The student's configuration."""
        config = network_config(self.net)
        config = replace(config, key_channels=self.key_channels or config.key_channels)
        return config if self.own_bits is None else config.at_bits(self.own_bits)

    def stages(self, config: ModifierConfig) -> list[tuple[int, ModifierConfig]]:
        """Returns the first step of each stage and the network in it."""
        early = self.steps // 2 if self.bits else 0
        firsts = [early * i // len(self.bits) for i in range(len(self.bits))] + [early]
        return list(zip(firsts, [*(config.at_bits(bits) for bits in self.bits), config], strict=True))
