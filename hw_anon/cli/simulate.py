"""`hw-anon simulate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from hw_anon.cli.build import DEFAULT_WORK, BoardOption, ClockOption, RateOption, note_stage
from hw_anon.cli.workspace import NetOption, WorkOption, Workspace, with_keys
from hw_anon.console.output import JsonOption, emit_document, note, print_table, status
from hw_anon.console.places import directory_to_write, file_to_write

if TYPE_CHECKING:
    from hls.flow.finished import FinishedBuild
    from hls.sim.simulator import RunResult, Stalls

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("simulate")(simulate)


def simulate(
    images: Annotated[
        list[Path] | None, typer.Argument(help="Face photographs (PNG, JPEG, PGM); the shipped real faces if none.")
    ] = None,
    net: NetOption = "modifier-s",
    faces: Annotated[int, typer.Option("--faces", min=1, help="How many of the shipped faces, without images.")] = 3,
    portrait: Annotated[
        bool, typer.Option("--portrait", help="Crops of scikit-image's portrait only: pictures that may be published.")
    ] = False,
    stall_per_mille: Annotated[
        int, typer.Option("--stall-per-mille", min=0, max=900, help="Stall probability per port and cycle, in 1/1000.")
    ] = 0,
    waveform: Annotated[
        Path | None,
        typer.Option(
            "--waveform", callback=file_to_write, help="Also write a VCD waveform of every signal (very large, slow)."
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", callback=directory_to_write, help="Directory for the pictures.")] = Path(
        "build/simulated"
    ),
    camera: Annotated[
        Path | None,
        typer.Option(
            "--camera",
            help="Simulate a whole camera (its directory or its configuration) instead of one network, and compare "
            "it with its golden model.",
        ),
    ] = None,
    frames: Annotated[
        int, typer.Option("--frames", min=1, help="With --camera: frames, of 0 to MAX_FACES + 1 faces in turn.")
    ] = 6,
    seed: Annotated[int, typer.Option("--seed", min=0, help="With --camera: equal seeds give equal frames.")] = 1,
    threshold: Annotated[
        int | None,
        typer.Option(
            "--threshold",
            min=0,
            max=255,
            help="With --camera: detector threshold; hardware takes no higher than built.",
        ),
    ] = None,
    largest_face: Annotated[
        float | None, typer.Option("--largest-face", min=8, help="With --camera: height of the largest face in pixels.")
    ] = None,
    board: BoardOption = "pynq-z2",
    faces_per_s: RateOption = 120.0,
    clk_mhz: ClockOption = None,
    work: WorkOption = DEFAULT_WORK,
    as_json: JsonOption = False,
) -> None:
    """Run faces through the simulated RTL; write pictures, print cycles and simulation speed.

    With --camera whole frames run through a whole camera: differing bytes against the golden model, cycles of every
    stage, faults. Exit status 1 if anything differs.

    Example: hw-anon simulate portrait.jpg --net modifier-s --out build/simulated

    Example: hw-anon simulate --camera hls/camera/configs/pynq-z2-qvga.toml --frames 12 --json
    """
    if camera is not None:
        from hw_anon.cli.simulate_camera import simulate_camera

        simulate_camera(
            camera,
            frames=frames,
            seed=seed,
            stall_per_mille=stall_per_mille,
            portrait_only=portrait,
            threshold=threshold,
            largest_face=largest_face,
            workspace=Workspace(work),
            as_json=as_json,
        )
        return
    from hls.flow.config import BuildConfig
    from hls.sim.simulator import Stalls
    from hw_anon.cli.pictures import middle_squares, read_pictures, save_pairs

    config = BuildConfig(board=board, faces_per_s=faces_per_s, clk_mhz=clk_mhz)
    workspace = Workspace(work)
    pictures = read_pictures(images or [])  # before the build, which takes minutes
    finished = workspace.built(net, config, on_stage=note_stage)
    _, size, _, channels = finished.contract.input.shape
    own = middle_squares(pictures, size) if pictures else None
    crops = own if own is not None else workspace.faces(faces, size, portrait_only=portrait).crops
    stalls = Stalls(input_per_mille=stall_per_mille, output_per_mille=stall_per_mille)
    with status(f"simulating {len(crops)} faces"):
        result = _run(finished, with_keys(crops, channels), stalls, waveform, workspace.simulators)
    _tell(result, len(crops), save_pairs(crops, result.outputs[0].astype("uint8"), out), as_json=as_json)


def _tell(result: RunResult, faces: int, pictures: Path, *, as_json: bool) -> None:
    document = {
        "faces": faces,
        "cycles": result.cycles,
        "image_end_cycles": [int(c) for c in result.image_end_cycles[0]],
        "simulated_kcycles_per_s": round(result.kcycles_per_s, 1),
        "pictures": str(pictures),
    }
    if as_json:
        emit_document(document)
        return
    print_table("RTL simulation", ("figure", "value"), [(k, v) for k, v in document.items() if k != "image_end_cycles"])
    note(f"pictures: {pictures}")


def _run(
    finished: FinishedBuild, crops_u8: NDArray[np.uint8], stalls: Stalls, waveform: Path | None, cache_dir: Path
) -> RunResult:
    """Simulates the build's own library, or one with tracing compiled from the build's RTL for a waveform."""
    from hls.sim.simulator import Simulator
    from hls.sim.verilate import SimulatorOptions, build_simulator

    library = finished.library
    if waveform is not None:
        options = SimulatorOptions(trace=True)
        library = build_simulator(finished.sources, finished.interface, cache_dir=cache_dir, options=options).library
    with Simulator(library, finished.interface, data_dir=finished.rtl_dir) as simulator:
        return simulator.run(crops_u8, stalls=stalls, trace_file=waveform)
