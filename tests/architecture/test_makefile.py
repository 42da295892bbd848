"""An interrupted install of an environment is thrown away and done again."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Stands for Python: `-m venv DIR` makes DIR/bin/python, a copy of itself; `-m pip` leaves a trace and fails on demand.
_FAKE_PYTHON = """#!/bin/sh
if [ "$2" = venv ]; then mkdir -p "$3/bin" && cp "$0" "$3/bin/python"
else echo "$@" >> pip.log; touch .venv/half-a-package; [ ! -e fail ]; fi
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A directory with the Makefile, a lock, and a fake Python."""
    if shutil.which("make") is None:
        pytest.skip("missing: make")
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "main.lock").write_text("numpy==2.4.6\n")
    (tmp_path / "pyproject.toml").touch()
    fake = tmp_path / "python"
    fake.write_text(_FAKE_PYTHON)
    fake.chmod(0o755)
    return tmp_path


def _make(project: Path, target: str) -> int:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE") and k != "MFLAGS"}
    command = ["make", f"PYTHON={project / 'python'}", target]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, timeout=60).returncode


def test_an_environment_is_installed_once(project: Path) -> None:
    assert _make(project, ".venv/.installed") == 0
    assert _make(project, ".venv/.installed") == 0
    (call,) = (project / "pip.log").read_text().splitlines()
    assert "--constraint requirements/main.lock" in call


def test_an_interrupted_install_starts_from_nothing(project: Path) -> None:
    (project / "fail").touch()
    assert _make(project, ".venv/.installed") != 0
    assert not (project / ".venv" / ".installed").exists()
    marker = project / ".venv" / "left-over"
    marker.touch()
    (project / "fail").unlink()
    assert _make(project, ".venv/.installed") == 0
    assert not marker.exists()
    assert (project / ".venv" / ".installed").exists()


def test_a_changed_lock_installs_again(project: Path) -> None:
    assert _make(project, ".venv/.installed") == 0
    later = (project / ".venv" / ".installed").stat().st_mtime + 10
    os.utime(project / "requirements" / "main.lock", (later, later))
    assert _make(project, ".venv/.installed") == 0
    assert len((project / "pip.log").read_text().splitlines()) == 2
