"""`hw-anon bench`: one file, one table, and a reason for what could not be measured."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from hw_anon.cli import bench_suite, main
from hw_anon.cli.bench_suite import Bench, Line, Measured
from hw_anon.cli.board_process import find_board_python
from hw_anon.core.errors import ConfigError

CapFd = pytest.CaptureFixture[str]


@pytest.fixture
def entries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two benchmarks: one that measures, one that finds nothing to measure."""
    line = Line(what="things, 1/s", value=1200.0, peer="others", peer_value=300.0, ratio=4.0)
    made = {
        "fast": lambda bench: Measured(figures={"net": bench.net, "speed": 1200.0}, lines=(line,)),
        "absent": lambda bench: Measured(figures={}, missing="no tool: install it"),
    }
    monkeypatch.setattr(bench_suite, "ENTRIES", made)


@pytest.mark.usefixtures("entries")
def test_one_table_and_one_file(tmp_path: Path, capfd: CapFd) -> None:
    out = tmp_path / "bench.json"
    assert main(["bench", "--net", "modifier-xs", "--out", str(out)]) == 0
    printed = capfd.readouterr()
    assert "1,200.0" in printed.out + printed.err
    assert "4 ×" in printed.out + printed.err
    assert "not measured: absent: no tool: install it" in printed.out + printed.err
    assert json.loads(out.read_text()) == {
        "net": "modifier-xs",
        "fast": {"net": "modifier-xs", "speed": 1200.0},
        "missing": {"absent": "no tool: install it"},
    }


@pytest.mark.usefixtures("entries")
def test_json_is_the_file(tmp_path: Path, capfd: CapFd) -> None:
    out = tmp_path / "bench.json"
    assert main(["bench", "--only", "fast", "--out", str(out), "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document == json.loads(out.read_text())
    assert document["missing"] == {}


@pytest.mark.usefixtures("entries")
def test_an_unknown_benchmark_is_refused(tmp_path: Path, capfd: CapFd) -> None:
    assert main(["bench", "--only", "fats", "--out", str(tmp_path / "bench.json")]) == ConfigError.exit_code
    assert "fast" in capfd.readouterr().err


def _bench(tmp_path: Path, board_python: Path | None) -> Bench:
    workspace = bench_suite.Workspace(tmp_path)
    return Bench(net="modifier-xs", workspace=workspace, cameras=(), detector=None, board_python=board_python)


def test_the_driver_is_measured_by_its_own_benchmark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_suite, "_DRIVER_FRAMES", 20)
    measured = bench_suite.ENTRIES["driver"](_bench(tmp_path, Path(sys.executable)))
    assert measured.figures["frames"] == 20
    assert measured.figures["copies"] == 0
    assert measured.lines[0].value == measured.figures["overhead_ms"] > 0


def test_what_is_not_here_is_named(tmp_path: Path) -> None:
    assert find_board_python(tmp_path / "none") is None
    assert find_board_python(Path(sys.executable)) == Path(sys.executable)
    setup = _bench(tmp_path, None)
    assert "make test-board" in bench_suite.ENTRIES["driver"](setup).missing
    assert "export-detector" in bench_suite.ENTRIES["detector"](setup).missing
