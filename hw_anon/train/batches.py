"""Batches: faces cut as the camera cuts them, with jitter, and frames with their regions, without a loop over pixels.

A face is the region that the camera would replace (the box enlarged 1.6 times, clipped to the picture), moved, scaled
and mirrored a little, resampled to M's size. Without jitter it agrees with `nets.video_path.crop_regions` to 1.8 levels
of 255: the camera's positions have 8 fraction bits, these are real numbers. Light is changed as well, up to grey
pictures, so that what M learns on rendered faces carries over to real ones.

Everything random comes as uniform numbers from `draw`, made on the CPU for the whole batch: equal on every device, and
each of several processes takes its rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from hw_anon.core.boxes import MARGIN_NUMERATOR, MARGIN_SHIFT, MIN_REGION, Box
from hw_anon.core.config import Config, require_range
from hw_anon.data.banks import FaceBank, FrameBank
from hw_anon.nets.action import ActionTarget

__all__ = [
    "MIRRORED",
    "NO_JITTER",
    "FaceBatch",
    "FrameBatch",
    "Jitter",
    "Shuffled",
    "cut_faces",
    "draw",
    "draw_nothing",
    "pick_frames",
    "pictures_of",
    "resident",
    "soften",
    "step_generator",
    "step_seed",
]

_COLUMNS = 11
"""Uniform numbers for a picture: scale, shift x, shift y, mirror, grey, brightness, contrast, three colour gains, and
how softly classifiers look at it."""
_BOX_COLUMNS, _BOXES = 4, 4
"""Uniform numbers for a region's error: shift x, shift y, width, height; frames' further regions take them again."""
_LUMA = (0.299, 0.587, 0.114)
_BINOMIAL = (1.0, 8.0, 28.0, 56.0, 70.0, 56.0, 28.0, 8.0, 1.0)
MIRRORED = (1, 0, 2, 4, 3)
"""Order of the five landmarks in a mirrored picture."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Jitter(Config):
    """How pictures are varied; all distributions are uniform."""

    scale: float = 0.1
    """Faces: region sides are multiplied by 1 ± this."""
    shift: float = 0.1
    """Faces: regions move by ± this part of their sides."""
    mirror: float = 0.5
    """Share of pictures that are mirrored."""
    grey: float = 0.2
    """Share of pictures that lose their colour."""
    brightness: float = 0.15
    """Levels are moved by ± this part of the range."""
    contrast: float = 0.25
    """Differences to the picture's mean are multiplied by 1 ± this."""
    colour: float = 0.1
    """Each channel is multiplied by 1 ± this."""
    box_shift: float = 0.0
    """Regions move by normal numbers of this deviation, in parts of their sides: the on-chip detector's error."""
    box_scale: float = 0.0
    """Logarithms of their sides change by normal numbers of this deviation, each side by itself."""
    occlude: float = 0.0
    """Faces: share of them with a thing drawn before them."""
    soften: float = 0.0
    """Faces: classifiers look at f and M(f) mixed with their blurred selves, by up to this part: what fools them must
    survive that, which fine adversarial patterns do not."""

    def __post_init__(self) -> None:
        for field in ("scale", "shift", "mirror", "grey", "brightness", "contrast", "colour", "soften"):
            require_range(self, field, 0.0, 1.0)
        for field in ("box_shift", "box_scale", "occlude"):
            require_range(self, field, 0.0, 1.0)

    @property
    def varies_boxes(self) -> bool:
        """Whether regions err as a detector's do."""
        return self.box_shift > 0 or self.box_scale > 0


