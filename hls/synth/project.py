"""Everything a vendor build needs, in one directory: written, checked, and the same bytes for the same camera."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hls.camera import TOP_MODULE
from hls.interface import FILE_LIST
from hls.lint import RTL_ROOT
from hls.resources.amounts import Resources
from hls.synth.block import ONE, ZERO, make_design
from hls.synth.config import VendorConfig, plan_fit
from hls.synth.design import BlockDesign, check_paths
from hls.synth.handoff import handoff_addresses
from hls.synth.ipxact import COMPONENT_FILE, GUI_FILE, SOURCE_DIR, check_component, render_component, render_gui
from hls.synth.ports import Port, read_ports
from hls.synth.scripts import (
    BLOCK_SCRIPT,
    BOARD_CONSTRAINTS,
    BUILD_SCRIPT,
    CONSTRAINTS,
    check_constraints,
    read_address_map,
    render_block,
    render_build,
    render_constraints,
)
from hls.synth.sensor_table import SensorTable, read_sensor_table
from hls.synth.tcl import check_script
from hls.synth.usage import design_parts
from hls.synth.wrapper import SENSOR_TABLE_FILE, WRAPPER, render_wrapper, wrapper_ports
from hw_anon.core.atomic import atomic_directory
from hw_anon.core.camera import CameraConfig
from hw_anon.core.camera_directory import CAMERA_FILE, CameraDirectory
from hw_anon.core.errors import ContractError
from hw_anon.core.hashing import sha256_file
from hw_anon.core.hwh import DESIGN_NAME, render_hwh
from hw_anon.core.manifest import MANIFEST_FILE, Manifest
from hw_anon.core.platform import Platform, get_platform
from hw_anon.core.sensor import SensorFit
from hw_anon.core.tools import tool_versions

__all__ = ["PREDICTION", "Project", "write_project"]

PREDICTION = f"{DESIGN_NAME}.predicted.hwh"
"""The hardware handoff as it is expected of the tools."""
_IP = "ip/camera"
_MEMORY = re.compile(r'"(?:\./)?([\w.-]+\.dat)"')


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """A written project."""

    directory: Path
    """Where it is."""
    camera: CameraDirectory
    """The camera that it was made from."""
    platform: Platform
    """The board's platform."""
    fit: SensorFit
    """How the sensor's frames become the camera's."""
    design: BlockDesign
    """The block design."""
    manifest: Manifest
    """What the project was made from, and its files."""
    parts: Mapping[str, Resources]
    """What its parts take of the board, estimated, their sum last."""
    checks: Mapping[str, str]
    """What was checked, and by what or how many."""


def write_project(camera: Path, config: VendorConfig, directory: Path) -> Project:
    """Writes the project of a camera for a board, checks all of it, and moves it into place.

    Args:
        camera: a finished camera directory.
        config: settings of the vendor build.
        directory: made anew.

    Raises:
        ConfigError: if camera, board and sensor do not fit one another.
        ContractError: if the camera directory is damaged, or a check fails.
        ToolError: if `tclsh` refuses a script.
    """
    source = CameraDirectory.load(camera)
    fit = plan_fit(config, source.config)
    platform = get_platform(config.board, clk_mhz=source.config.clock_mhz)
    design = make_design(platform, config.chain)
    table = read_sensor_table(config.sensor_table) if config.sensor_table else None
    parts = design_parts(source, fit, table_words=len(table.words) + 1 if table else None)
    with atomic_directory(directory) as partial:
        ports, files = _pack(source.rtl, partial / _IP, platform, fit, table)
        _write_texts(partial, source, config, platform, design)
        checks = _check(partial, platform, config, design, ports, files)
        inputs: dict[str, Path | str] = {"camera": sha256_file(camera / MANIFEST_FILE)}
        if config.sensor_table:
            inputs["sensor_table"] = config.sensor_table
        written = Manifest.create(
            partial,
            inputs=inputs,
            tools=tool_versions(()),
            config={"kind": "vendor project", "camera": source.build_id, "fit": fit.to_dict(),
                    "board": platform.board.name, "clk_mhz": platform.clock.design_mhz},
            provenance={"checks": dict(checks)},
        )  # fmt: skip
        written.save(partial)
    return Project(
        parts=parts, directory=directory, camera=source, platform=platform, fit=fit, design=design,
        manifest=written, checks=checks,
    )  # fmt: skip


