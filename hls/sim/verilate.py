"""Builds a design into a shared library with Verilator; equal inputs are built once.

A build's identity is the hash of everything that can change its library: sources, files in the include directories,
ports, options, the harness, and the versions of Verilator and compiler. Memory files (`.dat`) are read when a simulator
starts and are no part of it. Two processes that want the same library take turns on a lock file; a library becomes
visible only when it is whole, and a visible one is checked against its recorded hash before it is used.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from hls.interface import DesignInterface
from hls.sim.ports import ports_header
from hls.sim.toolchain import Toolchain, find_toolchain, run_tool
from hw_anon.core.atomic import atomic_directory
from hw_anon.core.errors import ConfigError, ContractError, ToolError
from hw_anon.core.hashing import sha256_file

__all__ = [
    "LIBRARY_FILE",
    "Harness",
    "SimulatorBinary",
    "SimulatorOptions",
    "build_library",
    "build_simulator",
    "read_file_list",
    "simulator_key",
]

LIBRARY_FILE = "libsim.so"
"""Name of the shared library in its cache entry."""

_RECORD_FILE = "build.json"
_LOG_FILE = "build.log"
_HARNESS = Path(__file__).with_name("harness.cpp")
_MODEL_HEADER = Path(__file__).with_name("model.h")
_RUNTIME_HEADER = Path(__file__).with_name("runtime.h")
_RUNTIME_UNITS = ("verilated", "verilated_threads")
_TRACE_UNITS = ("verilated_vcd_c",)
_OPTIMISATIONS = ("-O0", "-O1", "-O2", "-O3", "-Os")

# Hidden symbols and no unique ones, so that several designs live in one process without sharing anything.
_CXX_FLAGS = ("-std=gnu++17", "-fPIC", "-fvisibility=hidden", "-fno-gnu-unique")

# Lint has its own target; here a warning must not stop a vendor's file. Delays of simulation-only code are ignored.
_VERILATOR_FLAGS = (
    *("--cc", "--prefix", "Vhwa", "--no-timing", "-O3", "--x-assign", "fast", "--x-initial", "fast"),
    *("-Wno-fatal", "-Wno-lint", "-Wno-style", "-Wno-STMTDLY", "-Wno-INITIALDLY", "-Wno-SHORTREAL"),
    *("-Werror-USERFATAL", "-Werror-USERERROR"),  # $fatal and $error at elaboration: bad parameters
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulatorOptions:
    """How a simulator is built."""

    trace: bool = False
    """Whether runs can write a waveform (VCD); slower even when none is written."""
    asserts: bool = False
    """Whether assertions (SVA, `assert`) are checked; `$error` and `$fatal` outside them always are."""
    optimisation: str = "-O1"
    """C++ optimisation of the model, one of -O0, -O1, -O2, -O3, -Os."""
    defines: tuple[str, ...] = ()
    """Preprocessor definitions, `NAME` or `NAME=VALUE`."""
    parameters: tuple[tuple[str, str], ...] = ()
    """Overrides of the top module's parameters, name and Verilog literal."""

    def __post_init__(self) -> None:
        """Refuses an unknown optimisation level.

        Raises:
            ConfigError: if `optimisation` is none of the listed ones.
        """
        if self.optimisation not in _OPTIMISATIONS:
            raise ConfigError(f"optimisation={self.optimisation!r} is none of {', '.join(_OPTIMISATIONS)}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Harness:
    """What drives the Verilated design inside the library."""

    top: str
    """Name of the top module."""
    source: Path
    """C++ source; it includes `model.h`, `Vhwa.h` and `ports.h`."""
    ports: str
    """Text of `ports.h`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulatorBinary:
    """A built simulator."""

    library: Path
    """Shared library, e.g. for `hls.sim.simulator.Simulator`."""
    verilate_s: float
    """Seconds Verilator took, 0 if the library came from the cache."""
    compile_s: float
    """Seconds the C++ compiler took, 0 if the library came from the cache."""
    cached: bool
    """Whether the library came from the cache."""


def build_simulator(
    sources: Sequence[Path],
    interface: DesignInterface,
    *,
    cache_dir: Path,
    options: SimulatorOptions | None = None,
    include_dirs: Sequence[Path] = (),
) -> SimulatorBinary:
    """Builds a design, or finds it built.

    Args:
        sources: Verilog and SystemVerilog files in compile order, packages first.
        interface: the design's ports.
        cache_dir: directory of the built libraries, made if missing; may be shared by processes.
        options: how to build; `None` for the defaults.
        include_dirs: directories searched by `` `include``.

    Raises:
        ToolError: if a tool is missing or refuses the design, or the cache cannot be written.
        ContractError: if a source is missing or the interface cannot be simulated.
    """
    harness = _stream_harness(interface)
    return build_library(sources, harness, cache_dir=cache_dir, options=options, include_dirs=include_dirs)


def build_library(
    sources: Sequence[Path],
    harness: Harness,
    *,
    cache_dir: Path,
    options: SimulatorOptions | None = None,
    include_dirs: Sequence[Path] = (),
) -> SimulatorBinary:
    """Builds a design with a harness of its own; arguments and errors as in `build_simulator`."""
    job = _Build(
        tuple(sources),
        harness,
        options or SimulatorOptions(),
        tuple(include_dirs),
        find_toolchain(),
        cache_dir.absolute(),
    )
    entry = job.cache_dir / job.key()
    try:
        with _locked(entry):
            if _is_whole(entry):
                return SimulatorBinary(library=entry / LIBRARY_FILE, verilate_s=0.0, compile_s=0.0, cached=True)
            return job.build_into(entry)
    except OSError as exc:
        raise ToolError(f"cannot build the simulator of {harness.top} in {cache_dir}: {exc}") from exc


def simulator_key(
    sources: Sequence[Path],
    interface: DesignInterface,
    *,
    options: SimulatorOptions | None = None,
    include_dirs: Sequence[Path] = (),
) -> str:
    """Returns a build's identity, the name of its entry in the cache; arguments and errors as in `build_simulator`."""
    options = options or SimulatorOptions()
    harness = _stream_harness(interface)
    return _Build(tuple(sources), harness, options, tuple(include_dirs), find_toolchain(), Path()).key()


def _stream_harness(interface: DesignInterface) -> Harness:
    return Harness(top=interface.top, source=_HARNESS, ports=ports_header(interface))


def read_file_list(path: Path) -> tuple[Path, ...]:
    """Reads a `files.f`: one source per line, relative to the list's directory, in compile order.

    Raises:
        ContractError: if the list or one of its sources is missing.
    """
    try:
        lines = path.read_text().splitlines()
    except OSError as exc:
        raise ContractError(f"{path} cannot be read ({exc}); build again") from exc
    sources = tuple(path.parent / line.strip() for line in lines if line.strip() and not line.startswith(("//", "#")))
    missing = [str(source) for source in sources if not source.is_file()]
    if missing:
        raise ContractError(f"{path} names files that do not exist: {', '.join(missing)}; build again")
    return sources


@dataclass(frozen=True, slots=True)
class _Build:
    """One build: what goes in and what to do with it."""

    sources: tuple[Path, ...]
    harness: Harness
    options: SimulatorOptions
    include_dirs: tuple[Path, ...]
    tools: Toolchain
    cache_dir: Path

    def key(self) -> str:
        """Returns the hash of everything that can change the library, as 32 hex digits."""
        digest = hashlib.sha256()
        facts = [self.harness.ports, asdict(self.options), self.tools.identity, _VERILATOR_FLAGS, _CXX_FLAGS]
        digest.update(json.dumps(facts).encode())
        for path in (self.harness.source, _MODEL_HEADER, _RUNTIME_HEADER, *self.sources, *self._included_files()):
            if not path.is_file():
                raise ContractError(f"source {path} does not exist")
            digest.update(f"{path.name} {sha256_file(path)}\n".encode())
        return digest.hexdigest()[:32]

    def build_into(self, entry: Path) -> SimulatorBinary:
        """Builds in a temporary directory and publishes the result as `entry`."""
        runtime = self._runtime_objects()
        with tempfile.TemporaryDirectory(prefix="hwa-sim-") as name:
            work = Path(name)
            started = time.perf_counter()
            log = self.tools.verilate(self._verilator_arguments(work), cwd=work)
            verilated = time.perf_counter()
            log += self._compile(work, runtime)
            times = {"verilate_s": verilated - started, "compile_s": time.perf_counter() - verilated}
            self._publish(work / LIBRARY_FILE, entry, log, times)
        return SimulatorBinary(library=entry / LIBRARY_FILE, cached=False, **times)

    def _included_files(self) -> Iterator[Path]:
        for directory in self.include_dirs:
            yield from sorted(path for path in directory.iterdir() if path.is_file())

    def _verilator_arguments(self, work: Path) -> list[str]:
        return [
            *_VERILATOR_FLAGS,
            *(["--trace-vcd"] if self.options.trace else []),
            "--assert" if self.options.asserts else "--no-assert",
            "--top-module",
            self.harness.top,
            *(f"-D{define}" for define in self.options.defines),
            *(f"-G{name}={value}" for name, value in self.options.parameters),
            *(f"+incdir+{directory.absolute()}" for directory in self.include_dirs),
            "-CFLAGS",
            " ".join(_CXX_FLAGS),
            "-Mdir",
            str(work),
            *(str(source.absolute()) for source in self.sources),
        ]

    def _compile(self, work: Path, runtime: Path) -> str:
        """Compiles the model and the harness, links the library and returns the logs."""
        jobs = len(os.sched_getaffinity(0))
        optimisation = [f"OPT_FAST={self.options.optimisation}", "OPT_SLOW=-O0"]
        command = [self.tools.make, "-s", f"-j{jobs}", "-f", "Vhwa.mk", *self.tools.make_variables(), *optimisation]
        log = run_tool([*command, "Vhwa__ALL.a"], cwd=work, what="the C++ compiler failed on the Verilated model")
        (work / "ports.h").write_text(self.harness.ports)
        include = ["-I.", f"-I{_MODEL_HEADER.parent}"]
        harness = [*self._cxx_command(), "-O2", *include, "-c", str(self.harness.source), "-o", "harness.o"]
        log += run_tool(harness, cwd=work, what="the C++ compiler failed on the simulation harness")
        objects = [str(path) for path in sorted(runtime.glob("*.o"))]
        link = [self.tools.cxx, "-shared", "-Wl,-Bsymbolic", "-Wl,-z,defs", "-o", LIBRARY_FILE, "harness.o"]
        link += ["Vhwa__ALL.a", *objects, "-pthread"]
        return log + run_tool(link, cwd=work, what="the simulator library does not link")

    def _cxx_command(self) -> list[str]:
        include = self.tools.verilator_root / "include"
        return [
            *(self.tools.cxx, *_CXX_FLAGS),
            *(f"-I{include}", f"-I{include / 'vltstd'}"),
            *("-DVERILATOR=1", "-DVM_COVERAGE=0", "-DVM_SC=0", "-DVM_TIMING=0"),
            *(f"-DVM_TRACE={int(self.options.trace)}", f"-DVM_TRACE_VCD={int(self.options.trace)}"),
            *("-DVM_TRACE_FST=0", "-DVM_TRACE_SAIF=0"),
        ]

    def _runtime_objects(self) -> Path:
        """Returns the directory of Verilator's run-time library, compiled once per tool versions and trace option."""
        hooks = [f"-DVL_USER_{name}" for name in ("STOP", "FATAL", "FINISH", "WARN")]
        command = [*self._cxx_command(), *hooks, "-O2", "-include", str(_RUNTIME_HEADER), "-c"]
        units = [*_RUNTIME_UNITS, *(_TRACE_UNITS if self.options.trace else ())]
        facts = [command[1:], units, self.tools.identity, sha256_file(_RUNTIME_HEADER)]
        entry = self.cache_dir / f"runtime-{hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]}"
        with _locked(entry):
            if not entry.is_dir():
                with atomic_directory(entry) as objects:
                    for unit in units:
                        source = self.tools.verilator_root / "include" / f"{unit}.cpp"
                        run_tool(
                            [*command, str(source), "-o", str(objects / f"{unit}.o")],
                            cwd=objects,
                            what="the C++ compiler failed on Verilator's run-time library",
                        )
        return entry

    def _publish(self, library: Path, entry: Path, log: str, times: dict[str, float]) -> None:
        record = {
            "top": self.harness.top,
            "sha256": sha256_file(library),
            "tools": list(self.tools.identity),
            "options": asdict(self.options),
            "sources": [source.name for source in self.sources],
            **times,
        }
        with atomic_directory(entry) as directory:
            shutil.copy2(library, directory / LIBRARY_FILE)
            (directory / _LOG_FILE).write_text(log)
            (directory / _RECORD_FILE).write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")


def _is_whole(entry: Path) -> bool:
    """Whether a cache entry holds the library that its record describes."""
    try:
        record = json.loads((entry / _RECORD_FILE).read_text())
        return bool(record["sha256"] == sha256_file(entry / LIBRARY_FILE))
    except (OSError, ValueError, KeyError, TypeError):
        return False


@contextmanager
def _locked(entry: Path) -> Iterator[None]:
    """Holds the lock beside a cache entry; the system frees it when its holder dies."""
    entry.parent.mkdir(parents=True, exist_ok=True)
    with entry.with_name(f".{entry.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
