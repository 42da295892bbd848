"""Writes the evaluation's report: one page without external resources, its charts and tables as files beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hw_anon.core.atomic import write_bytes_atomically, write_text_atomically
from hw_anon.evaluate.figures import Chart, Panel, trade_off_chart, trade_off_grid
from hw_anon.evaluate.gallery import Gallery, gallery_png, picture_uri
from hw_anon.evaluate.limits import find_limits
from hw_anon.evaluate.pages import render_template
from hw_anon.evaluate.protocol import ADAPTIVE, MODIFIED_MODIFIED
from hw_anon.evaluate.results import Results
from hw_anon.evaluate.tables import (
    PROTOCOL_NAMES,
    Table,
    action_table,
    privacy_summary,
    privacy_tables,
    table_csv,
    table_markdown,
    view_name,
)
from hw_anon.evaluate.trade_off import JUDGE_OF_RECORD, LineVerdict, Match, matched, trade_off_points, verdicts

__all__ = ["PAGE_FILE", "RECORD_FILE", "Figure4", "figures4", "report_record", "write_report"]

PAGE_FILE = "index.html"
RECORD_FILE = "report.json"

_TEMPLATE = "report.html.j2"


@dataclass(frozen=True, kw_only=True, slots=True)
class _View:
    """One protocol and judge of one set, with what follows from its points."""

    dataset: str
    protocol: str
    judge: str
    panel: Panel
    verdicts: Sequence[LineVerdict]
    matches: Sequence[Match]

    @property
    def name(self) -> str:
        return view_name(self.protocol, self.judge)


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure4:
    """The paper's Figure 4 of one set, by the judge of record."""

    dataset: str
    """The set."""
    view: str
    """Protocol and judge."""
    chart: Chart
    """The figure."""
    verdicts: Sequence[LineVerdict]
    """Where learnt methods lie against the line from un-anonymised to mask."""


def figures4(results: Results) -> list[Figure4]:
    """Returns Figure 4 of each set that has methods with both an error and an mAP, for other pages.

    Raises:
        ToolError: if matplotlib is missing.
    """
    views = _views(results)
    charts = _charts(results, views)
    firsts = (next(view for view in views if view.dataset == dataset) for dataset in results.datasets)
    return [
        Figure4(dataset=view.dataset, view=view.name, chart=charts[name], verdicts=view.verdicts)
        for view in firsts
        if (name := f"figure4-{view.dataset}") in charts
    ]


def write_report(results: Results, directory: Path, *, command: str, galleries: Sequence[Gallery] = ()) -> Path:
    """Writes `index.html`, `report.json`, `tables.md`, `tables/*.csv` and `figures/*.{png,svg}`.

    Args:
        results: everything measured.
        directory: where to; made if it does not exist.
        command: the command line that makes the report.
        galleries: pictures to show.

    Returns:
        Path of the page. It needs no other file: charts and pictures in it are embedded.

    Raises:
        OSError: if a file cannot be written.
        ToolError: if matplotlib or jinja2 is missing.
    """
    views = _views(results)
    charts = _charts(results, views)
    for chart in charts.values():
        write_bytes_atomically(directory / "figures" / f"{chart.name}.png", chart.png)
        write_text_atomically(directory / "figures" / f"{chart.name}.svg", chart.svg)
    for gallery in galleries:
        write_bytes_atomically(directory / "figures" / f"{gallery.name}.png", gallery_png(gallery))
    tables = _tables(results)
    for table in tables:
        write_text_atomically(directory / "tables" / f"{table.name}.csv", table_csv(table))
    write_text_atomically(directory / "tables.md", "\n".join(table_markdown(table) for table in tables))
    record = json.dumps(report_record(results, command=command), indent=2, allow_nan=False)
    write_text_atomically(directory / RECORD_FILE, record + "\n")
    page = directory / PAGE_FILE
    write_text_atomically(page, _render(results, views, charts, galleries, command))
    return page


