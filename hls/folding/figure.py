"""Draws explored design points: throughput against DSP slices, block RAMs and LUTs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hls.folding.point import DesignPoint
from hw_anon.core.atomic import write_bytes_atomically
from hw_anon.core.boards import get_board

__all__ = ["draw_points"]

_STYLES = (("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "^"), ("#CC79A7", "D"), ("#56B4E9", "v"))
"""Colours after Okabe and Ito, told apart with any colour vision, each with a marker of its own."""
_AXES = (("dsp", "DSP slices (estimated)"), ("bram18", "18-Kib block RAMs (estimated)"), ("lut", "LUTs (estimated)"))


def draw_points(points: Sequence[DesignPoint], path: Path, *, title: str) -> None:
    """Writes a PNG with one panel per kind of resource.

    Filled markers fit their board, hollow ones do not; a dashed line shows what a board holds.

    Args:
        points: what `pareto` returned.
        path: the picture.
        title: name of the network.
    """
    import io

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13.5, 5.2), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{title}: throughput and resources (estimates, without FIFOs)", fontsize=13)
    boards = list(dict.fromkeys(point.board for point in points))
    axes = figure.subplots(1, len(_AXES))
    for panel, (kind, label) in zip(axes, _AXES, strict=True):
        for index, board in enumerate(boards):
            _draw_board(panel, [p for p in points if p.board == board], kind, index)
        panel.set_xscale("log")
        if kind == "bram18":  # there may be none
            panel.set_yscale("symlog", linthresh=10)
        else:
            panel.set_yscale("log")
        panel.set_ymargin(0.08)
        panel.set_xlabel("throughput (faces/s)")
        panel.set_ylabel(label)
        panel.grid(visible=True, which="both", color="#dddddd", linewidth=0.6)
        panel.set_axisbelow(True)
    handles = _legend(boards)
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130, metadata={"Software": None})
    write_bytes_atomically(path, buffer.getvalue())


def _draw_board(panel: Any, points: Sequence[DesignPoint], kind: str, index: int) -> None:
    """Draws one board's points and its capacity line; later boards smaller, so that equal points show all boards."""
    colour, marker = _STYLES[index % len(_STYLES)]
    rates = [point.faces_per_s for point in points]
    panel.plot(rates, [getattr(point, kind) for point in points], color=colour, linewidth=1, alpha=0.6)
    for fits, face in ((True, colour), (False, "white")):
        chosen = [point for point in points if point.fits is fits]
        panel.plot(
            [point.faces_per_s for point in chosen],
            [getattr(point, kind) for point in chosen],
            linestyle="none",
            marker=marker,
            markersize=max(3, 9 - 2.5 * index),
            markerfacecolor=face,
            markeredgecolor=colour,
        )
    capacity = getattr(get_board(points[0].board), kind)
    panel.axhline(capacity, color=colour, linestyle=(5 * index, (5, 5)), linewidth=1.4)


def _legend(boards: Sequence[str]) -> list[Any]:
    """Legend entries: one per board, then what filling and dashes mean."""
    from matplotlib.lines import Line2D

    handles = []
    for index, name in enumerate(boards):
        board, (colour, marker) = get_board(name), _STYLES[index % len(_STYLES)]
        label = f"{board.device}, {board.clk_mhz:g} MHz"
        handles.append(Line2D([], [], color=colour, marker=marker, label=label))
    grey: dict[str, Any] = {"color": "#444444", "linestyle": "none", "marker": "o"}
    handles.append(Line2D([], [], **grey, label="fits"))
    handles.append(Line2D([], [], **grey, markerfacecolor="white", label="does not fit"))
    handles.append(Line2D([], [], color="#444444", linestyle="--", label="device holds"))
    return handles
