"""The charts of a report: vector graphics that follow the page's light or dark theme, and PNG files for elsewhere.

Colours are of the Okabe-Ito palette, which readers with colour-blindness can tell apart.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray
from PIL import Image

from hls.report.data import BuildReport, FifoRow, LayerRow, Pictures

__all__ = [
    "BLUE",
    "SKY",
    "STYLE",
    "TEXT",
    "VERMILLION",
    "Chart",
    "chart_axes",
    "chart_legend",
    "cycles_chart",
    "encode_png",
    "fifo_chart",
    "finished_chart",
    "gallery_png",
    "thousands",
    "utilisation_chart",
]

TEXT, _MUTED, RULE = "#1a1f24", "#66707a", "#d9dee3"
BLUE, SKY, VERMILLION = "#0072b2", "#56b4e9", "#d55e00"
_THEME = {
    TEXT: "var(--text)",
    _MUTED: "var(--muted)",
    RULE: "var(--rule)",
    BLUE: "var(--series-1)",
    SKY: "var(--series-2)",
    VERMILLION: "var(--series-3)",
}
"""Colours in the charts, and the page's variables that take their place in the HTML."""

STYLE = {
    "axes.edgecolor": RULE,
    "axes.labelcolor": _MUTED,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.family": "sans-serif",
    "font.size": 9,
    "svg.fonttype": "none",
    "text.color": TEXT,
    "text.parse_math": False,
    "xtick.color": _MUTED,
    "ytick.color": TEXT,
}
_WIDTH_INCHES = 9.0
_PNG_DPI = 144


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """One chart in both of its forms."""

    name: str
    """File name of the PNG without suffix."""
    svg: str
    """`<svg>` element for the page, coloured by its variables."""
    png: bytes
    """The same on white."""


def utilisation_chart(usage: Sequence[tuple[str, int, int]], device: str) -> Chart:
    """Bars: share of each of the board's resources that the design uses.

    Args:
        usage: resource, amount used, amount on the board.
        device: name of the device.
    """
    rows = usage[::-1]
    shares = [100 * used / available if available else 100.0 for _, used, available in rows]
    with mpl.rc_context(STYLE):
        figure, axes = chart_axes(rows=len(rows), row_inches=0.36)
        axes.barh(range(len(rows)), [100] * len(rows), color=RULE, height=0.5, zorder=1)
        colours = [VERMILLION if share > 100 else BLUE for share in shares]
        axes.barh(range(len(rows)), shares, color=colours, height=0.5, zorder=2)
        for y, ((_, used, available), share) in enumerate(zip(rows, shares, strict=True)):
            label = f"{used:,} of {available:,}  ({share:.1f} %)"
            axes.text(max(share, 100) + 2, y, label, va="center", color=TEXT)
        axes.set_yticks(range(len(rows)), [name for name, _, _ in rows])
        axes.set_xlim(0, max(100, *shares) * 1.34)
        axes.set_xticks([0, 25, 50, 75, 100])
        axes.set_xlabel(f"per cent of {device}")
        return finished_chart("utilisation", figure)


def cycles_chart(report: BuildReport) -> Chart:
    """Bars: cycles of each layer, with the interval that the RTL reached."""
    layers = report.layers[::-1]
    with mpl.rc_context(STYLE):
        figure, axes = chart_axes(rows=len(layers), row_inches=0.19)
        axes.barh(range(len(layers)), [x.cycles for x in layers], color=[_layer_colour(x) for x in layers], height=0.68)
        axes.axvline(report.interval_cycles_rtl, color=VERMILLION, linewidth=1.4)
        axes.text(
            report.interval_cycles_rtl,
            len(layers) - 0.2,
            f"interval in RTL: {report.interval_cycles_rtl:,} cycles ",
            color=VERMILLION,
            ha="right",
            va="bottom",
        )
        axes.set_yticks(range(len(layers)), [layer.name for layer in layers], fontsize=7.5)
        axes.set_xlim(0, max(report.interval_cycles_rtl, *(layer.cycles for layer in layers)) * 1.03)
        axes.xaxis.set_major_formatter(thousands)
        axes.set_xlabel("cycles per face")
        handles = [Patch(color=BLUE, label="multiplies"), Patch(color=SKY, label="moves or compares")]
        chart_legend(figure, handles)
        return finished_chart("cycles", figure)


