"""The demonstration's camera: chosen, built or found, and what the page says about it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hw_anon.cli.camera import built_camera
from hw_anon.cli.workspace import Workspace
from hw_anon.core.errors import HwAnonError

if TYPE_CHECKING:
    from hls.flow.config import BuildConfig
    from hw_anon.cli.demo.shown import CameraFacts, ShownNetwork
    from hw_anon.core.camera_directory import CameraDirectory

__all__ = ["Chain", "camera_facts", "demo_camera"]

_CONFIG = "pynq-z2-qvga.toml"

Chain = tuple[str, "BuildConfig"]
"""A modifier's network and its build."""


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


def camera_facts(made: CameraDirectory, name: str) -> CameraFacts:
    """Returns what the page says about a camera, from its manifest."""
    from hw_anon.cli.demo.shown import CameraFacts, ShownNetwork

    metrics = made.manifest.metrics
    networks: list[ShownNetwork] = [
        ShownNetwork(role=role, name=net["net"], design_id=net["design_id"], purpose=_purpose(net["net"]))
        for role, net in made.networks.items()
    ]
    return CameraFacts(
        name=name,
        build_id=made.build_id,
        rtl_sha256=made.manifest.inputs.get("camera_rtl", ""),
        config=made.config,
        budget=metrics["budget"],
        resources={part: amounts for part, amounts in metrics["resources"].items() if part != "share"},
        networks=tuple(networks),
    )


def _purpose(net: str) -> str:
    """Returns what a network's weights were trained for, as noted with them."""
    from quant.zoo import net_metrics

    try:
        return str(net_metrics(net).get("purpose", "not noted"))
    except HwAnonError:
        return "unknown: the weights are not among the shipped ones"
