"""Rules that one module alone can break: layer kinds, weights, activations, batch norms."""

from __future__ import annotations

from collections.abc import Iterator

import brevitas.nn as qnn
import torch
from brevitas.nn.quant_layer import QuantLayerMixin
from torch import nn

from quant.layers import quantiser_bits, quantiser_signed, quantiser_step
from quant.violations import Violation

__all__ = ["MAX_BITS", "MIN_BITS", "leaves", "module_violations"]

MIN_BITS, MAX_BITS = 2, 8

_POOLS = (
    nn.MaxPool1d
    | nn.MaxPool2d
    | nn.AvgPool1d
    | nn.AvgPool2d
    | nn.AdaptiveAvgPool2d
    | nn.AdaptiveMaxPool2d
    | nn.LPPool2d
)
_TRANSPOSED = nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d
_REMEDIES: tuple[tuple[object, str, str], ...] = (
    (_TRANSPOSED, "transposed-convolution", "use nearest upsampling and a convolution"),
    (_POOLS, "pooling", "use a convolution of stride 2"),
    (nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear, "unquantised-layer", "use quant.layers.quant_conv"),
    (nn.InstanceNorm2d | nn.GroupNorm | nn.LayerNorm, "normalisation", "use nn.BatchNorm2d"),
    (nn.PixelShuffle | nn.PixelUnshuffle, "upsampling", "use nn.Upsample(scale_factor=2, mode='nearest')"),
)


