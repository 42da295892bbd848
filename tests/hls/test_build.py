"""Builds: what a finished one holds, that damage is noticed, and that a failed one leaves the earlier one as it was."""

from __future__ import annotations

import errno
import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hls.flow.config import BuildConfig
from hls.flow.finished import GRAPH_FILE, LIBRARY_FILE, MODEL_DIR, RTL_DIR, TWIN_FILE, load_build
from hls.report import RECORD_FILE
from hw_anon.core.contract import CONTRACT_FILE, MODEL_FILE
from hw_anon.core.errors import ConfigError, ContractError, ToolError
from hw_anon.core.hashing import sha256_file
from hw_anon.core.manifest import MANIFEST_FILE, Manifest

if TYPE_CHECKING:
    from hls.flow.finished import FinishedBuild
    from hw_anon.cli.workspace import Workspace

pytestmark = [pytest.mark.finn, pytest.mark.sim]

NET = "modifier-xs"
REPORT_KEYS = {
    "board", "clock_mhz", "interval_cycles_rtl", "interval_cycles_ideal", "faces_per_s", "dsp", "lut", "bram18",
    "macs_per_inference", "dsp_efficiency", "fifo_sizing_s", "build_s", "simulated_kcycles_per_s",
}  # fmt: skip


def _contents(directory: Path) -> dict[str, str]:
    """Returns the SHA-256 of every file, by path."""
    files = [path for path in directory.rglob("*") if path.is_file()]
    return {path.relative_to(directory).as_posix(): sha256_file(path) for path in files}


@pytest.fixture
def workspace(xs_workspace: Workspace, tmp_path: Path) -> Workspace:
    """A copy of the session's workspace, with its build, that a test may damage."""
    from hw_anon.cli.workspace import Workspace

    shutil.copytree(xs_workspace.root, tmp_path / "work")
    return Workspace(tmp_path / "work")


def test_a_finished_build_is_complete_and_as_fast_as_its_slowest_layer(
    xs_build: FinishedBuild, xs_config: BuildConfig
) -> None:
    files = {path.relative_to(xs_build.directory).as_posix() for path in xs_build.directory.rglob("*")}
    needed = {GRAPH_FILE, TWIN_FILE, LIBRARY_FILE, RECORD_FILE, MANIFEST_FILE, "index.html"}
    needed |= {f"{MODEL_DIR}/{MODEL_FILE}", f"{MODEL_DIR}/{CONTRACT_FILE}"}
    needed |= {f"{RTL_DIR}/{name}" for name in ("modifier.v", "files.f", "interface.json")}
    assert needed <= files
    assert any(name.startswith(f"{RTL_DIR}/") and name.endswith(".dat") for name in files)
    report = xs_build.report
    assert report.keys() >= REPORT_KEYS
    assert report["board"] == "pynq-z2"
    assert report["macs_per_inference"] == xs_build.contract.macs_per_inference == 3_686_400
    assert report["interval_cycles_ideal"] <= xs_config.target_interval_cycles
    assert report["interval_cycles_ideal"] <= report["interval_cycles_rtl"] <= 1.02 * report["interval_cycles_ideal"]
    assert report["faces_per_s"] == pytest.approx(1e8 / report["interval_cycles_rtl"], rel=1e-4)
    assert 0 < report["dsp_efficiency"] <= 1
    assert all(report[key] > 0 for key in ("dsp", "lut", "bram18", "build_s", "simulated_kcycles_per_s"))
    assert 0 < report["fifo_sizing_s"] < report["build_s"]
    assert [link["differing_bytes"] for link in report["links"]] == [0, 0, 0, 0]
    assert [link.get("note", "")[:6] for link in report["links"]] == ["during", "full r", "random", "choked"]
    assert xs_build.manifest.config == xs_config.as_json()
    assert xs_build.manifest.metrics["interval_cycles_rtl"] == report["interval_cycles_rtl"]
    assert report["design_id"] == xs_build.manifest.design_id


