"""The picture of a co-design search: identity left against the share of the board."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hw_anon.core.atomic import write_bytes_atomically

if TYPE_CHECKING:
    from quant.search import Point

__all__ = ["draw_search"]


def draw_search(points: Sequence[Point], best: Sequence[Point], path: Path, *, title: str) -> None:
    """Writes a PNG: every trained network, its distance to the teacher as colour; those of the front are numbered.

    Args:
        points: all finished trials; those that do not fit are left out.
        best: the front.
        path: the picture.
        title: its title.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, 5.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    fitting = [point for point in points if not point.excess]
    drawn = axes.scatter(
        [100 * point.share for point in fitting],
        [point.identity for point in fitting],
        c=[point.error for point in fitting],
        cmap="viridis",
        s=36,
        edgecolor="none",
    )
    if fitting:
        figure.colorbar(drawn, ax=axes, label="L1 to the teacher's faces")
    for point in best:
        place = (100 * point.share, point.identity)
        axes.scatter(*place, s=110, facecolor="none", edgecolor="#D55E00", linewidth=1.5)
        axes.annotate(str(point.number), place, xytext=(6, 4), textcoords="offset points", fontsize=8)
    axes.axhline(0.5, color="#999999", linestyle="--", linewidth=1)
    axes.set_xlabel("largest share of the board, % (estimate, without FIFOs)")
    axes.set_ylabel("AUC, original against modified (0.5 = chance)")
    axes.set_title(title, fontsize=11)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    write_bytes_atomically(path, buffer.getvalue())
