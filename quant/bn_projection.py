r"""Projection of a trained network onto integers that every stage of the compiler computes alike.

A layer computes, for one output channel, the integer accumulator `a = sum(w x)` and from it the output code

    code = clip(round(y)),  y = g a + c,  g = gain * s_w * s_in / s_out,  c = (batch-norm offset) / s_out

The hardware compares `a` with one threshold for each code, `T_k = (k - 1/2 - c) / g`. Software evaluates `y` in
float32, in an order of its own (Brevitas, ONNX Runtime, FINN's folding of batch norm into thresholds). If some `T_k`
lies on or next to an integer, two evaluations of `y` fall on different sides of `k - 1/2`, one code differs by one,
and the difference spreads through the layers behind. Rounding rules differ too: `Quant` rounds halves to even,
`MultiThreshold` up.

**Projection.** Replace `g` by `q / p` (integers, nearest to `g` up to `GAIN_TOLERANCE`, smallest such `q`) and `c` by
the nearest value of the form `(m + 1/2) / p + 1/2` with integer `m`. Then

    y - (k - 1/2) = (q a + m + 1/2) / p - (k - 1) = (integer + 1/2) / p   for every integer a and k,

so `y` is never closer than `1 / 2p` to a rounding boundary, and `T_k = ((k - 1) p - m - 1/2) / q` is never closer than
`1 / 2q` to an integer: thresholds sit at `(n + 1/2) / q` in accumulator units. `c` is anchored where the data's mean
lies, so that a changed gain does not shift it.

*Huge gains*: `g` above the number of codes moves `y` through the whole range from one accumulator to the next; every
larger gain gives the same codes, so `g` is clamped there, without loss. Several thresholds then fall between the same
two integers. *Constant channels* (gain 0, weights all 0, or no accumulator reaches another code) become
`y = code + a / (4 (bound + 1))`, which never leaves the code. *Weak channels*: the distance `1 / 2p` must exceed the
error of float32. A channel with a smaller gain becomes constant if its whole range is less than one code, otherwise its
gain is raised to the smallest that float32 resolves (some ten thousand accumulator units for one 4-bit code).

*Negative gains*: weights and gain both change sign; narrow-range weights always can. Every projected gain is positive.

**Unit scales.** Scales are redundant once the batch norms are projected: the projected network holds integer weights
and activations with the scale 1, so all convolutions are sums of integers below 2^24, exact in float32 in any order,
and no scale factor is left for the compiler to move through forks, joins and transposes.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import brevitas.nn as qnn
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from quant.layers import (
    branch_identity,
    const_identity,
    const_relu,
    quant_conv,
    quantiser_bits,
    quantiser_signed,
    quantiser_step,
)
from quant.topology import ConvUnit, Topology

__all__ = [
    "GAIN_TOLERANCE",
    "AffineProjection",
    "IntegerNet",
    "LayerProjection",
    "accumulator_bound",
    "code_range",
    "project",
    "project_affine",
    "weight_integers",
]

GAIN_TOLERANCE = 0.01
"""Relative change of a gain at which the search for a finer grid stops."""
_MAX_NUMERATOR = 64  # p up to which q > 1 is tried; above, q = 1 changes the gain by less than 1/128
_FLOAT_RESOLUTION = 2.0**22  # of the boundaries' distance, see `quant.rules.check_projected`
_EPS = 2.0**-10  # exact in float32 as is 1 - eps: the variance of a projected batch norm is exactly 1
_MIN_FINEST_GRID = 32  # q tried even for few levels

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class AffineProjection:
    """Projected `y = g a + c` of one layer, one entry for each channel."""

    gain: Floats
    """`q / p`, positive."""
    offset: Floats
    """`(m + 1/2) / p + 1/2`, or the code itself for constant channels."""
    change: Floats
    """Relative change of the gain; 0 for channels that are constant or clamped."""
    constant: NDArray[np.bool_]
    """Channels that give one code for every input."""
    clamped: NDArray[np.bool_]
    """Channels whose gain was raised to the smallest that float32 resolves."""
    grid: NDArray[np.int64]
    """`q`: thresholds sit at `(n + 1/2) / q` accumulator units."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerProjection:
    """What projection did to one layer."""

    layer: str
    """Name of the unit."""
    largest_gain_change: float
    """Largest relative change of a channel's gain."""
    negated_channels: int
    """Channels whose weights and gain changed sign."""
    constant_channels: int
    """Channels that give one code for every input."""
    clamped_channels: int
    """Channels so weak that float32 could not tell their thresholds apart, and whose gain was raised until it can."""
    finest_grid: int
    """Largest `q`: thresholds keep at least `1 / 2q` accumulator units from every integer."""
    accumulator_bound: int
    """Largest possible magnitude of a (partial) accumulator."""


