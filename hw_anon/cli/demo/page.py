"""Writes the demonstration's page: one HTML file without external resources, and its pictures beside it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, PackageLoader, PrefixLoader, StrictUndefined
from markupsafe import Markup

from hls.report.data import Origin
from hls.report.figures import encode_png
from hw_anon.cli.demo.sections import (
    actions,
    assurance,
    equality,
    evaluation,
    faults,
    flow,
    hardware,
    pictures,
    promises,
    video,
)
from hw_anon.cli.demo.sections.section import Section
from hw_anon.cli.demo.shown import DemoReport
from hw_anon.core.atomic import write_bytes_atomically, write_text_atomically

__all__ = ["PAGE_FILE", "render_page", "write_page"]

PAGE_FILE = "report.html"


def write_page(report: DemoReport, out: Path) -> Path:
    """Writes `report.html`, `figures/*.png` and every frame that the RTL delivered.

    Args:
        report: what to show.
        out: directory, with the video in it.

    Returns:
        Path of the page. It needs no other file.

    Raises:
        OSError: if a file cannot be read or written.
    """
    sections = _sections(report, out)
    for section in sections:
        for name, png in section.figures.items():
            write_bytes_atomically(out / "figures" / f"{name}.png", png)
    for shown in report.rtl.all_frames:
        write_bytes_atomically(out / "frames" / f"{shown.after.number:03d}.png", encode_png(shown.after.frame))
    page = out / PAGE_FILE
    write_text_atomically(page, render_page(report, sections))
    return page


def render_page(report: DemoReport, sections: list[Section]) -> str:
    """Returns the page's HTML."""
    environment = Environment(
        loader=ChoiceLoader(
            [
                PackageLoader("hw_anon.cli.demo", "templates"),
                PrefixLoader(
                    {
                        "hls": PackageLoader("hls.report", "."),
                        "evaluate": PackageLoader("hw_anon.evaluate", "."),
                    }
                ),
            ]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shared = {
        "report": report,
        "camera": report.camera,
        "config": report.camera.config,
        "board": report.camera.config.target,
        "origin": Origin,
    }

    def rendered(section: Section) -> Markup:
        template = environment.get_template(f"{section.anchor}.html.j2")
        return Markup(template.render(**shared, **section.values))  # escaped by the template

    bodies = [(section, rendered(section)) for section in sections]
    return environment.get_template("page.html.j2").render(**shared, sections=bodies) + "\n"


def _sections(report: DemoReport, out: Path) -> list[Section]:
    """Returns the sections in their order."""
    makers = (
        flow.section,
        partial(video.section, out=out),
        pictures.section,
        actions.section,
        faults.section,
        evaluation.section,
        hardware.section,
        equality.section,
        assurance.section,
    )
    return [*(make(report) for make in makers), promises.section()]
