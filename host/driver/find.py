"""Finds the design to load, and reads what its build says about the camera in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from host.design import Design, load_design
from host.driver.settings import CameraSettings
from hw_anon.core.boards import get_board
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.manifest import MANIFEST_FILE

__all__ = ["CAMERA_FILE", "CameraDescription", "default_roots", "describe", "find_design", "open_design"]

CAMERA_FILE = "camera.json"
"""File of a design that describes its camera."""
_BUILD_ID_DIGITS = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraDescription:
    """What a design's build says about its camera; compared with what the hardware says."""

    build_id: str
    """128-bit build id, 32 hex digits."""
    board: str
    """Board it was built for."""
    width: int
    """Columns of a frame."""
    height: int
    """Rows of a frame."""
    max_faces: int
    """Faces replaced in a frame at most."""


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
        raw = json.loads(path.read_text(encoding="utf-8"))
        config: dict[str, Any] = raw["config"]
        found = CameraDescription(
            build_id=str(raw["build_id"]),
            board=get_board(str(config["board"])).name,
            width=int(config["width"]),
            height=int(config["height"]),
            max_faces=int(config["max_faces"]),
        )
    except (OSError, ValueError, KeyError, TypeError, ConfigError) as exc:
        raise ContractError(f"{path} does not describe a camera ({exc!r}); build it again") from exc
    if len(found.build_id) != _BUILD_ID_DIGITS or not set(found.build_id) <= set("0123456789abcdef"):
        raise ContractError(f"{path}: build id {found.build_id!r} is not {_BUILD_ID_DIGITS} hex digits; build it again")
    return found
