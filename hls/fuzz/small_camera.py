"""A small camera directory with stand-ins for the two networks: what the adversarial host attacks.

The stand-ins (`stand_in_networks.sv`) take their answer from the picture and invert, so that raw bytes can be marked.
Everything else is the camera as it is built for boards.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from hls.camera import TOP_MODULE, camera_sources, render_top
from hls.interface import DesignInterface, StreamPort
from hls.sim.camera import build_camera_library
from hls.sim.verilate import SimulatorOptions
from hw_anon.core.atomic import atomic_directory
from hw_anon.core.box_decode import CELL_CHANNELS, cell_shape
from hw_anon.core.camera import CameraConfig
from hw_anon.core.errors import ConfigError
from hw_anon.core.verilated_camera import CAMERA_LIBRARY, CAMERA_RTL

__all__ = ["STAND_INS", "build_small_camera", "stand_in_interfaces"]

STAND_INS = Path(__file__).with_name("stand_in_networks.sv")
"""The stand-ins' source."""
_SIZE, _CROP, _CHANNELS = (80, 48), 8, 3
_BUILD_ID = "5354414e442d494e5f43414d45524100"


def stand_in_interfaces(config: CameraConfig) -> tuple[DesignInterface, DesignInterface]:
    """Returns the ports of the stand-in detector and modifier.

    Raises:
        ConfigError: if the camera is not of the size they are written for.
    """
    if (config.width, config.height) != _SIZE or config.crop_size != _CROP or config.key_channels != 1:
        raise ConfigError(
            f"the stand-in networks are written for {_SIZE[0]}×{_SIZE[1]}, crops of {_CROP} and one key channel"
        )
    half = (config.height // 2, config.width // 2, _CHANNELS)
    cells = (*cell_shape(config.width, config.height), CELL_CHANNELS)
    crop = (config.crop_size, config.crop_size)
    detector = DesignInterface(
        top="bench_detector",
        inputs=(_port("s_axis", half, 1),),
        outputs=(_port("m_axis", cells, 1, has_tlast=True),),
    )
    modifier = DesignInterface(
        top="bench_modifier",
        inputs=(_port("s_axis", (*crop, _CHANNELS + 1), _CHANNELS + 1),),
        outputs=(_port("m_axis", (*crop, _CHANNELS), _CHANNELS, has_tlast=True),),
    )
    return detector, modifier


def build_small_camera(config: CameraConfig, directory: Path, *, cache_dir: Path, asserts: bool = True) -> Path:
    """Writes `camera.json`, `rtl/` and `sim/` of a small camera, and returns the directory.

    Args:
        config: the camera, see `stand_in_interfaces`.
        directory: replaced when all is done.
        cache_dir: of built libraries.
        asserts: whether the assertions of the RTL are checked.

    Raises:
        ConfigError: if the stand-ins are not written for it.
        ToolError: if Verilator or the compiler is missing.
    """
    detector, modifier = stand_in_interfaces(config)
    with atomic_directory(directory) as fresh:
        top = fresh / CAMERA_RTL / f"{TOP_MODULE}.sv"
        top.parent.mkdir()
        top.write_text(render_top(config, detector=detector, modifier=modifier, build_id=_BUILD_ID), encoding="utf-8")
        binary = build_camera_library(
            [*camera_sources(), STAND_INS, top],
            config,
            top=TOP_MODULE,
            build_id=_BUILD_ID,
            cache_dir=cache_dir,
            options=SimulatorOptions(asserts=asserts, optimisation="-O1"),
            fast=False,
        )
        (fresh / CAMERA_LIBRARY).parent.mkdir()
        shutil.copyfile(binary.library, fresh / CAMERA_LIBRARY)
        networks = {role: {"name": "stand-in"} for role in ("detector", "modifier")}
        document = {"camera": config.to_dict(), "build_id": _BUILD_ID, "networks": networks}
        (fresh / "camera.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return directory


def _port(name: str, shape: tuple[int, ...], elements: int, *, has_tlast: bool = False) -> StreamPort:
    return StreamPort(
        name=name,
        element_bits=8,
        elements_per_beat=elements,
        signed=False,
        shape=shape,
        tdata_bits=8 * elements,
        has_tlast=has_tlast,
    )
