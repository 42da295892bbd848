"""A small U-Net, picture in, picture out: what an attacker trains to restore modified faces.

Convolutions with group norm at falling resolutions, bilinear upsampling with skip connections, one output convolution
through a sigmoid. Group norm, as batches of an attacker hold few people; skips, as most disguises keep the layout.

Source: O. Ronneberger, P. Fischer and T. Brox, "U-Net: convolutional networks for biomedical image segmentation", 2015.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from hw_anon.core.config import Config, require_multiple, require_range
from hw_anon.core.errors import ConfigError, ContractError

__all__ = ["UNet", "UNetConfig"]

_GROUP = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class UNetConfig(Config):
    """Size of a U-Net."""

    size: int = 64
    """Height and width of the pictures in pixels, a multiple of two to the power of `levels`."""
    width: int = 16
    """Channels at full resolution, a multiple of 8; doubled at each lower one."""
    levels: int = 3
    """Halvings of the resolution, 1 to 6."""

    def __post_init__(self) -> None:
        require_range(self, "levels", 1, 6)
        require_range(self, "size", 8, 1024, unit="pixels")
        require_multiple(self, "size", 2**self.levels)
        require_range(self, "width", _GROUP, 256, unit="channels")
        require_multiple(self, "width", _GROUP)
        if self.size >> self.levels < 2:
            raise ConfigError(f"UNetConfig: {self.levels} halvings leave less than 2 pixels of {self.size}")


class _Pair(nn.Sequential):
    """Two 3×3 convolutions, each with group norm and leaky ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        layers: list[nn.Module] = []
        for channels in (inputs, outputs):
            layers += [
                nn.Conv2d(channels, outputs, 3, padding=1),
                nn.GroupNorm(outputs // _GROUP, outputs),
                nn.LeakyReLU(0.1, inplace=True),
            ]
        super().__init__(*layers)


class UNet(nn.Module):
    """Pictures in, pictures of the same size and range out."""

    def __init__(self, config: UNetConfig = UNetConfig()) -> None:
        super().__init__()
        self.config = config
        channels = [config.width << level for level in range(config.levels + 1)]
        self.down = nn.ModuleList(map(_Pair, [3, *channels[:-1]], channels))
        lower, upper = channels[:0:-1], channels[-2::-1]
        self.up = nn.ModuleList(_Pair(low + high, high) for low, high in zip(lower, upper, strict=True))
        self.out = nn.Conv2d(channels[0], 3, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Maps pictures to pictures.

        Args:
            pictures: `[N, 3, S, S]` float RGB, 0..1; inside, 2x - 1.

        Returns:
            The same shape, in (0, 1).

        Raises:
            ContractError: if the pictures are not of the size in the config.
        """
        size = self.config.size
        if pictures.ndim != 4 or pictures.shape[1:] != (3, size, size):
            raise ContractError(f"pictures are {list(pictures.shape)}; expected [N, 3, {size}, {size}]")
        x = self.down[0](2.0 * pictures - 1.0)
        skips = []
        for stage in list(self.down)[1:]:
            skips.append(x)
            x = stage(F.avg_pool2d(x, 2))
        for stage, skip in zip(self.up, reversed(skips), strict=True):
            larger = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = stage(torch.cat([larger, skip], dim=1))
        restored: Tensor = torch.sigmoid(self.out(x))
        return restored