NO_JITTER = Jitter(scale=0.0, shift=0.0, mirror=0.0, grey=0.0, brightness=0.0, contrast=0.0, colour=0.0)
"""Pictures as they are."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FaceBatch:
    """Faces at M's size."""

    images: Tensor
    """`[N, 3, S, S]` float32 RGB, 0..1: f."""
    landmarks: Tensor
    """`[N, 5, 2]` float32 (x, y) in pixels of the crop."""
    labels: Tensor
    """`[N]` int64 i_f."""
    softness: Tensor
    """`[N]` float32, 0..1: how much of `soften` there is in what classifiers see."""
    aims: Tensor | None = None
    """`[N]` int64: the wrong people that M aims at, where it does not simply flee from `labels`."""
    keys: Tensor | None = None
    """`[N, K]` float32 0..1: the key that each face is modified under; `None` if M has none."""
    cover: Tensor | None = None
    """`[N, 1, S, S]` 0..1: what lies before each face; `None` if nothing does."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FrameBatch:
    """Frames with what A is to find in them."""

    frames: Tensor
    """`[B, 3, H, W]` float32 RGB, 0..1: v, unmodified."""
    regions: list[tuple[Box, ...]]
    """What is replaced in each frame; none where no face is visible."""
    targets: list[ActionTarget]
    """Boxes and actions of each frame, on the CPU."""
    seeds: tuple[int, ...] = ()
    """A seed for each frame: which anchors and proposals A's losses see."""
    keys: Tensor | None = None
    """`[B, K]` float32 0..1: the key of each frame; `None` if M has none."""


class Shuffled:
    """An endless stream of indices, every index once an epoch, each epoch in its own order; a function of the step."""

    def __init__(self, count: int, batch: int, seed: int) -> None:
        """Describes the stream.

        Args:
            count: number of items, at least 1.
            batch: indices a step.
            seed: seed of the orders.
        """
        self.count, self.batch, self.seed = count, batch, seed
        self._orders: dict[int, Tensor] = {}

    def __call__(self, step: int) -> Tensor:
        """Returns the indices of a step, `[batch]` int64."""
        positions = torch.arange(step * self.batch, (step + 1) * self.batch)
        epochs = torch.div(positions, self.count, rounding_mode="floor")
        wanted = epochs.unique().tolist()
        for epoch in wanted:
            if epoch not in self._orders:
                self._orders[epoch] = torch.randperm(self.count, generator=step_generator(self.seed, epoch, "order"))
        self._orders = {epoch: order for epoch, order in self._orders.items() if epoch in wanted}
        return torch.cat([self._orders[epoch][positions[epochs == epoch] % self.count] for epoch in wanted])


