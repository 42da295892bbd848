"""The charts of the evaluation: the paper's Figure 4, alone and once for every protocol and judge, as SVG and PNG.

Colours are of the Okabe-Ito palette, which readers with colour-blindness can tell apart; families differ in their
marker as well. Charts are read at 800 pixels of width.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hw_anon.core.errors import ConfigError, ToolError
from hw_anon.evaluate.label_places import Rectangle, place_labels
from hw_anon.evaluate.trade_off import TradeOffPoint

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Chart", "Panel", "trade_off_chart", "trade_off_grid"]

_TEXT, _MUTED, _RULE, _LINE = "#1a1f24", "#66707a", "#d9dee3", "#868f98"
_OURS, _BLUE, _OLIVE = "#d55e00", "#0072b2", "#8a6d00"
_STYLES = {
    "original": (_TEXT, "D"),
    "blur": (_BLUE, "o"),
    "noise": ("#009e73", "^"),
    "superpixel": ("#b0669a", "P"),
    "edge": (_OLIVE, "X"),
    "mask": (_MUTED, "v"),
}
"""Colour and marker of a family of baselines."""
_OTHER = ("#56b4e9", "h")
_THEME = {
    _TEXT: "var(--text)",
    _MUTED: "var(--muted)",
    _RULE: "var(--rule)",
    _LINE: "var(--muted)",
    _BLUE: "var(--blue)",
    _OLIVE: "var(--olive)",
}
"""Colours that follow the page's light or dark theme."""
_RC = {
    "axes.edgecolor": _RULE,
    "axes.facecolor": "none",
    "axes.labelcolor": _TEXT,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.family": "sans-serif",
    "svg.fonttype": "none",
    "svg.hashsalt": "hw-anon",
    "text.color": _TEXT,
    "text.parse_math": False,
    "xtick.color": _MUTED,
    "ytick.color": _MUTED,
}
_DPI = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """One chart in all of its forms."""

    name: str
    """File name without suffix."""
    svg: str
    """A whole SVG document on white."""
    inline: str
    """`<svg>` element for the page, coloured by its variables."""
    png: bytes
    """The same on white, 1,600 pixels wide."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """One pair of axes of Figure 4."""

    title: str
    """What was measured: data set, protocol and judge."""
    points: Sequence[TradeOffPoint]
    """The methods."""
    error_label: str = "face verification error (%)"
    """Label of the x-axis."""


def trade_off_chart(panel: Panel, *, name: str = "figure4") -> Chart:
    """Draws Figure 4: verification error against mAP in percent, with 95 % intervals; top right is best.

    Learnt methods are red squares as in the paper, with a small square for every training seed. The dashed line joins
    `original` and `mask`.

    Args:
        panel: what to draw.
        name: file name without suffix.

    Raises:
        ConfigError: if there is no point.
        ToolError: if matplotlib is missing.
    """
    return _draw([panel], name, columns=1, size=(8.0, 5.8), font=9.5)


def trade_off_grid(panels: Sequence[Panel], *, name: str = "figure4-all") -> Chart:
    """Draws Figure 4 once for each protocol and judge, two panels to a row.

    Raises:
        ConfigError: if there is no point.
        ToolError: if matplotlib is missing.
    """
    columns = min(2, len(panels))
    size = (5.0 * max(columns, 1), 4.3 * ((len(panels) + 1) // 2))
    return _draw(panels, name, columns=columns, size=size, font=7)


def _draw(panels: Sequence[Panel], name: str, *, columns: int, size: tuple[float, float], font: float) -> Chart:
    panels = [panel for panel in panels if panel.points]
    if not panels:
        raise ConfigError("there is no method with both a verification error and an mAP to draw")
    try:
        import matplotlib as mpl
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as exc:
        raise ToolError("figures need matplotlib; install it with: pip install matplotlib") from exc
    with mpl.rc_context({**_RC, "font.size": font}):
        figure = Figure(figsize=size, layout="constrained", dpi=_DPI)
        FigureCanvasAgg(figure)
        rows = (len(panels) + columns - 1) // columns
        grid: Any = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, panel in zip(grid, panels, strict=False):
            _draw_panel(axes, panel)
        for axes in grid[len(panels) :]:
            axes.set_axis_off()
        figure.canvas.draw()
        figure.set_layout_engine("none")
        for axes, panel in zip(grid, panels, strict=False):
            _label(figure, axes, panel.points, font)
        return _chart(name, figure)


def _draw_panel(axes: Axes, panel: Panel) -> None:
    ends = {point.name: point for point in panel.points if point.name in ("original", "mask")}
    if len(ends) == 2:
        left, right = ends["original"], ends["mask"]
        axes.plot(
            [100 * left.error.value, 100 * right.error.value],
            [100 * left.utility.value, 100 * right.utility.value],
            linestyle=(0, (5, 4)), color=_LINE, linewidth=1, zorder=1, label="un-anonymised to mask; top right is best",
        )  # fmt: skip
        axes.legend(loc="upper right", frameon=False, labelcolor=_MUTED, fontsize="small")
    for point in sorted(panel.points, key=lambda p: p.learned):
        colour, marker = style_of(point)
        for run in point.runs:
            axes.plot(100 * run[0], 100 * run[1], marker="s", markersize=3.4, color=colour, alpha=0.55, zorder=3)
        axes.errorbar(
            100 * point.error.value, 100 * point.utility.value, xerr=_bars(point.error), yerr=_bars(point.utility),
            fmt=marker, color=colour, markersize=8.5 if point.learned else 6.5, markeredgecolor="white",
            markeredgewidth=0.6, capsize=2, linewidth=0.9, alpha=1.0 if point.learned else 0.9,
            zorder=5 if point.learned else 4,
        )  # fmt: skip
    axes.set_xlabel(panel.error_label)
    axes.set_ylabel("action detection mAP@0.5 (%)")
    axes.set_title(panel.title, loc="left", fontweight="bold")
    axes.grid(visible=True, color=_RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.margins(0.09)


def style_of(point: TradeOffPoint) -> tuple[str, str]:
    """Returns the colour and marker of a method."""
    if point.learned:
        return _OURS, "s"
    return _STYLES.get(point.name.split("-")[0], _OTHER)


def _label(figure: Figure, axes: Axes, points: Sequence[TradeOffPoint], font: float) -> None:
    """Writes each method's name beside its point, a thin line to it where the name had to go further away."""
    axes.set_xlim(*axes.get_xlim())
    axes.set_ylim(*axes.get_ylim())
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]  # of the Agg canvas
    scale = figure.dpi / 72
    anchors = [tuple(axes.transData.transform((100 * p.error.value, 100 * p.utility.value))) for p in points]
    names = [f"{p.name} ({len(p.runs)} seeds)" if p.runs else p.name for p in points]
    texts = [axes.text(0, 0, n, fontsize=font, fontweight="bold" if p.learned else "normal", color=style_of(p)[0])
             for n, p in zip(names, points, strict=True)]  # fmt: skip
    sizes = [(box.width, box.height) for box in (text.get_window_extent(renderer) for text in texts)]
    obstacles = [box for point in points for box in _occupied(axes, point, 5 * scale)]
    window = axes.get_window_extent(renderer)
    frame = Rectangle(window.x0 + 2, window.y0 + 2, window.x1 - 2, window.y1 - 2)
    places = place_labels(anchors, sizes, obstacles, frame, gap=6 * scale)
    to_data = axes.transData.inverted()
    for text, place, anchor, point in zip(texts, places, anchors, points, strict=True):
        text.set_position(tuple(to_data.transform((place.left, place.bottom))))
        near = (min(max(anchor[0], place.left), place.right), min(max(anchor[1], place.bottom), place.top))
        if max(abs(near[0] - anchor[0]), abs(near[1] - anchor[1])) > 11 * scale:
            ends = to_data.transform([anchor, near])
            axes.plot(ends[:, 0], ends[:, 1], color=style_of(point)[0], linewidth=0.5, alpha=0.6, zorder=2)


