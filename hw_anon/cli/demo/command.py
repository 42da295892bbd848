"""The demonstration's command: what it does in which order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hw_anon.cli.board_process import BoardPythonOption, board_python
from hw_anon.cli.build import note_stage
from hw_anon.cli.demo.camera import camera_facts, demo_camera
from hw_anon.cli.verify import chain_links, link_rows, require_equal
from hw_anon.cli.workspace import WorkOption, Workspace
from hw_anon.console.output import JsonOption, command_line, emit_document, note, print_table
from hw_anon.console.places import directory_to_write
from hw_anon.core.errors import HwAnonError

if TYPE_CHECKING:
    from hw_anon.cli.demo.shown import ActionRun, DemoReport, ModelDrive, RtlDrive
    from hw_anon.core.camera_directory import CameraDirectory
    from hw_anon.core.frame import AnonymisedFrame
    from hw_anon.data.footage import Footage
    from hw_anon.nets.shipped_detector import ShippedDetector

__all__ = ["demo", "register"]

_ANSWERS_FILE = "answers.npz"


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
    out: Annotated[
        Path, typer.Option("--out", callback=directory_to_write, help="Directory for the page, video and events.")
    ] = Path("build/demo"),
    frames: Annotated[
        int,
        typer.Option(
            "--frames", min=1, help="Frames of the source through the simulated RTL, some 8 s of one core each."
        ),
    ] = 4,
    most: Annotated[int, typer.Option("--most", min=1, help="Frames of the source at most.")] = 64,
    crops: Annotated[int, typer.Option("--crops", min=1, help="Crops through the modifier's software stages.")] = 16,
    rtl_crops: Annotated[int, typer.Option("--rtl-crops", min=1, help="Crops through the modifier's RTL.")] = 2,
    detector: Annotated[
        Path | None,
        typer.Option("--detector", help="Checkpoint of an action detector; the one among the weights if not given."),
    ] = None,
    results: Annotated[
        Path | None, typer.Option("--results", help="Measured results to show; the repository's if not given.")
    ] = None,
    board_environment: BoardPythonOption = None,
    work: WorkOption = Path("build"),
    as_json: JsonOption = False,
) -> None:
    """Do the main job once: from a video to anonymised frames and actions, with a page about all of it.

    Builds the camera if no intact one is there. A few frames go through the camera's simulated RTL, all of them
    through its bit-true model, and each time through the real driver on a simulated board; the action detector
    watches what is delivered. Two further frames have to be delivered black. Everything is compared with the golden
    model; exit status 1 or 3 if a byte differs, after the page.

    Example: hw-anon demo holiday.mp4 --out build/demo
    """
    from hw_anon.cli.demo.measured import committed_results, measured_results
    from hw_anon.cli.demo.page import write_page
    from hw_anon.cli.demo.shown import DemoReport, delivered_frames

    workspace, python = Workspace(work), board_python(board_environment)
    measured, assurance = measured_results(results or committed_results())
    shipped = _detector(detector)
    size, made_by = demo_camera(camera, workspace)
    footage = _footage(source, size, most)  # before the build, which takes minutes
    made, name, chain = made_by()
    rtl, model = _drive(made, footage, frames, python, workspace)
    actions = _watch(made, footage, delivered_frames(rtl, model), shipped, workspace, out)
    if chain is not None:
        note_stage("the modifier's equivalence chain")
    links = chain_links(*chain, workspace, crops=crops, rtl_crops=rtl_crops, stalls=True) if chain else []
    report = DemoReport(
        command=command_line(),
        source=footage.name,
        fps=footage.fps,
        left_out=footage.left_out,
        pictures=footage.frames,
        camera=camera_facts(made, name),
        rtl=rtl,
        model=model,
        actions=actions,
        links=tuple(links),
        results=measured,
        assurance=assurance,
    )
    page = write_page(report, out)
    _print(report, page, as_json=as_json)
    if rtl.registers_differ or rtl.differing_bytes or model.differing_bytes:
        raise HwAnonError(f"what the driver delivered differs from the golden model, see {page}")
    require_equal(links)


def _detector(checkpoint: Path | None) -> ShippedDetector | None:
    from hw_anon.nets.shipped_detector import ShippedDetector, find_shipped

    found = find_shipped() if checkpoint is None else ShippedDetector.at(checkpoint)
    if found is None:
        note("no action detector is among the weights: the page shows no actions")
    return found


def _footage(source: Path | None, size: tuple[int, int], most: int) -> Footage:
    from hw_anon.data.footage import read_footage, rendered_footage

    width, height = size
    if source is not None:
        return read_footage(source, width=width, height=height, most=most)
    note_stage("render people")
    return rendered_footage(width=width, height=height, most=most)


def _drive(
    made: CameraDirectory, footage: Footage, count: int, python: Path, workspace: Workspace
) -> tuple[RtlDrive, ModelDrive]:
    """Sends the source through model and driver, and a stretch of it and faulty frames through RTL and driver."""
    from hls.camera.golden import load_golden
    from hw_anon.cli.demo.driving import drive_model, drive_rtl, served_driver
    from hw_anon.cli.demo.sent import chosen_frames, faulty_frames
    from hw_anon.core.network_answers import AnswerBook

    note_stage(f"{len(footage.frames)} frames through the networks' twins")
    golden, book, answers = load_golden(made), AnswerBook(), workspace.root / "demo" / _ANSWERS_FILE
    golden.model.detect = book.noted_detector(golden.model.detect)
    golden.model.modify = book.noted_modifier(golden.model.modify)
    expected = [golden.deliver(picture) for picture in footage.frames]
    book.save(answers)
    note_stage(f"{len(footage.frames)} frames through bit-true model and driver")
    model = drive_model(
        served_driver(python, made, answers), made.build_id, expected, footage.frames, max_faces=made.config.max_faces
    )
    sent = chosen_frames(footage, count)
    sent += faulty_frames(load_golden(made), sent[-1].picture)
    note_stage(f"{len(sent)} frames through simulated RTL and driver")
    rtl = drive_rtl(served_driver(python, made), made.build_id, load_golden(made), sent)
    return rtl, model


def _watch(
    made: CameraDirectory,
    footage: Footage,
    frames: Sequence[AnonymisedFrame],
    shipped: ShippedDetector | None,
    workspace: Workspace,
    out: Path,
) -> ActionRun | None:
    """Records the delivered frames and lets the action detector watch them."""
    from hw_anon.cli.demo.actions import Delivered, exported_detector, record_and_watch

    config = made.config
    exported = exported_detector(shipped, workspace, (config.width, config.height)) if shipped else None
    note_stage(f"{len(frames)} delivered frames to the recorder" + (" and the action detector" if shipped else ""))
    origin = f"simulated {config.board} · design {made.manifest.design_id}"
    return record_and_watch(
        Delivered(frames, fps=footage.fps, origin=origin),
        out,
        fps=footage.fps,
        detector=exported,
        name=shipped.name if shipped else "",
        metrics=shipped.metrics if shipped else None,
    )


def _print(report: DemoReport, page: Path, *, as_json: bool) -> None:
    from hw_anon.cli.demo.summary import figures, frame_rows

    links = list(report.links)
    if as_json:
        document = {"page": str(page), **figures(report), "links": [link.as_json() for link in links]}
        emit_document(document)
        return
    columns = ("frame", "sent", "regions", "fault", "cycles in to out", "differing")
    print_table(f"What the CPU sees of {report.source}", columns, frame_rows(report))
    print_table(f"Camera {report.camera.name}", ("figure", "value"), list(figures(report).items()))
    if links:
        print_table("Equivalence chain", ("from", "to", "crops", "differing bytes", "condition"), link_rows(links))
    for network in report.camera.networks:
        note(f"{network.role} {network.name}: {network.purpose}")
    note(f"page: {page}")
