"""Building blocks of the networks on the chip: convolution, activation and residual join.

Scales. A value is `integer * scale`. Weight scales follow from the weights, activation scales are scalars. A residual
join adds integers, so both of its inputs and its output share one scale (`trunk_step`), given at construction.
"""

from __future__ import annotations

from typing import Literal

import brevitas.nn as qnn
import torch
from torch import Tensor, nn

from quant.quantizers import (
    BranchQuant,
    ConstActQuant,
    LearnedActQuant,
    UnitWeightQuant,
    WeightQuantPerChannel,
    WeightQuantPerTensor,
)

__all__ = [
    "ConvBlock",
    "ResidualBlock",
    "WeightScale",
    "branch_identity",
    "const_identity",
    "const_relu",
    "learned_maximum",
    "learned_relu",
    "quant_conv",
    "quantiser_bits",
    "quantiser_signed",
    "quantiser_step",
    "randomise_layers",
]

WeightScale = Literal["tensor", "channel", "unit"]

_INITIAL_RANGE = 3.0  # of a learned activation: batch norm's output lies within 3 standard deviations


def quant_conv(
    in_channels: int, out_channels: int, *, kernel: int = 3, stride: int = 1, bits: int, scale: WeightScale = "tensor"
) -> qnn.QuantConv2d:
    """Returns a convolution with narrow-range weights, "same" padding and no bias.

    Args:
        in_channels: input channels.
        out_channels: output channels.
        kernel: odd kernel size.
        stride: 1 or 2.
        bits: weight bits, 2 to 8.
        scale: one weight scale for the layer, one for each output channel, or 1 (the weights are integers).
    """
    quantiser = {"tensor": WeightQuantPerTensor, "channel": WeightQuantPerChannel, "unit": UnitWeightQuant}[scale]
    extra = {"weight_scaling_init": float(2 ** (bits - 1) - 1)} if scale == "unit" else {}
    return qnn.QuantConv2d(
        in_channels,
        out_channels,
        kernel,
        stride=stride,
        padding=kernel // 2,
        bias=False,
        weight_quant=quantiser,
        weight_bit_width=bits,
        **extra,
    )


def learned_relu(bits: int) -> qnn.QuantReLU:
    """Returns a ReLU with unsigned `bits`-bit output and a learned scale."""
    return qnn.QuantReLU(act_quant=LearnedActQuant, bit_width=bits, max_val=_INITIAL_RANGE, return_quant_tensor=False)


def const_relu(bits: int, step: float) -> qnn.QuantReLU:
    """Returns a ReLU with unsigned `bits`-bit output `k * step`."""
    return qnn.QuantReLU(
        act_quant=ConstActQuant, bit_width=bits, max_val=step * (2**bits - 1), return_quant_tensor=False
    )


def const_identity(bits: int, step: float) -> qnn.QuantIdentity:
    """Returns an unsigned `bits`-bit quantiser with output `k * step` (the last layer: image bytes)."""
    return qnn.QuantIdentity(
        act_quant=ConstActQuant, bit_width=bits, max_val=step * (2**bits - 1), return_quant_tensor=False
    )


def branch_identity(bits: int, step: float) -> qnn.QuantIdentity:
    """Returns a signed narrow-range `bits`-bit quantiser with output `k * step` (a residual branch)."""
    top = step * (2 ** (bits - 1) - 1)
    return qnn.QuantIdentity(
        act_quant=BranchQuant, bit_width=bits, min_val=-top, max_val=top, return_quant_tensor=False
    )


class ConvBlock(nn.Module):
    """Optional nearest ×2 upsampling, convolution, batch norm, quantiser."""

    def __init__(self, conv: qnn.QuantConv2d, act: nn.Module, *, upsample: bool = False) -> None:
        super().__init__()
        self.up = nn.Upsample(scale_factor=2, mode="nearest") if upsample else nn.Identity()
        self.conv = conv
        self.bn = nn.BatchNorm2d(conv.out_channels)
        self.act = act

    def forward(self, x: Tensor) -> Tensor:
        """Maps `[N, C_in, H, W]` to `[N, C_out, H', W']`, float32 multiples of the quantiser's step."""
        return self.act(self.bn(self.conv(self.up(x))))


