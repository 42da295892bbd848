"""A first lesson for an action detector: its feature pyramid names actions in windows around the faces.

From scratch, a detector needs long to find out that what tells two near-face actions apart is a few pixels of a large
box (a brush or a lipstick at the mouth). In a window around the face it sees so within minutes, and what its features
learn there remains when it is trained on whole frames afterwards. The classifier on top is thrown away. The lesson
stands where the paper's detector has ImageNet weights, which nothing here downloads.

The classifier is also the measure of what anybody could read behind an anonymiser (`name_windows`): a detector that
began as the one that a modifier was trained with may see what others do not.

Order, position, size, mirroring and brightness of the windows follow from seed and step alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from hw_anon.core.config import Config, require_range
from hw_anon.core.errors import ConfigError
from hw_anon.data.banks import FrameBank
from hw_anon.nets.action import ActionDetector
from hw_anon.train.batches import Shuffled, step_generator
from hw_anon.train.detector_batches import seen_size
from hw_anon.train.schedule import set_learning_rate

__all__ = ["NamedWindows", "WindowLesson", "WindowRecipe", "learn_windows", "name_windows"]


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowRecipe(Config):
    """The lesson; all ranges are symmetric and uniform."""

    epochs: float = 8.0
    """How often every face is seen."""
    side: int = 96
    """Side of a window in pixels of the frame as the detector sees it."""
    batch: int = 32
    """Windows a step."""
    learning_rate: float = 1e-3
    """Peak learning rate; it falls along a cosine to zero."""
    warm_up: float = 0.02
    """Part of the lesson in which the learning rate rises."""
    decay: float = 1e-2
    """Weight decay (AdamW)."""
    zoom: float = 0.2
    """Largest relative change of scale."""
    shift: float = 0.15
    """Largest shift in parts of half the window's side."""
    brightness: float = 0.3
    """Largest relative change of all values."""

    def __post_init__(self) -> None:
        require_range(self, "epochs", 0.001, 10_000)
        require_range(self, "side", 16, 1024, unit="pixels")
        require_range(self, "batch", 1, 4096, unit="windows")
        require_range(self, "learning_rate", 1e-7, 1)
        require_range(self, "warm_up", 0, 0.9)
        for name in ("decay", "zoom", "shift", "brightness"):
            require_range(self, name, 0, 0.9)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class WindowLesson:
    """A lesson that is over."""

    classifier: nn.Linear
    """From the mean and the maximum of the finest map, `[2 * pyramid]`, to the actions and, last, to none."""
    loss: float
    """Mean loss of the last tenth."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class NamedWindows:
    """What was named in the windows of a bank."""

    clips: Tensor
    """`[N]` int64: the clip of each window."""
    actions: Tensor
    """`[N]` int64: its action."""
    named: Tensor
    """`[N]` int64: the action that was named."""


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """The windows of a bank, one for each face of a person whose action is known."""

    frames: Tensor  # [N] int64
    centres: Tensor  # [N, 2] float32, x and y, -1 to 1 over the frame
    labels: Tensor  # [N] int64, from 0


def learn_windows(
    detector: ActionDetector,
    recipe: WindowRecipe,
    bank: FrameBank,
    *,
    seed: int,
    rate: Callable[[float, float], float],
    on_step: Callable[[int, int, float], None] | None = None,
) -> WindowLesson:
    """Trains a detector's feature pyramid, in place, under a classifier of its own.

    Args:
        detector: the detector, on the training device; its other parts are left alone.
        recipe: the lesson.
        bank: frames with face regions; labels are 1 + action.
        seed: seed of the classifier and of the windows.
        rate: learning rate over its peak, of progress (0 to 1) and warm-up.
        on_step: called with the steps done, the steps planned and the loss.

    Raises:
        ConfigError: if the bank has no face of a person whose action is known.
    """
    places = _places(bank)
    frames = bank.frames.to(next(detector.parameters()).device)
    shuffled = Shuffled(len(places.labels), recipe.batch, seed)
    steps = max(1, round(recipe.epochs * len(places.labels) / recipe.batch))
    with torch.random.fork_rng([frames.device] if frames.is_cuda else []):
        torch.manual_seed(seed)
        head = nn.Linear(2 * detector.config.pyramid, detector.config.classes).to(frames.device)
    parameters = [p for p in (*detector.rcnn.backbone.parameters(), *head.parameters()) if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=recipe.learning_rate, weight_decay=recipe.decay)
    losses = []
    for step in range(steps):
        set_learning_rate(optimiser, recipe.learning_rate * rate(step / steps, recipe.warm_up))
        chosen = shuffled(step)
        windows = _windows(frames, places, chosen, detector, recipe, step_generator(seed, step, "windows"))
        loss = nnf.cross_entropy(_logits(detector, head, windows), places.labels[chosen].to(frames.device))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
        if on_step:
            on_step(step + 1, steps, losses[-1])
    last = losses[-max(1, steps // 10) :]
    return WindowLesson(classifier=head, loss=sum(last) / len(last))


@torch.no_grad()
def name_windows(
    detector: ActionDetector, classifier: nn.Linear, recipe: WindowRecipe, bank: FrameBank, among: Sequence[int]
) -> NamedWindows:
    """Names the actions in windows around faces, neither moved nor mirrored.

    Args:
        detector: a detector that had the lesson, on any device, in evaluation mode.
        classifier: the lesson's.
        recipe: the lesson.
        bank: other frames.
        among: actions to choose from; windows of other actions are left out.

    Raises:
        ConfigError: if the bank has no face of a person with one of these actions.
    """
    places, choices = _places(bank), torch.tensor(sorted(among))
    wanted = torch.isin(places.labels, choices).nonzero().flatten()
    if not len(wanted):
        raise ConfigError("no face of a person with one of the actions that are to be named")
    frames = bank.frames.to(next(detector.parameters()).device)
    named = []
    for chosen in wanted.split(recipe.batch):
        logits = _logits(detector, classifier, _windows(frames, places, chosen, detector, recipe, None))
        named.append(choices[logits.cpu()[:, choices].argmax(1)])
    return NamedWindows(clips=bank.clips[places.frames[wanted]], actions=places.labels[wanted], named=torch.cat(named))


def _logits(detector: ActionDetector, classifier: nn.Linear, windows: Tensor) -> Tensor:
    finest = next(iter(detector.rcnn.backbone(windows).values()))
    logits: Tensor = classifier(torch.cat([finest.mean((2, 3)), finest.amax((2, 3))], 1))
    return logits


def _places(bank: FrameBank) -> _Places:
    """Returns where the faces are; each has the action of the smallest box that holds its middle."""
    height, width = bank.frames.shape[2:]
    found = []
    for index, regions in enumerate(bank.regions):
        boxes = bank.boxes[index]
        for region in regions:
            x, y = region.x + region.width / 2, region.y + region.height / 2
            holds = (boxes[:, 0] <= x) & (x <= boxes[:, 2]) & (boxes[:, 1] <= y) & (y <= boxes[:, 3])
            if not bool(holds.any()):
                continue
            areas = ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).masked_fill(~holds, torch.inf)
            label = int(bank.labels[index][int(areas.argmin())]) - 1
            found.append((index, 2 * x / width - 1, 2 * y / height - 1, label))
    if not found:
        raise ConfigError("no face of a person whose action is known: a detector can have no lesson on windows here")
    table = torch.tensor(found, dtype=torch.float64)
    return _Places(table[:, 0].long(), table[:, 1:3].float(), table[:, 3].long())


def _windows(
    frames: Tensor,
    places: _Places,
    chosen: Tensor,
    detector: ActionDetector,
    recipe: WindowRecipe,
    generator: torch.Generator | None,
) -> Tensor:
    """Returns `[B, 3, side, side]` float32, normalised as the detector does; the frame's border goes on outside.

    Without a generator no window is mirrored, moved or lit in another way.
    """
    height, width = seen_size(detector.config, *frames.shape[2:])
    still = torch.full((5, len(chosen)), 0.5)
    uniform = still if generator is None else torch.rand(5, len(chosen), generator=generator)
    spread = 2 * uniform - 1
    zoom = 1 + recipe.zoom * spread[1]
    half = torch.tensor([recipe.side / width, recipe.side / height])
    centres = places.centres[chosen] + recipe.shift * half * spread[2:4].T
    theta = torch.zeros(len(chosen), 2, 3)
    theta[:, 0, 0] = torch.where(uniform[0] < 0.5, -zoom, zoom) * half[0]
    theta[:, 1, 1] = zoom * half[1]
    theta[:, :, 2] = centres
    grid = nnf.affine_grid(theta.to(frames.device), [len(chosen), 3, recipe.side, recipe.side], align_corners=False)
    own = frames[places.frames[chosen].to(frames.device)].float() / 255
    picked = nnf.grid_sample(own, grid, padding_mode="border", align_corners=False)
    gain = 1 + recipe.brightness * spread[4]
    lit = (picked * gain.to(frames.device)[:, None, None, None]).clamp(0, 1)
    normalised: Tensor = detector.rcnn.transform.normalize(lit)
    return normalised
