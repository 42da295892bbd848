"""The face modifier that goes on the chip: an encoder, residual blocks and a decoder, quantised throughout."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from hw_anon.core.config import require_multiple, require_range
from hw_anon.core.errors import ConfigError
from hw_anon.core.keys import MOST_KEY_CHANNELS
from quant.layers import (
    ConvBlock,
    ResidualBlock,
    WeightScale,
    const_identity,
    const_relu,
    learned_relu,
    quant_conv,
    randomise_layers,
)
from quant.sizes import require_bits, require_widths
from quant.topology import ConvUnit, Join, Topology

__all__ = ["IMAGE_BITS", "Modifier", "ModifierConfig"]

IMAGE_BITS = 8
_MAX_BLOCKS = 9


@dataclass(frozen=True, kw_only=True, slots=True)
class ModifierConfig:
    """Size and precision of a face modifier."""

    input_size: int = 64
    """Height and width of the face crop in pixels: a multiple of 4, 32 to 96."""
    widths: tuple[int, int, int] = (16, 32, 32)
    """Channels after the stem's three convolutions (full, half and quarter resolution); any width from 1 works."""
    blocks: int = 2
    """Residual blocks at quarter resolution, 0 to 9."""
    edge_weight_bits: int = 8
    """Weight bits of the first and of the last convolution, 2 to 8."""
    weight_bits: int = 4
    """Weight bits of all other convolutions, 2 to 8."""
    act_bits: int = 4
    """Bits of all unsigned activations but the image, 2 to 8."""
    branch_bits: int = 5
    """Bits of the signed residual branches, 2 to 8; one more than `act_bits` covers the trunk's whole range."""
    per_channel: bool = False
    """One weight scale for each output channel instead of one for each layer."""
    trunk_range: float = 4.0
    """Largest value of the residual trunk, which fixes the scale shared by all joins."""
    key_channels: int = 0
    """Constant input channels behind red, green and blue, 0 to 16: the key that the camera draws at power-up."""

    def __post_init__(self) -> None:
        require_range(self, "input_size", 32, 96, unit="pixels")
        require_multiple(self, "input_size", 4)
        require_widths(self)
        require_range(self, "blocks", 0, _MAX_BLOCKS)
        require_bits(self, "edge_weight_bits", "weight_bits", "act_bits", "branch_bits")
        require_range(self, "trunk_range", 1e-6, None)
        require_range(self, "key_channels", 0, MOST_KEY_CHANNELS)

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> ModifierConfig:
        """Returns the config written by `as_json`.

        Raises:
            ConfigError: if a field is missing from the class or its value is out of range.
        """
        try:
            return cls(**{**raw, "widths": tuple(raw["widths"])})
        except (TypeError, KeyError) as exc:
            raise ConfigError(f"not a modifier configuration: {exc}") from exc

    def as_json(self) -> dict[str, Any]:
        """Returns the fields as JSON types."""
        raw = {**asdict(self), "widths": list(self.widths)}
        if not self.key_channels:
            del raw["key_channels"]  # a network without a key is described as before there were any
        return raw

    @property
    def trunk_step(self) -> float:
        """Scale of the residual trunk."""
        return self.trunk_range / (2**self.act_bits - 1)

    @property
    def input_channels(self) -> int:
        """Channels of the input: colours and key."""
        return 3 + self.key_channels

    def at_bits(self, bits: int) -> ModifierConfig:
        """Returns the same network with so many bits within: a stage on the way down to fewer."""
        return replace(self, weight_bits=bits, act_bits=bits, branch_bits=min(bits + 1, 8))


class Modifier(nn.Module):
    """The quantised face modifier.

    Layers (resolution relative to the input): conv 3+key→a (1), conv a→b (1/2), conv b→c (1/4), `blocks` residual
    blocks (1/4), upsample and conv c→b (1/2), upsample and conv b→a (1), conv a→3 (1); all 3×3, each followed by
    batch norm and a quantiser.
    """

    role: ClassVar[str] = "modifier"

    def __init__(self, config: ModifierConfig) -> None:
        super().__init__()
        self.config = config
        a, b, c = config.widths
        scale: WeightScale = "channel" if config.per_channel else "tensor"
        edge, inner, act = config.edge_weight_bits, config.weight_bits, config.act_bits
        step = config.trunk_step
        self.stem = nn.Sequential(
            ConvBlock(quant_conv(config.input_channels, a, bits=edge, scale=scale), learned_relu(act)),
            ConvBlock(quant_conv(a, b, stride=2, bits=inner, scale=scale), learned_relu(act)),
            ConvBlock(quant_conv(b, c, stride=2, bits=inner, scale=scale), const_relu(act, step)),
        )
        self.blocks = nn.Sequential(
            *(
                ResidualBlock(
                    c, step=step, weight_bits=inner, act_bits=act, branch_bits=config.branch_bits, scale=scale
                )
                for _ in range(config.blocks)
            )
        )
        self.head = nn.Sequential(
            ConvBlock(quant_conv(c, b, bits=inner, scale=scale), learned_relu(act), upsample=True),
            ConvBlock(quant_conv(b, a, bits=inner, scale=scale), learned_relu(act), upsample=True),
            ConvBlock(quant_conv(a, 3, bits=edge, scale=scale), const_identity(IMAGE_BITS, 1.0 / 255.0)),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Modifies face crops.

        Args:
            image: `[N, 3 + key, H, W]` float32 in 0..1 (bytes / 255): RGB, then the key's constant channels.

        Returns:
            `[N, 3, H, W]` RGB, multiples of 1/255 in 0..1.
        """
        return self.head(self.blocks(self.stem(image)))

    def topology(self) -> Topology:
        """Returns the convolutions and joins in forward order."""
        size = self.config.input_size
        units: list[ConvUnit] = []
        joins: list[Join] = []
        source: str | None = None

        def add(block: str, out_size: int) -> str:
            units.append(
                ConvUnit(
                    name=block,
                    conv=f"{block}.conv",
                    bn=f"{block}.bn",
                    source=source,
                    target=f"{block}.act",
                    out_shape=(out_size, out_size),
                )
            )
            return f"{block}.act"

        for i, out_size in enumerate((size, size // 2, size // 4)):
            source = add(f"stem.{i}", out_size)
        for i in range(self.config.blocks):
            trunk = source
            source = add(f"blocks.{i}.inner", size // 4)
            branch = add(f"blocks.{i}.branch", size // 4)
            source = f"blocks.{i}.out"
            joins.append(Join(name=f"blocks.{i}", trunk=str(trunk), branch=branch, target=source))
        for i, out_size in enumerate((size // 2, size, size)):
            source = add(f"head.{i}", out_size)
        return Topology(input_shape=(size, size), units=tuple(units), joins=tuple(joins))

    def macs(self) -> int:
        """Returns the multiply-accumulate operations of one inference."""
        return self.topology().macs(self)

    @torch.no_grad()
    def randomise(self, generator: torch.Generator, *, passes: int = 8) -> None:
        """Gives the network random weights and batch norms of both signs, see `quant.layers.randomise_layers`.

        Args:
            generator: source of randomness.
            passes: forward passes of two random images each that settle the batch-norm statistics.
        """
        size = self.config.input_size
        last = self.get_submodule(self.topology().units[-1].bn)
        randomise_layers(self, last, (size, size), generator, passes=passes)
