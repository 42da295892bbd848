"""Puts several stitched designs into one directory, as the sources of one simulation or one chip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hls.interface import FILE_LIST, INTERFACE_FILE
from hls.stitch.sources import defines_package, module_names
from hw_anon.core.atomic import atomic_directory
from hw_anon.core.errors import ContractError

__all__ = ["merge_designs"]

_SOURCES = (".v", ".sv")


def merge_designs(designs: Sequence[Path], directory: Path) -> tuple[Path, ...]:
    """Copies stitched designs into one directory with one file list; what they share is there once.

    Args:
        designs: directories made by `stitch`, each with a prefix of its own (all but one at least).
        directory: made anew.

    Returns:
        The HDL files in compile order: packages first, then each design's own.

    Raises:
        ContractError: if two designs have different files of one name, or define a module in different files.
    """
    contents: dict[str, bytes] = {}
    owners: dict[str, str] = {}
    order: list[str] = []
    for design in designs:
        listed = (design / FILE_LIST).read_text().split()
        memories = sorted(path.name for path in design.iterdir() if path.suffix not in _SOURCES)
        for name in (*listed, *(name for name in memories if name not in (FILE_LIST, INTERFACE_FILE))):
            data = (design / name).read_bytes()
            if contents.setdefault(name, data) != data:
                raise ContractError(f"two designs have different files called {name}; stitch one with a prefix")
        for name in listed:
            for module in module_names(contents[name]):
                if owners.setdefault(module, name) != name:
                    raise ContractError(f"{owners[module]} and {name} both define {module}; stitch one with a prefix")
        order += [name for name in listed if name not in order]
    order.sort(key=lambda name: not defines_package(contents[name]))
    with atomic_directory(directory) as partial:
        for name, data in contents.items():
            (partial / name).write_bytes(data)
        (partial / FILE_LIST).write_text("".join(f"{name}\n" for name in order))
    return tuple(directory / name for name in order)
