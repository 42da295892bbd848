"""The wheel contains what an installed hw-anon needs, RTL included, and nothing of the tests."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("hw_anon", "quant", "hls", "host")
DATA_SUFFIXES = {".json", ".sv", ".svh", ".vlt", ".cpp", ".h", ".j2", ".safetensors", ".npz"}


def _project_files() -> list[Path]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [Path(name) for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in a wheel made from a copy of the checkout (a build in place could pick up old files)."""
    if not (ROOT / ".git").exists():
        pytest.skip("missing: the git checkout")
    if importlib.util.find_spec("wheel") is None:
        pytest.skip("missing: wheel")
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in _project_files():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    command = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "--no-index"]
    done = subprocess.run([*command, "-w", str(out), str(source)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = out.glob("hw_anon-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_every_module_of_the_rooms(wheel_names: set[str]) -> None:
    modules = {n.as_posix() for n in _project_files() if n.parts[0] in ROOMS and n.suffix == ".py"}
    assert modules <= wheel_names, "a package without __init__.py?"


def test_the_wheel_holds_rtl_harness_templates_and_weights(wheel_names: set[str]) -> None:
    data = {n.as_posix() for n in _project_files() if n.parts[0] in ROOMS and n.suffix in DATA_SUFFIXES}
    assert "hls/rtl/kernels/axis_fork.sv" in data
    assert data <= wheel_names


def test_the_wheel_holds_nothing_else(wheel_names: set[str]) -> None:
    tops = {name.partition("/")[0] for name in wheel_names}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(ROOMS)


def test_the_wheel_brings_the_licence(wheel_names: set[str]) -> None:
    assert any(name.endswith("LICENSE") for name in wheel_names)
