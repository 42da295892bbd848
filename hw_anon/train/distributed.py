"""Several processes as one: each computes its share of every batch, gradients and losses are averaged.

`torchrun --nproc-per-node 4 -m hw_anon.cli train …` starts them. As all shares are equally large and all losses are
means, the mean over processes is the joined batch's (for A's losses see `hw_anon.train.sampling`): the players stay
equal in all processes, and equal to those of one process up to the order of summation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from hw_anon.core.errors import ConfigError

__all__ = ["SINGLE", "World", "joined", "leave"]


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """The processes of a run, as one of them sees them."""

    rank: int = 0
    """Number of this process; process 0 writes the files."""
    size: int = 1
    """Number of processes."""

    @property
    def leads(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def share(self, count: int, what: str) -> slice:
        """Returns this process's rows of a batch.

        Raises:
            ConfigError: if the batch cannot be shared equally.
        """
        if count % self.size:
            raise ConfigError(f"{count} {what} a step cannot be shared equally by {self.size} processes")
        part = count // self.size
        return slice(self.rank * part, (self.rank + 1) * part)

    def mean(self, value: Tensor) -> Tensor:
        """Returns the mean over all processes of a tensor of one shape; without gradients."""
        if self.size == 1:
            return value.detach()
        total = value.detach().clone()
        dist.all_reduce(total)
        return total / self.size

    def mean_values(self, values: Mapping[str, Tensor]) -> dict[str, float]:
        """Returns the means over all processes of named scalars, as numbers."""
        if not values:
            return {}
        stacked = self.mean(torch.stack([value.detach().double().reshape(()) for value in values.values()]))
        return dict(zip(values, stacked.tolist(), strict=True))

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replaces gradients by their means over all processes; a missing gradient counts as zero."""
        if self.size == 1:
            return
        trained = [parameter for parameter in parameters if parameter.requires_grad]
        flat = torch.cat([(p.new_zeros(p.shape) if p.grad is None else p.grad).reshape(-1) for p in trained])
        dist.all_reduce(flat)
        flat /= self.size
        for parameter, part in zip(trained, flat.split([p.numel() for p in trained]), strict=True):
            parameter.grad = part.view_as(parameter).clone()

    def agreed(self, wish: bool, device: torch.device) -> bool:
        """Returns whether any process wishes something: all stop in the same step."""
        if self.size == 1:
            return wish
        flag = torch.tensor(float(wish), device=device)
        dist.all_reduce(flag)
        return bool(flag > 0)


SINGLE = World()
"""A run of one process."""


def joined(device: torch.device) -> World:
    """Joins the processes that `torchrun` started; `SINGLE` where it did not.

    Args:
        device: gradients on "cuda" are exchanged by NCCL, all others by gloo.
    """
    if not dist.is_torchelastic_launched():
        return SINGLE
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return World(rank=dist.get_rank(), size=dist.get_world_size())


def leave(world: World) -> None:
    """Ends this process's part of a run that `joined` began."""
    if world.size > 1:
        dist.destroy_process_group()
