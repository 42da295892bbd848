"""Writes the page of a running camera: one HTML file without external resources."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from markupsafe import Markup

from hls.report.camera_data import STAGES, CameraReport, ShownFrame
from hls.report.data import Origin
from hls.report.figures import (
    BLUE,
    SKY,
    STYLE,
    TEXT,
    VERMILLION,
    Chart,
    chart_axes,
    encode_png,
    finished_chart,
    thousands,
    utilisation_chart,
)
from hls.report.html import data_uri, render_template
from hw_anon.core.atomic import write_bytes_atomically, write_text_atomically

__all__ = ["CAMERA_PAGE", "stages_chart", "write_camera_report"]

CAMERA_PAGE = "report.html"
_TEMPLATE = "camera.html.j2"


def write_camera_report(report: CameraReport, directory: Path, *, video: Path | None = None) -> Path:
    """Writes `report.html`, its charts as PNG files and every delivered frame of the RTL.

    Args:
        report: what to show.
        directory: where to; made if it does not exist.
        video: the anonymised video (MP4), put into the page as well.

    Returns:
        Path of the page. It needs no other file.

    Raises:
        OSError: if a file cannot be read or written.
    """
    charts = (stages_chart(report), utilisation_chart(report.usage, report.config.target.device))
    for chart in charts:
        write_bytes_atomically(directory / "figures" / f"{chart.name}.png", chart.png)
    for shown in report.rtl_frames:
        write_bytes_atomically(directory / "frames" / f"{shown.after.number:03d}.png", encode_png(shown.after.frame))
    page = directory / CAMERA_PAGE
    text = render_template(
        _TEMPLATE,
        report=report,
        config=report.config,
        board=report.config.target,
        origin=Origin,
        stages=STAGES,
        # Charts are our own markup; matplotlib escapes the names in them.
        charts={chart.name: Markup(chart.svg) for chart in charts},
        frames=[_pair(shown) for shown in report.frames],
        faulty=[_pair(shown) for shown in report.faulty],
        video=data_uri(video.read_bytes(), "video/mp4") if video is not None else None,
    )
    write_text_atomically(page, text)
    return page


def stages_chart(report: CameraReport) -> Chart:
    """Bars: the cycles of each stage in the slowest frame, over what the budget allows."""
    stages = STAGES[::-1]
    allowed = [report.budget[f"{stage}_cycles"] for stage in stages]
    taken = [max(shown.cycles[stage] for shown in report.frames) for stage in stages]
    longest = max(*allowed, *taken)
    with mpl.rc_context(STYLE):
        figure, axes = chart_axes(rows=len(stages), row_inches=0.36)
        axes.barh(range(len(stages)), allowed, color=SKY, height=0.62)
        colours = [VERMILLION if cycles > most else BLUE for cycles, most in zip(taken, allowed, strict=True)]
        axes.barh(range(len(stages)), taken, color=colours, height=0.3)
        for y, (cycles, most) in enumerate(zip(taken, allowed, strict=True)):
            axes.text(max(cycles, most) + longest / 80, y, f"{cycles:,} of {most:,}", va="center", color=TEXT)
        axes.set_yticks(range(len(stages)), list(stages))
        axes.set_xlim(0, 1.3 * longest)
        axes.xaxis.set_major_formatter(thousands)
        axes.set_xlabel("clock cycles; wide: allowed by the budget, narrow: simulated, slowest frame")
        return finished_chart("stages", figure)


def _pair(shown: ShownFrame) -> dict[str, Any]:
    return {
        "shown": shown,
        "before": data_uri(encode_png(shown.before)),
        "after": data_uri(encode_png(shown.after.frame)),
    }