def _occupied(axes: Axes, point: TradeOffPoint, radius: float) -> list[Rectangle]:
    """What a point covers: its marker and its two interval bars."""
    x, y = axes.transData.transform((100 * point.error.value, 100 * point.utility.value))
    left, bottom = axes.transData.transform((100 * point.error.low, 100 * point.utility.low))
    right, top = axes.transData.transform((100 * point.error.high, 100 * point.utility.high))
    thin = radius / 4
    return [
        Rectangle(x - radius, y - radius, x + radius, y + radius),
        Rectangle(left, y - thin, right, y + thin),
        Rectangle(x - thin, bottom, x + thin, top),
    ]


def _bars(measured: Any) -> list[list[float]]:
    return [[100 * (measured.value - measured.low)], [100 * (measured.high - measured.value)]]


def _chart(name: str, figure: Figure) -> Chart:
    vector, raster = io.StringIO(), io.BytesIO()
    figure.savefig(vector, format="svg", facecolor="white", metadata={"Date": None})
    figure.savefig(raster, format="png", dpi=_DPI, facecolor="white", metadata={"Software": None})
    return Chart(name=name, svg=vector.getvalue(), inline=_inline(vector.getvalue(), name), png=raster.getvalue())


def _inline(document: str, name: str) -> str:
    """Makes an SVG document an element of the page: no prologue, no metadata, ids of its own, themed colours."""
    svg = document[document.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="patch_1">.*?</g>', "", svg, count=1, flags=re.DOTALL)  # the white ground
    svg = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    svg = re.sub(
        r'<svg [^>]*?viewBox="([^"]*)"[^>]*>',
        rf'<svg viewBox="\1" role="img" aria-label="{name}" xmlns:xlink="http://www.w3.org/1999/xlink">',
        svg,
        count=1,
    )
    svg = re.sub(r"font: ((?:[a-z0-9]+ )*)([0-9.]+px) [^;\"]*", _font, svg)
    for colour, variable in _THEME.items():
        svg = svg.replace(colour, variable)
    return svg.strip()


def _font(match: re.Match[str]) -> str:
    weight = "font-weight: bold; " if re.search(r"bold|[67]00", match[1]) else ""
    return f"{weight}font-size: {match[2]}"
