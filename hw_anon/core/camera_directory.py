"""A finished camera on disk: its HDL, its simulator, and what it was made from.

| path | content |
|---|---|
| `camera.json` | the camera's configuration and what it was built from |
| `rtl/` | all HDL and memory files; `files.f` lists the sources in compile order, `camera_top` last |
| `sim/libcamera.so` | the simulator of exactly that RTL |
| `networks/<role>/` | contract, manifest and software twin of the face detector and of the modifier |
| `manifest.json` | hashes of all of it, the build id and what was measured; written last |
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hw_anon.core.camera import CameraConfig
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.manifest import Manifest
from hw_anon.core.verilated_camera import CAMERA_LIBRARY, CAMERA_RTL

__all__ = ["CAMERA_FILE", "NETWORKS_DIR", "CameraDirectory"]

CAMERA_FILE = "camera.json"
NETWORKS_DIR = "networks"


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraDirectory:
    """A camera directory whose files are those of its manifest."""

    directory: Path
    """Where it is."""
    manifest: Manifest
    """Identity, hashes and measurements."""
    config: CameraConfig
    """The camera."""
    networks: dict[str, dict[str, Any]]
    """By role (`detector`, `modifier`): name and design id of the network's build."""

    @classmethod
    def load(cls, directory: Path) -> CameraDirectory:
        """Opens a camera directory and verifies every file.

        Raises:
            ContractError: if it is not a finished camera, or a file is missing or was changed.
        """
        manifest = Manifest.load(directory)
        manifest.verify(directory)
        try:
            raw = json.loads((directory / CAMERA_FILE).read_text(encoding="utf-8"))
            config = CameraConfig.from_dict(raw["camera"], where=CAMERA_FILE)
            networks = {role: dict(raw["networks"][role]) for role in ("detector", "modifier")}
        except (OSError, ValueError, KeyError, TypeError, ConfigError) as exc:
            raise ContractError(f"{directory} is not a camera of this release ({exc}); build it again") from exc
        if raw.get("build_id") != manifest.build_id:
            raise ContractError(f"{directory}: {CAMERA_FILE} says build {raw.get('build_id')}, not {manifest.build_id}")
        return cls(directory=directory, manifest=manifest, config=config, networks=networks)

    @property
    def build_id(self) -> str:
        """What the camera's identity registers hold, 32 hex digits."""
        return self.manifest.build_id

    @property
    def library(self) -> Path:
        """The simulator.

        Raises:
            ContractError: if it is none of the manifest's files: code that nobody vouches for is not loaded.
        """
        if CAMERA_LIBRARY not in self.manifest.files:
            raise ContractError(f"{self.directory} has no simulator in its manifest; build the camera again")
        return self.directory / CAMERA_LIBRARY

    @property
    def rtl(self) -> Path:
        """Directory of the HDL and the memory files."""
        return self.directory / CAMERA_RTL
