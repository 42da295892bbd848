"""The few textual patches FINN's RTL library needs before open-source front ends take it.

FINN's RTL is written for the vendor's tools. Verilator 5.048 rejects two of its files, Yosys' slang front end five
more. The patches below change no logic; each is bound to the SHA-256 of the file it was made for, so that a newer
FINN is refused instead of being patched blindly. The patched file keeps its licence and gains a notice.
"""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass

from hw_anon.core.errors import ToolError
from hw_anon.core.hashing import sha256_bytes

__all__ = ["FINN_VERSION", "PATCHES", "SourcePatch", "TextEdit", "patch_source"]

FINN_VERSION = "1.6.1"
"""Release of `finn-plus` that the patches, the flow and the fast models were checked against."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TextEdit:
    """One exact replacement."""

    old: str
    """Text that must occur exactly `count` times."""
    new: str
    """Text that takes its place."""
    count: int = 1
    """Occurrences."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SourcePatch:
    """The edits of one library file."""

    sha256: str
    """SHA-256 of FINN's original."""
    reason: str
    """What was changed and for whom; goes into the patched file's notice."""
    edits: tuple[TextEdit, ...]
    """The edits, applied in order."""


_NETTYPE = (TextEdit(old="`default_nettype none\n", new="\n"), TextEdit(old="`default_nettype wire\n", new="\n"))
_NETTYPE_REASON = "`default_nettype removed from the module body (slang)"
_RAM_STYLE_REASON = "ram_style attribute in lower case (Yosys knows no other)"


def _lower_ram_style(value: str, *, prefix: str = "(* ") -> TextEdit:
    return TextEdit(old=f"{prefix}RAM_STYLE = {value} *)", new=f"{prefix}ram_style = {value} *)")


_LEAF_LOADS = """\
		typedef int unsigned  leaf_load_t[2*N-1];
		function leaf_load_t init_leaf_loads();
			automatic leaf_load_t  res;
			for(int unsigned  i = 2*N-1; i-- > N-1;)  res[i] = 1;
			for(int unsigned  i =   N-1; i-- >   0;)  res[i] = res[2*i+1] + res[2*i+2];
			return  res;
		endfunction : init_leaf_loads
		localparam leaf_load_t   LEAF_LOAD = init_leaf_loads();
"""
_SUM0 = "	uwire [SUM_WIDTH-1:0]  sum0;\n"

PATCHES: dict[str, SourcePatch] = {
    "add_multi.sv": SourcePatch(
        sha256="245c88f80677355afd487f9cb69d71b85c4873eceae5bb828b1dcac43ca71f94",
        reason="constant function moved out of the generate block (Verilator, slang)",
        edits=(TextEdit(old=_LEAF_LOADS, new=""), TextEdit(old=_SUM0, new=_LEAF_LOADS.replace("\t\t", "\t") + _SUM0)),
    ),
    "fifo.sv": SourcePatch(
        sha256="88ad786a5885c7994c7e2d26e1ef2ffdf688310e941feaa0651332da49ec58c4",
        reason=f"struct packed (Verilator); {_NETTYPE_REASON}; {_RAM_STYLE_REASON}",
        edits=(
            TextEdit(old="	typedef struct {\n", new="	typedef struct packed {\n"),
            *_NETTYPE,
            _lower_ram_style('"distributed"'),
            _lower_ram_style("RAM_STYLE_EFF"),
            _lower_ram_style("RAM_STYLE_HI"),
        ),
    ),
    "memstream.sv": SourcePatch(
        sha256="dca7be8a6315d0fd0f0af10970af320c0d01f8739404a75ffd66c431c6dc441f",
        reason=_RAM_STYLE_REASON,
        edits=(_lower_ram_style("RAM_STYLE"),),
    ),
    "mvu.sv": SourcePatch(
        sha256="4c6c11482fe3e8b569b6249469a302f9cb9bf89978d007ff1d0153511762b068",
        reason="start-up watchdog with a delay statement kept from synthesis (slang)",
        edits=(
            TextEdit(
                old="	if(1) begin : blkRecoveryWatch\n",
                new="`ifndef SYNTHESIS\n	if(1) begin : blkRecoveryWatch\n",
            ),
            TextEdit(old="	end : blkRecoveryWatch\n", new="	end : blkRecoveryWatch\n`endif\n"),
        ),
    ),
    "thresholding.sv": SourcePatch(
        sha256="706ca3232e5daab15374b9645f4a3696bd39787e6578f2905aa697f059f57772",
        reason=f"part select that is reversed at stage 0 written as a shift (slang); {_RAM_STYLE_REASON}",
        edits=(
            TextEdit(old="p.ptr[M-1:SN+1] < 2**stage", new="(p.ptr[M-1:0] >> (SN+1)) < 2**stage"),
            _lower_ram_style("RAM_STYLE"),
            _lower_ram_style("RAM_STYLE", prefix='(* DONT_TOUCH = USE_CONFIG? "TRUE" : "FALSE", '),
        ),
    ),
    "vpc.sv": SourcePatch(
        sha256="b0b2b20405d897212723e77067d7507778d8be0ecbe29836259e3b95daef626b",
        reason=_NETTYPE_REASON,
        edits=_NETTYPE,
    ),
}


def patch_source(name: str, data: bytes) -> bytes:
    """Returns a library file's content, patched if `PATCHES` lists it.

    Args:
        name: file name without directory.
        data: FINN's original.

    Raises:
        ToolError: if the original is not the one the patch was made for.
    """
    patch = PATCHES.get(name)
    if patch is None:
        return data
    if (actual := sha256_bytes(data)) != patch.sha256:
        raise ToolError(
            f"FINN's {name} has SHA-256 {actual[:12]}…, the patch for it was made for {patch.sha256[:12]}… of "
            f"finn-plus {FINN_VERSION} (installed: {_installed_version()}); install that release or renew the patch in "
            "hls/stitch/patches.py"
        )
    text = data.decode()
    for edit in patch.edits:
        found = text.count(edit.old)
        assert found == edit.count, f"{name}: {edit.old!r} occurs {found} times"
        text = text.replace(edit.old, edit.new)
    notice = f"// Modified by hw-anon from finn-plus {FINN_VERSION}: {patch.reason}.\n"
    return (notice + text).encode()


def _installed_version() -> str:
    try:
        return importlib.metadata.version("finn-plus")
    except importlib.metadata.PackageNotFoundError:
        return "none"
