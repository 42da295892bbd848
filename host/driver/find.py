"""Finds the design to load, and reads what its build says about the camera in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from host.design import Design, load_design
from host.driver.settings import CameraSettings
from hw_anon.core.boards import get_board
from hw_anon.core.camera import CameraConfig
from hw_anon.core.camera_directory import CAMERA_FILE
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.hashing import sha256_bytes
from hw_anon.core.manifest import BUILD_ID_DIGITS, MANIFEST_FILE

__all__ = ["CameraDescription", "default_roots", "describe", "find_design", "open_design"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraDescription:
    """What a design's build says about its camera; compared with what the hardware says."""

    build_id: str
    """128-bit build id, 32 hex digits."""
    config: CameraConfig
    """The camera: its board, geometry and limits."""


def default_roots() -> tuple[Path, ...]:
    """Returns where designs are looked for: `bitstreams` here, and what was installed beside the driver."""
    return (Path("bitstreams"), Path(__file__).resolve().parents[1] / "overlays")


def find_design(settings: CameraSettings, *, roots: Sequence[Path] | None = None) -> Path:
    """Returns the directory of the only design that fits, `<root>/<board>/<id>`.

    Args:
        settings: board and design id that are wanted.
        roots: where to look; `default_roots` if not given.

    Raises:
        ConfigError: if none fits or several do; the message lists them.
    """
    places = tuple(roots) if roots is not None else default_roots()
    board = get_board(settings.board).name if settings.board else "*"
    found = sorted(
        path.parent for root in places for path in root.glob(f"{board}/{settings.design_id or '*'}/{MANIFEST_FILE}")
    )
    wanted = f"board {settings.board or 'any'}, design {settings.design_id or 'any'}"
    if not found:
        raise ConfigError(
            f"no design for {wanted} in {', '.join(str(place) for place in places)}: make one with "
            "`hw-anon bitstream`, copy it to bitstreams/<board>/<id>/, or name its directory"
        )
    if len(found) > 1:
        listed = ", ".join(str(path) for path in found)
        raise ConfigError(f"{len(found)} designs fit {wanted}: {listed}; name one by board and design_id")
    return found[0]


def open_design(directory: Path | None, settings: CameraSettings) -> Design:
    """Returns a design after checking its files, its id and (if a key is given) its signature.

    Args:
        directory: the design's directory; `find_design` looks for it if not given.
        settings: what is wanted.

    Raises:
        ConfigError: if no design can be found, or the key is none.
        ContractError: if the design is not what its manifest says, or not signed by the key.
        ToolError: if a signature is wanted and the `cryptography` package is missing.
    """
    place = find_design(settings) if directory is None else directory
    signed = None
    if settings.require_signature is not None:
        from hw_anon.core.signature import verify_manifest

        signed = verify_manifest(place, settings.require_signature)
    design = load_design(place, expected_id=settings.design_id)
    if signed is not None and signed != design.manifest:
        raise ContractError(f"{place}: the manifest changed while it was read; get the build again")
    return design


def describe(design: Design) -> CameraDescription:
    """Returns what a design's build says about its camera.

    Raises:
        ContractError: if the design has no camera, or says nothing useful about it.
    """
    path = design.directory / CAMERA_FILE
    if CAMERA_FILE not in design.manifest.files:
        raise ContractError(f"{design.directory} is no camera: its manifest lists no {CAMERA_FILE}")
    try:
        data = path.read_bytes()
        if sha256_bytes(data) != design.manifest.files[CAMERA_FILE]:
            raise ContractError(f"{path} was changed after it was verified; get the build again")
        raw = json.loads(data)
        build_id = str(raw["build_id"])
        config = CameraConfig.from_dict(raw["camera"], where=CAMERA_FILE)
    except (OSError, ValueError, KeyError, TypeError, ConfigError) as exc:
        raise ContractError(f"{path} does not describe a camera ({exc!r}); build it again") from exc
    if len(build_id) != BUILD_ID_DIGITS or not set(build_id) <= set("0123456789abcdef"):
        raise ContractError(f"{path}: build id {build_id!r} is not {BUILD_ID_DIGITS} hex digits; build it again")
    return CameraDescription(build_id=build_id, config=config)