def test_nothing_in_a_build_names_this_machine(
    xs_build: FinishedBuild, tmp_path_factory: pytest.TempPathFactory
) -> None:
    base = str(tmp_path_factory.getbasetemp().parent).encode()
    text = [path for path in xs_build.directory.rglob("*") if path.is_file() and path.name != "libsim.so"]
    assert [path.name for path in text if base in path.read_bytes()] == []


@pytest.mark.parametrize(
    "pattern", [f"{RTL_DIR}/conv3_mvu*.dat", f"{RTL_DIR}/modifier.v", LIBRARY_FILE, RECORD_FILE, TWIN_FILE, GRAPH_FILE]
)
def test_one_changed_byte_is_noticed(pattern: str, xs_build: FinishedBuild, tmp_path: Path) -> None:
    copy = tmp_path / "build"
    shutil.copytree(xs_build.directory, copy)
    assert load_build(copy).report == xs_build.report, "a build can be moved"
    path = next(copy.glob(pattern))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ContractError, match=rf"changed: {path.relative_to(copy)}; build it again"):
        load_build(copy)


def test_a_missing_file_is_noticed(xs_build: FinishedBuild, tmp_path: Path) -> None:
    copy = tmp_path / "build"
    shutil.copytree(xs_build.directory, copy)
    (copy / TWIN_FILE).unlink()
    with pytest.raises(ContractError, match=f"missing: {TWIN_FILE}"):
        load_build(copy)
    (copy / MANIFEST_FILE).unlink()
    with pytest.raises(ContractError, match="not a finished build"):
        load_build(copy)


def _raising(error: BaseException) -> Callable[..., Any]:
    def fail(*args: object, **kwargs: object) -> None:
        raise error

    return fail


DISK_FULL = OSError(errno.ENOSPC, "No space left on device", "somewhere")


