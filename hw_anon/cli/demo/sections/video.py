"""The anonymised video, and when people did what in it."""

from __future__ import annotations

import base64
from pathlib import Path

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from hls.report.figures import BLUE, RULE, SKY, STYLE, VERMILLION, Chart, chart_legend, finished_chart
from host.actions.events import Event
from hw_anon.cli.demo.actions import VIDEO_FILE
from hw_anon.cli.demo.sections.section import Section
from hw_anon.cli.demo.shown import DemoReport

__all__ = ["section", "spans", "timeline_chart"]

_WIDTH_INCHES = 6.4


def section(report: DemoReport, out: Path) -> Section:
    """Returns the section.

    Args:
        report: what to show.
        out: directory with the video.
    """
    chart = timeline_chart(report)
    video = base64.b64encode((out / VIDEO_FILE).read_bytes()).decode()
    return Section(
        anchor="video",
        title="The anonymised video",
        short="Video",
        values={
            "video": f"data:video/mp4;base64,{video}",
            "timeline": Markup(chart.svg),  # our own markup; matplotlib escapes the names in it
            "seconds": len(report.pictures) / report.fps,
        },
        figures={chart.name: chart.png},
    )


def spans(events: tuple[Event, ...]) -> dict[str, list[tuple[float, float]]]:
    """Returns begin and length in seconds of each action, by `action, person`."""
    rows: dict[str, list[tuple[float, float]]] = {}
    for event in events:
        if event.event == "end":
            name = f"{event.action.replace('_', ' ')}, person {event.track}"
            rows.setdefault(name, []).append((event.time_s - event.duration_s, event.duration_s))
    return rows


def timeline_chart(report: DemoReport) -> Chart:
    """Bars over the time of the video: actions, frames with replaced faces, black frames, frames of the RTL."""
    step = 1 / report.fps
    rows: dict[str, tuple[str, list[tuple[float, float]]]] = {}
    if report.actions is not None:
        rows = {name: (BLUE, bars) for name, bars in spans(report.actions.events).items()}
    frames = list(enumerate(report.delivered))
    rows["faces replaced"] = SKY, [(index * step, step) for index, frame in frames if frame.boxes]
    if black := [(index * step, step) for index, frame in frames if frame.fault]:
        rows["black"] = VERMILLION, black
    simulated = [shown.index * step for shown in report.rtl.frames if shown.index is not None]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(_WIDTH_INCHES, 0.9 + 0.26 * len(rows)), layout="constrained")
        axes = figure.add_subplot()
        axes.set_ylim(-0.6, len(rows) + 0.6)
        for y, (colour, bars) in enumerate(reversed(rows.values()), start=1):
            axes.broken_barh(bars, (y - 0.3, 0.6), facecolors=colour)
        axes.broken_barh([(begin, step) for begin in simulated], (-0.3, 0.6), facecolors=VERMILLION)
        axes.set_yticks(range(len(rows) + 1), ["in the simulated RTL", *reversed(rows)])
        axes.set_xlim(0, len(report.pictures) * step)
        axes.set_xlabel("seconds of the video")
        axes.tick_params(length=0)
        axes.grid(axis="x", color=RULE, linewidth=0.6)
        axes.set_axisbelow(True)
        handles = [Patch(color=SKY, label="faces replaced"), Patch(color=VERMILLION, label="frame of the RTL")]
        handles[:0] = [Patch(color=BLUE, label="action")] if report.actions is not None else []
        chart_legend(figure, handles)
        return finished_chart("timeline", figure)