class IntegerNet(nn.Module):
    """A projected network between image bytes: all values are integers held in float32."""

    def __init__(self, net: nn.Module, layers: tuple[LayerProjection, ...]) -> None:
        super().__init__()
        self.net = net
        self.layers = layers

    def forward(self, image: Tensor) -> Tensor:
        """Maps `[N, H, W, 3]` float32 bytes to `[N, H', W', C]` float32 bytes."""
        return self.net(image.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)

    def topology(self) -> Topology:
        """Returns the topology of the network inside; names are relative to `net`."""
        return self.net.topology()

    @property
    def largest_gain_change(self) -> float:
        """Largest relative change of any gain."""
        return max(layer.largest_gain_change for layer in self.layers)


def code_range(bits: int, *, signed: bool) -> tuple[int, int]:
    """Returns the smallest and largest code of a quantiser (signed ones are narrow range)."""
    top = 2 ** (bits - 1) - 1
    return (-top, top) if signed else (0, 2**bits - 1)


def weight_integers(conv: qnn.QuantConv2d) -> Tensor:
    """Returns the convolution's quantised weights as integers, `[C_out, C_in, k, k]` float64."""
    quantised = conv.quant_weight()
    return (quantised.value.detach().double() / quantised.scale.detach().double()).round()


def accumulator_bound(weights: Tensor, largest_input: int) -> Tensor:
    """Returns for each output channel the largest magnitude that any partial sum can reach, `[C_out]` float64."""
    return weights.abs().flatten(1).sum(1) * largest_input


