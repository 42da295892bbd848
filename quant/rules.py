"""Model-side rules of the compiler, checked before export.

`check` takes any module: a network that declares its topology (`quant.topology`) is checked whole, any other one layer
by layer, with a violation for the missing topology. Nothing is refused without a remedy. What the rules do not limit
is supported: any width from 1, gains of either sign, dead channels, weight scales per tensor or per channel.
"""

from __future__ import annotations

from collections.abc import Iterator

import brevitas.nn as qnn
import numpy as np
import torch
from torch import nn

from quant.bn_projection import IntegerNet, accumulator_bound, code_range, weight_integers
from quant.layer_rules import leaves, module_violations
from quant.layers import quantiser_bits, quantiser_signed, quantiser_step
from quant.topology import ConvUnit, DeclaresTopology, Topology
from quant.violations import Violation, refuse

__all__ = ["EXACT_ACCUMULATOR", "Violation", "check", "check_projected", "require", "require_projected"]

EXACT_ACCUMULATOR = 2**24
"""Integers below this are exact in float32, so that software sums do not depend on their order."""
_MIN_SIDE, _MAX_SIDE = 32, 320
_FLOAT_ERROR = 2.0**-23  # relative; `g a + c` takes two roundings, so does FINN's `(k - 1/2 - c) / g`
_SAME_SCALE = 1e-6


def check(net: nn.Module) -> list[Violation]:
    """Returns every rule that `net` breaks, in forward order; an empty list means that it can be exported."""
    violations = [violation for name, module in leaves(net) for violation in module_violations(name, module)]
    if net.training:
        violations.append(_network("mode", "the network is in training mode", "call net.eval()"))
    if not isinstance(net, DeclaresTopology):
        violations.append(
            _network("topology", f"{type(net).__name__} has no topology()", "declare it, see quant.topology")
        )
        return violations
    topology = net.topology()
    missing = list(_missing_modules(net, topology))
    violations += missing or _topology_violations(net, topology)
    return violations


def require(net: nn.Module) -> None:
    """Refuses a network that breaks a rule.

    Raises:
        ConfigError: listing every violation.
    """
    refuse(check(net))


def check_projected(net: IntegerNet) -> list[Violation]:
    """Returns what keeps a projected network from computing the same codes in float32 as in integers.

    The evaluation of `y = g a + c` is monotone in `a` even with rounding, so the two integers next to each threshold
    stand for all others: `y` must be further from the rounding boundary there than float32 can be wrong.
    """
    violations: list[Violation] = []
    for unit in net.topology().units:
        conv, bn, target = (net.net.get_submodule(name) for name in (unit.conv, unit.bn, unit.target))
        weights = conv.weight.detach().double()
        bits = int(conv.weight_quant.bit_width())
        if not torch.equal(weights, weights.round()) or weights.abs().max() > 2 ** (bits - 1) - 1:
            violations.append(_projection(unit, "weights are not integers"))
        if float(quantiser_step(target)) != 1.0 or not bool((bn.weight > 0).all()):
            violations.append(_projection(unit, "scale is not 1, or a gain is not positive"))
            continue
        close = _close_channels(net.net, unit)
        if close:
            violations.append(
                Violation(
                    layer=unit.name,
                    rule="threshold-margin",
                    found=f"thresholds of channels {close} are closer to an integer than float32 resolves",
                    remedy="the channel hardly depends on its input: set its batch-norm gain to 0, or train again",
                )
            )
    return violations


def require_projected(net: IntegerNet) -> None:
    """Refuses a projected network whose codes float32 could get wrong.

    Raises:
        ConfigError: listing every violation.
    """
    refuse(check_projected(net))


def _network(rule: str, found: str, remedy: str) -> Violation:
    return Violation(layer="network", rule=rule, found=found, remedy=remedy)


def _projection(unit: ConvUnit, found: str) -> Violation:
    return Violation(layer=unit.name, rule="projection", found=found, remedy="project with quant.bn_projection.project")


def _missing_modules(net: nn.Module, topology: Topology) -> Iterator[Violation]:
    """Yields names that the topology gives and the network has not, or has as another kind of layer."""
    modules = dict(net.named_modules())
    quantisers = (qnn.QuantReLU, qnn.QuantIdentity)
    wanted: list[tuple[str | None, tuple[type, ...]]] = []
    for unit in topology.units:
        wanted += [(unit.conv, (qnn.QuantConv2d,)), (unit.bn, (nn.BatchNorm2d,)), (unit.target, quantisers)]
        wanted.append((unit.source, quantisers))
    for join in topology.joins:
        wanted += [(name, quantisers) for name in (join.trunk, join.branch, join.target)]
    for name, kinds in dict.fromkeys(wanted):
        if name is not None and not isinstance(modules.get(name), kinds):
            found = type(modules[name]).__name__ if name in modules else "nothing"
            rule = "batch-norm" if kinds == (nn.BatchNorm2d,) else "topology"
            names = " or ".join(kind.__name__ for kind in kinds)
            yield Violation(
                layer=name,
                rule=rule,
                found=f"{found} instead of {names}",
                remedy="conv, batch norm, quantiser, in turn",
            )


