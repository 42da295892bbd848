"""A quantised network's training steps at a third of their price, for CPUs that multiply bfloat16.

Brevitas spends most of a step outside the convolutions. Here a network's own parameters take part in a plain
computation of the same values: whole numbers between the layers, which bfloat16 holds without error up to 8 bits,
and weights rounded as Brevitas rounds them. Sums are rounded to bfloat16 before the batch norm, so what comes out is
near the network's own answer, not equal to it: the last steps of a training are to be made with the network itself.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from quant.layers import learned_maximum, quantiser_bits, quantiser_step
from quant.topology import DeclaresTopology

__all__ = ["QuickNet"]


def _rounded(values: Tensor) -> Tensor:
    """Rounds; gradients pass as if it did not."""
    return values + (values.round() - values).detach()


class QuickNet(nn.Module):
    """The quick computation of a network; its parameters, buffers and state are the network's."""

    net: nn.Module

    def __init__(self, net: nn.Module) -> None:
        """Takes a `Modifier` or `FaceDetector`.

        Args:
            net: stays what it is and learns with this module.
        """
        super().__init__()
        self.net = net
        assert isinstance(net, DeclaresTopology), "a network of the chip"
        topology = net.topology()
        self._units, self._last = topology.units, topology.units[-1]
        self._joins = {join.branch: join for join in topology.joins}
        module = self.net.get_submodule
        self._top = {unit.target: 2.0 ** quantiser_bits(module(unit.target)) - 1.0 for unit in self._units}
        self._top |= {join.target: 2.0 ** quantiser_bits(module(join.target)) - 1.0 for join in topology.joins}
        self._weight_top = {unit.conv: _weight_top(module(unit.conv)) for unit in self._units}
        self._fixed = {
            name: float(quantiser_step(module(name))[0]) for name in self._top if learned_maximum(module(name)) is None
        }

    def forward(self, images: Tensor) -> Tensor:
        """Maps `[N, C, H, W]` in 0..1 to the last batch norm's answer, float32: before it is clipped and rounded."""
        values: dict[str | None, Tensor] = {
            None: (images * 255.0).round().to(torch.bfloat16, memory_format=torch.channels_last)
        }
        for unit in self._units:
            step = torch.tensor(1.0 / 255.0) if unit.source is None else self._step(unit.source)
            answer = self._convolved(unit.name, values[unit.source], step.detach())
            if unit is self._last:
                return answer.float()
            if unit.target in self._joins:
                join = self._joins[unit.target]
                whole = _rounded((answer / self._step(unit.target)).clamp(-self._branch_top(unit.target), None))
                top = self._top[join.target]
                values[join.target] = (whole + values[join.trunk]).clamp(0.0, top)
            else:
                scaled = answer / self._step(unit.target).to(answer.dtype)
                values[unit.target] = _rounded(scaled.clamp(0.0, self._top[unit.target]))
        raise AssertionError("the last unit returns")

    def _branch_top(self, name: str) -> float:
        return float((self._top[name] - 1.0) / 2.0)

    def _step(self, name: str) -> Tensor:
        learned = learned_maximum(self.net.get_submodule(name))
        return torch.tensor(self._fixed[name]) if learned is None else learned.abs() / self._top[name]

    def _convolved(self, name: str, values: Tensor, step: Tensor) -> Tensor:
        """Returns convolution and batch norm, bfloat16; `step` is what a whole number of `values` is worth."""
        block: Any = self.net.get_submodule(name)
        top = self._weight_top[f"{name}.conv"]
        weight: Tensor = block.conv.weight
        size = weight.detach().abs().amax() / top
        weight = _rounded((weight / size).clamp(-top, top)) * (size * step)
        weight = weight.to(torch.bfloat16, memory_format=torch.channels_last)
        values = F.interpolate(values, scale_factor=2.0) if not isinstance(block.up, nn.Identity) else values
        answer = F.conv2d(values, weight, stride=block.conv.stride, padding=block.conv.padding)
        norm: nn.BatchNorm2d = block.bn
        return F.batch_norm(
            answer, norm.running_mean, norm.running_var, norm.weight, norm.bias, norm.training, norm.momentum or 0.1,
            norm.eps,
        )  # fmt: skip


def _weight_top(conv: Any) -> float:
    return float(2 ** (int(conv.quant_weight().bit_width) - 1) - 1)
