"""What the commands print, see `hw_anon.console.output`."""

from __future__ import annotations

from hw_anon.console.output import (
    JsonOption,
    command_line,
    document_pending,
    emit_document,
    note,
    print_table,
    progress,
    reserved_stdout,
    status,
)

__all__ = [
    "JsonOption",
    "command_line",
    "document_pending",
    "emit_document",
    "note",
    "print_table",
    "progress",
    "reserved_stdout",
    "status",
]
