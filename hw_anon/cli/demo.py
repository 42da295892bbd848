"""`hw-anon demo`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hw_anon.cli.build import note_stage
from hw_anon.cli.demo_camera import camera_report, demo_camera, record_video, stretch_of
from hw_anon.cli.verify import chain_links, link_rows, require_equal
from hw_anon.cli.workspace import WorkOption, Workspace
from hw_anon.console.output import JsonOption, emit_document, note, print_table
from hw_anon.core.errors import HwAnonError

if TYPE_CHECKING:
    from hls.report.camera_data import CameraReport
    from hw_anon.core.backend import Link
    from hw_anon.data.footage import Footage

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("demo")(demo)


def demo(
    source: Annotated[
        Path | None,
        typer.Argument(help="A picture, a folder of pictures or a video; rendered people and a portrait if not given."),
    ] = None,
    camera: Annotated[
        Path | None,
        typer.Option("--camera", help="Configuration of a camera, or its directory; the PYNQ-Z2's if not given."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Directory for the page and its pictures.")] = Path("build/demo"),
    frames: Annotated[
        int, typer.Option("--frames", min=1, help="Frames through the simulated RTL, about 10 s each.")
    ] = 4,
    most: Annotated[int, typer.Option("--most", min=1, help="Frames of the source through the golden model.")] = 48,
    crops: Annotated[int, typer.Option("--crops", min=1, help="Crops through the modifier's software stages.")] = 64,
    rtl_crops: Annotated[int, typer.Option("--rtl-crops", min=1, help="Crops through the modifier's RTL.")] = 4,
    work: WorkOption = Path("build"),
    as_json: JsonOption = False,
) -> None:
    """Do the main job once: send pictures through a simulated camera and write a page with what the CPU would see.

    Builds the camera if no intact one is there. A few frames run through the camera's RTL and are compared with its
    golden model; all of them run through the golden model and become a short anonymised video. The equivalence chain
    of the modifier follows, if the camera was given as a configuration that names one. Exit status 1 or 3 if a byte
    differs, after the page.

    Example: hw-anon demo holiday.mp4 --out build/demo
    """
    workspace = Workspace(work)
    size, made_by = demo_camera(camera, workspace)
    footage = _footage(source, size, most)  # before the build, which takes minutes
    made, name, chain = made_by()
    note_stage(f"{min(frames, len(footage.frames))} frames through the simulated camera")
    stretch, faulty = stretch_of(made, footage, frames)
    note_stage(f"{len(footage.frames)} frames through the golden model")
    report, video = record_video(made, name, footage, stretch, faulty, out)
    if chain is not None:
        note_stage("the modifier's equivalence chain")
    links = chain_links(*chain, workspace, crops=crops, rtl_crops=rtl_crops, stalls=True) if chain else []
    page, report = camera_report(report, links, out, video)
    _print(report, page, links, as_json=as_json)
    if report.registers_differ or any(shown.differing_bytes for shown in report.rtl_frames):
        raise HwAnonError(f"the simulated camera differs from its golden model, see {page}")
    require_equal(links)


def _footage(source: Path | None, size: tuple[int, int], most: int) -> Footage:
    from hw_anon.data.footage import read_footage, rendered_footage

    width, height = size
    if source is not None:
        return read_footage(source, width=width, height=height, most=most)
    note_stage("render people")
    return rendered_footage(width=width, height=height, most=most)


def _print(report: CameraReport, page: Path, links: list[Link], *, as_json: bool) -> None:
    figures = _figures(report)
    if as_json:
        document = {"page": str(page), **figures, "links": [link.as_json() for link in links]}
        emit_document(document)
        return
    print_table(
        f"What the CPU sees of {report.source}",
        ("frame", "sent", "boxes", "fault", "cycles in to out", "differing"),
        [
            (f.after.number, f.title, len(f.after.boxes), f.after.fault.name, f.cycles["latency"], f.differing_bytes)
            for f in report.rtl_frames
        ],
    )
    print_table(f"Camera {report.name}", ("figure", "value"), list(figures.items()))
    if links:
        print_table("Equivalence chain", ("from", "to", "crops", "differing bytes", "condition"), link_rows(links))
    for network in report.networks:
        note(f"{network.role} {network.name}: {network.purpose}")
    note(f"page: {page}")


def _figures(report: CameraReport) -> dict[str, Any]:
    return {
        "build_id": report.build_id,
        "rtl_frames": len(report.rtl_frames),
        "differing_bytes": report.differing_bytes,
        "registers_differ": ", ".join(report.registers_differ),
        "golden_frames": len(report.golden),
        "black_golden_frames": sum(bool(frame.fault) for frame in report.golden),
        "faces_replaced": sum(len(frame.boxes) for frame in report.golden),
        "latency_ms": round(report.latency_ms, 2),
        "frames_per_s": round(report.holds_fps, 1),
        **{f"{name.lower()}_share": round(used / available, 3) for name, used, available in report.usage if available},
    }
