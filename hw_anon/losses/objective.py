"""The full objective, equation (4), that equation (5) minimises over M and A and maximises over D."""

from __future__ import annotations

from torch import Tensor

__all__ = ["full_objective"]


def full_objective(detection: Tensor, adversarial: Tensor, photorealistic: Tensor) -> Tensor:
    """Returns L(M, D, A, V, F) = L_det(M, A, V) + L_adv(M, D, F) + L_l1(M, F), equation (4).

    M's step of Algorithm 1 minimises it with `modifier_loss` for L_adv, the part of it that depends on M.

    Args:
        detection: `[]` L_det, equation (1).
        adversarial: `[]` L_adv, equation (2), or M's part of it.
        photorealistic: `[]` L_l1, equation (3), λ included.

    Returns:
        `[]`.
    """
    return detection + adversarial + photorealistic
