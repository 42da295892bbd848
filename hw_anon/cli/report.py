"""`hw-anon report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hw_anon.console.output import JsonOption, command_line, emit_document, note, print_table
from hw_anon.console.places import directory_to_write

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("report")(report)


def report(
    results: Annotated[
        Path, typer.Option("--results", help="Directory with privacy/<set>/<method>.json and action/<method>.json.")
    ],
    out: Annotated[
        Path, typer.Option("--out", callback=directory_to_write, help="Directory for the page, its figures and tables.")
    ] = Path("build/report"),
    as_json: JsonOption = False,
) -> None:
    """Draw the paper's Figure 4 and Table 1 from measured numbers, and write the page that says how they came about.

    Reads a results directory, averages over training seeds, joins privacy and action detection, and writes index.html
    (no other file is needed to read it), figures as PNG and SVG, tables as CSV and Markdown, and report.json.

    Example: hw-anon report --results build/results --out build/report
    """
    from hw_anon.evaluate.gallery_files import read_galleries
    from hw_anon.evaluate.report_page import report_record, write_report
    from hw_anon.evaluate.results import read_results

    measured = read_results(results)
    galleries = read_galleries(results / "galleries")
    command = command_line()
    page = write_report(measured, out, command=command, galleries=galleries)
    record = report_record(measured, command=command)
    if as_json:
        emit_document({"page": str(page), **record})
        return
    rows = [
        (view["dataset"], view["protocol"], view["judge"], verdict["text"])
        for view in record["views"]
        for verdict in view["verdicts"]
    ]
    print_table("Against the line from un-anonymised to mask", ("set", "protocol", "judge", "verdict"), rows)
    for limit in record["limits"]:
        note(f"limit: {limit}")
    note(f"page: {page}")
