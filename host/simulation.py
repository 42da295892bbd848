"""A camera on the simulated board in one call: for trying out, for tests, and for measuring without hardware.

    with simulated_camera(work=Path("work"), source=VideoSource(frames), camera=Path("build/camera")) as simulated:
        with AnonymizedCamera(simulated.design) as camera:
            ...

The driver, pynq, and everything above them are the ones of a board. Behind them is the Verilated design of a camera
directory, or without one the golden model with stand-ins for the networks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from host.simulated.model import ModelCamera
from host.simulated.source import VideoSource
from host.stand_ins import bright_faces, inverted, model_config
from hw_anon.core.atomic import atomic_directory
from hw_anon.core.camera import CameraConfig
from hw_anon.core.camera_abi import CameraPort
from hw_anon.core.camera_directory import CAMERA_FILE, CameraDirectory
from hw_anon.core.errors import DeviceError
from hw_anon.core.manifest import Manifest, build_id
from hw_anon.core.platform import get_platform
from hw_anon.core.verilated_camera import VerilatedCamera

if TYPE_CHECKING:
    from host.simulated.device import SimulatedDevice

__all__ = ["SimulatedCamera", "simulated_camera", "write_simulated_design"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulatedCamera:
    """A simulated board that is pynq's active device."""

    design: Path
    """Directory to open the camera with."""
    device: SimulatedDevice
    """The device; `device.board` has the models and their faults."""
    config: CameraConfig
    """The camera."""


def write_simulated_design(directory: Path, config: CameraConfig, *, build_id: str) -> Path:
    """Writes a design that only a simulated board takes, and returns its directory; an existing one is replaced.

    Args:
        directory: `<root>/<board>/<id>`, or any other.
        config: the camera.
        build_id: what the camera's identity registers hold, 32 hex digits.

    Raises:
        DeviceError: if pynq is not installed.
    """
    _require_pynq()
    from host.simulated.launch import write_overlay

    with atomic_directory(directory) as partial:
        write_overlay(get_platform(config.board, clk_mhz=config.clk_mhz), partial)
        description = {"build_id": build_id, "camera": config.to_dict()}
        (partial / CAMERA_FILE).write_text(json.dumps(description, indent=2, sort_keys=True) + "\n")
        Manifest.create(partial, inputs={}, tools={}, config=description).save(partial)
    return directory


@contextmanager
def simulated_camera(
    *,
    work: Path,
    source: VideoSource,
    camera: Path | None = None,
    config: CameraConfig | None = None,
    port: CameraPort | None = None,
    number: str | None = None,
    board: str | None = None,
    memory_bytes: int = 64 << 20,
) -> Iterator[SimulatedCamera]:
    """Makes a simulated board with a camera pynq's active device for the length of the block.

    Args:
        work: directory for the design.
        source: what the sensor sees.
        camera: camera directory whose Verilated design is simulated; the golden model with stand-ins if not given.
        config: camera of the golden model; a small one if not given.
        port: another camera in place of these two; needs `config` and `number`.
        number: build id that the design names, in place of the camera's own.
        board: board to simulate around the camera, in place of its own.
        memory_bytes: contiguous memory of the board.

    Raises:
        ContractError: if the camera directory is not complete.
        DeviceError: if pynq is not installed.
    """
    _require_pynq()
    from host.simulated.launch import activate

    config, own, port = _camera_port(camera, config, port)
    if board is not None:
        config = replace(config, board=board, clk_mhz=config.clock_mhz)
    design = write_simulated_design(work / "design", config, build_id=number or own)
    platform = get_platform(config.board, clk_mhz=config.clk_mhz)
    with activate(camera=port, source=source, platform=platform, memory_bytes=memory_bytes) as device:
        yield SimulatedCamera(design=design, device=device, config=config)


def _camera_port(
    directory: Path | None, config: CameraConfig | None, port: CameraPort | None
) -> tuple[CameraConfig, str, CameraPort]:
    """Returns a camera's configuration, its build id, and what stands in the place of the logic."""
    if directory is not None:
        made = CameraDirectory.load(directory)
        return made.config, made.build_id, port or VerilatedCamera(made.library, data_dir=made.rtl)
    config = config or model_config()
    own = build_id({}, {}, {"model": config.to_dict()})
    return config, own, port or ModelCamera(config, detect=bright_faces, modify=inverted, build_id=own)


def _require_pynq() -> None:
    try:
        import pynq
    except ImportError as exc:
        raise DeviceError(f"the simulated board needs pynq ({exc}); install it: pip install 'hw-anon[board]'") from exc
    del pynq
