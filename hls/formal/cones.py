"""Which outputs an input, or a register, can reach at all: a proof for ever that needs no search.

The module as it is, without stand-ins, is taken apart into single-bit gates, registers and memories; what no path of
them joins cannot depend on each other, whatever the state. A memory counts as a path from what is written to what is
read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from hls.formal.engine import Outcome, YosysRun, run_yosys, write_sources

__all__ = ["check_cone", "reached_outputs"]

_FLOW = """\
read_slang -j 1 -D SYNTHESIS --top {top} {parameters} {files}
hierarchy -check -top {top}
flatten
proc
opt
memory -nomap
techmap
simplemap
splitnets -ports -format __
opt_clean -purge
select -set cone {source} %co*
tee -o reached.txt select -list @cone o:* %i
"""
_BIT = re.compile(r"_+\d+_+$")


def reached_outputs(
    sources: Mapping[str, str], top: str, directory: Path, *, source: str, parameters: Mapping[str, int],
    limit_s: float,
) -> tuple[set[str], YosysRun]:  # fmt: skip
    """Returns the output ports of `top` that `source` can reach, none if the limit came first, and the run.

    Args:
        sources: text by file name, packages named `*_pkg.sv`.
        top: the module.
        directory: working directory, made if absent.
        source: Yosys' selection of what is followed: `i:name*` an input port, `w:instance.name*` a register inside.
        parameters: of the module.
        limit_s: CPU seconds for the search, without Yosys' own.

    Raises:
        ToolError: if Yosys is missing or fails.
    """
    files = write_sources(sources, directory)
    settings = " ".join(f"-G {name}={value}" for name, value in parameters.items())
    flow = _FLOW.format(top=top, parameters=settings, files=" ".join(files), source=source)
    (directory / "flow.ys").write_text(flow)
    reached = directory / "reached.txt"
    reached.unlink(missing_ok=True)
    run = run_yosys(directory, limit_s, result=reached)
    if not run.finished:
        return set(), run
    return {_BIT.sub("", line.partition("/")[2]) for line in reached.read_text().splitlines()}, run


def check_cone(
    sources: Mapping[str, str], top: str, directory: Path, *, source: str, allowed: frozenset[str],
    parameters: Mapping[str, int], limit_s: float,
) -> Outcome:  # fmt: skip
    """Checks that `source` reaches exactly the `allowed` outputs: fewer would mean that the check sees no path.

    Raises:
        ToolError: if Yosys is missing or fails.
    """
    reached, run = reached_outputs(sources, top, directory, source=source, parameters=parameters, limit_s=limit_s)
    if not run.finished:
        return Outcome(verdict="open", depth=0, seconds=run.seconds)
    return Outcome(verdict="proven" if reached == allowed else "refuted", depth=0, seconds=run.seconds)
