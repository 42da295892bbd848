"""The rooms' import order holds, and the checker is able to see that it does not."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("hw_anon", "quant", "hls", "host")

pytest.importorskip("importlinter", reason="missing: import-linter")


def _lint_imports(directory: Path) -> subprocess.CompletedProcess[str]:
    script = "import sys; sys.path[:0] = ['.']; from importlinter.cli import lint_imports_command as c; c()"
    return subprocess.run(
        [sys.executable, "-c", script, "--no-cache"], cwd=directory, capture_output=True, text=True, timeout=300
    )


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of all rooms' Python files with the project's configuration."""
    copy = tmp_path_factory.mktemp("sources")
    shutil.copy(ROOT / "pyproject.toml", copy)
    for room in ROOMS:
        for source in (ROOT / room).rglob("*.py"):
            target = copy / source.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    return copy


def test_the_contracts_hold(sources: Path) -> None:
    done = _lint_imports(sources)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("module", "violation"),
    [
        ("host", "import quant"),
        ("quant", "import hls.interface"),
        ("hls", "import host"),
        ("hls", "import hw_anon.data"),
        ("hls/sim", "import torch"),
        ("hls/sim", "import hls.flow.config"),
        ("hls/kernels", "import hls.stitch"),
        ("host", "import torch"),
        ("hw_anon/core", "import hw_anon.cli"),
        ("hw_anon/core", "import hw_anon.console"),
        ("hw_anon/console", "import torch"),
        ("host", "import hw_anon.cli.app"),
        ("hw_anon/core", "def later() -> None:\n    import torch"),
        ("quant", "import finn"),
    ],
)
def test_a_seeded_violation_is_caught(sources: Path, module: str, violation: str) -> None:
    seed = sources / module / "seeded_violation.py"
    seed.write_text(violation + "\n")
    try:
        done = _lint_imports(sources)
    finally:
        seed.unlink()
    assert done.returncode != 0
    assert "seeded_violation" in done.stdout


def test_no_room_of_hw_anon_is_forgotten() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers, core_only = contracts[0]["layers"], contracts[1]["forbidden_modules"]
    rooms = {f"hw_anon.{p.stem}" for p in (ROOT / "hw_anon").iterdir() if (p / "__init__.py").is_file()}
    assert rooms <= {name.strip("() ") for layer in layers for name in layer.split("|")}
    allowed = {"hw_anon.core", "hw_anon.console"}
    assert rooms - allowed <= set(core_only), "hls and host import nothing of hw_anon but its core and its console"


def test_no_room_of_hls_is_forgotten() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(c["layers"] for c in contracts if c["name"].startswith("Inside hls"))
    rooms = {f"hls.{p.stem}" for p in (ROOT / "hls").iterdir() if (p / "__init__.py").is_file() or p.suffix == ".py"}
    assert rooms - {"hls.__init__"} == {name.strip() for layer in layers for name in layer.split("|")}


_BLOCKER = """
import importlib, pkgutil, sys

BLOCKED = {blocked!r}
BOARD_ONLY = ['pynq', 'pynqmetadata', 'pynqutils']  # not in the main environment

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in BLOCKED:
            raise ImportError(name + ' is blocked')

sys.meta_path.insert(0, Blocker())
for name in {packages!r}:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, name + '.'):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            if str(error.name).partition('.')[0] not in BOARD_ONLY:
                raise
"""


def _import_all(packages: list[str], blocked: list[str]) -> subprocess.CompletedProcess[str]:
    script = _BLOCKER.format(packages=packages, blocked=blocked)
    return subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_host_and_core_import_without_any_training_or_compiler_library() -> None:
    done = _import_all(["hw_anon.core", "host"], ["torch", "finn", "brevitas", "qonnx", "onnx", "quant", "hls"])
    assert done.returncode == 0, done.stderr


def test_the_simulator_imports_without_them_either() -> None:
    done = _import_all(["hls.sim"], ["torch", "finn", "brevitas", "qonnx", "onnx"])
    assert done.returncode == 0, done.stderr


def test_the_blocker_blocks() -> None:
    done = _import_all(["hw_anon.core"], ["numpy"])
    assert done.returncode != 0
    assert "numpy is blocked" in done.stderr
