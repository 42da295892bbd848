"""`hw-anon prove`."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from hw_anon.cli.output import JsonOption, emit_document, note, print_table
from hw_anon.core.errors import ContractError

__all__ = ["prove", "register"]


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("prove")(prove)


def prove(
    names: Annotated[
        list[str] | None, typer.Option("--property", help="Check this property only; may be given several times.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Prove that no raw pixel of a face leaves the camera, on a small camera, and that seeded bugs are caught.

    Each property says how far it goes: `proven` holds for ever, `holds` up to a number of cycles. The command fails if
    a property does not reach what it promises, or if a seeded bug stays unnoticed.

    Example: hw-anon prove --property guard_rules
    """
    from hls.formal.run import prove as run_proofs

    results, bugs = run_proofs(names or (), on_start=lambda what: note(f"· {what}"))
    if as_json:
        emit_document(
            {
                "properties": [
                    {
                        "property": item.name, "statement": item.statement, "method": item.method,
                        "depth": item.depth, "result": item.verdict, "seconds": round(item.seconds, 1),
                    }
                    for item in results
                ],
                "bugs": [
                    {
                        "bug": bug.name, "property": bug.property_name, "caught": bug.caught, "depth": bug.depth,
                        "seconds": round(bug.seconds, 1),
                    }
                    for bug in bugs
                ],
            }
        )  # fmt: skip
    else:
        rows = [(item.name, item.method, item.verdict, item.depth, item.seconds, item.statement) for item in results]
        print_table("Properties", ("property", "method", "result", "depth", "seconds", "statement"), rows)
        found = [dataclasses.astuple(bug) for bug in bugs]
        print_table("Seeded bugs", ("bug", "property", "caught", "depth", "seconds"), found)
    missed = [item.name for item in results if not item.ok] + [bug.name for bug in bugs if not bug.caught]
    if missed:
        raise ContractError(f"not proven, or not caught: {'; '.join(missed)}")
