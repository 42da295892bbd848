"""Writes the report's page: one HTML file without external resources, and its charts as PNG files beside it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from hls.report.data import BuildReport, Origin, Pictures
from hls.report.figures import Chart, cycles_chart, encode_png, fifo_chart, gallery_png, utilisation_chart
from hw_anon.core.atomic import write_bytes_atomically, write_text_atomically

__all__ = ["PAGE_FILE", "data_uri", "render_page", "render_template", "write_report"]

PAGE_FILE = "index.html"
_TEMPLATE = "report.html.j2"


def write_report(report: BuildReport, directory: Path) -> Path:
    """Writes `index.html` and `figures/*.png`.

    Args:
        report: what to show.
        directory: where to; made if it does not exist.

    Returns:
        Path of the page. It needs no other file: the charts and faces in it are embedded.

    Raises:
        OSError: if a file cannot be written.
    """
    charts = _charts(report)
    for chart in charts.values():
        write_bytes_atomically(directory / "figures" / f"{chart.name}.png", chart.png)
    if report.pictures is not None and len(report.pictures.labels):
        write_bytes_atomically(directory / "figures" / "faces.png", gallery_png(report.pictures))
    page = directory / PAGE_FILE
    write_text_atomically(page, _render(report, charts))
    return page


def render_page(report: BuildReport) -> str:
    """Returns the page's HTML; equal reports give equal text."""
    return _render(report, _charts(report))


def _charts(report: BuildReport) -> dict[str, Chart]:
    charts = (utilisation_chart(report.usage, report.board.device), cycles_chart(report), fifo_chart(report))
    return {chart.name: chart for chart in charts}


def _render(report: BuildReport, charts: dict[str, Chart]) -> str:
    return render_template(
        _TEMPLATE,
        report=report,
        origin=Origin,
        # Charts are our own markup; matplotlib escapes the names in them.
        charts={name: Markup(chart.svg) for name, chart in charts.items()},
        faces=_faces(report.pictures),
        longest_stage_s=max((stage.seconds for stage in report.stages), default=0.0),
    )


def render_template(name: str, **values: Any) -> str:
    """Renders one of this package's templates.

    Args:
        name: file name.
        **values: what the template names; all of it is escaped unless marked.
    """
    environment = Environment(
        loader=PackageLoader("hls.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name).render(**values)


def _faces(pictures: Pictures | None) -> list[dict[str, Any]]:
    if pictures is None:
        return []
    triples = zip(pictures.labels, pictures.before, pictures.after, strict=True)
    return [
        {"label": label, "before": data_uri(encode_png(before)), "after": data_uri(encode_png(after))}
        for label, before, after in triples
    ]


def data_uri(data: bytes, kind: str = "image/png") -> str:
    """Returns a file's content as an address that a page can hold."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
