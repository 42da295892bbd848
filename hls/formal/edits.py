"""Changes to copies of the RTL: the small camera of the proofs, and the seeded bugs that each proof has to catch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hw_anon.core.errors import ConfigError

__all__ = ["Edit", "apply_edits"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """One replacement in one source file."""

    file: str
    """Name of the file."""
    old: str
    """What is replaced; stands in the file exactly once."""
    new: str
    """What stands there instead."""


def apply_edits(sources: dict[str, str], edits: Iterable[Edit]) -> dict[str, str]:
    """Returns the sources with all edits made.

    Args:
        sources: text by file name.
        edits: made in this order.

    Raises:
        ConfigError: if an edit's file is not there, or its anchor does not stand there exactly once.
    """
    edited = dict(sources)
    for edit in edits:
        if edit.file not in edited:
            raise ConfigError(f"the edit of {edit.file} has no such source; there are {', '.join(sorted(edited))}")
        count = edited[edit.file].count(edit.old)
        if count != 1:
            raise ConfigError(f"{edit.file}: {edit.old!r} stands there {count} times, must be once; adapt hls/formal")
        edited[edit.file] = edited[edit.file].replace(edit.old, edit.new)
    return edited
