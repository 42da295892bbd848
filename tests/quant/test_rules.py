"""Every model-side rule, proven by a seeded violation that it catches, and by sound networks that it lets pass."""

from __future__ import annotations

from collections.abc import Callable

import pytest

torch = pytest.importorskip("torch", reason="missing: torch")
qnn = pytest.importorskip("brevitas.nn", reason="missing: brevitas")

from brevitas.inject.enum import ScalingPerOutputType  # noqa: E402
from brevitas.quant import (  # noqa: E402
    Int8ActPerTensorFloat,
    Int8WeightPerTensorFloat,
    ShiftedUint8WeightPerTensorFloat,
    Uint8ActPerTensorFloat,
)
from torch import nn  # noqa: E402

from hw_anon.core.errors import ConfigError  # noqa: E402
from quant.bn_projection import project  # noqa: E402
from quant.layers import ConvBlock, branch_identity, const_identity, const_relu, quant_conv  # noqa: E402
from quant.modifier import Modifier, ModifierConfig  # noqa: E402
from quant.quantizers import LearnedActQuant  # noqa: E402
from quant.rules import check, check_projected, require  # noqa: E402
from quant.zoo import random_net  # noqa: E402

TINY = ModifierConfig(input_size=32, widths=(4, 6, 8), blocks=1)
WIDTH = 6  # channels between head.0 and head.1


class FullRangeWeights(Int8WeightPerTensorFloat):
    """Signed weights down to -128."""

    narrow_range = False


class SignedFullRange(Int8ActPerTensorFloat):
    """Signed activations of full range."""

    narrow_range = False


class PerChannelActivations(LearnedActQuant):
    """One scale for each of four channels."""

    scaling_per_output_type = ScalingPerOutputType.CHANNEL
    per_channel_broadcastable_shape = (1, 4, 1, 1)
    scaling_stats_permute_dims = (1, 0, 2, 3)


def put(name: str, make: Callable[[], nn.Module]) -> Callable[[Modifier], None]:
    return lambda net: net.set_submodule(name, make())


def fill(name: str, parameter: str, value: float) -> Callable[[Modifier], None]:
    def seed(net: Modifier) -> None:
        with torch.no_grad():
            getattr(net.get_submodule(name), parameter).fill_(value)

    return seed


def conv(**changes: object) -> Callable[[], nn.Module]:
    arguments = {"kernel_size": 3, "padding": 1, "bias": False, "weight_bit_width": 4, "narrow_range": True} | changes
    return lambda: qnn.QuantConv2d(
        WIDTH, 4, weight_quant=arguments.pop("weight_quant", Int8WeightPerTensorFloat), **arguments
    )


def relu(**changes: object) -> Callable[[], nn.Module]:
    arguments = {"bit_width": 4, "act_quant": Uint8ActPerTensorFloat, "return_quant_tensor": False} | changes
    return lambda: qnn.QuantReLU(**arguments).eval()


