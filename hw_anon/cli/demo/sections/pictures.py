"""Frames before and after the simulated RTL, side by side."""

from __future__ import annotations

from hw_anon.cli.demo.sections.section import Section, picture_uri
from hw_anon.cli.demo.shown import DemoReport, ShownFrame

__all__ = ["pair", "section"]


def section(report: DemoReport) -> Section:
    """Returns the section."""
    return Section(
        anchor="pictures",
        title="Before and after",
        short="Before and after",
        values={"pairs": [pair(shown, report) for shown in report.rtl.frames]},
    )


def pair(shown: ShownFrame, report: DemoReport) -> dict[str, object]:
    """Returns what is shown of one frame: both pictures, and the people that the action detector follows in it."""
    scene = None
    if report.actions is not None and shown.index is not None:
        scene = report.actions.scenes.get(shown.index)
    return {
        "shown": shown,
        "before": picture_uri(shown.before),
        "after": picture_uri(shown.after.frame),
        "people": scene.people if scene else (),
        "latency_ms": 1e3 * shown.cycles.latency / report.camera.config.clk_hz,
    }
