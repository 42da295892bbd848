"""Finds the vendor's tool, checks its version and runs it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hls.synth.scripts import BUILD_SCRIPT, DONE_LINE
from hw_anon.core.errors import ConfigError, ToolError

__all__ = ["SUPPORTED", "Vivado", "find_vivado"]

SUPPORTED = ("2023.2", "2024.1", "2024.2")
"""Versions whose catalogue should have the blocks that the scripts name; none has been tried."""
_VERSION = re.compile(r"vivado v(\d{4}\.\d)", re.IGNORECASE)
_VERSION_TIMEOUT_S = 120.0
_LOG = "vivado.log"
_BAD_MESSAGES = re.compile(
    r"^(?:CRITICAL WARNING|ERROR): .*(?:\$readmem|data file|multi-driven|black ?box).*$", re.MULTILINE | re.IGNORECASE
)
"""Messages after which the tool goes on, and the design is not what was meant: an empty memory, a missing module."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Vivado:
    """An installed tool."""

    path: Path
    """Its program."""
    version: str
    """Its version, e.g. `2024.1`."""

    def run(self, project: Path, repositories: Sequence[Path] = ()) -> str:
        """Runs a project's build script and returns what it printed.

        Args:
            project: directory of the project, which also gets the log.
            repositories: directories with further packed blocks.

        Raises:
            ConfigError: if a repository is none.
            ToolError: if the tool fails, ends early or reports a memory or module that it could not read; with its log.
        """
        for repository in repositories:
            if not repository.is_dir():
                raise ConfigError(f"--ip-repository {repository} is not a directory")
        arguments = [str(path.resolve()) for path in repositories]
        command = [str(self.path), "-mode", "batch", "-nojournal", "-log", _LOG, "-source", BUILD_SCRIPT]
        command += ["-tclargs", *arguments] if arguments else []
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
        log = done.stdout + done.stderr
        if done.returncode or DONE_LINE not in log:
            what = "failed" if done.returncode else "ended before the build script did"
            raise ToolError(f"Vivado {self.version} {what}", command=command, log=log, returncode=done.returncode)
        runs = [path.read_text(encoding="utf-8", errors="replace") for path in sorted(project.rglob("runme.log"))]
        if bad := [match for text in (log, *runs) for match in _BAD_MESSAGES.findall(text)]:
            raise ToolError(
                f"Vivado {self.version} went on after {len(bad)} messages that say the design is not whole",
                command=command,
                log="\n".join(bad),
            )
        return log


def find_vivado(program: Path | None = None) -> Vivado:
    """Returns the tool.

    Args:
        program: its program; looked for on the search path if not given.

    Raises:
        ToolError: if it is missing, does not start or is of another version than supported.
    """
    found = shutil.which(str(program) if program else "vivado")
    versions = ", ".join(SUPPORTED)
    if found is None:
        where = f"{program} is not a program" if program else "vivado is not on the search path"
        raise ToolError(f"{where}: install Vivado {versions} (the free edition is enough) or name it with --vivado")
    command = [found, "-version"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_VERSION_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise ToolError(f"{found} does not start: {exc}", command=command) from exc
    log = done.stdout + done.stderr
    match = _VERSION.search(log)
    if done.returncode or match is None:
        raise ToolError(f"{found} does not say its version", command=command, log=log, returncode=done.returncode)
    if match[1] not in SUPPORTED:
        raise ToolError(f"{found} is Vivado {match[1]}; the scripts are written for {versions}", command=command)
    return Vivado(path=Path(found), version=match[1])
