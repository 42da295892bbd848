"""The action detection loss, equation (1): the four losses of Faster R-CNN, unweighted."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from hw_anon.core.errors import ContractError

__all__ = ["DETECTION_LOSSES", "detection_loss"]

DETECTION_LOSSES = ("loss_objectness", "loss_rpn_box_reg", "loss_classifier", "loss_box_reg")
"""RPN classification and regression, Fast R-CNN classification and regression, by torchvision's names."""


def detection_loss(losses: Mapping[str, Tensor]) -> Tensor:
    """Returns L_A of a batch, whose mean over frames is L_det(M, A, V), equation (1).

    Args:
        losses: the four losses by the names in `DETECTION_LOSSES`, each `[]`, already means over the batch.

    Returns:
        `[]`, their sum.

    Raises:
        ContractError: if one of the four is missing or there is a fifth.
    """
    if set(losses) != set(DETECTION_LOSSES):
        raise ContractError(f"detection losses {sorted(losses)}; expected {sorted(DETECTION_LOSSES)}")
    return torch.stack([losses[name].float() for name in DETECTION_LOSSES]).sum()
