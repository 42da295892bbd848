"""Runs the flow's passes one by one and reports what each of them did to the graph."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hw_anon.core.errors import ContractError, HwAnonError

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

__all__ = ["Pass", "StageReport", "StageRunner"]

Pass = Callable[["ModelWrapper"], "ModelWrapper"]


@dataclass(frozen=True, kw_only=True, slots=True)
class StageReport:
    """What one stage of the flow did."""

    name: str
    """Stage name, e.g. `streamline`."""
    seconds: float
    """Wall time, in seconds."""
    nodes: dict[str, int]
    """Nodes by operator type after the stage."""
    datatypes: dict[str, int]
    """Activation tensors by datatype after the stage."""
    changes: tuple[str, ...]
    """What changed against the stage before, e.g. `MultiThreshold: 0 → 12`."""

    def as_json(self) -> dict[str, Any]:
        """Returns the report as plain JSON types."""
        return {
            "name": self.name,
            "seconds": round(self.seconds, 3),
            "nodes": self.nodes,
            "datatypes": self.datatypes,
            "changes": list(self.changes),
        }


def _node_counts(model: ModelWrapper) -> dict[str, int]:
    return dict(sorted(Counter(node.op_type for node in model.graph.node).items()))


def _datatype_counts(model: ModelWrapper) -> dict[str, int]:
    constants = {tensor.name for tensor in model.graph.initializer}
    names = {name for node in model.graph.node for name in (*node.input, *node.output) if name}
    types = (str(model.get_tensor_datatype(name).name) for name in sorted(names - constants))
    return dict(sorted(Counter(types).items()))


def _differences(kind: str, before: dict[str, int], after: dict[str, int]) -> list[str]:
    keys = sorted(before.keys() | after.keys())
    return [
        f"{kind}{key}: {before.get(key, 0)} → {after.get(key, 0)}" for key in keys if before.get(key) != after.get(key)
    ]


@dataclass(kw_only=True, slots=True)
class StageRunner:
    """Applies stages to a model in order and keeps a report of each."""

    on_stage: Callable[[str], None] | None = None
    """Called with a stage's name before it runs (progress display)."""
    reports: list[StageReport] = field(default_factory=list)
    """Reports of the stages that ran."""

    def run(self, name: str, model: ModelWrapper, stage: Pass) -> ModelWrapper:
        """Applies one stage.

        Raises:
            HwAnonError: as raised by the stage.
            ContractError: if FINN or qonnx fail on the graph; the message names the stage and the cause.
        """
        if self.on_stage is not None:
            self.on_stage(name)
        nodes, types, start = _node_counts(model), _datatype_counts(model), time.perf_counter()
        try:
            model = stage(model)
        except (HwAnonError, OSError, ImportError, MemoryError):
            raise  # not the graph's fault
        except Exception as exc:  # the libraries raise bare Exception and AssertionError on bad graphs
            raise ContractError(
                f"stage {name!r} cannot handle this graph: {type(exc).__name__}: {str(exc).strip() or 'no message'}; "
                "the likely cause is a layer outside the rules of quant/rules.py"
            ) from exc
        seconds = time.perf_counter() - start
        after_nodes, after_types = _node_counts(model), _datatype_counts(model)
        self.reports.append(
            StageReport(
                name=name,
                seconds=seconds,
                nodes=after_nodes,
                datatypes=after_types,
                changes=tuple(_differences("", nodes, after_nodes) + _differences("tensors ", types, after_types)),
            )
        )
        return model
