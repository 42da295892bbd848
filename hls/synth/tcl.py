"""Words and scripts of Tcl, the language of the vendor's tools: quoting, and a check before anything runs."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from hw_anon.core.errors import ContractError, ToolError

__all__ = ["check_script", "commands", "settings", "word"]

_PLAIN = re.compile(r"[A-Za-z0-9_./:+,@%=-]+")
_INCOMPLETE = """\
set stream [open [lindex $argv 0]]
set script [read $stream]
close $stream
set command ""
set count 0
foreach line [split $script "\\n"] {
    append command $line "\\n"
    if {[info complete $command]} { set command ""; incr count }
}
if {$command ne ""} { puts "unfinished: [lindex [split [string trim $command] "\\n"] 0]"; exit 1 }
puts $count
"""


def word(text: str) -> str:
    """Returns a text as one Tcl word that is taken as it is, without substitution.

    Raises:
        ContractError: if it cannot be quoted by braces (unbalanced braces, a backslash or a line's end in it).
    """
    if _PLAIN.fullmatch(text):
        return text
    depth = 0
    for character in text:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth < 0:
            break
    if depth or "\\" in text or "\n" in text:
        raise ContractError(f"{text!r} cannot stand in a Tcl script: braces must match, no backslash, no line's end")
    return f"{{{text}}}"


def settings(values: Mapping[str, str] | Iterable[tuple[str, str]]) -> str:
    """Returns `[list CONFIG.NAME value …]` of a cell's settings, in the order given."""
    pairs = values.items() if isinstance(values, Mapping) else values
    return "[list " + " ".join(f"CONFIG.{name} {word(value)}" for name, value in pairs) + "]"


def commands(script: str) -> list[str]:
    """Splits a script into its commands, comments and empty lines left out.

    A command ends at the end of a line outside of braces, brackets and quotes.

    Raises:
        ContractError: if the last command does not end, or a brace or bracket closes what was not opened.
    """
    found: list[str] = []
    command, stack, quoted, first = "", list[str](), False, 1
    for number, line in enumerate(script.splitlines(), start=1):
        if not command and (not line.strip() or line.lstrip().startswith("#")):
            continue
        first = first if command else number
        skip = False
        for character in line:
            if skip:
                skip = False
            elif character == "\\":
                skip = True
            elif character == '"' and "{" not in stack:
                quoted = not quoted
            elif not quoted or character in "[]":
                _nest(character, stack, number)
        command += line + "\n"
        if not stack and not quoted and not skip:
            found.append(command.strip())
            command = ""
    if command:
        raise ContractError(f"Tcl: the command of line {first} does not end: {command.splitlines()[0].strip()!r}")
    return found


def _nest(character: str, stack: list[str], number: int) -> None:
    """Follows one character's braces and brackets; inside braces only braces count."""
    if character in "{[" and (character == "{" or "{" not in stack):
        stack.append(character)
    elif character in "}]" and (character == "}" or "{" not in stack):
        if not stack or stack[-1] + character not in ("{}", "[]"):
            raise ContractError(f"Tcl: line {number} closes {character!r}, which was not opened")
        stack.pop()


def check_script(path: Path) -> str:
    """Checks that every command of a script is complete and returns by what it was checked.

    Our own reader always looks; `tclsh`, if it is on the search path, looks as well.

    Raises:
        ContractError: if a command is not complete.
        ToolError: if `tclsh` finds a command that our reader did not.
    """
    text = path.read_text(encoding="utf-8")
    commands(text)
    tclsh = shutil.which("tclsh")
    if tclsh is None:
        return "reader"
    done = subprocess.run(
        [tclsh, "-", str(path)], input=_INCOMPLETE, capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        raise ToolError(f"{path.name} is no Tcl: {done.stdout.strip()}", command=[tclsh, str(path)], log=done.stderr)
    return "reader and tclsh"