def leaves(net: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yields `(dotted name, module)` of all layers; the inside of a Brevitas layer is not entered."""
    stack: list[tuple[str, nn.Module]] = [("", net)]
    while stack:
        name, module = stack.pop()
        children = list(module.named_children())
        if isinstance(module, QuantLayerMixin) or not children:
            yield name or "network", module
            continue
        stack.extend((f"{name}.{child}" if name else child, sub) for child, sub in reversed(children))


def module_violations(name: str, module: nn.Module) -> Iterator[Violation]:
    """Yields the rules that one layer breaks by itself."""
    if isinstance(module, qnn.QuantConv2d):
        yield from _convolution(name, module)
        yield from _weights(name, module)
    elif isinstance(module, qnn.QuantReLU | qnn.QuantIdentity):
        yield from _activation(name, module)
    elif isinstance(module, nn.BatchNorm2d):
        yield from _batch_norm(name, module)
    elif isinstance(module, nn.Upsample):
        yield from _upsample(name, module)
    elif not isinstance(module, nn.Identity) and not _is_empty_container(module):
        yield _foreign(name, module)


def _is_empty_container(module: nn.Module) -> bool:
    return isinstance(module, nn.Sequential | nn.ModuleList) and len(module) == 0


def _foreign(name: str, module: nn.Module) -> Violation:
    kind = type(module).__name__
    for types, rule, remedy in _REMEDIES:
        if isinstance(module, types):  # type: ignore[arg-type]
            return Violation(layer=name, rule=rule, found=f"{kind} has no hardware", remedy=remedy)
    activation = type(module).__module__.endswith("activation") or isinstance(module, QuantLayerMixin)
    if activation:
        return Violation(
            layer=name,
            rule="activation-kind",
            found=f"{kind} has no hardware",
            remedy="use QuantReLU or QuantIdentity of quant.layers",
        )
    return Violation(layer=name, rule="layer-kind", found=f"{kind} has no hardware", remedy="remove it")


def _convolution(name: str, conv: qnn.QuantConv2d) -> Iterator[Violation]:
    def bad(rule: str, found: object, remedy: str) -> Violation:
        return Violation(layer=name, rule=rule, found=str(found), remedy=remedy)

    height, width = conv.kernel_size
    if conv.groups != 1:
        yield bad("groups", f"{conv.groups} groups", "use a full convolution (groups=1)")
    if height != width or height % 2 == 0:
        yield bad("kernel", f"kernel {height}×{width}", "use an odd, square kernel (1, 3, 5)")
    if conv.stride not in ((1, 1), (2, 2)):
        yield bad("stride", f"stride {conv.stride}", "use stride 1 or 2 in both directions")
    if conv.dilation != (1, 1):
        yield bad("dilation", f"dilation {conv.dilation}", "use dilation 1")
    if conv.padding not in ((height // 2, width // 2), height // 2) or conv.padding_mode != "zeros":
        yield bad("padding", f"{conv.padding_mode} padding {conv.padding}", f"pad with zeros by {height // 2}")
    for kind in ("input_quant", "output_quant", "bias_quant"):
        proxy = getattr(conv, kind)
        if proxy is not None and proxy.is_quant_enabled:
            yield bad("extra-quantiser", f"{kind} is on", "quantise behind the batch norm, in a layer of its own")


def _weights(name: str, conv: qnn.QuantConv2d) -> Iterator[Violation]:
    def bad(rule: str, found: object, remedy: str) -> Violation:
        return Violation(layer=name, rule=rule, found=str(found), remedy=remedy)

    quantiser = conv.weight_quant
    if not quantiser.is_quant_enabled:
        yield bad("unquantised-layer", "weights are not quantised", "use quant.layers.quant_conv")
        return
    if not torch.isfinite(conv.weight).all():
        yield bad("weight-values", "weights that are NaN or infinite", "train again from an earlier checkpoint")
        return
    bits = int(quantiser.bit_width())
    if not MIN_BITS <= bits <= MAX_BITS:
        yield bad("weight-bits", f"{bits} bits", f"use {MIN_BITS} to {MAX_BITS} bits")
        return
    if not quantiser.is_signed:
        yield bad("weight-sign", "unsigned weights", "use quant.layers.quant_conv")
    if not quantiser.is_narrow_range:
        yield bad(
            "narrow-range",
            f"full range {-(2 ** (bits - 1))}..{2 ** (bits - 1) - 1}",
            "set narrow_range=True: a negative gain must be able to change the weights' sign",
        )
    quantised = conv.quant_weight()
    if bool((torch.as_tensor(quantised.zero_point) != 0).any()):
        yield bad("zero-point", "asymmetric weights", "use a symmetric quantiser")
    if quantised.scale.numel() not in (1, conv.out_channels):
        yield bad("weight-scale", f"{quantised.scale.numel()} scales", "use one, or one for each output channel")


def _activation(name: str, layer: nn.Module) -> Iterator[Violation]:
    def bad(rule: str, found: object, remedy: str) -> Violation:
        return Violation(layer=name, rule=rule, found=str(found), remedy=remedy)

    quantiser = layer.act_quant
    if not quantiser.is_quant_enabled:
        yield bad("activation-unquantised", "quantisation is off", "give the layer a quantiser of quant.quantizers")
        return
    if layer.input_quant is not None and layer.input_quant.is_quant_enabled:
        yield bad("extra-quantiser", "input_quant is on", "quantise once")
    bits = quantiser_bits(layer)
    if not MIN_BITS <= bits <= MAX_BITS:
        yield bad("activation-bits", f"{bits} bits", f"use {MIN_BITS} to {MAX_BITS} bits")
    if quantiser_signed(layer) and not quantiser.is_narrow_range:
        yield bad("narrow-range", "signed activation of full range", "use quant.layers.branch_identity")
    if not quantiser_signed(layer) and quantiser.is_narrow_range:
        yield bad("narrow-range", "unsigned activation of narrow range", "use the full range 0..2^bits-1")
    step = quantiser_step(layer)
    if step.numel() != 1:
        yield bad("activation-scale", f"{step.numel()} scales", "use one scale for the layer")
    if not bool((torch.isfinite(step) & (step > 0)).all()):
        yield bad("activation-scale", f"scale {step.tolist()}", "the scale must be positive")
    if bool((torch.as_tensor(quantiser.zero_point()) != 0).any()):
        yield bad("zero-point", "asymmetric activation", "use a symmetric quantiser")


def _batch_norm(name: str, bn: nn.BatchNorm2d) -> Iterator[Violation]:
    def bad(rule: str, found: object, remedy: str) -> Violation:
        return Violation(layer=name, rule=rule, found=str(found), remedy=remedy)

    tensors = (bn.weight, bn.bias, bn.running_mean, bn.running_var)
    if any(tensor is None for tensor in tensors):
        yield bad("batch-norm", "no gain, offset or running statistics", "use affine=True, track_running_stats=True")
        return
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors):
        yield bad("batch-norm-values", "values that are NaN or infinite", "train again from an earlier checkpoint")
    elif bool((bn.running_var < 0).any()) or bool((bn.running_var + bn.eps <= 0).any()):
        yield bad("batch-norm-values", "variances that are not positive", "train again from an earlier checkpoint")
    elif not bool(bn.weight.any()):
        yield bad("batch-norm-gain", "the gain of every channel is 0", "the layer is dead: train again")


def _upsample(name: str, up: nn.Upsample) -> Iterator[Violation]:
    if up.mode != "nearest":
        yield Violation(
            layer=name,
            rule="upsampling",
            found=f"mode {up.mode}",
            remedy="use mode='nearest', followed by a convolution",
        )
    if up.size is not None or up.scale_factor not in (2, 2.0, (2, 2), (2.0, 2.0)):
        yield Violation(
            layer=name,
            rule="upsampling",
            found=f"scale_factor {up.scale_factor}, size {up.size}",
            remedy="use scale_factor=2",
        )