def fifo_chart(report: BuildReport) -> Chart:
    """Bars: depth given to each FIFO and the highest fill seen, on a logarithmic axis."""
    fifos = report.fifos[::-1]
    with mpl.rc_context(STYLE):
        figure, axes = chart_axes(rows=max(1, len(fifos)), row_inches=0.19)
        axes.barh(range(len(fifos)), [fifo.depth for fifo in fifos], color=SKY, height=0.68)
        fills = [max(fifo.fill, 1) for fifo in fifos]
        axes.barh(range(len(fifos)), fills, color=BLUE, height=0.34)
        axes.set_xscale("log", base=2)
        axes.set_xlim(0.5, 2 * max((fifo.depth for fifo in fifos), default=1))
        axes.xaxis.set_major_formatter(thousands)
        axes.set_yticks(range(len(fifos)), [_fifo_label(fifo) for fifo in fifos], fontsize=7.5)
        axes.set_xlabel("beats")
        chart_legend(figure, [Patch(color=SKY, label="depth"), Patch(color=BLUE, label="highest fill")])
        return finished_chart("fifos", figure)


def gallery_png(pictures: Pictures, *, zoom: int = 3, gap: int = 6) -> bytes:
    """Returns one PNG: all crops above what became of them, each pixel a `zoom` block (nearest neighbour)."""
    rows = []
    for row in (pictures.before, pictures.after):
        tiles = [np.pad(_enlarge(image, zoom), ((0, gap), (0, gap), (0, 0)), constant_values=255) for image in row]
        rows.append(np.concatenate(tiles, axis=1))
    return encode_png(np.concatenate(rows, axis=0)[:-gap, :-gap])


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """Encodes `[H, W, 3]` uint8 RGB as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(image, mode="RGB").save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def _enlarge(image: NDArray[np.uint8], zoom: int) -> NDArray[np.uint8]:
    return np.repeat(np.repeat(image, zoom, axis=0), zoom, axis=1)


def _layer_colour(layer: LayerRow) -> str:
    return BLUE if layer.macs else SKY


def _fifo_label(fifo: FifoRow) -> str:
    return f"{fifo.producer} → {fifo.consumer}"


def thousands(value: float, _position: float) -> str:
    """Formats a tick with thousands separators; ticks below 1 get no text."""
    return f"{value:,.0f}" if value >= 1 or value == 0 else ""


def chart_legend(figure: Figure, handles: list[Patch]) -> None:
    """Puts a legend below a chart."""
    figure.legend(handles=handles, loc="outside lower right", ncols=len(handles), frameon=False, labelcolor=TEXT)


def chart_axes(*, rows: int, row_inches: float) -> tuple[Figure, Axes]:
    """Returns a figure for `rows` horizontal bars, in the report's style."""
    figure = Figure(figsize=(_WIDTH_INCHES, 0.75 + rows * row_inches), layout="constrained")
    axes = figure.add_subplot()
    axes.set_ylim(-0.6, rows - 0.4)
    axes.tick_params(length=0)
    axes.grid(axis="x", color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def finished_chart(name: str, figure: Figure) -> Chart:
    """Draws a figure in both forms."""
    vector, raster = io.StringIO(), io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(vector, format="svg", transparent=True, metadata={"Date": None})
    figure.savefig(raster, format="png", dpi=_PNG_DPI, facecolor="white", metadata={"Software": None})
    return Chart(name=name, svg=_inline(vector.getvalue()), png=raster.getvalue())


def _inline(document: str) -> str:
    """Makes an SVG document an element of the page: no prologue, no metadata, no ids that repeat, themed colours."""
    svg = document[document.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' id="[A-Za-z]+[0-9]*_[0-9]+"', "", svg)
    svg = re.sub(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1" role="img">', svg, count=1)
    svg = re.sub(r"font: ([0-9.]+px) [^;\"]*", r"font-size: \1", svg)
    for colour, variable in _THEME.items():
        svg = svg.replace(colour, variable)
    return svg.strip()
