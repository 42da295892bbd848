"""Collects the HDL and memory files of a design into one flat, self-contained directory."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from hls.stitch.nodes import SourceFile
from hls.stitch.patches import patch_source
from hw_anon.core.errors import ContractError

__all__ = ["SourceSet", "defines_package", "module_names"]

_MODULE = re.compile(r"^\s*(?:module|package|interface)\s+(?:automatic\s+|static\s+)?(\w+)", re.MULTILINE)
_PACKAGE = re.compile(r"^\s*package\s+\w+", re.MULTILINE)
_IDENTIFIER = re.compile(r"(?<![\w.`$])[A-Za-z_]\w*")  # no port of an instance, macro or system task
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


def module_names(data: bytes) -> list[str]:
    """Returns the modules, packages and interfaces that a source defines."""
    return _MODULE.findall(_code(data))


def defines_package(data: bytes) -> bool:
    """Whether a source defines a package."""
    return _PACKAGE.search(_code(data)) is not None


class SourceSet:
    """The files of one design, by flat name, with the conflicts that a flat name space can bring checked."""

    def __init__(self) -> None:
        self._sources: dict[str, bytes] = {}
        self._memories: dict[str, bytes] = {}
        self._modules: dict[str, str] = {}

    def add(self, sources: Iterable[SourceFile], memories: Iterable[SourceFile] = ()) -> None:
        """Adds HDL files and memory files.

        Raises:
            ContractError: if two different files share a name, two files define one module, or a reference that
                should be rewritten is not in the file.
            ToolError: if a library file that needs a patch is not the one the patch was made for.
        """
        for source in sources:
            self._put(self._sources, source.name, _content(source))
        for memory in memories:
            self._put(self._memories, memory.name, memory.origin.read_bytes())

    def add_text(self, name: str, text: str) -> None:
        """Adds a generated HDL file."""
        self._put(self._sources, name, text.encode())

    def write(self, directory: Path) -> tuple[Path, ...]:
        """Writes all files into `directory`.

        Returns:
            The HDL files in compile order: packages first, then in the order they were added.
        """
        for name, data in [*self._sources.items(), *self._memories.items()]:
            (directory / name).write_bytes(data)
        order = sorted(self._sources, key=lambda name: not defines_package(self._sources[name]))
        return tuple(directory / name for name in order)

    def _put(self, table: dict[str, bytes], name: str, data: bytes) -> None:
        if name in table:
            if table[name] != data:
                raise ContractError(f"two different files are called {name}; rename the node that generates it")
            return
        if table is self._sources:
            for module in module_names(data):
                if module in self._modules:
                    raise ContractError(
                        f"{name} and {self._modules[module]} both define module {module}; rename the node of that name"
                    )
                self._modules[module] = name
        table[name] = data


def _content(source: SourceFile) -> bytes:
    """Returns a source's content with its references rewritten, or patched if it is a library file."""
    data = source.origin.read_bytes()
    if source.library:
        return patch_source(source.name, data)
    text = data.decode()
    for edit in source.edits:
        if text.count(edit.old) != edit.count:
            raise ContractError(
                f"{source.name}: expected {edit.old} once, found it {text.count(edit.old)} times; generate it again"
            )
        text = text.replace(edit.old, edit.new)
    if source.renames:
        table = dict(source.renames)
        text = _IDENTIFIER.sub(lambda found: table.get(found[0], found[0]), text)
    if str(source.origin.parent) in text:
        raise ContractError(f"{source.name} refers to its own directory; the design would not be relocatable")
    return text.encode()


def _code(data: bytes) -> str:
    return _COMMENT.sub("", data.decode())
