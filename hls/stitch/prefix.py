"""Gives everything that is generated for one design a prefix, so that several designs can be in one top.

FINN names modules after nodes, and every network has a `conv0_mvu`. Generated modules, their files and their memory
files get the prefix; what comes from FINN's library or from `hls/rtl` is the same for all designs and keeps its name.
Instances keep theirs too: a top's text differs in the modules it names, nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hls.stitch.nodes import NodeHardware, SourceFile
from hls.stitch.patches import TextEdit
from hls.stitch.sources import module_names

__all__ = ["with_prefix"]

_MEMORY = '"./'  # how generated code begins the name of a memory file


def with_prefix(parts: Sequence[NodeHardware], prefix: str) -> list[NodeHardware]:
    """Returns the nodes with the prefix on all generated modules, their instantiations, files and memory files.

    Args:
        parts: all nodes of one design.
        prefix: start of a Verilog identifier; empty changes nothing.
    """
    if not prefix:
        return list(parts)
    generated = [source for part in parts for source in part.sources if not source.library]
    modules = {name for source in generated for name in module_names(source.origin.read_bytes())}
    renames = tuple((name, prefix + name) for name in sorted(modules))
    return [
        replace(
            part,
            instances=[
                replace(instance, module=prefix + instance.module) if instance.module in modules else instance
                for instance in part.instances
            ],
            sources=[source if source.library else _renamed(source, prefix, renames) for source in part.sources],
            memories=[replace(memory, name=prefix + memory.name) for memory in part.memories],
        )
        for part in parts
    ]


def _renamed(source: SourceFile, prefix: str, renames: tuple[tuple[str, str], ...]) -> SourceFile:
    edits = tuple(
        TextEdit(old=edit.old, new=edit.new.replace(_MEMORY, _MEMORY + prefix), count=edit.count)
        for edit in source.edits
    )
    return replace(source, name=prefix + source.name, edits=edits, renames=renames)
