"""Source distribution and wheel hold all of hw-anon, and the wheel runs beside its base dependencies alone."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
ROOMS = ("hw_anon", "quant", "hls", "host")
_SDIST = "import sys; from setuptools.build_meta import build_sdist; build_sdist(sys.argv[1])"
_MODULES = ("torch", "finn", "onnx", "onnxruntime", "pynq", "cv2", "PIL", "scipy")
_COMMAND = """
import sys
from importlib.metadata import entry_points
(entry,) = [e for e in entry_points(group="console_scripts") if e.name == sys.argv[1]]
sys.argv = sys.argv[1:]
sys.exit(entry.load()())
"""
_GOLDEN = """
import numpy as np
from hw_anon.core.boxes import Box, face_region
from hw_anon.core.video_path import anonymise
frame = np.random.default_rng(1).integers(0, 256, (48, 64, 3), dtype=np.uint8)
region = face_region(Box(x=20, y=15, width=12, height=14), 64, 48)
out = anonymise(frame, [region], lambda crops: 255 - crops, size=16, max_faces=4)
inside = np.zeros((48, 64), bool)
inside[region.rows, region.columns] = True
assert (out.frame[~inside] == frame[~inside]).all() and (out.frame[inside] != frame[inside]).mean() > 0.9
"""


def _project_files() -> list[Path]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [Path(name) for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def _package_files() -> set[str]:
    return {path.as_posix() for path in _project_files() if path.parts[0] in ROOMS}


def _run(command: list[str], **options: Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source distribution made from a copy of the checkout (one made in place could pick up old files)."""
    if not (ROOT / ".git").exists():
        pytest.skip("missing: the git checkout")
    if importlib.util.find_spec("wheel") is None:
        pytest.skip("missing: wheel")
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("sdist")
    for name in _project_files():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    _run([sys.executable, "-c", _SDIST, str(out)], cwd=source)
    (archive,) = out.glob("hw_anon-*.tar.gz")
    return archive


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that is made of the source distribution, as `make wheel` makes it."""
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "--no-index"]
    _run([*command, "-w", str(out), str(sdist)])
    (found,) = out.glob("hw_anon-*.whl")
    return found


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that holds the wheel, what it requires without extras, and nothing else."""
    place = tmp_path_factory.mktemp("bare")
    venv.create(place, with_pip=False)
    (packages,) = (place / "lib").glob("python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
        (metadata,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        lines = archive.read(metadata).decode().splitlines()
    required = [line.partition(": ")[2] for line in lines if line.startswith("Requires-Dist: ")]
    assert {Requirement(r).name for r in required if "extra ==" not in r} == {"numpy", "packaging", "rich", "typer"}
    for name in _closure(required):
        _link(name, packages)
    return place / "bin" / "python"


def _closure(required: list[str], seen: frozenset[str] = frozenset()) -> frozenset[str]:
    """Returns the names of all distributions that these requirements bring along here."""
    for text in required:
        requirement = Requirement(text)
        wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if wanted and requirement.name not in seen:
            seen = _closure(distribution(requirement.name).requires or [], seen | {requirement.name})
    return seen


def _link(name: str, packages: Path) -> None:
    """Makes an installed distribution visible in another environment."""
    installed = distribution(name)
    tops = {path.parts[0] for path in installed.files or [] if ".." not in path.parts}
    for top in tops - {"__pycache__"}:
        (packages / top).symlink_to(Path(str(installed.locate_file(top))))


def test_the_wheel_is_the_packages_and_their_data_whole(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    packed = {name for name in names if ".dist-info/" not in name}
    assert packed == _package_files(), "a package without __init__.py, or data that package-data does not name?"
    assert {"hls/rtl/kernels/axis_fork.sv", "hls/camera/configs/pynq-z2-qvga.toml"} <= packed
    assert any(name.endswith(".ipynb") for name in packed)
    assert any(name.endswith("LICENSE") for name in names)
    assert any(name.endswith("NOTICE") for name in names)


def test_the_source_distribution_holds_the_checkout(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    left_out = {path.as_posix() for path in _project_files()} - packed
    assert {name for name in left_out if not name.startswith(".")} == set()


def test_the_bare_environment_is_bare(bare: Path) -> None:
    script = f"import importlib.util as u; print([m for m in {_MODULES!r} if u.find_spec(m)])"
    assert _run([str(bare), "-I", "-c", script]).strip() == "[]"


@pytest.mark.parametrize(
    "command",
    [["hw-anon", "version"], ["hw-anon", "doctor", "--json"], ["hw-anon", "boards"], ["hw-anon-host", "--help"]],
    ids=" ".join,
)
def test_commands_run_in_a_bare_environment(bare: Path, tmp_path: Path, command: list[str]) -> None:
    printed = _run([str(bare), "-I", "-c", _COMMAND, *command], cwd=tmp_path)
    assert printed.strip()
    if "doctor" in command:
        report = json.loads(printed)
        assert not any(report["ready"].values()), "nothing but the base is there"
        assert all(check["ok"] for check in report["checks"] if check["room"] == "base")


def test_the_golden_model_runs_in_a_bare_environment(bare: Path, tmp_path: Path) -> None:
    _run([str(bare), "-I", "-c", _GOLDEN], cwd=tmp_path)


def test_what_needs_more_says_so(bare: Path, tmp_path: Path) -> None:
    command = [str(bare), "-I", "-c", _COMMAND, "hw-anon", "simulate", "--faces", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert done.returncode == 4
    assert "hw-anon doctor" in done.stderr
    assert "Traceback" not in done.stderr
