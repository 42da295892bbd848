"""`hw-anon camera`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hw_anon.cli.build import DEFAULT_WORK, note_stage
from hw_anon.cli.workspace import WorkOption, Workspace
from hw_anon.console.output import JsonOption, emit_document, note, print_table
from hw_anon.console.places import directory_to_write

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hls.camera.config import CameraBuildConfig, NetworkChoice
    from hls.flow.finished import FinishedBuild
    from hw_anon.core.camera_directory import CameraDirectory

__all__ = ["built_camera", "open_camera", "register"]

ConfigArgument = Annotated[
    Path, typer.Argument(help="Camera configuration (TOML or JSON), e.g. in hls/camera/configs.")
]
"""The camera's configuration file."""


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("camera")(camera)


def camera(
    config: ConfigArgument,
    out: Annotated[
        Path | None,
        typer.Option("--out", callback=directory_to_write, help="Camera directory; WORK/cameras/NAME if not given."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Build even if an intact camera of the same inputs is there.")
    ] = False,
    work: WorkOption = DEFAULT_WORK,
    as_json: JsonOption = False,
) -> None:
    """Build a whole camera: two accelerators, the video path, registers, simulator, first proof, manifest.

    A camera that cannot keep up with its sensor, or does not fit its device, is refused with the numbers. Networks
    named in the configuration are built first; the directory holds all HDL, the simulator as a shared library, and
    the build id that the camera's registers show.

    Example: hw-anon camera hls/camera/configs/pynq-z2-qvga.toml --out build/cameras/pynq
    """
    made = built_camera(config, out, Workspace(work), force=force)
    metrics = made.manifest.metrics
    if as_json:
        emit_document({"directory": str(made.directory), "build_id": made.build_id, **metrics})
        return
    print_table(f"{config.stem}: {made.config.width}×{made.config.height}", ("figure", "value"), _rows(made))
    note(f"camera: {made.directory}")


def built_camera(config: Path, out: Path | None, workspace: Workspace, *, force: bool = False) -> CameraDirectory:
    """Returns the camera of a configuration, built now unless an intact one of the same inputs is there.

    Args:
        config: configuration file.
        out: camera directory; below the working directory if not given.
        workspace: where networks and caches are.
        force: build in any case.

    Raises:
        ConfigError: if the configuration is wrong, or the directory holds something else.
    """
    from hls.camera.build import build_camera, camera_config, planned_build_id
    from hls.camera.config import CameraBuildConfig
    from hw_anon.core.camera_directory import CameraDirectory
    from hw_anon.core.errors import ContractError

    settings = CameraBuildConfig.from_file(config)
    directory = (out or workspace.root / "cameras" / config.stem).absolute()
    _require_replaceable(directory)
    detector, modifier = (
        _network(choice, settings, config.parent, workspace) for choice in (settings.detector, settings.modifier)
    )
    if not force:
        try:
            made = CameraDirectory.load(directory)
            planned = camera_config(settings, detector=detector, modifier=modifier)
            if made.build_id == planned_build_id(planned, detector=detector, modifier=modifier):
                return made
        except ContractError:
            pass  # none, half of one, or damaged: build (again)
    return build_camera(
        settings,
        directory,
        detector=detector,
        modifier=modifier,
        picture=_first_picture(settings),
        cache_dir=workspace.simulators,
        on_stage=note_stage,
    )


def open_camera(given: Path, workspace: Workspace) -> CameraDirectory:
    """Returns a camera's directory, or the camera of a configuration, built now if it is not there.

    Raises:
        ContractError: if the directory holds no camera.
    """
    from hw_anon.core.camera_directory import CameraDirectory

    return CameraDirectory.load(given) if given.is_dir() else built_camera(given, None, workspace)


def _require_replaceable(directory: Path) -> None:
    """Refuses to build into a directory with other things in it, which would be found out at the end only.

    Raises:
        ConfigError: if it has content, but no camera.
    """
    from hw_anon.core.camera_directory import CAMERA_FILE
    from hw_anon.core.errors import ConfigError

    inside = sorted(directory.iterdir()) if directory.is_dir() else []
    if inside and directory / CAMERA_FILE not in inside:
        raise ConfigError(f"{directory} holds {inside[0].name} and no camera; name an empty or a new directory")


def _network(choice: NetworkChoice, settings: CameraBuildConfig, base: Path, workspace: Workspace) -> FinishedBuild:
    """Returns a network's build, made now if it is named and not there."""
    from hls.flow.config import BuildConfig
    from hls.flow.finished import load_build

    if choice.directory is not None:
        return load_build(base / choice.directory)
    assert choice.net is not None, "the configuration has either"
    build = BuildConfig(board=settings.board, clk_mhz=settings.clk_mhz, faces_per_s=choice.pictures_per_s)
    return workspace.built(choice.net, build, on_stage=note_stage)


def _first_picture(settings: CameraBuildConfig) -> NDArray[np.uint8]:
    """Returns a frame with the portrait in its middle."""
    import numpy as np

    from hw_anon.core.video_path import resample
    from hw_anon.data.portrait import load_portrait

    side = min(settings.width, settings.height) * 3 // 4
    frame = np.full((settings.height, settings.width, 3), 110, np.uint8)
    y, x = (settings.height - side) // 2, (settings.width - side) // 2
    frame[y : y + side, x : x + side] = resample(load_portrait(), side, side)
    return frame


def _rows(made: CameraDirectory) -> list[tuple[str, Any]]:
    metrics = made.manifest.metrics
    budget, resources, proof = metrics["budget"], metrics["resources"], metrics["first_frame"]
    stages = ("capture", "detect", "decode", "modify", "paste", "deliver")
    return [
        ("build id", made.build_id),
        *((f"{role}", f"{net['net']} {net['design_id']}") for role, net in made.networks.items()),
        *((f"{stage}, cycles at most", f"{budget[f'{stage}_cycles']:,}") for stage in stages),
        ("needed of available, cycles", f"{budget['needed_cycles']:,} of {budget['available_cycles']:,}"),
        *(
            (kind, f"{resources['sum'][kind]:,} ({resources['share'][kind]:.0%})")
            for kind in ("lut", "dsp", "bram18", "uram")
        ),
        ("first frame: faces, differing bytes", f"{proof['faces']}, {proof['differing_bytes']}"),
        ("simulated kcycles per s", proof["simulated_kcycles_per_s"]),
    ]
