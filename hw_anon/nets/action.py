"""The action detector A: Faster R-CNN on torchvision, a box and an action for each person of a frame (section 4).

Nothing is downloaded. `paper_config` (ResNet-101 with a feature pyramid) keeps its batch norms frozen, as is usual
where a batch holds few frames, so it needs ImageNet weights: torchvision's `resnet101` checkpoint as a state dict.
`edge_config` (MobileNetV3-small, narrow pyramid and head, for 2 cores) and `smoke_config` start from random weights
with group norm, whose result for a frame does not depend on the rest of the batch, nor on how a batch is spread over
processes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import torch
from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.ops import MultiScaleRoIAlign

from hw_anon.core.config import Config, require_choice, require_range
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.nets.backbones import MAPS, Backbone, Norm, feature_pyramid, group_norm, load_pretrained
from hw_anon.nets.batched_rcnn import batched_faster_rcnn

__all__ = [
    "ActionDetector",
    "ActionTarget",
    "Detections",
    "DetectorConfig",
    "edge_config",
    "maxima_of_parts",
    "paper_config",
    "smoke_config",
]

_ASPECT_RATIOS = (0.5, 1.0, 2.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectorConfig(Config):
    """Size of an action detector; the defaults are the paper's, for JHMDB."""

    classes: int
    """Actions, background not counted."""
    backbone: Backbone = "resnet101"
    """What computes the feature maps."""
    norm: Norm = "frozen"
    """Frozen batch norm (needs pre-trained weights) or group norm (trains from scratch)."""
    min_size: int = 340
    """Frames are resized to this shorter side in pixels; the paper: 340 for JHMDB, 600 for DALY."""
    max_size: int = 800
    """Limit of the longer side in pixels; it wins over `min_size`."""
    pyramid: int = 256
    """Channels of the feature pyramid."""
    head: int = 1024
    """Features of the box head's two layers."""
    box_side: int = 7
    """Cells a side into which a box is pooled."""
    box_scale: int = 224
    """Boxes of this side in pixels are pooled from the map at stride 16; those of half from stride 8, and so on. A
    larger value looks at people more closely."""
    box_peaks: int = 1
    """Each cell is the maximum of so many by so many finer ones: what is smaller than a cell is not lost in its mean,
    nor missed between its samples. Above 1, a finer cell is one sample of the map and not the mean of four."""
    box_convolutions: bool = False
    """Whether two convolutions, the second of stride 2, come before the box head's layers: what is small in a box (a
    brush at the mouth) is then learned once for all places in it; the layers get maxima over parts of it as well."""
    anchors: tuple[int, ...] = (32, 64, 128, 256, 512)
    """Anchor side in pixels of the resized frame, one for each map of the pyramid."""
    proposals: int = 2000
    """Proposals kept before and after suppression in training; half as many in detection."""
    anchor_samples: int = 256
    """Anchors per frame that the RPN losses see."""
    box_samples: int = 512
    """Proposals per frame that the box losses see."""
    box_positives: float = 0.25
    """Largest part of them that overlaps a box; the rest is background."""
    score_threshold: float = 0.05
    """Detections below this probability are left out."""

    def __post_init__(self) -> None:
        require_choice(self, "backbone", get_args(Backbone))
        require_choice(self, "norm", get_args(Norm))
        require_range(self, "min_size", 32, 4096, unit="pixels")
        require_range(self, "max_size", self.min_size, 8192, unit="pixels")
        for field in (
            "classes",
            "pyramid",
            "head",
            "box_side",
            "box_peaks",
            "box_scale",
            "anchor_samples",
            "box_samples",
        ):
            require_range(self, field, 1, 8192)
        require_range(self, "proposals", 2, 20_000)
        require_range(self, "box_positives", 0.0, 1.0)
        require_range(self, "score_threshold", 0.0, 1.0)
        if len(self.anchors) != MAPS[self.backbone] or min(self.anchors) < 1:
            raise ConfigError(
                f"DetectorConfig.anchors = {self.anchors}: expected a positive side for each of the "
                f"{MAPS[self.backbone]} maps of {self.backbone}"
            )
        if self.backbone == "tiny" and self.norm == "frozen":
            raise ConfigError("DetectorConfig.norm = 'frozen': no pre-trained weights exist for 'tiny'; use 'group'")


def paper_config(classes: int, *, min_size: int = 340, max_size: int = 800) -> DetectorConfig:
    """Returns the paper's detector: the shorter side is 340 pixels for JHMDB, 600 (× 800) for DALY."""
    return DetectorConfig(classes=classes, min_size=min_size, max_size=max_size)