def _topology_violations(net: nn.Module, topology: Topology) -> list[Violation]:
    violations: list[Violation] = []
    height, width = topology.input_shape
    if any(side % 4 or not _MIN_SIDE <= side <= _MAX_SIDE for side in topology.input_shape):
        remedy = f"use multiples of 4, {_MIN_SIDE}..{_MAX_SIDE}"
        violations.append(_network("input-size", f"{height} rows of {width} pixels", remedy))
    if not topology.units:
        return [*violations, _network("topology", "no convolutions", "declare them, see quant.topology")]
    violations += _undeclared(net, topology)
    violations += _join_violations(net, topology)
    violations += _output_violations(net, topology.output)
    for unit in topology.units:
        violations += _accumulator_violations(net, unit)
    return violations


def _undeclared(net: nn.Module, topology: Topology) -> Iterator[Violation]:
    declared = {name for u in topology.units for name in (u.conv, u.bn, u.target)}
    declared |= {join.target for join in topology.joins}
    for name, module in leaves(net):
        if name not in declared and isinstance(
            module, qnn.QuantConv2d | nn.BatchNorm2d | qnn.QuantReLU | qnn.QuantIdentity
        ):
            yield Violation(
                layer=name,
                rule="topology",
                found=f"{type(module).__name__} is not part of the declared topology",
                remedy="declare it (conv, batch norm, quantiser, in turn) or remove it",
            )


def _join_violations(net: nn.Module, topology: Topology) -> Iterator[Violation]:
    for join in topology.joins:
        names = (join.trunk, join.branch, join.target)
        if not _sound(net, *names):
            continue
        trunk, branch, target = (net.get_submodule(name) for name in names)
        values = [float(quantiser_step(quantiser)) for quantiser in (trunk, branch, target)]
        if max(values) > (1.0 + _SAME_SCALE) * min(values):
            yield Violation(
                layer=join.name,
                rule="join-scales",
                found="scales of trunk, branch and sum are " + ", ".join(f"{value:.6g}" for value in values),
                remedy="give all three the same constant scale (quant.layers.ResidualBlock)",
            )
        if quantiser_signed(trunk) or quantiser_signed(target) or not quantiser_signed(branch):
            yield Violation(
                layer=join.name,
                rule="join-signs",
                found="trunk and sum must be unsigned, the branch signed",
                remedy="use quant.layers.ResidualBlock",
            )


def _output_violations(net: nn.Module, name: str) -> Iterator[Violation]:
    if not _sound(net, name):
        return
    output = net.get_submodule(name)
    bits, signed = quantiser_bits(output), quantiser_signed(output)
    if bits != 8 or signed or not isinstance(output, qnn.QuantIdentity):
        kind = f"{'signed' if signed else 'unsigned'} {bits}-bit {type(output).__name__}"
        yield Violation(
            layer=name,
            rule="output-quantiser",
            found=kind,
            remedy="end the network in an unsigned 8-bit QuantIdentity (quant.layers.const_identity)",
        )


def _accumulator_violations(net: nn.Module, unit: ConvUnit) -> Iterator[Violation]:
    conv = net.get_submodule(unit.conv)
    if not _sound(net, unit.conv, unit.source):
        return
    bound = int(accumulator_bound(weight_integers(conv), _largest_input(net, unit)).max())
    if bound >= EXACT_ACCUMULATOR:
        yield Violation(
            layer=unit.conv,
            rule="accumulator",
            found=f"accumulators reach {bound}, float32 is exact below {EXACT_ACCUMULATOR}",
            remedy="use fewer weight or activation bits, or fewer input channels",
        )


def _sound(net: nn.Module, *names: str | None) -> bool:
    """Returns whether the layers break no rule by themselves; if they do, that is reported, and enough."""
    return not any(any(module_violations(name, net.get_submodule(name))) for name in names if name is not None)


def _largest_input(net: nn.Module, unit: ConvUnit) -> int:
    if unit.source is None:
        return 255
    source = net.get_submodule(unit.source)
    return code_range(quantiser_bits(source), signed=quantiser_signed(source))[1]


def _close_channels(net: nn.Module, unit: ConvUnit) -> list[int]:
    """Returns the channels with a threshold that float32 arithmetic could miss."""
    conv, bn, target = (net.get_submodule(name) for name in (unit.conv, unit.bn, unit.target))
    gain = bn.weight.detach().double().numpy()[:, None]
    offset = bn.bias.detach().double().numpy()[:, None]
    bound = accumulator_bound(conv.weight.detach().double(), _largest_input(net, unit)).numpy()[:, None]
    low, high = code_range(quantiser_bits(target), signed=quantiser_signed(target))
    boundaries = np.arange(low + 1, high + 1)[None, :] - 0.5
    thresholds = (boundaries - offset) / gain
    reachable = np.abs(thresholds) <= bound
    close = np.zeros(len(gain), bool)
    for neighbour in (np.floor(thresholds), np.ceil(thresholds)):
        distance = np.abs(gain * neighbour + offset - boundaries)
        error = _FLOAT_ERROR * (np.abs(gain * neighbour) + np.abs(boundaries))
        close |= (reachable & (distance <= error)).any(1)
    return [int(channel) for channel in np.flatnonzero(close)]
