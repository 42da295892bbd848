"""`hw-anon demo`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hw_anon.cli.build import note_stage, report_rows
from hw_anon.cli.output import JsonOption, emit_document, note, print_table
from hw_anon.cli.verify import chain_links, link_rows, require_equal
from hw_anon.cli.workspace import NetOption, WorkOption, Workspace, with_keys

if TYPE_CHECKING:
    from hls.flow.finished import FinishedBuild
    from hw_anon.core.backend import Link

__all__ = ["register"]

_FACES = 8


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("demo")(demo)


def demo(
    net: NetOption = "modifier-s",
    out: Annotated[Path, typer.Option("--out", help="Directory for the page and its pictures.")] = Path("build/demo"),
    crops: Annotated[int, typer.Option("--crops", min=1, help="Crops through the software stages.")] = 256,
    rtl_crops: Annotated[int, typer.Option("--rtl-crops", min=1, help="Crops through the simulated RTL.")] = 8,
    work: WorkOption = Path("build"),
    as_json: JsonOption = False,
) -> None:
    """Do the main job once: build the modifier, check every equality, run real faces, write a page with pictures.

    Takes a few minutes. An intact build of the same network and tools is reused.

    Example: hw-anon demo --out build/demo
    """
    from hls.flow.config import BuildConfig

    config, workspace = BuildConfig(), Workspace(work)
    finished = workspace.built(net, config, on_stage=note_stage)
    links = chain_links(net, config, workspace, crops=crops, rtl_crops=rtl_crops, stalls=True)
    note_stage("simulate real faces and write the page")
    page = _write_page(finished, links, workspace, out)
    if as_json:
        emit_document(
            {"page": str(page), "directory": str(finished.directory), "links": [link.as_json() for link in links]}
        )
    else:
        print_table(f"{net} on {config.board}", ("figure", "value"), report_rows(finished))
        print_table("Equivalence chain", ("from", "to", "crops", "differing bytes", "condition"), link_rows(links))
        note(f"page: {page}")
    require_equal(links)


def _write_page(finished: FinishedBuild, links: list[Link], workspace: Workspace, out: Path) -> Path:
    """Runs real faces through the RTL and writes the build's report with these pictures and links."""
    import dataclasses

    from hls.report import Pictures, read_record
    from hls.report.html import write_report

    faces = workspace.faces(_FACES, finished.contract.input.shape[1])
    modified = finished.rtl_backend().modify(with_keys(faces.crops, finished.contract.input.shape[3]))
    report = dataclasses.replace(
        read_record(finished.directory),
        links=tuple(links),
        pictures=Pictures(before=faces.crops, after=modified, labels=faces.labels),
    )
    return write_report(report, out)
