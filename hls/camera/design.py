"""A whole camera in one directory: the generated top, the hand-written HDL, and two stitched networks."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hls.camera.top import TOP_MODULE, camera_sources, render_top
from hls.interface import FILE_LIST, DesignInterface
from hls.stitch.merge import merge_designs
from hw_anon.core.camera import CameraConfig
from hw_anon.core.errors import ContractError

__all__ = ["write_camera"]


def write_camera(
    config: CameraConfig, directory: Path, *, detector: Path, modifier: Path, build_id: str
) -> tuple[Path, ...]:
    """Writes a camera's sources and memory files; equal inputs give equal bytes.

    Args:
        config: the camera.
        directory: made anew.
        detector: directory of the stitched face detector.
        modifier: directory of the stitched face modifier; one of the two was stitched with a prefix.
        build_id: 32 hex digits that software can read, lower case.

    Returns:
        The HDL files in compile order, the top last.

    Raises:
        ConfigError: if the build id is none.
        ContractError: if a network's ends are not what the camera needs, or the networks' files cannot be told apart.
    """
    networks = {"detector": detector, "modifier": modifier}
    interfaces = {name: DesignInterface.load(path) for name, path in networks.items()}
    if interfaces["detector"].top == interfaces["modifier"].top:
        raise ContractError(f"both networks are called {interfaces['detector'].top}; stitch one under another name")
    text = render_top(config, **interfaces, build_id=build_id)
    with tempfile.TemporaryDirectory() as scratch:
        own = Path(scratch)
        sources = camera_sources()
        for source in sources:
            (own / source.name).write_bytes(source.read_bytes())
        (own / f"{TOP_MODULE}.sv").write_text(text)
        names = [*(source.name for source in sources), f"{TOP_MODULE}.sv"]
        (own / FILE_LIST).write_text("".join(f"{name}\n" for name in names))
        return merge_designs([*networks.values(), own], directory)
