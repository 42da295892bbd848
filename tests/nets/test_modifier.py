"""The paper's modifier: its published size, its range, and what it must not let through."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.nets.modifier import EDGE, PAPER, SMOKE, JohnsonConfig, JohnsonModifier


def macs(config: JohnsonConfig) -> int:
    """Multiply-accumulate operations of one crop, counted by torch without computing."""
    with torch.device("meta"):
        net, image = JohnsonModifier(config), torch.empty(1, 3, config.size, config.size)
    counter = FlopCounterMode(display=False)
    with counter:
        net(image)
    return counter.get_total_flops() // 2


def test_the_paper_scale_has_the_published_size() -> None:
    with torch.device("meta"):
        net = JohnsonModifier(PAPER)
    assert sum(p.numel() for p in net.parameters()) == 11_378_179
    assert macs(PAPER) == pytest.approx(49.55e9, rel=0.001)
    upsampling = 3 * 9 * (256 * 128 * 64**2 + 128 * 64 * 128**2)  # three of four inputs of a transposed one are zeros
    assert macs(PAPER) + upsampling == pytest.approx(56.8e9, rel=0.001)
    assert sum(isinstance(m, nn.InstanceNorm2d) for m in net.modules()) == 23
    assert not any(isinstance(m, nn.BatchNorm2d) for m in net.modules())


def test_the_edge_scale_costs_what_its_docstring_says() -> None:
    assert macs(EDGE) == pytest.approx(145e6, rel=0.01)


@pytest.mark.parametrize("upsampling", ["transposed", "nearest"])
@pytest.mark.parametrize("size", [16, 32, 64])
def test_shape_range_and_gradients(upsampling: str, size: int) -> None:
    torch.manual_seed(0)
    config = JohnsonConfig.from_dict({"size": size, "width": 4, "blocks": 2, "upsampling": upsampling})
    net = JohnsonModifier(config)
    images = torch.rand(2, 3, size, size, requires_grad=True)
    modified = net(images)
    assert modified.shape == images.shape
    assert 0.0 < modified.min() < modified.max() < 1.0
    modified.square().sum().backward()
    assert images.grad is not None
    assert images.grad.abs().max() > 0.0
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


def test_the_range_is_reached_and_symmetric() -> None:
    net = JohnsonModifier(SMOKE)
    last = [m for m in net.modules() if isinstance(m, nn.Conv2d)][-1]
    nn.init.zeros_(last.weight)
    images = torch.rand(1, 3, 32, 32)
    for bias, value in ((-50.0, 0.0), (0.0, 0.5), (50.0, 1.0)):
        nn.init.constant_(last.bias, bias)
        torch.testing.assert_close(net(images), torch.full_like(images, value))


def test_layers_and_their_start_are_the_published_ones() -> None:
    torch.manual_seed(0)
    net = JohnsonModifier(JohnsonConfig(size=16, width=16, blocks=3))
    convolutions = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    assert [m.kernel_size[0] for m in convolutions] == [7, 3, 3, *[3] * 6, 3, 3, 7]
    for conv in convolutions:
        assert conv.weight.std().item() == pytest.approx(0.02, rel=0.1)
        assert conv.bias is not None
        assert conv.bias.abs().max() == 0.0
    assert [m.padding[0] for m in net.modules() if isinstance(m, nn.ReflectionPad2d)] == [3, *[1] * 6, 3]
    zero_padded = [m.padding[0] for m in convolutions]
    assert zero_padded == [0, 1, 1, *[0] * 6, 1, 1, 0], "only where the resolution changes"


def test_a_residual_block_and_the_input_range_by_hand() -> None:
    torch.manual_seed(0)
    net = JohnsonModifier(SMOKE)
    seen: list[torch.Tensor] = []
    net.layers[0].register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    images = torch.rand(1, 3, 32, 32)
    net(images)
    torch.testing.assert_close(seen[0], 2.0 * images - 1.0)
    block = next(m for m in net.layers if hasattr(m, "branch"))
    x = torch.rand(1, 16, 8, 8)
    torch.testing.assert_close(block(x), x + block.branch(x))


@pytest.mark.parametrize("norm", ["instance", "layer"])
def test_the_pictures_of_a_batch_are_kept_apart(norm: str) -> None:
    torch.manual_seed(0)
    net = JohnsonModifier(JohnsonConfig.from_dict({**SMOKE.to_dict(), "norm": norm}))
    images = torch.rand(3, 3, 32, 32)
    torch.testing.assert_close(net(images)[1:2], net(images[1:2]))


def test_layer_norm_sees_the_brightness_and_colour_that_instance_norm_takes_away() -> None:
    torch.manual_seed(0)
    crops = torch.rand(2, 3, 32, 32) * 0.5
    lighter, redder = crops + 0.4, crops + torch.tensor([0.4, 0.0, 0.0])[:, None, None]
    for norm, kept in (("instance", False), ("layer", True)):
        net = JohnsonModifier(replace(SMOKE, norm=norm))
        for changed in (lighter, redder):
            assert ((net(changed) - net(crops)).abs().max() > 1e-3) == kept
            assert torch.allclose(net(changed), net(crops), atol=1e-5) != kept


def test_it_learns_the_identity() -> None:
    torch.manual_seed(0)
    net = JohnsonModifier(JohnsonConfig(size=16, width=8, blocks=1, edge_kernel=3))
    optimiser = torch.optim.Adam(net.parameters(), lr=0.003)
    images = torch.rand(4, 3, 4, 4).repeat_interleave(4, 2).repeat_interleave(4, 3)
    first = (net(images) - images).abs().mean().item()
    for _ in range(80):
        optimiser.zero_grad()
        loss = (net(images) - images).abs().mean()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.4 * first


def test_errors_name_what_is_wrong() -> None:
    with pytest.raises(ConfigError, match="multiple of 4"):
        JohnsonConfig(size=30)
    with pytest.raises(ConfigError, match="edge_kernel"):
        JohnsonConfig(edge_kernel=4)
    with pytest.raises(ConfigError, match="norm"):
        JohnsonConfig.from_dict({"norm": "batch"})
    with pytest.raises(ContractError, match="expected"):
        JohnsonModifier(SMOKE)(torch.rand(1, 3, 64, 64))
