"""Exact minimisation of a sum of small cost tables by variable elimination.

Hardware graphs are nearly chains (residual blocks make them series-parallel), so eliminating nodes one by one keeps
every intermediate table small and finds the global optimum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Table", "minimise"]


@dataclass(frozen=True, slots=True)
class Table:
    """A cost table over some variables; infinite entries are forbidden combinations."""

    scope: tuple[int, ...]
    """Variables, one per axis of `costs`, each once."""
    costs: NDArray[np.float64]
    """Cost of every combination of values."""


def minimise(sizes: Sequence[int], tables: Sequence[Table]) -> tuple[list[int], float]:
    """Returns the values that minimise the tables' sum, and that sum (infinite if every choice is forbidden).

    Ties go to the lower value, so the result depends on the arguments only.

    Args:
        sizes: number of values of each variable.
        tables: cost tables over the variables.
    """
    remaining, pending = set(range(len(sizes))), list(tables)
    constant = 0.0
    eliminated: list[tuple[int, tuple[int, ...], NDArray[np.intp]]] = []
    while remaining:
        variable = min(remaining, key=lambda v: (_growth(v, sizes, pending), v))
        involved = [table for table in pending if variable in table.scope]
        pending = [table for table in pending if variable not in table.scope]
        scope = (variable, *sorted({v for table in involved for v in table.scope} - {variable}))
        joint = np.zeros([sizes[v] for v in scope])
        for table in involved:
            joint = joint + _spread(table, scope)
        eliminated.append((variable, scope[1:], np.argmin(joint, axis=0)))
        reduced = joint.min(axis=0)
        if scope[1:]:
            pending.append(Table(scope[1:], reduced))
        else:
            constant += float(reduced)
        remaining.remove(variable)
    values = [0] * len(sizes)
    for variable, others, choice in reversed(eliminated):
        values[variable] = int(choice[tuple(values[v] for v in others)])
    return values, constant


def _growth(variable: int, sizes: Sequence[int], tables: Sequence[Table]) -> int:
    """Entries of the table that eliminating a variable makes."""
    scope = {v for table in tables if variable in table.scope for v in table.scope} | {variable}
    return int(np.prod([sizes[v] for v in scope]))


def _spread(table: Table, scope: tuple[int, ...]) -> NDArray[np.float64]:
    """Returns a table's costs with axes in the order of `scope`, of length 1 where it has no such variable."""
    order = sorted(range(len(table.scope)), key=lambda axis: scope.index(table.scope[axis]))
    costs = table.costs.transpose(order)
    present = set(table.scope)
    lengths = iter(costs.shape)
    return costs.reshape([next(lengths) if v in present else 1 for v in scope])
