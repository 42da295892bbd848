"""SphereFace, the paper's face classifier D, up to its embedding (the class weights: `hw_anon.losses.angular`).

Liu et al., CVPR 2017, table 2: four stages, each a 3×3 convolution of stride 2 and residual units of two 3×3
convolutions, PReLU throughout, no batch norm, then one fully connected layer (fc5) to 512 features. Verification
compares these features by their cosine.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hw_anon.core.config import Config, require_choice, require_range
from hw_anon.core.errors import ContractError

__all__ = ["SphereFace", "SphereFaceConfig"]

_UNITS = {4: (0, 0, 0, 0), 10: (0, 1, 2, 0), 20: (1, 2, 4, 1), 36: (2, 4, 8, 2), 64: (3, 8, 16, 3)}
_CHANNELS = (64, 128, 256, 512)


@dataclass(frozen=True, kw_only=True, slots=True)
class SphereFaceConfig(Config):
    """Size of a SphereFace network; the defaults are the paper's SphereFace-20."""

    depth: int = 20
    """Convolutions: 4, 10, 20, 36 or 64."""
    height: int = 112
    """Rows of the aligned face."""
    width: int = 96
    """Columns of the aligned face."""
    multiplier: float = 1.0
    """Factor on the stages' 64, 128, 256, 512 channels, above 0 and up to 2."""
    embedding: int = 512
    """Features of a face."""

    def __post_init__(self) -> None:
        require_choice(self, "depth", tuple(_UNITS))
        require_range(self, "height", 16, 1024, unit="pixels")
        require_range(self, "width", 16, 1024, unit="pixels")
        require_range(self, "multiplier", 1 / 64, 2.0)
        require_range(self, "embedding", 1, 4096)

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of the four stages."""
        return tuple(max(1, round(count * self.multiplier)) for count in _CHANNELS)

    @property
    def units(self) -> tuple[int, ...]:
        """Residual units of the four stages."""
        return _UNITS[self.depth]


class _Conv(nn.Sequential):
    """3×3 convolution and PReLU (one slope a channel, 0.25 at the start)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__(nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1), nn.PReLU(outputs))


class _Stage(nn.Module):
    """A stride-2 convolution and residual units x + conv(conv(x)): `[N, C, H, W]` to `[N, C', ⌈H/2⌉, ⌈W/2⌉]`."""

    def __init__(self, inputs: int, outputs: int, units: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList([_Conv(inputs, outputs, 2), *(_Conv(outputs, outputs, 1) for _ in range(2 * units))])

    def forward(self, x: Tensor) -> Tensor:
        x = self.convs[0](x)
        for i in range(1, len(self.convs), 2):
            x = x + self.convs[i + 1](self.convs[i](x))
        return x


class SphereFace(nn.Module):
    """D without its class layer.

    Initialised as the original: Caffe's "xavier" (uniform, variance 1/fan-in) for stride-2 convolutions and fc5,
    Normal(0, 0.01) for convolutions of residual units, biases 0. (The original holds the units' biases at 0; here they
    are learned, as in the public PyTorch reimplementation.)
    """

    def __init__(self, config: SphereFaceConfig = SphereFaceConfig()) -> None:
        super().__init__()
        self.config = config
        inputs = (3, *config.channels[:-1])
        self.stages = nn.ModuleList(map(_Stage, inputs, config.channels, config.units))
        rows, columns = math.ceil(config.height / 16), math.ceil(config.width / 16)
        self.fc5 = nn.Linear(config.channels[-1] * rows * columns, config.embedding)
        self._initialise()

    @torch.no_grad()
    def _initialise(self) -> None:
        for layer in (*(stage.convs[0][0] for stage in self.stages), self.fc5):
            bound = math.sqrt(3.0 / layer.weight[0].numel())
            layer.weight.uniform_(-bound, bound)
            layer.bias.zero_()
        for stage in self.stages:
            for conv in stage.convs[1:]:
                conv[0].weight.normal_(0.0, 0.01)
                conv[0].bias.zero_()

    def forward(self, faces: Tensor) -> Tensor:
        """Computes the features of aligned faces.

        Args:
            faces: `[N, 3, H, W]` float RGB, 0..1; inside, BGR and (byte - 127.5) / 128.

        Returns:
            `[N, E]`, not normalised.

        Raises:
            ContractError: if the faces are not of the size in the config.
        """
        expected = (3, self.config.height, self.config.width)
        if faces.ndim != 4 or faces.shape[1:] != expected:
            raise ContractError(f"faces are {list(faces.shape)}; expected [N, {', '.join(map(str, expected))}]")
        x = (faces.flip(1) * 255.0 - 127.5) / 128.0
        for stage in self.stages:
            x = stage(x)
        return self.fc5(x.flatten(1))

    def public_names(self) -> dict[str, str]:
        """Returns this network's parameter names by the public ones: `conv1_1.weight`, `relu1_1.weight`, … `fc5.bias`.

        These are the names in the original Caffe model and in the public PyTorch reimplementation's weight files.
        """
        names = {f"fc5.{kind}": f"fc5.{kind}" for kind in ("weight", "bias")}
        for s, stage in enumerate(self.stages):
            for i in range(len(stage.convs)):
                layer, here = f"{s + 1}_{i + 1}", f"stages.{s}.convs.{i}"
                names |= {f"conv{layer}.{kind}": f"{here}.0.{kind}" for kind in ("weight", "bias")}
                names[f"relu{layer}.weight"] = f"{here}.1.weight"
        return names

    def load_public(self, state: Mapping[str, Tensor]) -> None:
        """Loads public SphereFace weights, the paper's pre-trained start of D.

        Biases of residual units may be missing (0 in the original); the class layer `fc6` is left out, as its classes
        belong to another training set.

        Args:
            state: tensors by public name, e.g. from `torch.load(path, weights_only=True)`.

        Raises:
            ContractError: if a tensor is missing, unknown or of another shape.
        """
        names, own = self.public_names(), self.state_dict()
        optional = {name for name in names if name.endswith(".bias") and not name.endswith(("_1.bias", "fc5.bias"))}
        unknown = sorted(name for name in state if name not in names and not name.startswith("fc6."))
        missing = sorted(set(names) - set(state) - optional)
        if unknown or missing:
            raise ContractError(f"not SphereFace-{self.config.depth} weights: missing {missing}, unknown {unknown}")
        for public, name in names.items():
            tensor = state.get(public, torch.zeros_like(own[name]))
            if tensor.shape != own[name].shape:
                raise ContractError(f"{public} is {list(tensor.shape)}; this network has {list(own[name].shape)}")
            own[name] = tensor
        self.load_state_dict(own)