def project_affine(
    gain: Floats, offset: Floats, centre: Floats, bound: Floats, *, low: int, high: int
) -> AffineProjection:
    """Projects `y = gain a + offset` for the codes `low..high`.

    Args:
        gain: `[C]`, positive or zero.
        offset: `[C]`.
        centre: `[C]` `y` where the data's mean lies: a changed gain leaves it in place.
        bound: `[C]` largest `|a|`.
        low: smallest code.
        high: largest code.
    """
    levels, largest = high - low + 1, max(-low, high)
    safe_gain = np.where(gain > 0, gain, 1.0)
    # At a huge gain one accumulator at most falls inside the range of codes: it must be the anchor.
    wanted = np.where(gain > levels, (low + high) / 2, np.clip(centre, low, high))
    anchor = np.clip(np.round((wanted - offset) / safe_gain), -bound, bound)
    y_anchor = gain * anchor + offset
    y_anchor = np.where(gain > levels, np.clip(y_anchor, low, high), y_anchor)

    q, p = _rational_gain(gain, levels=levels)
    finest = np.maximum((_FLOAT_RESOLUTION - np.abs(anchor)) // (3 * largest), 1)
    tiny = p > finest
    p = np.minimum(p, finest).astype(np.int64)
    first, last = (np.clip(np.round(offset + sign * gain * bound), low, high) for sign in (-1, 1))
    constant = (first == last) | (tiny & (2.0 * gain * bound < 1.0))

    projected = (np.floor((y_anchor - anchor * q / p - 0.5) * p) + 0.5) / p + 0.5
    changed = ~constant & ~tiny & (gain <= levels)
    return AffineProjection(
        gain=np.where(constant, 1.0 / (4.0 * (bound + 1.0)), q / p),
        offset=np.where(constant, np.clip(np.round(np.where(first == last, first, centre)), low, high), projected),
        change=np.where(changed, np.abs(q / p / safe_gain - 1.0), 0.0),
        constant=constant,
        clamped=tiny & ~constant,
        grid=np.where(constant, 1, q),
    )


def _rational_gain(gain: Floats, *, levels: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns `(q, p)` with `q / p` near `gain`: the coarsest grid `q` that meets the tolerance, else the best."""
    step = 1.0 / np.clip(gain, 1e-12, levels)
    best_q = np.ones_like(step, dtype=np.int64)
    best_p = np.maximum(np.round(step), 1).astype(np.int64)
    best = np.abs(best_p / step - 1.0)
    for q in range(2, max(levels, _MIN_FINEST_GRID) + 1):
        p = np.maximum(np.round(step * q), 1).astype(np.int64)
        error = np.abs(p / (q * step) - 1.0)
        better = (best > GAIN_TOLERANCE) & (error < best) & (p <= _MAX_NUMERATOR)
        best_q, best_p, best = (np.where(better, new, old) for new, old in ((q, best_q), (p, best_p), (error, best)))
    return best_q, best_p


def _affine_of(net: nn.Module, unit: ConvUnit, image_step: float) -> tuple[Floats, Floats, Floats]:
    """Returns `(g, c, y at the data's mean)` of a unit, each `[C_out]` float64; `g` may be negative or 0."""
    conv, bn = net.get_submodule(unit.conv), net.get_submodule(unit.bn)
    step_in = torch.tensor([image_step]) if unit.source is None else quantiser_step(net.get_submodule(unit.source))
    step_out = float(quantiser_step(net.get_submodule(unit.target)))
    weight_step = conv.quant_weight().scale.detach().double().flatten()
    gain = bn.weight.detach().double() / (bn.running_var.double() + bn.eps).sqrt()
    bias = 0.0 if conv.bias is None else conv.bias.detach().double()
    offset = bn.bias.detach().double() + (bias - bn.running_mean.double()) * gain
    scaled = gain * weight_step * float(step_in) / step_out
    return scaled.numpy(), (offset / step_out).numpy(), (bn.bias.detach().double() / step_out).numpy()


def _unit_quantiser(quantiser: nn.Module) -> nn.Module:
    """Returns the same quantiser with the scale 1."""
    bits = quantiser_bits(quantiser)
    if quantiser_signed(quantiser):
        return branch_identity(bits, 1.0)
    return const_relu(bits, 1.0) if isinstance(quantiser, qnn.QuantReLU) else const_identity(bits, 1.0)


def _project_unit(net: nn.Module, integer: nn.Module, unit: ConvUnit, image_step: float) -> LayerProjection:
    """Writes the projected convolution and batch norm of `unit` into `integer`."""
    conv, target = net.get_submodule(unit.conv), net.get_submodule(unit.target)
    gain, offset, centre = _affine_of(net, unit, image_step)
    weights = weight_integers(conv) * torch.from_numpy(np.where(gain < 0, -1.0, 1.0)).view(-1, 1, 1, 1)
    largest_in = 255
    if unit.source is not None:
        source = net.get_submodule(unit.source)
        largest_in = code_range(quantiser_bits(source), signed=quantiser_signed(source))[1]
    bound = accumulator_bound(weights, largest_in)
    low, high = code_range(quantiser_bits(target), signed=quantiser_signed(target))
    affine = project_affine(np.abs(gain), offset, centre, bound.numpy(), low=low, high=high)

    unit_conv = quant_conv(
        conv.in_channels,
        conv.out_channels,
        kernel=conv.kernel_size[0],
        stride=conv.stride[0],
        bits=int(conv.weight_quant.bit_width()),
        scale="unit",
    )
    bn = nn.BatchNorm2d(conv.out_channels, eps=_EPS)
    with torch.no_grad():
        bn.running_var.fill_(1.0 - _EPS)
        unit_conv.weight.copy_(weights.float())
        bn.weight.copy_(torch.from_numpy(affine.gain).float())
        bn.bias.copy_(torch.from_numpy(affine.offset).float())
    integer.set_submodule(unit.conv, unit_conv)
    integer.set_submodule(unit.bn, bn)
    return LayerProjection(
        layer=unit.name,
        largest_gain_change=float(affine.change.max()),
        negated_channels=int((gain < 0).sum()),
        constant_channels=int(affine.constant.sum()),
        clamped_channels=int(affine.clamped.sum()),
        finest_grid=int(affine.grid.max()),
        accumulator_bound=int(bound.max()),
    )


def project(net: nn.Module, *, image_step: float = 1.0 / 255.0) -> IntegerNet:
    """Returns an integer copy of a network (see the module's text); `net` is untouched.

    Args:
        net: a network in evaluation mode that obeys `quant.rules` and declares its topology.
        image_step: real value of one unit of the image bytes.
    """
    integer = copy.deepcopy(net)
    topology: Topology = net.topology()
    layers = tuple(_project_unit(net, integer, unit, image_step) for unit in topology.units)
    names = dict.fromkeys([u.target for u in topology.units] + [j.target for j in topology.joins])
    for name in names:
        integer.set_submodule(name, _unit_quantiser(net.get_submodule(name)))
    return IntegerNet(integer, layers).eval()
