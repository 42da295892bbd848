"""What `hw-anon demo` does with a camera: choose it, run it, gather everything that the page shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hw_anon.cli.camera import built_camera
from hw_anon.cli.workspace import Workspace
from hw_anon.console.output import note, progress
from hw_anon.core.errors import ConfigError, HwAnonError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hls.camera.show import Sent, Stretch
    from hls.flow.config import BuildConfig
    from hls.report.camera_data import CameraReport, ShownNetwork
    from hw_anon.core.backend import Link
    from hw_anon.core.camera_directory import CameraDirectory
    from hw_anon.data.footage import Footage

__all__ = ["camera_report", "demo_camera", "record_video", "stretch_of"]

_CONFIG = "pynq-z2-qvga.toml"
_CROWD_PEOPLE, _SEED = 3, 7
_FEWEST_FPS, _MOST_FPS = 0.5, 60.0

Chain = tuple[str, "BuildConfig"]


def demo_camera(
    camera: Path | None, workspace: Workspace
) -> tuple[tuple[int, int], Callable[[], tuple[CameraDirectory, str, Chain | None]]]:
    """Returns a camera's width and height, and what makes it: directory, name, and the modifier's network and build.

    Args:
        camera: configuration or directory; the shipped PYNQ-Z2 configuration if not given.
        workspace: where networks, cameras and caches are.
    """
    import hls.camera
    from hls.camera.config import CameraBuildConfig
    from hls.flow.config import BuildConfig
    from hw_anon.core.camera_directory import CameraDirectory

    if camera is not None and camera.is_dir():
        loaded = CameraDirectory.load(camera)
        return (loaded.config.width, loaded.config.height), lambda: (loaded, camera.absolute().name, None)
    path = camera or Path(hls.camera.__file__).parent / "configs" / _CONFIG
    settings = CameraBuildConfig.from_file(path)
    chain = None
    if settings.modifier.net is not None:
        rate = settings.modifier.pictures_per_s
        chain = settings.modifier.net, BuildConfig(board=settings.board, clk_mhz=settings.clk_mhz, faces_per_s=rate)
    return (settings.width, settings.height), lambda: (built_camera(path, None, workspace), path.stem, chain)


def stretch_of(made: CameraDirectory, footage: Footage, count: int) -> tuple[Stretch, int]:
    """Sends frames spread over the footage, then faulty ones, through the simulated RTL.

    Returns:
        What was delivered, and how many of the last frames are the faulty ones.

    Raises:
        DeviceError: if the simulated camera fails.
    """
    from hls.camera.show import Sent, simulate_stretch

    total = len(footage.frames)
    count = min(count, total)
    chosen = [(2 * index + 1) * total // (2 * count) for index in range(count)]
    good = [Sent(title=f"{index + 1} of {total}", picture=footage.frames[index]) for index in chosen]
    faulty = _faulty(made, footage.frames[chosen[-1]])
    with progress() as bar:
        task = bar.add_task("simulated frames", total=len(good) + len(faulty))
        stretch = simulate_stretch(made, [*good, *faulty], on_frame=lambda _: bar.advance(task))
    return stretch, len(faulty)


def _faulty(made: CameraDirectory, picture: NDArray[np.uint8]) -> list[Sent]:
    """Returns a frame that ends in the middle, and one with more faces than the camera replaces."""
    from hls.camera.show import Sent

    config = made.config
    cut = config.width * (config.height // 2) + config.width // 3
    sent = [Sent(title="cut off in the middle of a line", picture=picture, pixels=cut)]
    crowd = _crowd(made)
    if crowd is not None:
        sent.append(Sent(title=f"more than {config.max_faces} faces", picture=crowd))
    return sent


def _crowd(made: CameraDirectory) -> NDArray[np.uint8] | None:
    """Returns a frame of rendered people and the portrait in which the detector finds too many faces."""
    from hls.camera.equality import faces_found
    from hls.camera.golden import load_golden
    from hw_anon.data.face_frames import frames_with, portrait_patch, rendered_patches

    golden, config = load_golden(made), made.config
    try:
        return next(
            frames_with(
                [config.max_faces + 1],
                [portrait_patch(), *rendered_patches(_CROWD_PEOPLE, _SEED)],
                lambda picture: faces_found(golden, picture),
                width=config.width,
                height=config.height,
                seed=_SEED,
            )
        )
    except ConfigError as exc:
        note(f"no frame with too many faces: {exc}")
        return None


def record_video(
    made: CameraDirectory, name: str, footage: Footage, stretch: Stretch, faulty: int, out: Path
) -> tuple[CameraReport, Path]:
    """Runs the footage through the golden model and writes `anonymised.mp4`; returns the page's content and the video.

    Args:
        made: the camera.
        name: its name.
        footage: all frames.
        stretch: what the RTL delivered.
        faulty: how many of its last frames were sent to be delivered black.
        out: the page's directory.
    """
    from hls.camera.show import golden_frames
    from hls.report.camera_data import CameraReport
    from host.frames import Snapshot
    from host.recording import Recorder

    delivered, path = [], out / "anonymised.mp4"
    fps = min(max(footage.fps, _FEWEST_FPS), _MOST_FPS)
    recorder = Recorder(path, fps=fps, origin=f"golden model of camera {made.build_id}")
    try:
        with progress() as bar:
            task = bar.add_task("frames through the golden model", total=len(footage.frames))
            for frame in golden_frames(made, footage.frames):
                delivered.append(frame)
                recorder.take(Snapshot(pixels=frame.frame, number=frame.number, timestamp=frame.number / fps))
                bar.advance(task)
    finally:
        recorder.finish()
    metrics, ends = made.manifest.metrics, len(stretch.frames) - faulty
    report = CameraReport(
        name=name,
        build_id=made.build_id,
        config=made.config,
        budget=metrics["budget"],
        resources={part: amounts for part, amounts in metrics["resources"].items() if part != "share"},
        networks=_networks(made),
        source=footage.name,
        frames=stretch.frames[:ends],
        faulty=stretch.frames[ends:],
        registers_differ=stretch.registers_differ,
        simulated_cycles=stretch.cycles,
        golden=tuple(delivered),
        left_out=footage.left_out,
        fps=fps,
    )
    return report, path


def _networks(made: CameraDirectory) -> tuple[ShownNetwork, ...]:
    from hls.report.camera_data import ShownNetwork

    return tuple(
        ShownNetwork(role=role, name=net["net"], design_id=net["design_id"], purpose=_purpose(net["net"]))
        for role, net in made.networks.items()
    )


def _purpose(net: str) -> str:
    """Returns what a network's weights were trained for, as noted with them."""
    from quant.zoo import net_metrics

    try:
        return str(net_metrics(net).get("purpose", "not noted"))
    except HwAnonError:
        return "unknown: the weights are not among the shipped ones"


def camera_report(report: CameraReport, links: list[Link], out: Path, video: Path | None) -> tuple[Path, CameraReport]:
    """Writes the page with the chain's links; returns its path and what it shows."""
    from hls.report.camera_html import write_camera_report

    whole = replace(report, links=tuple(links))
    return write_camera_report(whole, out, video=video), whole
