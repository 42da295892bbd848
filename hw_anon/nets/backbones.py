"""Feature pyramids for the action detector: ResNets, MobileNets and a tiny network for tests. Nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from typing import Literal

from torch import Tensor, nn
from torchvision.models import mobilenet_v3_large, mobilenet_v3_small, resnet50, resnet101
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.ops import FrozenBatchNorm2d

from hw_anon.core.errors import ContractError

__all__ = ["MAPS", "Backbone", "Norm", "feature_pyramid", "group_norm", "load_pretrained"]

Backbone = Literal[
    "resnet101", "resnet50", "mobilenet_v3_large", "mobilenet_v3_small", "mobilenet_v3_small_fine", "tiny"
]
Norm = Literal["frozen", "group"]
MAPS: dict[Backbone, int] = {
    "resnet101": 5,
    "resnet50": 5,
    "mobilenet_v3_large": 4,
    "mobilenet_v3_small": 4,
    "mobilenet_v3_small_fine": 5,
    "tiny": 3,
}
"""Maps of each pyramid, the last one pooled from the one before: strides 4 to 64 (5 maps), 8 to 64, and 8 to 32."""

_MAX_GROUPS = 32
_MIN_GROUP = 8
_RESNETS: dict[str, Callable[..., nn.Module]] = {"resnet101": resnet101, "resnet50": resnet50}
_RESNET_CHANNELS = [256, 512, 1024, 2048]
# The last layers at strides 8, 16 and 32, "fine" at stride 4 as well.
_MOBILENETS: dict[str, tuple[Callable[..., nn.Module], tuple[int, ...]]] = {
    "mobilenet_v3_large": (mobilenet_v3_large, (6, 12, 15)),
    "mobilenet_v3_small": (mobilenet_v3_small, (3, 8, 11)),
    "mobilenet_v3_small_fine": (mobilenet_v3_small, (1, 3, 8, 11)),
}


def group_norm(channels: int) -> nn.GroupNorm:
    """Returns group norm with as many groups as divide the channels, at most 32, of at least 8 channels if possible."""
    most = min(_MAX_GROUPS, max(1, channels // _MIN_GROUP))
    return nn.GroupNorm(next(groups for groups in range(most, 0, -1) if channels % groups == 0), channels)


def _tiny() -> tuple[nn.Module, dict[str, str], list[int]]:
    channels = (3, 8, 16, 16, 32)
    stages = [
        nn.Sequential(nn.Conv2d(a, b, 3, stride=2, padding=1, bias=False), group_norm(b), nn.ReLU())
        for a, b in pairwise(channels)
    ]
    return nn.Sequential(*stages), {"2": "0", "3": "1"}, [16, 32]


def _body(name: Backbone, norm: Norm) -> tuple[nn.Module, dict[str, str], list[int]]:
    """Returns a network, the layers to take maps from (by the maps' names), and the maps' channels."""
    if name == "tiny":
        return _tiny()
    if name in _RESNETS:
        norm_layer = group_norm if norm == "group" else FrozenBatchNorm2d
        layers = {f"layer{i + 1}": str(i) for i in range(4)}
        return _RESNETS[name](weights=None, norm_layer=norm_layer), layers, _RESNET_CHANNELS
    build, taken = _MOBILENETS[name]
    features = build(
        weights=None, norm_layer=group_norm if norm == "group" else partial(FrozenBatchNorm2d, eps=1e-3)
    ).features
    return features, {str(i): str(k) for k, i in enumerate(taken)}, [features[i].out_channels for i in taken]


def feature_pyramid(name: Backbone, *, channels: int, norm: Norm) -> BackboneWithFPN:
    """Builds a network with a feature pyramid, all layers trainable, randomly initialised.

    Args:
        name: the network.
        channels: channels of each map of the pyramid.
        norm: "group", or "frozen" batch norm, useless before `load_pretrained`.

    Returns:
        A module `[N, 3, H, W]` → `MAPS[name]` maps `[N, channels, H/stride, W/stride]` by name "0", "1", …, "pool".
    """
    body, layers, inputs = _body(name, norm)
    return BackboneWithFPN(body, layers, inputs, channels, norm_layer=None if norm == "frozen" else group_norm)


def load_pretrained(backbone: BackboneWithFPN, state: Mapping[str, Tensor]) -> None:
    """Loads torchvision's ImageNet classification weights into a backbone; the classifier is left out.

    Args:
        backbone: from `feature_pyramid`.
        state: the checkpoint of the same network, e.g. `torch.load(path, weights_only=True)`.

    Raises:
        ContractError: if a tensor of the backbone is missing or has another shape.
    """
    offered = {name.removeprefix("features."): tensor for name, tensor in state.items()}
    own = backbone.body.state_dict()
    missing = sorted(name for name in own if name not in offered)
    wrong = sorted(name for name in own if name in offered and own[name].shape != offered[name].shape)
    if missing or wrong:
        raise ContractError(f"not weights of this backbone: missing {missing[:5]}, of another shape {wrong[:5]}")
    backbone.body.load_state_dict({name: offered[name] for name in own})
