"""`hw-anon prove`."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from hw_anon.console.output import JsonOption, emit_document, note, print_table
from hw_anon.core.errors import ContractError

__all__ = ["OPEN_EXIT_CODE", "prove", "register"]

OPEN_EXIT_CODE = 9
"""Exit status if nothing is refuted, but a proof or a seeded bug stayed undecided."""


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command("prove")(prove)


def prove(
    names: Annotated[
        list[str] | None, typer.Option("--property", help="Check this property only; may be given several times.")
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Checks at the same time.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Prove that no raw pixel of a face leaves the camera, on a small camera, and that seeded bugs are caught.

    Each property is `proven` for ever, `holds` up to a number of cycles, is `refuted`, or stays `open` because it
    reached its limit of CPU time; each seeded bug is `caught`, `missed` or `open`. Exit status 3: a property is refuted
    or a bug missed; 9: none is, but something stayed open.

    Example: hw-anon prove --property guard_rules
    """
    from hls.formal.run import prove as run_proofs

    results, bugs = run_proofs(names or (), jobs=jobs, on_start=lambda what: note(f"· {what}"))
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
                        "bug": bug.name, "property": bug.property_name, "result": bug.outcome, "caught": bug.caught,
                        "depth": bug.depth, "seconds": round(bug.seconds, 1),
                    }
                    for bug in bugs
                ],
            }
        )  # fmt: skip
    else:
        rows = [(item.name, item.method, item.verdict, item.depth, item.seconds, item.statement) for item in results]
        print_table("Properties", ("property", "method", "result", "depth", "CPU s", "statement"), rows)
        found = [dataclasses.astuple(bug) for bug in bugs]
        print_table("Seeded bugs", ("bug", "property", "result", "depth", "CPU s"), found)
    outcomes: dict[str, str] = {item.name: item.verdict for item in results}
    outcomes |= {f"{bug.property_name}, {bug.name}": bug.outcome for bug in bugs}
    wrong = [what for what, outcome in outcomes.items() if outcome in ("refuted", "missed")]
    undecided = [what for what, outcome in outcomes.items() if outcome == "open"]
    if wrong:
        note(f"refuted, or not caught: {'; '.join(wrong)}")
    if undecided:
        note(f"open, the limit of CPU time came first: {'; '.join(undecided)}")
    if wrong or undecided:
        raise typer.Exit(ContractError.exit_code if wrong else OPEN_EXIT_CODE)
