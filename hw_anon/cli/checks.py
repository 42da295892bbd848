"""The checks behind `hw-anon doctor`: what each room needs, whether it is here, and the remedy if not."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from hw_anon.core.errors import ToolError

__all__ = ["ROOMS", "Check", "check_disk", "check_packages", "check_rooms", "check_tools"]

DISTRIBUTION = "hw-anon"
MIN_FREE_GIB = 2.0
_TOOL_TIMEOUT_S = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    """What one room of the project needs besides the base package."""

    extras: tuple[str, ...]
    """Extras of the distribution that it uses."""
    tools: tuple[str, ...]
    """Programs that must be on the search path."""
    environment: str
    """The environment of the Makefile that serves it."""


ROOMS: dict[str, Room] = {
    "quant": Room(extras=("train",), tools=(), environment=".venv"),
    "hls": Room(extras=("finn", "sim", "synth"), tools=("g++", "ar", "make"), environment=".venv"),
    "host": Room(extras=("board",), tools=(), environment=".venv-board"),
}

_TOOL_PURPOSE = {
    "g++": "compiles the Verilated simulator",
    "make": "builds the Verilated simulator",
    "ar": "collects the Verilated simulator's objects",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing that was looked for."""

    room: str
    """Room that needs it."""
    name: str
    """Package, program or resource."""
    ok: bool
    """Whether it is here in a usable version."""
    found: str
    """Version or amount found; `missing` if there is none."""
    remedy: str = ""
    """What to do if it is not ok."""


def check_rooms(rooms: Iterable[str], directory: Path, requirements: Sequence[str] | None = None) -> list[Check]:
    """Returns all checks of the given rooms, those of the base package first.

    Args:
        rooms: keys of `ROOMS`.
        directory: where builds will be written; its free space is checked.
        requirements: requirement lines of the distribution; default: those of the installed one.

    Raises:
        ToolError: if hw-anon itself is not installed and no requirements were given.
    """
    lines = installed_requirements() if requirements is None else requirements
    checks = [*check_packages("base", lines, ()), check_disk(directory)]
    for name in rooms:
        room = ROOMS[name]
        checks += check_packages(name, lines, room.extras)
        checks += check_tools(name, room.tools)
    return checks


def installed_requirements() -> list[str]:
    """Returns the requirement lines of the installed hw-anon.

    Raises:
        ToolError: if it is not installed (merely being importable is not enough).
    """
    try:
        return importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError as exc:
        raise ToolError(f"{DISTRIBUTION} is not installed in this environment; run: pip install -e .") from exc


def check_packages(room: str, requirements: Iterable[str], extras: Sequence[str]) -> list[Check]:
    """Checks the Python packages that `extras` ask for (without extras: those that hw-anon always needs)."""
    checks: list[Check] = []
    seen: set[str] = set()
    for line in requirements:
        requirement = Requirement(line)
        marker = requirement.marker
        if extras:
            wanted = marker is not None and any(marker.evaluate({"extra": extra}) for extra in extras)
        else:
            wanted = marker is None or marker.evaluate({"extra": ""})
        if not wanted or requirement.name in seen or requirement.name == DISTRIBUTION:
            continue
        seen.add(requirement.name)
        checks.append(_check_package(room, requirement))
    return checks


def _check_package(room: str, requirement: Requirement) -> Check:
    wanted = f"{requirement.name}{requirement.specifier}"
    try:
        found = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        found = "missing"
    ok = found != "missing" and requirement.specifier.contains(found, prereleases=True)
    environment = ROOMS[room].environment if room in ROOMS else ""
    where = f" (make installs it into {environment})" if environment else ""
    return Check(
        room=room, name=requirement.name, ok=ok, found=found, remedy="" if ok else f"pip install '{wanted}'{where}"
    )


def check_tools(room: str, tools: Iterable[str], find: Callable[[str], str | None] = shutil.which) -> list[Check]:
    """Checks that programs are on the search path and start."""
    checks: list[Check] = []
    for tool in tools:
        path = find(tool)
        version = _tool_version(path) if path else None
        remedy = ""
        if version is None:
            state = f"{path} does not start" if path else f"{tool} is not on the search path"
            remedy = f"{state}; it {_TOOL_PURPOSE[tool]}: {_install_hint(tool)}"
        checks.append(Check(room=room, name=tool, ok=version is not None, found=version or "missing", remedy=remedy))
    return checks


def _install_hint(tool: str) -> str:
    return f"apt install {'binutils' if tool == 'ar' else tool}, or what your system's package manager calls it"


def _tool_version(path: str) -> str | None:
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=_TOOL_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode:
        return None
    match = re.search(r"\d+(\.\d+)+", done.stdout)
    return match.group() if match else "unknown version"


def check_disk(directory: Path) -> Check:
    """Checks the free space of the file system that holds `directory` (or its nearest existing parent)."""
    place = directory.resolve()
    while not place.exists():
        place = place.parent
    free_gib = shutil.disk_usage(place).free / 2**30
    ok = free_gib >= MIN_FREE_GIB
    remedy = "" if ok else f"builds want {MIN_FREE_GIB:g} GiB free in {place}"
    return Check(room="base", name="disk space", ok=ok, found=f"{free_gib:.1f} GiB free", remedy=remedy)