@pytest.mark.usefixtures("recorded_stages")
@pytest.mark.parametrize(
    ("where", "error"),
    [
        ("hls.flow.build.fold", KeyboardInterrupt()),
        ("hls.stitch.design.SourceSet.write", DISK_FULL),
        ("hls.flow.build.build_simulator", KeyboardInterrupt()),
        ("hw_anon.core.manifest.write_text_atomically", DISK_FULL),
    ],
    ids=["interrupt in folding", "full disk in stitching", "interrupt in compiling", "full disk at the manifest"],
)
def test_a_build_that_ends_early_leaves_the_earlier_one(
    where: str, error: BaseException, workspace: Workspace, xs_config: BuildConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = workspace.build_dir(NET, xs_config)
    before = _contents(directory)
    monkeypatch.setattr(where, _raising(error))
    with pytest.raises(type(error)) as caught:
        workspace.built(NET, xs_config, force=True)
    assert caught.value is error
    assert _contents(directory) == before
    assert [path.name for path in directory.parent.iterdir()] == [directory.name], "nothing half-written is left"
    assert [path.name for path in workspace.finn.glob("build-*")] == [], "no scratch is left either"
    load_build(directory)


@pytest.mark.usefixtures("recorded_stages")
def test_a_first_build_that_ends_early_is_no_build(
    workspace: Workspace, xs_config: BuildConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = workspace.build_dir(NET, xs_config)
    shutil.rmtree(directory)
    monkeypatch.setattr("hls.flow.build.build_simulator", _raising(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        workspace.built(NET, xs_config)
    assert list(directory.parent.iterdir()) == []


@pytest.mark.usefixtures("recorded_stages")
def test_rtl_that_differs_from_the_twin_is_no_build(
    workspace: Workspace, xs_config: BuildConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hls.flow import prove as module

    honest, directory = module.prove, workspace.build_dir(NET, xs_config)

    def tampered(*args: Any, data_dir: Path, **kwargs: Any) -> Any:
        path = data_dir / "conv7_thr_threshs_0_0.dat"
        path.write_text("0" * len(path.read_text().splitlines()[0]) + "\n" + path.read_text().split("\n", 1)[1])
        return honest(*args, data_dir=data_dir, **kwargs)

    before = _contents(directory)
    monkeypatch.setattr("hls.flow.build.prove", tampered)
    with pytest.raises(ContractError, match=r"the RTL differs from the twin in \d+ bytes \(full rate\)"):
        workspace.built(NET, xs_config, force=True)
    assert _contents(directory) == before


@pytest.mark.usefixtures("recorded_stages")
def test_a_rate_out_of_reach_is_refused_with_numbers(workspace: Workspace) -> None:
    with pytest.raises(ConfigError, match=r"\d+ cycles per image.*\d+ cycles"):
        workspace.built(NET, BuildConfig(faces_per_s=900_000.0))


@pytest.mark.usefixtures("recorded_stages")
@pytest.mark.parametrize("tool", ["verilator", "g++"])
def test_a_missing_tool_is_named(
    tool: str, workspace: Workspace, xs_config: BuildConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_spec, which = importlib.util.find_spec, shutil.which
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == tool else find_spec(name, *a))
    monkeypatch.setattr(shutil, "which", lambda name, *a, **k: None if name == tool else which(name, *a, **k))
    with pytest.raises(ToolError, match=f"(?i){tool.replace('+', '.')}.* is not .*install"):
        workspace.built(NET, xs_config, force=True)
    load_build(workspace.build_dir(NET, xs_config))


def test_an_intact_build_is_reused(workspace: Workspace, xs_config: BuildConfig, xs_build: FinishedBuild) -> None:
    stages: list[str] = []
    finished = workspace.built(NET, xs_config, on_stage=stages.append)
    assert stages == []
    assert finished.manifest == xs_build.manifest


@pytest.mark.parametrize("change", ["damaged", "other configuration", "other sources"])
def test_anything_else_is_built(
    change: str, workspace: Workspace, xs_config: BuildConfig, monkeypatch: pytest.MonkeyPatch, offline: None
) -> None:
    config = xs_config
    if change == "damaged":
        (workspace.build_dir(NET, config) / RECORD_FILE).write_text("{}")
    elif change == "other configuration":
        config = BuildConfig(faces_per_s=xs_config.faces_per_s, window_fifo_cap=16)
    else:
        monkeypatch.setattr("hls.flow.identity.sha256_files", lambda paths, root: "0" * 64)
    monkeypatch.setattr("hls.flow.build.build", _raising(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        workspace.built(NET, config)


def test_a_forced_build_runs_every_stage_and_gives_the_same_bytes(
    workspace: Workspace, xs_config: BuildConfig, xs_build: FinishedBuild, offline: None
) -> None:
    """The simulators come out of the cache: their RTL is the same to the byte."""
    cached = sorted(path.name for path in workspace.simulators.iterdir())
    stages: list[str] = []
    again = workspace.built(NET, xs_config, on_stage=stages.append, force=True)
    assert {"streamline", "fold", "generate and stitch RTL"} <= set(stages)
    assert sorted(path.name for path in workspace.simulators.iterdir()) == cached
    first, second = _contents(xs_build.directory), _contents(again.directory)
    timed = {RECORD_FILE, MANIFEST_FILE, "index.html"}
    assert {name for name in first if first[name] != second.get(name)} - timed == set()
    assert first.keys() == second.keys()
    assert again.manifest.design_id == xs_build.manifest.design_id
    assert Manifest.load(again.directory).config == xs_build.manifest.config


def test_the_saved_graph_gives_the_same_rtl(
    xs_build: FinishedBuild, xs_config: BuildConfig, tmp_path: Path, xs_workspace: Workspace
) -> None:
    from hls.flow.boot import boot
    from hls.stitch import stitch
    from hls.stitch.codegen import generate_hdl

    boot(xs_workspace.finn)
    from qonnx.core.modelwrapper import ModelWrapper

    model = ModelWrapper(str(xs_build.directory / GRAPH_FILE))
    for run in ("a", "b"):
        hdl = generate_hdl(
            model, xs_config.target.part, clk_period_ns=xs_config.clk_period_ns, work_dir=tmp_path / f"{run}-hdl"
        )
        stitch(hdl, tmp_path / run, top="modifier")
    assert _contents(tmp_path / "a") == _contents(tmp_path / "b") == _contents(xs_build.rtl_dir)
