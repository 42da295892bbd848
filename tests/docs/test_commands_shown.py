"""Every command that the documentation shows exists, and takes the options it is shown with."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

pytest.importorskip("onnxruntime", reason="missing: onnxruntime")

from host.cli import make_app as make_host_app
from hw_anon.cli.app import make_app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "examples" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_INLINE = re.compile(r"`(?:\.venv\S*/bin/)?(hw-anon(?:-host)? [a-z][^`]*)`")
_LINE = re.compile(r"^\s*(?:\.venv\S*/bin/)?(hw-anon(?:-host)? [a-z][^#`\n]*)$", re.MULTILINE)


def shown(text: str) -> Iterator[list[str]]:
    """Yields the words of each command shown in a page: in backquotes, or on a line of a block."""
    blocks = "\n".join(re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    lines = re.sub(r"\s+#.*", "", blocks.replace("\\\n", " "))
    for command in [*_INLINE.findall(text), *_LINE.findall(lines)]:
        yield shlex.split(" ".join(command.split()))


def wrong(words: list[str], programs: dict[str, Any]) -> list[str]:
    """Returns the command, if there is none of the name, or the options that it does not have."""
    command = programs[words[0]].commands.get(words[1])
    if command is None:
        return words[:2]
    if len(words) > 2 and words[2] in getattr(command, "commands", ()):
        command = command.commands[words[2]]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    return [word for word in words[2:] if word.startswith("--") and word.partition("=")[0] not in known]


@pytest.fixture(scope="module")
def programs() -> dict[str, Any]:
    made = {"hw-anon": make_app(), "hw-anon-host": make_host_app()}
    return {name: typer.main.get_command(app) for name, app in made.items()}


def test_every_command_shown_exists_with_its_options(programs: dict[str, Any]) -> None:
    found = [(page, words) for page in PAGES for words in shown(page.read_text(encoding="utf-8"))]
    assert len(found) > 150, "the pages were not looked through"
    bad = {
        f"{page.relative_to(ROOT)}: {shlex.join(words)}": no for page, words in found if (no := wrong(words, programs))
    }
    assert not bad


def test_what_does_not_exist_is_noticed(programs: dict[str, Any]) -> None:
    block = "```\nhw-anon study score --key a \\\n    --lock b   # so\n.venv/bin/hw-anon boards\n```\n"
    page = f"Do `hw-anon bild --net x`,\n\n{block}"
    assert [wrong(words, programs) for words in shown(page)] == [["hw-anon", "bild"], ["--lock"], []]
