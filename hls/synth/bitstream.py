"""The vendor build: from a project to `bitstreams/<board>/<id>/` with bitstream, handoff, reports and manifest."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hls.synth.handoff import require_handoff
from hls.synth.project import Project
from hls.synth.reports import VendorReport, parse_power, parse_timing, parse_utilisation, require_timing
from hls.synth.scripts import REPORTS
from hls.synth.vivado import Vivado
from hw_anon.core.atomic import atomic_directory
from hw_anon.core.camera_directory import CAMERA_FILE
from hw_anon.core.errors import ToolError
from hw_anon.core.hashing import sha256_file
from hw_anon.core.hwh import DESIGN_NAME
from hw_anon.core.manifest import MANIFEST_FILE, Manifest, design_id
from hw_anon.core.signature import sign_manifest
from hw_anon.core.tools import tool_versions

__all__ = ["Bitstream", "build_bitstream", "collect"]

REPORT_FILE = "report.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Bitstream:
    """A finished vendor build."""

    directory: Path
    """`<out>/<board>/<design id>`."""
    manifest: Manifest
    """Its manifest."""
    report: VendorReport
    """Utilisation, timing and power as reported by the tools."""


def build_bitstream(
    project: Project,
    vivado: Vivado,
    out: Path,
    *,
    repositories: Sequence[Path] = (),
    key: Path | None = None,
    on_stage: Callable[[str], None] | None = None,
) -> Bitstream:
    """Runs the vendor's tool over a project and collects what it made.

    Args:
        project: a written project.
        vivado: the tool.
        out: where `<board>/<design id>` is made.
        repositories: directories with further packed blocks.
        key: private key that signs the result.
        on_stage: called when a stage begins.

    Raises:
        ConfigError: if a repository or the key is none.
        ContractError: if the project was changed, or the result is not what was predicted.
        ToolError: if the tool fails or the design misses its timing; no result is kept then.
    """
    note = on_stage or (lambda _: None)
    project.manifest.verify(project.directory)
    note(f"Vivado {vivado.version}")
    vivado.run(project.directory, repositories)
    note("collecting")
    return collect(project, vivado, out, key=key)


def collect(project: Project, vivado: Vivado, out: Path, *, key: Path | None = None) -> Bitstream:
    """Checks what the tool left in a project and moves it into its place; see `build_bitstream`."""
    made = project.directory / "out"
    names = [f"{DESIGN_NAME}.bit", f"{DESIGN_NAME}.hwh", *REPORTS.values()]
    if missing := [name for name in names if not (made / name).is_file()]:
        raise ToolError(f"Vivado ended without {', '.join(missing)}")
    texts = {name: (made / file).read_text(encoding="utf-8") for name, file in REPORTS.items()}
    report = VendorReport(
        used=parse_utilisation(texts["utilisation"]),
        timing=parse_timing(texts["timing"]),
        power_w=parse_power(texts["power"]),
    )
    require_timing(report.timing, texts["timing"])
    require_handoff((made / f"{DESIGN_NAME}.hwh").read_text(encoding="utf-8"), project.platform)
    inputs = {"project": sha256_file(project.directory / MANIFEST_FILE), **project.manifest.inputs}
    tools = {**tool_versions(()), "vivado": vivado.version}
    identity = design_id(inputs, tools, project.manifest.config | {"kind": "bitstream"})
    directory = out / project.platform.board.name / identity
    with atomic_directory(directory) as partial:
        for name in names:
            shutil.copyfile(made / name, partial / name)
        shutil.copyfile(project.directory / CAMERA_FILE, partial / CAMERA_FILE)
        (partial / REPORT_FILE).write_text(json.dumps(report.as_json(), indent=2, sort_keys=True) + "\n")
        manifest = Manifest.create(
            partial,
            inputs=inputs,
            tools=tools,
            config=project.manifest.config | {"kind": "bitstream"},
            metrics=report.as_json(),
            provenance={"checks": dict(project.checks)},
        )
        manifest.save(partial)
        if key is not None:
            sign_manifest(partial, key)
    return Bitstream(directory=directory, manifest=manifest, report=report)
