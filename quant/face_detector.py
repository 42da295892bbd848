"""The face detector that goes on the chip: a plain chain of convolutions from the halved frame to a map of cells.

The five bytes of a cell are those of `hw_anon.core.box_decode`. One scale serves all five, so `forward` gives them as
fractions: byte / 255. There is no sigmoid in hardware: a score is a clipped line of the logit
(`hw_anon.losses.face_cells`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from hw_anon.core.box_decode import CELL_CHANNELS
from hw_anon.core.config import require_multiple, require_range
from hw_anon.core.errors import ConfigError
from quant.layers import ConvBlock, WeightScale, const_identity, learned_relu, quant_conv, randomise_layers
from quant.sizes import require_bits, require_widths
from quant.topology import ConvUnit, Topology

__all__ = ["STRIDE", "FaceDetector", "FaceDetectorConfig"]

STRIDE = 8
"""Pixels of the halved frame on each side of a cell."""

_CELL_BITS = 8
_MAX_SIDE = 320
_MAX_DEPTH = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class FaceDetectorConfig:
    """Size and precision of a face detector."""

    input_width: int = 160
    """Columns of the halved frame in pixels: a multiple of 8, 32 to 320."""
    input_height: int = 120
    """Rows of the halved frame in pixels: a multiple of 8, 32 to 320."""
    widths: tuple[int, int, int] = (16, 32, 48)
    """Channels at half, quarter and eighth resolution of the input; any width from 1 works."""
    quarter_layers: int = 1
    """Convolutions at quarter resolution behind the one that leads there, 0 to 12."""
    eighth_layers: int = 5
    """Convolutions at eighth resolution behind the one that leads there, 0 to 12: each adds 16 pixels to what a cell
    sees of the halved frame."""
    edge_weight_bits: int = 8
    """Weight bits of the first and of the last convolution, 2 to 8."""
    weight_bits: int = 4
    """Weight bits of all other convolutions, 2 to 8."""
    act_bits: int = 4
    """Bits of all activations but the image and the cells, 2 to 8."""
    per_channel: bool = False
    """One weight scale for each output channel instead of one for each layer."""

    def __post_init__(self) -> None:
        for field in ("input_width", "input_height"):
            require_range(self, field, 32, _MAX_SIDE, unit="pixels")
            require_multiple(self, field, STRIDE)
        require_widths(self)
        for field in ("quarter_layers", "eighth_layers"):
            require_range(self, field, 0, _MAX_DEPTH)
        require_bits(self, "edge_weight_bits", "weight_bits", "act_bits")

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> FaceDetectorConfig:
        """Returns the config written by `as_json`.

        Raises:
            ConfigError: if a field is missing from the class or its value is out of range.
        """
        try:
            return cls(**{**raw, "widths": tuple(raw["widths"])})
        except (TypeError, KeyError) as exc:
            raise ConfigError(f"not a face detector's configuration: {exc}") from exc

    def as_json(self) -> dict[str, Any]:
        """Returns the fields as JSON types."""
        return {**asdict(self), "widths": list(self.widths)}

    @property
    def input_shape(self) -> tuple[int, int]:
        """Rows and columns of the halved frame."""
        return self.input_height, self.input_width

    @property
    def cells(self) -> tuple[int, int]:
        """Rows and columns of the map of cells."""
        return self.input_height // STRIDE, self.input_width // STRIDE


class FaceDetector(nn.Module):
    """The quantised face detector.

    Layers (resolution relative to the input): conv 3→a of stride 2 (1/2), conv a→b of stride 2 and `quarter_layers`
    convs b→b (1/4), conv b→c of stride 2 and `eighth_layers` convs c→c (1/8), conv c→5 (1/8); all 3×3, each followed
    by batch norm and a quantiser.
    """

    role: ClassVar[str] = "face_detector"

    def __init__(self, config: FaceDetectorConfig) -> None:
        super().__init__()
        self.config = config
        a, b, c = config.widths
        scale: WeightScale = "channel" if config.per_channel else "tensor"
        inner, act = config.weight_bits, config.act_bits
        layers = [(3, a, 2), (a, b, 2), *[(b, b, 1)] * config.quarter_layers]
        layers += [(b, c, 2), *[(c, c, 1)] * config.eighth_layers]
        self.trunk = nn.Sequential(
            *(
                ConvBlock(
                    quant_conv(into, out, stride=stride, bits=inner if index else config.edge_weight_bits, scale=scale),
                    learned_relu(act),
                )
                for index, (into, out, stride) in enumerate(layers)
            )
        )
        self.head = ConvBlock(
            quant_conv(c, CELL_CHANNELS, bits=config.edge_weight_bits, scale=scale),
            const_identity(_CELL_BITS, 1.0 / 255.0),
        )
        nn.init.constant_(self.head.bn.weight, 0.2)  # fractions of a byte, not standard deviations
        nn.init.constant_(self.head.bn.bias, 0.4)
        with torch.no_grad():
            self.head.bn.bias[0] = 0.1  # most cells hold no face

    def forward(self, image: Tensor) -> Tensor:
        """Detects faces.

        Args:
            image: `[N, 3, H, W]` float32 RGB in 0..1 (bytes / 255), the halved frame.

        Returns:
            `[N, 5, H / 8, W / 8]` multiples of 1/255 in 0..1: the bytes of `box_decode`, divided by 255.
        """
        return self.head(self.trunk(image))

    def unclipped(self, image: Tensor) -> Tensor:
        """Returns what `forward` gives before the last quantiser clips and rounds it: a loss's way to saturated cells.

        Args:
            image: `[N, 3, H, W]` float32 RGB in 0..1.

        Returns:
            `[N, 5, H / 8, W / 8]` float32.
        """
        return self.head.bn(self.head.conv(self.trunk(image)))

    def topology(self) -> Topology:
        """Returns the convolutions in forward order."""
        height, width = self.config.input_shape
        units: list[ConvUnit] = []
        source: str | None = None
        for name in (*(f"trunk.{index}" for index in range(len(self.trunk))), "head"):
            stride = self.get_submodule(f"{name}.conv").stride[0]
            height, width = height // stride, width // stride
            units.append(
                ConvUnit(
                    name=name,
                    conv=f"{name}.conv",
                    bn=f"{name}.bn",
                    source=source,
                    target=f"{name}.act",
                    out_shape=(height, width),
                )
            )
            source = f"{name}.act"
        return Topology(input_shape=self.config.input_shape, units=tuple(units), joins=())

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
        randomise_layers(self, self.head.bn, self.config.input_shape, generator, passes=passes)
