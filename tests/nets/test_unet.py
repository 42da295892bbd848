"""The attacker's U-Net: sizes, range, and that every layer and every pixel counts."""

from __future__ import annotations

import pytest
import torch

from hw_anon.core.errors import ContractError
from hw_anon.nets.unet import UNet, UNetConfig


@pytest.mark.parametrize("config", [UNetConfig(size=16, width=8, levels=1), UNetConfig(size=32, width=8, levels=4)])
def test_pictures_come_out_as_they_went_in(config: UNetConfig) -> None:
    torch.manual_seed(0)
    net = UNet(config)
    pictures = torch.rand(2, 3, config.size, config.size, requires_grad=True)
    restored = net(pictures)
    assert restored.shape == pictures.shape
    low, high = restored.detach().aminmax()
    assert 0 < float(low) < float(high) < 1
    restored[0].sum().backward()
    assert pictures.grad is not None
    assert bool((pictures.grad[0] != 0).all())
    assert not pictures.grad[1].any(), "pictures of a batch do not see each other"
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.abs().sum() > 0), name


def test_skips_carry_detail_past_the_narrowest_layer() -> None:
    """One pixel changes the output at its own place most: without skips the coarse layer would smear it."""
    torch.manual_seed(0)
    net = UNet(UNetConfig(size=32, width=8, levels=4)).eval()
    pictures = torch.full((1, 3, 32, 32), 0.5)
    changed = pictures.clone()
    changed[0, :, 11, 20] = 1.0
    with torch.no_grad():
        difference = (net(changed) - net(pictures)).abs().sum(1)[0]
    row, column = divmod(int(difference.argmax()), 32)
    assert max(abs(row - 11), abs(column - 20)) <= 2


def test_other_sizes_are_refused() -> None:
    with pytest.raises(ContractError, match="expected"):
        UNet(UNetConfig(size=16, width=8, levels=1))(torch.rand(1, 3, 32, 32))
