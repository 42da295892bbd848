"""The comparisons: the same input through each stage and the one after it."""

from __future__ import annotations

from hw_anon.cli.demo.sections.section import Section
from hw_anon.cli.demo.shown import DemoReport

__all__ = ["section"]


def section(report: DemoReport) -> Section:
    """Returns the section."""
    both = [(shown.after, report.model.frames[shown.index]) for shown in report.rtl.frames if shown.index is not None]
    apart = sum(
        int((rtl.frame != model.frame).sum()) + (rtl.boxes != model.boxes) + (rtl.fault != model.fault)
        for rtl, model in both
    )
    return Section(
        anchor="equality", title="Equality", short="Equality", values={"both": len(both), "both_differing": apart}
    )