SEEDED = {
    "weight-bits low": ("weight-bits", "head.1.conv", put("head.1.conv", conv(weight_bit_width=1))),
    "weight-bits high": ("weight-bits", "head.1.conv", put("head.1.conv", conv(weight_bit_width=9))),
    "full-range weights": (
        "narrow-range",
        "head.1.conv",
        put("head.1.conv", conv(weight_quant=FullRangeWeights, narrow_range=False)),
    ),
    "asymmetric weights": (
        "zero-point",
        "head.1.conv",
        put("head.1.conv", conv(weight_quant=ShiftedUint8WeightPerTensorFloat)),
    ),
    "NaN weights": ("weight-values", "head.1.conv", fill("head.1.conv", "weight", float("nan"))),
    "float conv": ("unquantised-layer", "head.1.conv", put("head.1.conv", lambda: nn.Conv2d(WIDTH, 4, 3, padding=1))),
    "weights without quantiser": ("unquantised-layer", "head.1.conv", put("head.1.conv", conv(weight_quant=None))),
    "transposed": (
        "transposed-convolution",
        "head.1.conv",
        put("head.1.conv", lambda: nn.ConvTranspose2d(WIDTH, 4, 3, padding=1)),
    ),
    "quantised transposed": (
        "transposed-convolution",
        "head.1.conv",
        put("head.1.conv", lambda: qnn.QuantConvTranspose2d(WIDTH, 4, 3, padding=1)),
    ),
    "depthwise": (
        "groups",
        "blocks.0.inner.conv",
        put(
            "blocks.0.inner.conv", lambda: qnn.QuantConv2d(8, 8, 3, padding=1, groups=8, bias=False, weight_bit_width=4)
        ),
    ),
    "even kernel": ("kernel", "head.1.conv", put("head.1.conv", conv(kernel_size=2))),
    "oblong kernel": ("kernel", "head.1.conv", put("head.1.conv", conv(kernel_size=(1, 3), padding=(0, 1)))),
    "stride 3": ("stride", "head.1.conv", put("head.1.conv", conv(stride=3))),
    "oblong stride": ("stride", "head.1.conv", put("head.1.conv", conv(stride=(1, 2)))),
    "no padding": ("padding", "head.1.conv", put("head.1.conv", conv(padding=0))),
    "reflection padding": ("padding", "head.1.conv", put("head.1.conv", conv(padding_mode="reflect"))),
    "dilation": ("dilation", "head.1.conv", put("head.1.conv", conv(dilation=2))),
    "quantiser inside conv": (
        "extra-quantiser",
        "head.1.conv",
        put("head.1.conv", conv(input_quant=Uint8ActPerTensorFloat)),
    ),
    "act-bits low": ("activation-bits", "head.1.act", put("head.1.act", lambda: const_relu(1, 0.1))),
    "act-bits high": ("activation-bits", "head.1.act", put("head.1.act", lambda: const_relu(9, 0.1))),
    "act off": ("activation-unquantised", "head.1.act", put("head.1.act", relu(act_quant=None))),
    "per-channel act": (
        "activation-scale",
        "head.1.act",
        put("head.1.act", relu(act_quant=PerChannelActivations, max_val=1.0)),
    ),
    "signed full range": (
        "narrow-range",
        "head.1.act",
        put("head.1.act", lambda: qnn.QuantIdentity(act_quant=SignedFullRange, bit_width=4).eval()),
    ),
    "leaky": ("activation-kind", "head.1.act", put("head.1.act", lambda: nn.LeakyReLU(0.1))),
    "prelu": ("activation-kind", "head.1.act", put("head.1.act", nn.PReLU)),
    "sigmoid": ("activation-kind", "head.2.act", put("head.2.act", lambda: qnn.QuantSigmoid(bit_width=8))),
    "float sigmoid": ("activation-kind", "head.2.act", put("head.2.act", nn.Sigmoid)),
    "bilinear": ("upsampling", "head.0.up", put("head.0.up", lambda: nn.Upsample(scale_factor=2, mode="bilinear"))),
    "times 3": ("upsampling", "head.0.up", put("head.0.up", lambda: nn.Upsample(scale_factor=3, mode="nearest"))),
    "pixel shuffle": ("upsampling", "head.0.up", put("head.0.up", lambda: nn.PixelShuffle(2))),
    "pooling": ("pooling", "head.0.up", put("head.0.up", lambda: nn.MaxPool2d(2))),
    "instance norm": ("normalisation", "head.1.bn", put("head.1.bn", lambda: nn.InstanceNorm2d(4))),
    "no batch norm": ("batch-norm", "head.1.bn", put("head.1.bn", nn.Identity)),
    "batch norm without gain": (
        "batch-norm",
        "head.1.bn",
        put("head.1.bn", lambda: nn.BatchNorm2d(4, affine=False).eval()),
    ),
    "NaN batch norm": ("batch-norm-values", "head.1.bn", fill("head.1.bn", "bias", float("nan"))),
    "negative variance": ("batch-norm-values", "head.1.bn", fill("head.1.bn", "running_var", -1.0)),
    "dead layer": ("batch-norm-gain", "head.1.bn", fill("head.1.bn", "weight", 0.0)),
    "softmax": ("activation-kind", "head.0.up", put("head.0.up", lambda: nn.Softmax(1))),
    "dropout": ("layer-kind", "head.0.up", put("head.0.up", nn.Dropout)),
    "branch of another scale": (
        "join-scales",
        "blocks.0",
        put("blocks.0.branch.act", lambda: branch_identity(5, 0.123)),
    ),
    "sum of another scale": ("join-scales", "blocks.0", put("blocks.0.out", lambda: const_relu(4, 8.0 / 15))),
    "unsigned branch": (
        "join-signs",
        "blocks.0",
        put("blocks.0.branch.act", lambda: const_identity(5, TINY.trunk_step)),
    ),
    "7-bit output": ("output-quantiser", "head.2.act", put("head.2.act", lambda: const_identity(7, 1 / 127))),
    "signed output": ("output-quantiser", "head.2.act", put("head.2.act", lambda: branch_identity(8, 1 / 127))),
    "undeclared layer": (
        "topology",
        "head.3.conv",
        lambda net: net.head.append(ConvBlock(quant_conv(3, 3, bits=4), const_identity(8, 1 / 255)).eval()),
    ),
    "training mode": ("mode", "network", lambda net: net.train()),
}


