"""What is proven, and what was tried against the camera: committed results of `prove`, `fuzz` and `adversary`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hw_anon.cli.demo.sections.section import Section
from hw_anon.cli.demo.shown import DemoReport
from hw_anon.evaluate.assurance import Assurance, Kind

__all__ = ["section"]


def section(report: DemoReport) -> Section:
    """Returns the section."""
    found = report.assurance
    return Section(
        anchor="assurance",
        title="What is proven",
        short="Proofs",
        values={
            "proofs": [(result, _properties(result.output)) for result in _of(found, "prove")],
            "fuzzed": _of(found, "fuzz"),
            "attacked": _of(found, "adversary"),
            "rtl": report.camera.rtl_sha256,
        },
    )


def _of(found: Mapping[str, Assurance], kind: Kind) -> list[Assurance]:
    return [result for result in found.values() if result.kind == kind]


def _properties(output: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns the properties with the seeded bugs of each: caught, and all of them."""
    rows = []
    for row in output["properties"]:
        bugs = [bug["caught"] for bug in output["bugs"] if bug["property"] == row["property"]]
        rows.append({**row, "caught": sum(bugs), "bugs": len(bugs)})
    return rows