def step_seed(seed: int, step: int, purpose: str) -> int:
    """Returns a seed for one purpose in one step, 0 to 2^63 - 1: what different arguments give is unrelated."""
    digest = hashlib.sha256(f"{seed}/{step}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def step_generator(seed: int, step: int, purpose: str) -> torch.Generator:
    """Returns a CPU generator for one purpose in one step."""
    return torch.Generator().manual_seed(step_seed(seed, step, purpose))


def draw(count: int, generator: torch.Generator, jitter: Jitter | None = None) -> Tensor:
    """Returns the uniform numbers that vary `count` pictures, `[count, 11]` 0..1, on the CPU.

    Args:
        count: pictures.
        generator: source of randomness.
        jitter: if its regions err, there are 16 more columns, four for each of four regions.
    """
    more = _BOX_COLUMNS * _BOXES if jitter is not None and jitter.varies_boxes else 0
    return torch.rand(count, _COLUMNS + more, generator=generator)


def draw_nothing(count: int) -> Tensor:
    """Returns the numbers for `count` pictures that `NO_JITTER` leaves as they are."""
    return torch.zeros(count, _COLUMNS)


def pictures_of(labels: Tensor, people: Tensor, generator: torch.Generator) -> Tensor:
    """Returns for each person one of their pictures, drawn at random.

    Args:
        labels: `[P]` int64 person of each picture.
        people: `[N]` int64 people, each with a picture.
        generator: source of randomness, on the CPU.

    Returns:
        `[N]` int64 indices into `labels`, on the CPU.
    """
    matching = labels.cpu()[None] == people.cpu()[:, None]
    chances = torch.rand(matching.shape, generator=generator)
    return torch.where(matching, chances, -1.0).argmax(1)


def resident(bank: FrameBank, device: torch.device | str) -> FrameBank:
    """Returns the bank with its frames on a device; boxes and labels stay on the CPU, where targets are checked."""
    return replace(bank, frames=bank.frames.to(device))


def _signed(column: Tensor) -> Tensor:
    return 2.0 * column - 1.0


def _box_errors(uniform: Tensor, jitter: Jitter) -> Tensor:
    """Returns `[N, R, 4]`: shifts in x and y in parts of a region's sides, factors on width and height."""
    chosen = uniform[:, _COLUMNS:].view(len(uniform), _BOXES, _BOX_COLUMNS).clamp(1e-3, 1 - 1e-3)
    normal = torch.special.ndtri(chosen)  # at most 3.1 deviations
    return torch.cat([normal[..., :2] * jitter.box_shift, (normal[..., 2:] * jitter.box_scale).exp()], -1)


def _err(region: Box, error: Sequence[float], width: int, height: int) -> Box:
    """Returns a region as a detector might have placed it, inside the frame."""
    shift_x, shift_y, wider, higher = error
    wide = min(max(round(region.width * wider), MIN_REGION), width)
    high = min(max(round(region.height * higher), MIN_REGION), height)
    x = round(region.x + (0.5 + shift_x) * region.width - wide / 2)
    y = round(region.y + (0.5 + shift_y) * region.height - high / 2)
    return Box(x=min(max(x, 0), width - wide), y=min(max(y, 0), height - high), width=wide, height=high)


def _regions(bank: FaceBank, indices: Tensor, jitter: Jitter, uniform: Tensor) -> tuple[Tensor, Tensor]:
    """Returns upper left corners and sides of the faces' regions, both `[N, 2]` (x, y) float32.

    `core.boxes.face_region` for whole batches: without jitter, the same whole numbers.
    """
    limit = float(bank.pictures.shape[-1])
    boxes = bank.boxes[indices]
    low, high = boxes[:, :2].floor(), boxes[:, 2:].ceil()
    side = (high - low).clamp_min(1.0)
    margin = (side * MARGIN_NUMERATOR / (1 << MARGIN_SHIFT)).ceil()
    low, side = low - margin, side + 2.0 * margin
    centre = low + side / 2.0 + _signed(uniform[:, 1:3]) * jitter.shift * side
    side = side * (1.0 + _signed(uniform[:, :1]) * jitter.scale)
    if jitter.varies_boxes:
        error = _box_errors(uniform, jitter)[:, 0]
        centre, side = centre + error[:, :2] * side, side * error[:, 2:]
    low = (centre - side / 2.0).clamp(0.0, limit - MIN_REGION)
    high = (centre + side / 2.0).clamp(MIN_REGION, limit)
    side = (high - low).clamp_min(MIN_REGION)
    return low, side


def cut_faces(bank: FaceBank, indices: Tensor, size: int, jitter: Jitter, uniform: Tensor) -> FaceBatch:
    """Cuts faces out of a bank, on the bank's device.

    Args:
        bank: the pictures; `[P, 3 k, …]` where each has others behind it, which are cut and lit as the first is.
        indices: `[N]` int64.
        size: side of a face, S.
        jitter: how far they are varied.
        uniform: `[N, 11]` from `draw`, more columns if regions err.

    Returns:
        The faces; bilinear without antialiasing, pixels outside the region repeat its border, as in the camera.
    """
    device = bank.pictures.device
    indices, uniform = indices.to(device), uniform.to(device)
    low, side = _regions(bank, indices, jitter, uniform)
    steps = (torch.arange(size, device=device) + 0.5) / size
    mirrored = uniform[:, 3] < jitter.mirror
    across = torch.where(mirrored[:, None], 1.0 - steps, steps)
    last = low + side - 1.0
    x = (low[:, :1] + across * side[:, :1] - 0.5).clamp(low[:, :1], last[:, :1])
    y = (low[:, 1:] + steps * side[:, 1:] - 0.5).clamp(low[:, 1:], last[:, 1:])
    grid = torch.stack(torch.broadcast_tensors(x[:, None, :], y[:, :, None]), -1)
    grid = 2.0 * grid / (bank.pictures.shape[-1] - 1) - 1.0
    images = F.grid_sample(bank.pictures[indices].float() / 255.0, grid, padding_mode="border", align_corners=True)
    landmarks = (bank.landmarks[indices] - low[:, None] + 0.5) * (size / side[:, None]) - 0.5
    flipped = torch.stack([size - 1.0 - landmarks[..., 0], landmarks[..., 1]], -1)[:, MIRRORED]
    landmarks = torch.where(mirrored[:, None, None], flipped, landmarks)
    return FaceBatch(
        images=_light(images, jitter, uniform),
        landmarks=landmarks,
        labels=bank.labels[indices],
        softness=uniform[:, 10] * jitter.soften,
    )


def _light(images: Tensor, jitter: Jitter, uniform: Tensor) -> Tensor:
    """Varies brightness, contrast and colour of `[N, 3, H, W]` pictures, clipped to 0..1.

    Of `[N, 3 k, H, W]`, pictures behind one another, all get the same light: that of the first.
    """
    column = uniform[:, 4:, None, None, None, None]
    layers = images.unflatten(1, (-1, 3))
    luma = (layers * torch.tensor(_LUMA, device=images.device)[:, None, None]).sum(2, keepdim=True)
    layers = torch.where(column[:, 0] < jitter.grey, luma, layers)
    mean = layers[:, :1].mean((1, 2, 3, 4), keepdim=True)
    layers = mean + (layers - mean) * (1.0 + _signed(column[:, 2]) * jitter.contrast)
    layers = layers + _signed(column[:, 1]) * jitter.brightness
    gains = 1.0 + _signed(uniform[:, None, 7:10, None, None]) * jitter.colour
    lit = (layers * torch.where(column[:, 0] < jitter.grey, 1.0, gains)).clamp(0.0, 1.0)
    return lit.flatten(1, 2)


def soften(images: Tensor, softness: Tensor) -> Tensor:
    """Mixes faces with their blurred selves (binomial, 9×9, σ = √2 pixels), differentiable.

    Args:
        images: `[N, 3, S, S]`.
        softness: `[N]` 0..1: 0 leaves a face as it is, 1 leaves its blur alone.
    """
    weights = torch.tensor(_BINOMIAL, device=images.device, dtype=images.dtype)
    weights = (weights / weights.sum()).expand(3, 1, -1)
    margin = len(_BINOMIAL) // 2
    padded = F.pad(images, (margin,) * 4, mode="reflect")
    blurred = F.conv2d(F.conv2d(padded, weights[:, :, None, :], groups=3), weights[:, :, :, None], groups=3)
    return images + softness[:, None, None, None] * (blurred - images)


def pick_frames(
    bank: FrameBank, indices: Tensor, jitter: Jitter, uniform: Tensor, seeds: Sequence[int] = ()
) -> FrameBatch:
    """Takes frames out of a bank, mirrored and in changed light; they are neither moved nor scaled.

    Args:
        bank: the frames; boxes and labels on the CPU, see `resident`.
        indices: `[B]` int64.
        jitter: how far they are varied.
        uniform: `[B, 11]` from `draw`, more columns if regions err.
        seeds: one for each frame, for A's losses.
    """
    device, (height, width) = bank.frames.device, bank.frames.shape[-2:]
    errors = _box_errors(uniform, jitter).tolist() if jitter.varies_boxes else []
    chosen: Sequence[int] = indices.tolist()
    mirrored = (uniform[:, 3] < jitter.mirror).tolist()
    uniform = uniform.to(device)
    frames = bank.frames[indices.to(device)].float() / 255.0
    frames = torch.where((uniform[:, 3] < jitter.mirror)[:, None, None, None], frames.flip(-1), frames)
    targets, regions = [], []
    for place, (index, flip) in enumerate(zip(chosen, mirrored, strict=True)):
        boxes, faces = bank.boxes[index], bank.regions[index]
        if errors:
            faces = tuple(_err(face, errors[place][i % _BOXES], width, height) for i, face in enumerate(faces))
        if flip:
            left, top, right, bottom = boxes.unbind(-1)
            boxes = torch.stack([width - right, top, width - left, bottom], -1)
            faces = tuple(replace(face, x=width - face.right) for face in faces)
        targets.append(ActionTarget(boxes=boxes, labels=bank.labels[index] - 1))
        regions.append(faces)
    frames = _light(frames, jitter, uniform)
    return FrameBatch(frames=frames, regions=regions, targets=targets, seeds=tuple(seeds))
