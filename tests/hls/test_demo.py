"""The demonstration from end to end on the smallest camera: RTL, model, the driver, the page."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hw_anon.cli import main
from hw_anon.core.camera_directory import CameraDirectory
from tests.hls.test_camera_build import builds, camera

__all__ = ["builds", "camera"]

ROOT = Path(__file__).parents[2]
BOARD_PYTHON = ROOT / ".venv-board" / "bin" / "python"

pytestmark = [pytest.mark.slow, pytest.mark.finn, pytest.mark.sim]


def _pictures(directory: Path) -> Path:
    directory.mkdir()
    rng = np.random.default_rng(8)
    for number in range(4):
        Image.fromarray(rng.integers(0, 200, (48, 80, 3)).astype(np.uint8)).save(directory / f"{number}.png")
    return directory


@pytest.mark.parametrize("environment", ["board of models", "pynq"])
def test_frames_go_through_rtl_model_and_driver(
    environment: str, camera: CameraDirectory, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    python = BOARD_PYTHON
    if environment == "board of models":
        python = tmp_path / "python"
        python.write_text(f'#!/bin/sh\nexec {sys.executable} -m tests.hls.demo_board "$@"\n')
        python.chmod(0o755)
    elif not python.is_file():
        pytest.skip("missing: .venv-board (make .venv-board/.installed)")
    out, empty = tmp_path / "out", tmp_path / "no-results"
    arguments = [str(_pictures(tmp_path / "pictures")), "--camera", str(camera.directory), "--frames", "2"]
    arguments += ["--board-python", str(python), "--out", str(out), "--work", str(tmp_path / "work")]
    assert main(["demo", *arguments, "--results", str(empty), "--json"]) == 0, capfd.readouterr().err
    document = json.loads(capfd.readouterr().out)
    assert document["build_id"] == camera.build_id
    assert document["model_frames"] == 4 and document["model_differing_bytes"] == 0
    assert document["rtl_frames"] >= 3 and document["rtl_differing_bytes"] == 0
    assert document["registers_differ"] == "" and document["driver_recoveries"] == 0
    text = Path(document["page"]).read_text()
    assert "every comparison equal: 0 bytes differ" in text and "SHORT_LINE: black" in text
    assert {"anonymised.mp4", "report.html", "figures", "frames"} <= {path.name for path in out.iterdir()}
