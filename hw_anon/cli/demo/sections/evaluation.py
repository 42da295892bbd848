"""Privacy against utility: Figure 4 and Table 1, from committed results by the code of `hw-anon report`."""

from __future__ import annotations

from markupsafe import Markup

from hw_anon.cli.demo.sections.section import Section
from hw_anon.cli.demo.shown import DemoReport

__all__ = ["section"]


def section(report: DemoReport) -> Section:
    """Returns the section."""
    from hw_anon.evaluate.limits import find_limits
    from hw_anon.evaluate.report_page import figures4
    from hw_anon.evaluate.tables import action_table

    results = report.results
    if isinstance(results, str):
        values: dict[str, object] = {"missing": results, "figures": [], "table1": None, "limits": []}
        charts = []
    else:
        charts = figures4(results)
        values = {
            "missing": "",
            # Charts are our own markup; matplotlib escapes the names in them.
            "figures": [(figure, Markup(figure.chart.inline)) for figure in charts],
            "table1": action_table(results),
            "limits": find_limits(results),
        }
    return Section(
        anchor="evaluation",
        title="Privacy against utility",
        short="Figure 4, Table 1",
        values=values,
        figures={figure.chart.name: figure.chart.png for figure in charts},
    )
