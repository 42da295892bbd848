"""Docstrings here are Google sections around Markdown; Sphinx reads reStructuredText. Tables and code are turned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

__all__ = ["as_restructured", "without_type"]

_CODE_INDENT = "    "


def as_restructured(lines: Iterable[str]) -> list[str]:
    """Returns a docstring's lines with Markdown's tables and indented code as reStructuredText has them.

    Args:
        lines: the docstring, its common indent removed.
    """
    return list(_code(_tables(lines)))


def without_type(lines: list[str]) -> list[str]:
    """Returns a value's docstring so that Napoleon does not take the words before its first colon for a type."""
    head, colon, rest = lines[0].partition(": ") if lines else ("", "", "")
    return [head + ":", rest, *lines[1:]] if colon else lines


def _tables(lines: Iterable[str]) -> Iterator[str]:
    for is_table, run in groupby(lines, key=lambda line: line.startswith("|") and line.endswith("|")):
        rows = list(run)
        yield from _list_table(rows) if is_table else rows


def _list_table(rows: list[str]) -> Iterator[str]:
    """Yields a Markdown table, its second row the rule under the head, as a list table."""
    yield from ("", ".. list-table::", "   :header-rows: 1", "")
    for row in rows[:1] + rows[2:]:
        first, *others = (cell.strip() for cell in row.strip("|").split("|"))
        yield f"   * - {first}"
        yield from (f"     - {cell}" for cell in others)
    yield ""


def _code(lines: Iterable[str]) -> Iterator[str]:
    """Marks what is indented by four spaces, after a blank line, as literal."""
    before, literal = [""], False
    for line in lines:
        indented = line.startswith(_CODE_INDENT)
        if indented and not literal and before[-1] == "" and _is_text(before):
            yield from ("::", "")
            literal = True
        elif line and not indented:
            literal = False
        yield line
        before.append(line)


def _is_text(before: list[str]) -> bool:
    """Whether the last line that is not blank stands at the margin and begins neither a section nor a directive."""
    last = next((line for line in reversed(before) if line), "")
    return bool(last) and not last.startswith((" ", "..")) and last not in {"Args:", "Raises:", "Returns:", "Yields:"}
