"""The way of the frames in this run: what was simulated, what was modelled, and what was real."""

from __future__ import annotations

from hw_anon.cli.demo.sections.section import Section
from hw_anon.cli.demo.shown import DemoReport

__all__ = ["section"]


def section(report: DemoReport) -> Section:
    """Returns the section."""
    health = (report.rtl.state.health, report.model.state.health)
    return Section(
        anchor="flow",
        title="What ran",
        short="What ran",
        values={
            "through_driver": len(report.rtl.all_frames) + len(report.model.frames),
            "regions": sum(len(frame.boxes) for frame in report.delivered),
            "black": sum(bool(frame.fault) for frame in report.delivered),
            "recoveries": sum(int(one["recoveries"]) for one in health),
            "lost": sum(int(one["lost"]) + int(one["torn"]) for one in health),
            "started": sum(event.event == "start" for event in report.actions.events) if report.actions else 0,
        },
    )
