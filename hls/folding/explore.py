"""Explores foldings of a network: throughput against resources, over boards and target rates.

All amounts are estimates (see `hls.resources`), without FIFOs, which only a simulation can size.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from hls.folding.fold import Budget, plan_within, priced_networks, report_plan
from hls.folding.network import Network
from hls.folding.plan import fastest_interval, try_plan
from hls.folding.point import DesignPoint
from hls.resources import calibration_errors
from hw_anon.core.atomic import write_text_atomically
from hw_anon.core.boards import Board
from hw_anon.core.errors import ConfigError

__all__ = ["default_targets", "non_dominated", "pareto", "write_points"]

_DEFAULT_POINTS = 60
_MARGIN = 0.9


def pareto(
    model: Any,
    boards: Sequence[Board],
    targets: Sequence[float] | None = None,
    *,
    budget: Budget | None = None,
    on_point: Callable[[str, int, int], None] | None = None,
) -> list[DesignPoint]:
    """Returns the non-dominated foldings of a specialised graph on each board, slowest first, board by board.

    Targets that no folding reaches are left out.

    Args:
        model: `ModelWrapper` of RTL operators, not changed.
        boards: boards to fold for, at their default clocks.
        targets: rates in faces per second; `default_targets` of each board if not given.
        budget: what counts as fitting; `Budget()` if not given.
        on_point: called with board name, targets done and targets in all.

    Raises:
        ConfigError: if a target is not positive, or the graph cannot be folded at all.
    """
    budget = budget or Budget()
    if targets is not None and any(target <= 0 for target in targets):
        raise ConfigError(f"targets must be positive rates in faces per second, are {list(targets)}")
    points: list[DesignPoint] = []
    for board in boards:
        networks = priced_networks(model, board)
        rates = sorted(targets) if targets is not None else default_targets(networks[0])
        found = []
        for index, rate in enumerate(rates):
            if on_point is not None:
                on_point(board.name, index, len(rates))
            point = _point(networks, int(board.clk_mhz * 1e6 / rate), budget)
            if point is not None:
                found.append(point)
        points += non_dominated(found)
    return points


def default_targets(network: Network) -> list[float]:
    """Returns rates in faces per second from one multiplier per layer to the fastest folding, evenly spaced in log."""
    slowest = max(max(option.cycles for option in network.candidates[index]) for index in network.matrix_nodes)
    fastest, _ = fastest_interval(network, _MARGIN)
    ratio = max(1.0, slowest / fastest)
    cycles = [slowest / ratio ** (step / (_DEFAULT_POINTS - 1)) for step in range(_DEFAULT_POINTS)]
    return [network.board.clk_mhz * 1e6 / c for c in cycles]


def _point(networks: Sequence[Network], interval_cycles: int, budget: Budget) -> DesignPoint | None:
    """Folds for one interval; none if it cannot be met."""
    network = networks[0]
    plan = plan_within(networks, interval_cycles, budget, margin=_MARGIN)
    if plan is None:
        plan = try_plan(network, interval_cycles, margin=_MARGIN)
    if plan is None:
        return None
    report, board = report_plan(plan, interval_cycles), network.board
    excess = budget.excess(report.resources, board)
    return DesignPoint(
        board=board.name,
        device=board.device,
        clk_mhz=board.clk_mhz,
        faces_per_s=round(report.faces_per_s(board.clk_mhz), 2),
        interval_cycles=report.interval_cycles,
        dsp=report.resources.dsp,
        lut=report.resources.lut,
        ff=report.resources.ff,
        bram18=report.resources.bram18,
        dsp_efficiency=round(report.dsp_efficiency, 4),
        fits=not excess,
        limits="; ".join(excess),
    )


def non_dominated(points: Sequence[DesignPoint]) -> list[DesignPoint]:
    """Returns the points of one board that no other beats in throughput, DSP, LUT and BRAM at once, slowest first."""

    def merits(point: DesignPoint) -> tuple[float, int, int, int]:
        return point.faces_per_s, -point.dsp, -point.lut, -point.bram18

    def beaten(point: DesignPoint) -> bool:
        return any(
            merits(other) != merits(point) and all(a >= b for a, b in zip(merits(other), merits(point), strict=True))
            for other in points
        )

    unique = {merits(point): point for point in points if not beaten(point)}
    return [unique[key] for key in sorted(unique)]


def write_points(points: Sequence[DesignPoint], directory: Path, *, net: str) -> dict[str, Path]:
    """Writes `explore.csv`, `explore.json` and `explore.png` into `directory`.

    Returns:
        The files by kind: `csv`, `json`, `figure`.
    """
    from hls.folding.figure import draw_points

    directory.mkdir(parents=True, exist_ok=True)
    files = {kind: directory / name for kind, name in _FILES.items()}
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(DesignPoint)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(point) for point in points)
    write_text_atomically(files["csv"], text.getvalue())
    document = {"net": net, "estimate_errors": calibration_errors(), "points": [asdict(point) for point in points]}
    write_text_atomically(files["json"], json.dumps(document, indent=2) + "\n")
    draw_points(points, files["figure"], title=net)
    return files


_FILES = {"csv": "explore.csv", "json": "explore.json", "figure": "explore.png"}
