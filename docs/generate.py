"""Writes the parts of the documentation that code defines: `make docs`; `--check` only compares.

A generated part stands between `<!-- generated: NAME -->` and `<!-- end -->`; everything around it is written by hand.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer

from hw_anon.cli.app import make_app
from hw_anon.core.boards import BOARDS
from hw_anon.core.register_views import registers_table

__all__ = ["PARTS", "generate", "main"]

DOCS = Path(__file__).parent


def boards_table() -> str:
    """Returns the table of boards as Markdown."""
    rows = [
        "| board | device | part | DSP slices | LUT | FF | BRAM18 | URAM | default clock |",
        "|---|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    rows += [
        f"| {b.name} | {b.device} | {b.part} | {b.dsp:,} {b.dsp_kind} | {b.lut:,} | {b.ff:,} | {b.bram18:,} | {b.uram} "
        f"| {b.clk_mhz:g} MHz |"
        for b in BOARDS.values()
    ]
    return "\n".join(rows)


def command_reference() -> str:
    """Returns every command with its help and options as Markdown."""
    parts: list[str] = []
    for name, command in _commands("hw-anon", typer.main.get_command(make_app())):
        parts += [f"## {name}", _plain(command.help), ""]
        parts += [_parameter(p) for p in command.params if p.name != "help"]
        parts.append("")
    return "\n".join(parts).rstrip()


def _commands(name: str, group: Any) -> Iterator[tuple[str, Any]]:
    """Yields every command below a group with its full name, a group that is a command itself before its own."""
    for own, command in group.commands.items():
        yield f"{name} {own}", command
        if hasattr(command, "commands"):
            yield from _commands(f"{name} {own}", command)


def _parameter(parameter: Any) -> str:
    is_option = parameter.param_type_name == "option"
    name = ", ".join(parameter.opts) if is_option else str(parameter.name)
    text = _plain(getattr(parameter, "help", None) or "").replace("\n", " ")
    default = parameter.default
    shown = default is not None and default is not False and default != () and default != ""
    return f"- `{name}`: {text}" + (f" Default: `{default}`." if shown and not callable(default) else "")


def _plain(text: str) -> str:
    """Returns help text without the terminal's markup, examples as code."""
    text = re.sub(r"\[/?(?:bold|italic|dim)\]", "", text)
    return re.sub(r"(Example: )(hw-anon .*)", r"\1`\2`", text).strip()


PARTS: dict[str, tuple[str, Callable[[], str]]] = {
    "boards": ("architecture.md", boards_table),
    "commands": ("commands.md", command_reference),
    "registers": ("registers.md", registers_table),
}
"""Generated parts: name to (file under `docs/`, what writes it)."""


def generate(docs: Path, *, check: bool) -> list[str]:
    """Rewrites every generated part under `docs` and returns the names of those that were stale.

    Args:
        docs: the documentation directory.
        check: leave the files as they are.

    Raises:
        ValueError: if a file lacks the markers of its part.
    """
    stale: list[str] = []
    for name, (file, write) in PARTS.items():
        path = docs / file
        text = path.read_text(encoding="utf-8")
        pattern = re.compile(rf"(<!-- generated: {name} -->\n).*?(\n<!-- end -->)", re.DOTALL)
        if not pattern.search(text):
            raise ValueError(f"{path} has no part `<!-- generated: {name} -->` … `<!-- end -->`")
        body = write()
        fresh = pattern.sub(lambda match, body=body: match[1] + body + match[2], text)
        if fresh != text:
            stale.append(f"{file}: {name}")
            if not check:
                path.write_text(fresh, encoding="utf-8")
    return stale


def main(arguments: list[str]) -> int:
    """Generates, or with `--check` exits with 1 if something is stale."""
    check = "--check" in arguments
    stale = generate(DOCS, check=check)
    for name in stale:
        print(f"{'stale, run `make docs`' if check else 'written'}: {name}")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