def report_record(results: Results, *, command: str) -> dict[str, Any]:
    """Returns what the report says as JSON values: points, verdicts, matches, limits, tables and their sources.

    Args:
        results: everything measured.
        command: the command line that makes the report.
    """
    return {
        "command": command,
        "views": [
            {
                "dataset": view.dataset,
                "protocol": view.protocol,
                "judge": view.judge,
                "points": [
                    {
                        "method": point.name,
                        "learned": point.learned,
                        "judge_seen": point.judge_seen,
                        "error": point.error.as_json(),
                        "map50": point.utility.as_json(),
                        "l1": point.l1.as_json() if point.l1 else None,
                    }
                    for point in view.panel.points
                ],
                "verdicts": [{**asdict(verdict), "text": verdict.text} for verdict in view.verdicts],
                "matches": [{**asdict(match), "text": match.text} for match in view.matches],
            }
            for view in _views(results)
        ],
        "limits": find_limits(results),
        "sources": [asdict(source) for source in results.sources],
    }


def _views(results: Results) -> list[_View]:
    """Every protocol and judge of every set, the view of record of each set first."""
    views = []
    for dataset in results.datasets:
        for protocol, judge in results.views(dataset):
            points = trade_off_points(results, dataset, protocol=protocol, judge=judge)
            measured = trade_off_points(results, dataset, protocol=protocol, judge=judge, need_map50=False)
            people = min(row.people for row in results.select(dataset, protocol, judge))
            seen = " (seen in training)" if any(point.judge_seen for point in points) else ""
            named = protocol == ADAPTIVE
            panel = Panel(
                title=f"{dataset}: {view_name(protocol, judge)}{seen}, {people} people",
                points=points,
                error_label=f"face {'identification' if named else 'verification'} error (%)",
            )
            views.append(
                _View(
                    dataset=dataset,
                    protocol=protocol,
                    judge=judge,
                    panel=panel,
                    verdicts=verdicts(points),
                    matches=matched(measured),
                )
            )
    record = (MODIFIED_MODIFIED, JUDGE_OF_RECORD)
    return sorted(views, key=lambda view: (view.dataset, (view.protocol, view.judge) != record))


def _charts(results: Results, views: Sequence[_View]) -> dict[str, Chart]:
    """Figure 4 of each set, first as the paper draws it, then under every protocol and judge."""
    charts: dict[str, Chart] = {}
    for dataset in results.datasets:
        panels = [view.panel for view in views if view.dataset == dataset and view.panel.points]
        if panels:
            charts[f"figure4-{dataset}"] = trade_off_chart(panels[0], name=f"figure4-{dataset}")
        if len(panels) > 1:
            charts[f"figure4-{dataset}-all"] = trade_off_grid(panels, name=f"figure4-{dataset}-all")
    return charts


def _tables(results: Results) -> list[Table]:
    first = action_table(results)
    summaries = [privacy_summary(results, dataset) for dataset in results.datasets]
    details = [table for dataset in results.datasets for table in privacy_tables(results, dataset)]
    return [*([first] if first else []), *summaries, *details]


def _render(
    results: Results,
    views: Sequence[_View],
    charts: dict[str, Chart],
    galleries: Sequence[Gallery],
    command: str,
) -> str:
    return render_template(
        _TEMPLATE,
        markup={name: chart.inline for name, chart in charts.items()},
        results=results,
        views=views,
        main={dataset: next(view for view in views if view.dataset == dataset) for dataset in results.datasets},
        table1=action_table(results),
        summaries={dataset: privacy_summary(results, dataset) for dataset in results.datasets},
        details={dataset: privacy_tables(results, dataset) for dataset in results.datasets},
        galleries=[(gallery, [[picture_uri(tile) for tile in row] for row in gallery.tiles]) for gallery in galleries],
        limits=find_limits(results),
        protocols=PROTOCOL_NAMES,
        command=command,
    )
