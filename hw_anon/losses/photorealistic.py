"""The photorealistic loss, equation (3): the modified face stays close to the original one."""

from __future__ import annotations

from torch import Tensor

from hw_anon.core.errors import ConfigError, ContractError

__all__ = ["photorealistic_loss"]


def photorealistic_loss(modified: Tensor, original: Tensor, *, weight: float) -> Tensor:
    """Returns L_l1 = E_f[λ ‖M(f) - f‖₁], equation (3).

    The norm is the mean over pixels and channels, as in the image translation work that the paper takes it from, so
    that λ does not depend on the image's size. Images here are in 0..1: where they are in -1..1 the same λ weighs
    twice as much. The paper calls λ "relatively small" and gives no value.

    Args:
        modified: `[N, 3, H, W]` M(f), 0..1.
        original: `[N, 3, H, W]` f, 0..1.
        weight: λ, 0 or more.

    Returns:
        `[]`, 0 or more.

    Raises:
        ConfigError: if λ is negative or not a number.
        ContractError: if the shapes differ.
    """
    if not weight >= 0.0:
        raise ConfigError(f"weight = {weight!r}: λ must be 0 or more")
    if modified.shape != original.shape:
        raise ContractError(f"modified is {list(modified.shape)}, original {list(original.shape)}")
    return weight * (modified.float() - original.float()).abs().mean()