@pytest.mark.parametrize("case", SEEDED)
def test_seeded_violation_is_found(case: str) -> None:
    rule, layer, seed = SEEDED[case]
    net = random_net(0, TINY)
    assert check(net) == []
    seed(net)
    found = [violation for violation in check(net) if violation.rule == rule]
    assert layer in [violation.layer for violation in found], check(net)
    assert all(violation.layer.rpartition(".")[0] == layer.rpartition(".")[0] for violation in found)
    assert found[0].found
    assert found[0].remedy


@pytest.mark.parametrize("size", [28, 34, 324])
def test_wrong_input_size_is_found(size: int) -> None:
    net = random_net(0, TINY)
    object.__setattr__(net.config, "input_size", size)
    try:
        assert [violation.rule for violation in check(net)] == ["input-size"]
    finally:
        object.__setattr__(net.config, "input_size", TINY.input_size)


def test_accumulators_that_float32_cannot_hold_are_found() -> None:
    wide = ModifierConfig(input_size=32, widths=(3, 64, 64), blocks=0, weight_bits=8, act_bits=8, branch_bits=8)
    net = random_net(0, wide)
    assert check(net) == []
    with torch.no_grad():
        net.head[0].conv.weight.fill_(1.0)
    assert [(violation.rule, violation.layer) for violation in check(net)] == [("accumulator", "head.0.conv")]


def test_require_lists_every_violation() -> None:
    net = random_net(0, TINY)
    net.set_submodule("head.1.act", nn.LeakyReLU())
    net.set_submodule("head.0.up", nn.MaxPool2d(2))
    with pytest.raises(ConfigError) as error:
        require(net)
    for part in ("head.1.act", "activation-kind", "head.0.up", "pooling", "stride 2"):
        assert part in str(error.value)


def test_a_foreign_network_is_checked_layer_by_layer() -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.LeakyReLU(), nn.ConvTranspose2d(8, 3, 2)).eval()
    assert {(v.layer, v.rule) for v in check(net)} == {
        ("0", "unquantised-layer"),
        ("2", "activation-kind"),
        ("3", "transposed-convolution"),
        ("network", "topology"),
    }


def test_a_network_that_was_not_projected_is_found() -> None:
    integer = project(random_net(0, TINY))
    assert check_projected(integer) == []
    with torch.no_grad():
        integer.net.head[0].conv.weight.mul_(0.5)
    assert {(v.layer, v.rule) for v in check_projected(integer)} == {("head.0", "projection")}


def test_a_threshold_on_an_integer_is_found() -> None:
    integer = project(random_net(0, TINY))
    bn = integer.net.head[1].bn
    with torch.no_grad():  # y = a/8 + 1/2: the boundary between codes 1 and 2 is the accumulator 8
        bn.weight[2], bn.bias[2] = 0.125, 0.5
    (violation,) = check_projected(integer)
    assert (violation.layer, violation.rule) == ("head.1", "threshold-margin")
    assert "[2]" in violation.found


@pytest.mark.parametrize("width", [1, 2, 7, 13])
def test_any_width_is_supported(width: int) -> None:
    net = random_net(3, ModifierConfig(input_size=32, widths=(width, width, width), blocks=1))
    assert check(net) == []
    assert check_projected(project(net)) == []
