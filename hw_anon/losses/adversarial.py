"""The adversarial classification loss, equation (2), as each of the two players sees it.

    L_adv(M, D, F) = -E[L_D(M(f), i_f)] - E[L_D(f, i_f)]                                              (2)

D maximises it: it minimises `classifier_loss`, and sees originals as well as modified faces. M minimises it; the second
term does not depend on M, which leaves `-E[L_D(M(f), i_f)]`: gradient ascent on D's loss, the paper's choice. The
ablation of section 5.6 lets M *descend* D's loss towards a random wrong label instead (`target="random"`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor

from hw_anon.core.errors import ConfigError

__all__ = ["AdversarialTarget", "adversarial_loss", "classifier_loss", "modifier_loss", "random_labels"]

AdversarialTarget = Literal["ascent", "random"]
"""What M aims at: away from the true label, or towards a random other one."""


def adversarial_loss(modified: Tensor, original: Tensor) -> Tensor:
    """Returns L_adv, equation (2).

    Args:
        modified: L_D(M(f), i_f) for each face of a batch, `[N]`, or its mean.
        original: L_D(f, i_f) for each face of a batch, `[N']`, or its mean.

    Returns:
        `[]`, 0 or less.
    """
    return -modified.mean() - original.mean()


def classifier_loss(modified: Tensor, original: Tensor) -> Tensor:
    """Returns what D minimises, -L_adv of equation (2).

    The modified faces must be detached from M: this step updates D alone.

    Args:
        modified: L_D(M(f), i_f) for each face of a batch, `[N]`, or its mean.
        original: L_D(f, i_f) for each face of a batch, `[N']`, or its mean.

    Returns:
        `[]`, 0 or more.
    """
    return -adversarial_loss(modified, original)


def modifier_loss(
    loss: Callable[[Tensor], Tensor],
    labels: Tensor,
    *,
    classes: int,
    target: AdversarialTarget = "ascent",
    generator: torch.Generator | None = None,
) -> Tensor:
    """Returns M's part of equation (2), or of its ablation with random labels (section 5.6).

    Args:
        loss: gives L_D(M(f), ·) of the batch's modified faces for labels `[N]`, as `[N]` or as its mean.
        labels: `[N]` int64, the true labels i_f.
        classes: number of labels.
        target: "ascent" for -E[L_D(M(f), i_f)], "random" for E[L_D(M(f), j)] with random j ≠ i_f.
        generator: source of the random labels, on the labels' device.

    Returns:
        `[]`; unbounded below for "ascent", as in the paper.

    Raises:
        ConfigError: if the target is unknown, or there is no other label.
    """
    if target == "ascent":
        return -loss(labels).mean()
    if target == "random":
        return loss(random_labels(labels, classes, generator=generator)).mean()
    raise ConfigError(f"target = {target!r}: allowed values are {', '.join(map(repr, get_args(AdversarialTarget)))}")


def random_labels(labels: Tensor, classes: int, *, generator: torch.Generator | None = None) -> Tensor:
    """Returns for each label another one, uniformly drawn from the `classes - 1` wrong ones.

    Args:
        labels: `[N]` int64, 0 to classes-1.
        classes: number of labels, at least 2.
        generator: source of randomness, on the labels' device.

    Raises:
        ConfigError: if there is no other label.
    """
    if classes < 2:
        raise ConfigError(f"classes = {classes}: a wrong label needs at least 2")
    shift = torch.randint(1, classes, labels.shape, generator=generator, device=labels.device)
    return (labels + shift) % classes