def _write_texts(
    directory: Path, camera: CameraDirectory, config: VendorConfig, platform: Platform, design: BlockDesign
) -> None:
    """Writes scripts, constraints and the expected handoff."""
    texts = {
        BLOCK_SCRIPT: render_block(design),
        BUILD_SCRIPT: render_build(design, clk_mhz=platform.clock.design_mhz, jobs=config.jobs),
        BOARD_CONSTRAINTS: render_constraints(config.chain),
        **_camera_constraints(camera.config),
        PREDICTION: render_hwh(platform),
        CAMERA_FILE: (camera.directory / CAMERA_FILE).read_text(encoding="utf-8"),
    }
    for name, text in texts.items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(text, encoding="utf-8")


def _camera_constraints(config: CameraConfig) -> dict[str, str]:
    """Constraints that belong to the camera's own HDL: those of the power-up key, if it has one."""
    found = sorted((RTL_ROOT / "top").glob("*.xdc")) if config.key_channels else []
    return {f"{CONSTRAINTS}/{path.name}": path.read_text(encoding="utf-8") for path in found}


def _pack(
    rtl: Path, directory: Path, platform: Platform, fit: SensorFit, table: SensorTable | None
) -> tuple[tuple[Port, ...], list[str]]:
    """Writes the packed block: sources of the camera and the sensor, wrapper, description."""
    target = directory / SOURCE_DIR
    listed = (rtl / FILE_LIST).read_text(encoding="utf-8").split()
    memories = sorted(path.name for path in rtl.iterdir() if path.suffix == ".dat")
    contents = {name: (rtl / name).read_bytes() for name in (*listed, *memories)}
    ports = read_ports(contents[f"{TOP_MODULE}.sv"].decode(), TOP_MODULE)
    own = ["sensor_fit.sv", *(["sensor_setup.sv"] if table else [])]
    for name in own:
        contents[name] = (RTL_ROOT / "sensor" / name).read_bytes()
    words = len(table.words) + 1 if table else None
    wrapper = render_wrapper(ports, TOP_MODULE, platform, fit, table_words=words)
    contents[f"{WRAPPER}.v"] = wrapper.encode()
    if table:
        contents[SENSOR_TABLE_FILE] = table.rom().encode()
    target.mkdir(parents=True)
    for name, data in contents.items():
        (target / name).write_bytes(data)
    files = [*listed, *own, f"{WRAPPER}.v", *sorted(name for name in contents if name.endswith(".dat"))]
    packed = wrapper_ports(ports, sample_bits=fit.sample_bits, with_iic=table is not None)
    (directory / COMPONENT_FILE).write_text(render_component(packed, files, platform), encoding="utf-8")
    (directory / GUI_FILE).parent.mkdir()
    (directory / GUI_FILE).write_text(render_gui(), encoding="utf-8")
    return packed, files


def _check(
    directory: Path, platform: Platform, config: VendorConfig, design: BlockDesign, ports: tuple[Port, ...],
    files: list[str],
) -> dict[str, str]:  # fmt: skip
    """Checks a written project and returns what was checked."""
    source = directory / _IP / SOURCE_DIR
    scripts = [
        directory / BLOCK_SCRIPT,
        directory / BUILD_SCRIPT,
        directory / _IP / GUI_FILE,
        *sorted((directory / CONSTRAINTS).iterdir()),
    ]
    by = {path.name: check_script(path) for path in scripts}
    if (found := read_ports((source / f"{WRAPPER}.v").read_text(), WRAPPER)) != ports:
        raise ContractError(f"the wrapper's ports are {found}, not {ports}")
    check_component((directory / _IP / COMPONENT_FILE).read_text(), ports, files)
    sources = [source / file for file in files if not file.endswith(".dat")]
    wanted = {name for path in sources for name in _MEMORY.findall(path.read_text(encoding="utf-8"))}
    if lost := sorted(wanted.difference(files)):
        raise ContractError(f"sources read memory files that are not there: {', '.join(lost)}; build the camera again")
    check_paths(design, camera=platform.camera.instance, vdma=platform.vdma.instance, constants=(ONE, ZERO))
    check_constraints(design, config.chain)
    if (ranges := read_address_map(directory / BLOCK_SCRIPT)) != handoff_addresses(render_hwh(platform)):
        raise ContractError(f"the block design's address map differs from the platform's: {ranges}")
    pins = design.pins()
    if twice := sorted({pin for pin in pins if pins.count(pin) > 1}):
        raise ContractError(f"the block design connects twice: {', '.join(twice)}")
    return {
        "Tcl": f"{len(by)} scripts complete, by {sorted(set(by.values()))[-1]}",
        "ports": f"{len(ports)}, the same in IP-XACT, wrapper and buses",
        "files": f"{len(files)} packed, among them the {len(wanted)} memory files that sources name",
        "raw video": "ends in the camera; no bus reaches what is before it",
        "pins": f"{len(config.chain.pins) + len(config.chain.lanes)} placed, each port once",
        "address map": f"{len(ranges)} ranges, the same in block design and handoff",
    }