def edge_config(classes: int) -> DetectorConfig:
    """Returns the detector that 2 cores can train."""
    return DetectorConfig(
        classes=classes,
        backbone="mobilenet_v3_small_fine",
        norm="group",
        min_size=224,
        max_size=320,
        pyramid=64,
        head=128,
        box_side=14,
        box_scale=448,
        box_peaks=2,
        box_convolutions=True,
        anchors=(16, 32, 64, 128, 224),
        proposals=200,
        anchor_samples=64,
        box_samples=8,
        box_positives=0.5,
    )


def smoke_config(classes: int) -> DetectorConfig:
    """Returns the detector for tests."""
    return DetectorConfig(
        classes=classes,
        backbone="tiny",
        norm="group",
        min_size=64,
        max_size=96,
        pyramid=16,
        head=32,
        anchors=(12, 24, 48),
        proposals=50,
        anchor_samples=32,
        box_samples=16,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionTarget:
    """What is to be detected in one frame."""

    boxes: Tensor
    """`[P, 4]` float corners x1, y1, x2, y2 in pixels of the frame, x2 > x1, y2 > y1; P may be 0."""
    labels: Tensor
    """`[P]` int64 action, 0 to classes-1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Detections:
    """What was detected in one frame, best first."""

    boxes: Tensor
    """`[D, 4]` float32 corners x1, y1, x2, y2 in pixels of the frame."""
    labels: Tensor
    """`[D]` int64 action, 0 to classes-1."""
    scores: Tensor
    """`[D]` float32 probability, falling."""


def _box_head(config: DetectorConfig) -> nn.Module:
    """Returns what represents a pooled box: `[N, pyramid, S·peaks, S·peaks]` to `[N, head]`."""
    layers: list[nn.Module] = [nn.MaxPool2d(config.box_peaks)] if config.box_peaks > 1 else []
    if config.box_convolutions:
        layers.append(_ConvolutionalHead(config))
    else:
        layers.append(TwoMLPHead(config.pyramid * config.box_side**2, config.head))
    return nn.Sequential(*layers) if len(layers) > 1 else layers[0]


def maxima_of_parts(maps: Tensor, parts: int) -> Tensor:
    """Returns what `adaptive_max_pool2d` does, `[N, C, H, W]` to `[N, C, parts, parts]`.

    ONNX has no form for the original where the parts overlap.
    """
    for dim in (2, 3):
        size = int(maps.shape[dim])
        cuts = [(part * size // parts, -(-(part + 1) * size // parts)) for part in range(parts)]
        maps = torch.stack([maps.narrow(dim, begin, end - begin).amax(dim) for begin, end in cuts], dim)
    return maps


class _ConvolutionalHead(nn.Module):
    """`[N, pyramid, S, S]` to `[N, head]`: convolutions for the pose, and maxima of the map itself for what is small.

    A linear layer on the maxima in 4×4 parts of a box names near-face actions as well as one on a window around the
    face does; through two convolutions from random weights that takes many epochs.
    """

    _PARTS = 4

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        channels, wide, half = config.pyramid, 2 * config.pyramid, (config.box_side + 1) // 2
        self.convolutions = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            group_norm(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, wide, 3, stride=2, padding=1, bias=False),
            group_norm(wide),
            nn.ReLU(inplace=True),
        )
        coarse = channels * (1 + self._PARTS**2)
        self.norm = nn.LayerNorm(coarse)
        self.layers = TwoMLPHead(wide * half**2 + coarse, config.head)

    def forward(self, pooled: Tensor) -> Tensor:
        """Returns the representation of each box."""
        parts = maxima_of_parts(pooled, self._PARTS).flatten(1)
        coarse = self.norm(torch.cat([parts, pooled.mean((2, 3))], dim=1))
        represented: Tensor = self.layers(torch.cat([self.convolutions(pooled).flatten(1), coarse], dim=1))
        return represented


class ActionDetector(nn.Module):
    """A: losses in training (`forward`), boxes with actions otherwise (`detect`).

    The RPN and box losses are computed on random samples from torch's global generator: seed it for equal runs.

    Args:
        config: the detector's size.
        pretrained: ImageNet state dict of the backbone; required by frozen batch norm.

    Raises:
        ConfigError: if batch norm is frozen and there are no weights.
        ContractError: if the weights are not those of the backbone.
    """

    def __init__(self, config: DetectorConfig, pretrained: Mapping[str, Tensor] | None = None) -> None:
        super().__init__()
        if config.norm == "frozen" and pretrained is None:
            raise ConfigError(
                f"norm = 'frozen' needs ImageNet weights of {config.backbone} (torchvision's checkpoint); "
                "give them, or train from scratch with norm = 'group'"
            )
        self.config = config
        backbone = feature_pyramid(config.backbone, channels=config.pyramid, norm=config.norm)
        if pretrained is not None:
            load_pretrained(backbone, pretrained)
        maps = MAPS[config.backbone]
        self.rcnn = batched_faster_rcnn(
            backbone,
            anchors=AnchorGenerator(tuple((side,) for side in config.anchors), (_ASPECT_RATIOS,) * maps),
            box_roi_pool=MultiScaleRoIAlign(
                [str(i) for i in range(maps - 1)],
                config.box_side * config.box_peaks,
                sampling_ratio=2 if config.box_peaks == 1 else 1,
                canonical_scale=config.box_scale,
            ),
            box_head=_box_head(config),
            box_predictor=FastRCNNPredictor(config.head, config.classes + 1),
            sizes=(config.min_size, config.max_size),
            proposals=config.proposals,
            anchor_samples=config.anchor_samples,
            box_samples=config.box_samples,
            box_positives=config.box_positives,
            score_threshold=config.score_threshold,
        )

    def _checked(self, frames: Tensor, targets: Sequence[ActionTarget]) -> list[dict[str, Tensor]]:
        """Returns the targets as torchvision names them, on the frames' device: two transfers, whatever the batch."""
        if len(targets) != len(frames):
            raise ContractError(f"{len(targets)} targets for {len(frames)} frames")
        for i, target in enumerate(targets):
            boxes, labels = target.boxes, target.labels
            if boxes.shape != (len(labels), 4) or labels.ndim != 1:
                raise ContractError(f"frame {i}: boxes {list(boxes.shape)}, labels {list(labels.shape)}; [P, 4], [P]")
        counts = [len(target.labels) for target in targets]
        boxes = torch.cat([target.boxes.to(torch.float32) for target in targets])
        labels = torch.cat([target.labels.to(torch.int64) for target in targets])
        frame_of = [i for i, count in enumerate(counts) for _ in range(count)]
        flat = ~(boxes[:, 2:] > boxes[:, :2]).all(1)
        wrong = (labels < 0) | (labels >= self.config.classes)
        if bool((flat | wrong).any()):
            i = frame_of[int(torch.nonzero(flat | wrong)[0])]
            listed = targets[i].labels.tolist()
            if not all(0 <= label < self.config.classes for label in listed):
                raise ContractError(f"frame {i}: labels {listed}; 0 to {self.config.classes - 1} are allowed")
            raise ContractError(f"frame {i}: an action box without area in {targets[i].boxes.tolist()}")
        boxes, labels = boxes.to(frames.device), labels.to(frames.device) + 1
        parts = zip(boxes.split(counts), labels.split(counts), strict=True)
        return [{"boxes": own, "labels": names} for own, names in parts]

    def forward(self, frames: Tensor, targets: Sequence[ActionTarget]) -> dict[str, Tensor]:
        """Computes the four losses of equation (1).

        Args:
            frames: `[B, 3, H, W]` float RGB, 0..1; inside, resized and normalised by ImageNet's mean and deviation.
            targets: what is to be detected in each frame, on any device.

        Returns:
            `loss_objectness`, `loss_rpn_box_reg` (RPN), `loss_classifier`, `loss_box_reg` (Fast R-CNN), each `[]`,
            differentiable in the frames.

        Raises:
            ContractError: if the module is not in training mode, or the targets do not fit.
        """
        if not self.training:
            raise ContractError("losses are computed in training mode: call train() first")
        wanted = self._checked(frames, targets)
        images, wanted = self.rcnn.transform(list(frames), wanted)
        features = self.rcnn.backbone(images.tensors)
        proposals, proposal_losses = self.rcnn.rpn(images, features, wanted)
        _, box_losses = self.rcnn.roi_heads(features, proposals, images.image_sizes, wanted)
        losses: dict[str, Tensor] = {**proposal_losses, **box_losses}
        return losses

    def features(self, frames: Tensor) -> list[Tensor]:
        """Returns the feature pyramid that boxes are found and named from.

        Args:
            frames: `[B, 3, H, W]` float RGB, 0..1.

        Returns:
            One `[B, C, h, w]` for each level, finest first, differentiable in the frames.
        """
        images, _ = self.rcnn.transform(list(frames), None)
        return list(self.rcnn.backbone(images.tensors).values())

    @torch.no_grad()
    def detect(self, frames: Tensor) -> list[Detections]:
        """Detects people and their actions; leaves the module's mode as it was.

        Args:
            frames: `[B, 3, H, W]` float RGB, 0..1.

        Returns:
            For each frame its detections.
        """
        mode = self.training
        self.eval()
        try:
            found = self.rcnn(list(frames))
        finally:
            self.train(mode)
        return [Detections(boxes=f["boxes"], labels=f["labels"] - 1, scores=f["scores"]) for f in found]
