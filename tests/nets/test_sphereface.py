"""SphereFace: its published size, its initialisation, its preprocessing, and public weights."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.nets.sphereface import SphereFace, SphereFaceConfig

TINY = SphereFaceConfig(depth=10, height=32, width=24, multiplier=1 / 16, embedding=12)


def test_the_paper_scale_has_the_published_layers() -> None:
    with torch.device("meta"):
        net = SphereFace()
        out = net(torch.empty(2, 3, 112, 96))
    assert out.shape == (2, 512)
    convs = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert len(convs) == 20
    assert [c.out_channels for c in convs] == 3 * [64] + 5 * [128] + 9 * [256] + 3 * [512]
    assert [c.stride[0] for c in convs].count(2) == 4
    assert net.fc5.weight.shape == (512, 512 * 7 * 6)
    assert not any("Norm" in type(m).__name__ or type(m) is nn.ReLU for m in net.modules())
    assert sum(isinstance(m, nn.PReLU) and m.num_parameters > 1 for m in net.modules()) == 20


@pytest.mark.parametrize("depth", [4, 10, 20, 36, 64])
def test_depth_counts_convolutions(depth: int) -> None:
    with torch.device("meta"):
        net = SphereFace(SphereFaceConfig(depth=depth))
    assert sum(isinstance(m, nn.Conv2d) for m in net.modules()) == depth


@pytest.mark.parametrize(("height", "width"), [(112, 96), (64, 64), (50, 33)])
def test_other_sizes_and_widths(height: int, width: int) -> None:
    torch.manual_seed(0)
    config = SphereFaceConfig(depth=4, height=height, width=width, multiplier=0.125, embedding=32)
    faces = torch.rand(2, 3, height, width, requires_grad=True)
    net = SphereFace(config)
    features = net(faces)
    assert features.shape == (2, 32)
    features.square().sum().backward()
    assert faces.grad is not None
    assert faces.grad.abs().max() > 0.0
    assert config.channels == (8, 16, 32, 64)


def test_initialisation_is_the_originals() -> None:
    torch.manual_seed(0)
    net = SphereFace(SphereFaceConfig(depth=10, multiplier=0.5))
    for s, stage in enumerate(net.stages):
        for i, (conv, prelu) in enumerate(stage.convs):
            fan_in = conv.in_channels * 9
            want = math.sqrt(1.0 / fan_in) if i == 0 else 0.01
            assert conv.weight.std().item() == pytest.approx(want, rel=0.1), (s, i)
            if i == 0:
                assert conv.weight.abs().max() <= math.sqrt(3.0 / fan_in)
            assert conv.bias.abs().max() == 0.0
            assert (prelu.weight == 0.25).all()
    assert net.fc5.weight.std().item() == pytest.approx(math.sqrt(1.0 / net.fc5.in_features), rel=0.02)


def test_a_residual_unit_by_hand() -> None:
    torch.manual_seed(0)
    stage = SphereFace(TINY).stages[1]
    x = torch.randn(1, 4, 8, 6)
    first = stage.convs[0](x)
    torch.testing.assert_close(stage(x), first + stage.convs[2](stage.convs[1](first)))


def test_preprocessing_is_bgr_and_centred() -> None:
    torch.manual_seed(0)
    net = SphereFace(TINY)
    seen = []
    net.stages[0].register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    faces = torch.zeros(1, 3, 32, 24)
    faces[:, 0] = 1.0
    net(faces)
    assert seen[0][0, :, 0, 0].tolist() == pytest.approx([-127.5 / 128, -127.5 / 128, 127.5 / 128])


def public_state(net: SphereFace) -> dict[str, torch.Tensor]:
    """The network's weights under their public names, with a class layer as the public files have it."""
    own = net.state_dict()
    return {public: own[name] for public, name in net.public_names().items()} | {"fc6.weight": torch.rand(512, 10574)}


def test_public_weights_are_loaded_by_name() -> None:
    torch.manual_seed(0)
    source, target = SphereFace(TINY), SphereFace(TINY)
    faces = torch.rand(2, 3, 32, 24)
    assert not torch.allclose(source(faces), target(faces))
    target.load_public(public_state(source))
    torch.testing.assert_close(source(faces), target(faces))
    assert set(source.public_names().values()) == set(source.state_dict())
    names = SphereFace(SphereFaceConfig(multiplier=1 / 64)).public_names()
    assert {"conv3_9.weight", "relu4_3.weight", "conv1_3.bias", "fc5.weight"} <= set(names)
    assert "conv3_10.weight" not in names


def test_biases_that_the_original_does_not_have_become_zero() -> None:
    source, target = SphereFace(TINY), SphereFace(TINY)
    nn.init.ones_(target.stages[1].convs[1][0].bias)
    state = {name: t for name, t in public_state(source).items() if name not in {"conv2_2.bias", "conv2_3.bias"}}
    target.load_public(state)
    assert target.stages[1].convs[1][0].bias.abs().max() == 0.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("conv3_1.weight"), "missing.*conv3_1.weight"),
        (lambda s: s.pop("conv3_1.bias"), "missing.*conv3_1.bias"),
        (lambda s: s.update({"conv9_9.weight": torch.zeros(1)}), "unknown.*conv9_9"),
        (lambda s: s.update({"fc5.bias": torch.zeros(5)}), "fc5.bias is"),
    ],
)
def test_other_weights_are_refused(change, message: str) -> None:  # noqa: ANN001
    net = SphereFace(TINY)
    state = public_state(net)
    change(state)
    with pytest.raises(ContractError, match=message):
        net.load_public(state)


def test_errors_name_what_is_wrong() -> None:
    with pytest.raises(ConfigError, match="depth"):
        SphereFaceConfig(depth=12)
    with pytest.raises(ConfigError, match="multiplier"):
        SphereFaceConfig(multiplier=0.0)
    with pytest.raises(ContractError, match="112, 96"):
        SphereFace(SphereFaceConfig(depth=4, multiplier=1 / 64))(torch.rand(1, 3, 96, 112))