class ResidualBlock(nn.Module):
    """`relu(Q(bn(conv(q(bn(conv x))))) + x)`: branch, trunk and sum share the scale `step`."""

    def __init__(
        self, channels: int, *, step: float, weight_bits: int, act_bits: int, branch_bits: int, scale: WeightScale
    ) -> None:
        super().__init__()
        self.inner = ConvBlock(quant_conv(channels, channels, bits=weight_bits, scale=scale), learned_relu(act_bits))
        self.branch = ConvBlock(
            quant_conv(channels, channels, bits=weight_bits, scale=scale), branch_identity(branch_bits, step)
        )
        self.out = const_relu(act_bits, step)

    def forward(self, x: Tensor) -> Tensor:
        """Maps `[N, C, H, W]` to the same shape; `x` must be unsigned with the step of the block."""
        return self.out(self.branch(self.inner(x)) + x)


def quantiser_step(quantiser: nn.Module) -> Tensor:
    """Returns the scale of a `QuantReLU`/`QuantIdentity` as float64 (one element unless it is per channel)."""
    scale = quantiser.act_quant.scale()
    if scale is None:
        raise ValueError("the quantiser has no scale (quantisation is disabled)")
    return torch.as_tensor(scale).detach().flatten().double()


def learned_maximum(quantiser: nn.Module) -> nn.Parameter | None:
    """Returns the parameter that is a learned quantiser's largest value (up to its sign); `None` of a constant one."""
    found = [value for name, value in quantiser.named_parameters() if name.endswith("scaling_impl.value")]
    return found[0] if found else None


def quantiser_bits(quantiser: nn.Module) -> int:
    """Returns the bit width of a `QuantReLU`/`QuantIdentity`."""
    return int(quantiser.act_quant.bit_width())


def quantiser_signed(quantiser: nn.Module) -> bool:
    """Returns whether a `QuantReLU`/`QuantIdentity` has signed output."""
    return bool(quantiser.act_quant.is_signed)


@torch.no_grad()
def randomise_layers(
    net: nn.Module, last: nn.Module, input_shape: tuple[int, int], generator: torch.Generator, *, passes: int
) -> None:
    """Gives a network random weights, batch norms of both signs and statistics from a few forward passes.

    For tests of the compiler: such a network computes nothing useful, but uses the whole range of every quantiser.

    Args:
        net: the network; it is left in evaluation mode.
        last: the batch norm before its output quantiser, whose values are fractions in 0..1.
        input_shape: rows and columns of its input, multiples of 4.
        generator: source of randomness.
        passes: forward passes of two random images each.
    """
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.copy_(torch.randn(module.weight.shape, generator=generator))
        elif isinstance(module, nn.BatchNorm2d):
            gain = torch.empty(module.num_features).uniform_(0.5, 1.5, generator=generator)
            sign = torch.where(torch.rand(module.num_features, generator=generator) < 0.25, -1.0, 1.0)
            module.weight.copy_(gain * sign)
            module.bias.uniform_(-0.3, 0.7, generator=generator)
    assert isinstance(last, nn.BatchNorm2d)
    last.weight.mul_(0.25)
    last.bias.fill_(0.5)
    net.train()
    height, width = input_shape
    channels = next(module.in_channels for module in net.modules() if isinstance(module, nn.Conv2d))
    for _ in range(passes):
        coarse = torch.rand((2, channels, height // 4, width // 4), generator=generator)
        noise = torch.rand((2, channels, height, width), generator=generator)
        net(0.7 * nn.functional.interpolate(coarse, size=(height, width)) + 0.3 * noise)
    net.eval()
