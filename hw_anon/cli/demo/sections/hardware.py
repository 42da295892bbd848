"""Cycles, resources and networks of the camera."""

from __future__ import annotations

from dataclasses import asdict

import matplotlib as mpl
from markupsafe import Markup

from hls.report.figures import (
    BLUE,
    SKY,
    STYLE,
    TEXT,
    VERMILLION,
    Chart,
    chart_axes,
    finished_chart,
    thousands,
    utilisation_chart,
)
from hw_anon.cli.demo.sections.section import Section
from hw_anon.cli.demo.shown import DemoReport

__all__ = ["STAGES", "section", "stages_chart"]

STAGES = ("capture", "detect", "decode", "modify", "paste", "deliver")
"""Stages of a frame in their order; names of `StageCycles` and `FrameBudget`."""


def section(report: DemoReport) -> Section:
    """Returns the section."""
    camera = report.camera
    charts = (stages_chart(report), utilisation_chart(camera.usage, camera.config.target.device))
    return Section(
        anchor="hardware",
        title="Cycles and resources",
        short="Hardware",
        values={
            "stages": STAGES,
            # Charts are our own markup; matplotlib escapes the names in them.
            "charts": {chart.name: Markup(chart.svg) for chart in charts},
            "rows": [(shown, asdict(shown.cycles)) for shown in report.rtl.all_frames],
        },
        figures={chart.name: chart.png for chart in charts},
    )


def stages_chart(report: DemoReport) -> Chart:
    """Bars: the cycles of each stage in the slowest frame, over what the budget allows."""
    stages = STAGES[::-1]
    allowed = [report.camera.budget[f"{stage}_cycles"] for stage in stages]
    taken = [max(getattr(shown.cycles, stage) for shown in report.rtl.frames) for stage in stages]
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
