"""The paper's face modifier M: the image translation network of Johnson et al. with 9 residual blocks (section 4).

Layers at `width` 64: c7s1-64, d128, d256, 9 × R256, u128, u64, c7s1-3; instance norm without learned gain, ReLU,
reflection padding, tanh: 11,378,179 parameters, 49.6 GMAC at 256×256 (56.8 if the zeros that a transposed convolution
inserts count as work). `EDGE` and `SMOKE` are smaller widths of it. All are float networks for training; what the chip
holds is `quant.modifier`, trained by the same game.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from hw_anon.core.config import Config, require_choice, require_multiple, require_range
from hw_anon.core.errors import ContractError
from hw_anon.core.keys import MOST_KEY_CHANNELS

__all__ = ["EDGE", "PAPER", "SMOKE", "JohnsonConfig", "JohnsonModifier"]

Norm = Literal["instance", "layer"]


@dataclass(frozen=True, kw_only=True, slots=True)
class JohnsonConfig(Config):
    """Size of a modifier."""

    size: int = 256
    """Height and width of the face crop in pixels: a multiple of 4, 16 to 1024."""
    width: int = 64
    """Channels after the first convolution; twice and four times as many after the next two."""
    blocks: int = 9
    """Residual blocks at quarter resolution, 0 to 32."""
    edge_kernel: int = 7
    """Kernel side of the first and the last convolution, odd, 3 to 9."""
    upsampling: Literal["transposed", "nearest"] = "transposed"
    """Transposed 3×3 convolutions as published, or nearest-neighbour repetition and a convolution as on the chip."""
    key_channels: int = 0
    """Constant input channels behind red, green and blue, 0 to 16: the key of a power-up."""
    norm: Norm = "instance"
    """Instance norm as published, or one norm over all channels of a crop with learned gain: it keeps what instance
    norm takes away, the brightness and colour of the whole crop."""

    def __post_init__(self) -> None:
        require_multiple(self, "size", 4)
        require_range(self, "size", 16, 1024, unit="pixels")
        require_range(self, "width", 1, 512, unit="channels")
        require_range(self, "blocks", 0, 32)
        require_range(self, "key_channels", 0, MOST_KEY_CHANNELS)
        require_choice(self, "edge_kernel", (3, 5, 7, 9))
        require_choice(self, "upsampling", ("transposed", "nearest"))
        require_choice(self, "norm", ("instance", "layer"))


PAPER = JohnsonConfig()
"""As published."""
EDGE = JohnsonConfig(size=64, width=16, blocks=5, edge_kernel=3, upsampling="nearest", norm="layer")
"""The chip's crop, widths 16, 32, 64, and 145 MMAC (the largest student has about 170): trains on 2 cores."""
SMOKE = JohnsonConfig(size=32, width=4, blocks=1, edge_kernel=3, upsampling="nearest")
"""For tests."""


class _ResidualBlock(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))), `[N, C, H, W]` to the same."""

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        first, second = (_convolution(channels, channels, 3, norm) for _ in range(2))
        self.branch = nn.Sequential(*first, nn.ReLU(inplace=True), *second)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x)


def _norm(channels: int, norm: Norm) -> nn.Module:
    return nn.InstanceNorm2d(channels) if norm == "instance" else nn.GroupNorm(1, channels)


def _convolution(inputs: int, outputs: int, kernel: int, norm: Norm) -> list[nn.Module]:
    """Returns reflection padding, convolution and norm, keeping the resolution."""
    return [nn.ReflectionPad2d(kernel // 2), nn.Conv2d(inputs, outputs, kernel), _norm(outputs, norm)]


def _halving(inputs: int, outputs: int, norm: Norm) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
    return [convolution, _norm(outputs, norm), nn.ReLU(inplace=True)]


def _doubling(inputs: int, outputs: int, upsampling: str, norm: Norm) -> list[nn.Module]:
    if upsampling == "nearest":
        return [nn.Upsample(scale_factor=2), *_convolution(inputs, outputs, 3, norm), nn.ReLU(inplace=True)]
    convolution = nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1)
    return [convolution, _norm(outputs, norm), nn.ReLU(inplace=True)]


class JohnsonModifier(nn.Module):
    """M: face crop in, face crop of the same size and range out.

    Convolutions start as Normal(0, 0.02) with bias 0, as in the image translation work that the paper follows.
    """

    def __init__(self, config: JohnsonConfig = PAPER) -> None:
        super().__init__()
        self.config = config
        a, b, c, k = config.width, 2 * config.width, 4 * config.width, config.edge_kernel
        self.layers = nn.Sequential(
            *_convolution(3 + config.key_channels, a, k, config.norm),
            nn.ReLU(inplace=True),
            *_halving(a, b, config.norm),
            *_halving(b, c, config.norm),
            *(_ResidualBlock(c, config.norm) for _ in range(config.blocks)),
            *_doubling(c, b, config.upsampling, config.norm),
            *_doubling(b, a, config.upsampling, config.norm),
            nn.ReflectionPad2d(k // 2),
            nn.Conv2d(a, 3, k),
            nn.Tanh(),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(module.weight, 0.0, 0.02)
                nn.init.zeros_(module.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Modifies face crops.

        Args:
            images: `[N, 3 + key, S, S]` float, 0..1 (bytes / 255): RGB, then the key's channels; inside, 2x - 1.

        Returns:
            `[N, 3, S, S]` in (0, 1): (tanh + 1) / 2.

        Raises:
            ContractError: if the crops are not of the size in the config.
        """
        size, channels = self.config.size, 3 + self.config.key_channels
        if images.ndim != 4 or images.shape[1:] != (channels, size, size):
            raise ContractError(f"images are {list(images.shape)}; expected [N, {channels}, {size}, {size}]")
        modified: Tensor = self.layers(2.0 * images - 1.0)
        return (modified + 1.0) / 2.0
