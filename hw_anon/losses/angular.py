"""Angular softmax, the classification loss `L_D` of equation (2).

Liu et al., "SphereFace: Deep Hypersphere Embedding for Face Recognition", CVPR 2017, equations (7) and (8): with an
embedding x, class weights of unit length and the angle θ_j between x and the weights of class j,

    ψ(θ)  = (-1)^k · cos(mθ) - 2k        for θ in [kπ/m, (k+1)π/m], k = 0 … m-1
    L_D   = -log( exp(|x| ψ(θ_y)) / (exp(|x| ψ(θ_y)) + Σ_{j≠y} exp(|x| cos θ_j)) )

and, while training is annealed, ψ is blended with the cosine: `(λ cos θ + ψ(θ)) / (1 + λ)`.

Nothing here computes an angle: cos(mθ) is the Chebyshev polynomial of cos θ, and k is read off cos θ against the
constants cos(kπ/m). So values and gradients stay finite at θ = 0 and θ = π, where acos has none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from hw_anon.core.config import Config, require_range
from hw_anon.core.errors import ConfigError, ContractError

__all__ = [
    "ORIGINAL_SCHEDULE",
    "PYTORCH_SCHEDULE",
    "AngularSoftmax",
    "LambdaSchedule",
    "angular_softmax_loss",
    "psi",
]

_MARGINS = (1, 2, 3, 4)
_TINY = 1e-12


@dataclass(frozen=True, kw_only=True, slots=True)
class LambdaSchedule(Config):
    """How λ falls: `max(minimum, base · (1 + gamma · iteration)^-power)`."""

    base: float = 1000.0
    """λ at iteration 0."""
    gamma: float = 0.12
    """Decay per iteration."""
    power: float = 1.0
    """Exponent of the decay."""
    minimum: float = 5.0
    """λ never falls below this."""

    def __post_init__(self) -> None:
        for field in ("base", "gamma", "power", "minimum"):
            require_range(self, field, 0.0, None)

    def at(self, iteration: int) -> float:
        """Returns λ at an iteration, counted from 0; a pure function, so that a resumed run continues exactly.

        Raises:
            ConfigError: if the iteration is negative.
        """
        if iteration < 0:
            raise ConfigError(f"iteration = {iteration}: allowed range is 0 and above")
        return max(self.minimum, self.base * (1.0 + self.gamma * iteration) ** -self.power)


ORIGINAL_SCHEDULE = LambdaSchedule()
"""The schedule published with SphereFace: base 1000, γ 0.12, power 1, minimum 5."""
PYTORCH_SCHEDULE = LambdaSchedule(base=1500.0, gamma=0.1)
"""The schedule of the public PyTorch reimplementation: max(5, 1500 / (1 + 0.1 · iteration))."""


def psi(cosine: Tensor, margin: int = 4) -> Tensor:
    """Returns ψ(θ) = (-1)^k cos(mθ) - 2k, monotonically falling from 1 at θ = 0 to 1 - 2m at θ = π.

    Args:
        cosine: cos θ, any shape, -1 to 1 up to rounding.
        margin: m, 1 to 4.

    Returns:
        The same shape; continuous with a continuous derivative in θ.

    Raises:
        ConfigError: if the margin is out of range.
    """
    if margin not in _MARGINS:
        raise ConfigError(f"margin = {margin!r}: allowed values are 1, 2, 3, 4")
    previous, multiple = torch.ones_like(cosine), cosine
    for _ in range(margin - 1):
        previous, multiple = multiple, 2.0 * cosine * multiple - previous
    k = torch.zeros_like(cosine)
    for i in range(1, margin):
        k = k + (cosine.detach() <= math.cos(i * math.pi / margin)).to(cosine.dtype)
    return (1.0 - 2.0 * torch.remainder(k, 2.0)) * multiple - 2.0 * k


def angular_softmax_loss(
    embeddings: Tensor, weight: Tensor, labels: Tensor, *, blend: float, margin: int = 4
) -> Tensor:
    """Returns the angular softmax loss L_D of every embedding; equation (2) takes its mean over a batch.

    Computed in float32 (float64 stays) also under autocast, as exponents of |x| cos θ overflow half precision.

    Args:
        embeddings: `[N, E]` embeddings x, not normalised.
        weight: `[C, E]` class weights, of any length: they are normalised here.
        labels: `[N]` int64, 0 to C-1.
        blend: λ of the annealing, 0 (the pure definition) or more.
        margin: m, 1 to 4.

    Returns:
        `[N]` losses, each 0 or more.

    Raises:
        ConfigError: if λ or the margin is out of range.
        ContractError: if the shapes do not fit one another.
    """
    if not blend >= 0.0:
        raise ConfigError(f"blend = {blend!r}: allowed range is 0 and above")
    if embeddings.ndim != 2 or weight.shape[1:] != embeddings.shape[1:] or labels.shape != embeddings.shape[:1]:
        raise ContractError(
            f"embeddings {list(embeddings.shape)}, weight {list(weight.shape)}, labels {list(labels.shape)}; "
            "expected [N, E], [C, E], [N]"
        )
    with torch.autocast(device_type=embeddings.device.type, enabled=False):
        x = embeddings if embeddings.dtype == torch.float64 else embeddings.float()
        directions = F.normalize(weight.to(x.dtype), dim=1, eps=_TINY)
        length = x.norm(dim=1, keepdim=True)
        logits = x @ directions.T
        index = labels[:, None]
        cosine = logits.gather(1, index) / length.clamp_min(_TINY)
        target = length * (blend * cosine + psi(cosine, margin)) / (1.0 + blend)
        return F.cross_entropy(logits.scatter(1, index, target), labels, reduction="none")


class AngularSoftmax(nn.Module):
    """The last, class-wise layer of D (fc6) with its angular softmax loss; used in training only.

    Its weights belong to D: the optimiser of D holds them, the modifier's does not.
    """

    def __init__(
        self, classes: int, embedding: int = 512, *, margin: int = 4, schedule: LambdaSchedule = ORIGINAL_SCHEDULE
    ) -> None:
        super().__init__()
        if classes < 2 or embedding < 1:
            raise ConfigError(f"classes = {classes}, embedding = {embedding}: at least 2 classes, 1 dimension")
        if margin not in _MARGINS:
            raise ConfigError(f"margin = {margin!r}: allowed values are 1, 2, 3, 4")
        self.classes = classes
        self.margin = margin
        self.schedule = schedule
        bound = math.sqrt(3.0 / embedding)  # Caffe's "xavier" filler
        self.weight = nn.Parameter(torch.empty(classes, embedding).uniform_(-bound, bound))

    def forward(self, embeddings: Tensor, labels: Tensor, iteration: int) -> Tensor:
        """Returns the mean loss of a batch.

        Args:
            embeddings: `[N, E]`.
            labels: `[N]` int64, 0 to classes-1.
            iteration: training iteration, which sets λ.

        Returns:
            `[]`, `E[L_D]`.
        """
        blend = self.schedule.at(iteration)
        return angular_softmax_loss(embeddings, self.weight, labels, blend=blend, margin=self.margin).mean()

    @torch.no_grad()
    def predict(self, embeddings: Tensor) -> Tensor:
        """Returns the class whose weights have the smallest angle to each embedding, `[N]` int64."""
        return (embeddings.float() @ F.normalize(self.weight.float(), dim=1, eps=_TINY).T).argmax(dim=1)
