"""What a network declares about itself, so that rules, projection and reports need not guess from its modules."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Protocol, runtime_checkable

from torch import nn

__all__ = ["ConvUnit", "DeclaresTopology", "Join", "Topology"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ConvUnit:
    """A convolution with the batch norm and the quantiser that follow it; modules are given by dotted name."""

    name: str
    """Name used in messages and reports."""
    conv: str
    """The convolution."""
    bn: str
    """Its batch norm."""
    source: str | None
    """The quantiser whose output the convolution reads; `None` for the image."""
    target: str
    """The quantiser behind the batch norm."""
    out_shape: tuple[int, int]
    """Height and width of the output in pixels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Join:
    """A residual sum `target(branch + trunk)`, by quantiser name."""

    name: str
    """Name used in messages and reports."""
    trunk: str
    """The unsigned quantiser on the straight path."""
    branch: str
    """The signed quantiser on the convolved path."""
    target: str
    """The quantiser of the sum."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Topology:
    """A network's convolutions and joins in forward order."""

    input_shape: tuple[int, int]
    """Height and width of the input image in pixels."""
    units: tuple[ConvUnit, ...]
    """Convolutions, in forward order."""
    joins: tuple[Join, ...]
    """Residual sums, in forward order."""

    @property
    def output(self) -> str:
        """Name of the network's output quantiser."""
        return self.units[-1].target

    def input_channels(self, net: nn.Module) -> int:
        """Returns the channels of the input image."""
        return int(net.get_submodule(self.units[0].conv).in_channels)

    def macs(self, net: nn.Module) -> int:
        """Returns the multiply-accumulate operations of one inference, padding included."""
        return sum(net.get_submodule(u.conv).weight.numel() * prod(u.out_shape) for u in self.units)


@runtime_checkable
class DeclaresTopology(Protocol):
    """A network that can be checked, projected and exported."""

    def topology(self) -> Topology:
        """Returns the network's convolutions and joins in forward order."""
        ...
