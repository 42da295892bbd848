"""A whole camera directory around the RTL of 80×48 pixels with stand-in networks, built once for all tests.

The stand-ins' golden model is `golden_frames` of `stand_in_rtl`: their directory has no software twins.

    python -m tests.host.small_camera DIR --cache build/kernels    (main environment)
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from hls.camera import camera_sources
from hls.fuzz import small_camera
from host.simulated.adversary.marks import STAND_IN_CONFIG
from hw_anon.core.hashing import sha256_file
from hw_anon.core.manifest import Manifest, build_id

__all__ = ["build_whole_camera"]


def build_whole_camera(directory: Path, *, cache_dir: Path) -> Path:
    """Builds the camera with the build id of its manifest in its registers, and returns the directory.

    Raises:
        ToolError: if Verilator or the compiler is missing.
    """
    sources = [*camera_sources(), small_camera.STAND_INS]
    inputs: dict[str, Path | str] = {path.name: sha256_file(path) for path in sources}
    config = STAND_IN_CONFIG.to_dict()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            small_camera, "_BUILD_ID", build_id({name: str(value) for name, value in inputs.items()}, {}, config)
        )
        small_camera.build_small_camera(STAND_IN_CONFIG, directory, cache_dir=cache_dir, asserts=False)
    Manifest.create(directory, inputs=inputs, tools={}, config=config).save(directory)
    return directory


def main() -> None:
    """Builds one."""
    parser = argparse.ArgumentParser(description="Builds the small camera with stand-in networks.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--cache", type=Path, required=True, help="directory of built simulators")
    options = parser.parse_args()
    build_whole_camera(options.directory, cache_dir=options.cache)


if __name__ == "__main__":
    main()
