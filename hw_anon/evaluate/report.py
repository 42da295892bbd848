"""Privacy of several methods on one set, for people and programs: the table of methods by protocol.

Nothing is measured here, and nothing is shown without its interval and sample size. The page that joins privacy with
action detection is `report_page.py`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hw_anon.core.atomic import write_text_atomically
from hw_anon.core.errors import ConfigError
from hw_anon.evaluate.privacy import (
    ADAPTIVE,
    INVERSION,
    MODIFIED_MODIFIED,
    ORIGINAL_MODIFIED,
    PrivacyResult,
    PrivacySettings,
)
from hw_anon.evaluate.verification import Estimate

__all__ = [
    "markdown_table",
    "privacy_document",
    "privacy_table",
    "write_privacy_report",
]

_SHORT = {MODIFIED_MODIFIED: "mod–mod", ORIGINAL_MODIFIED: "orig–mod", ADAPTIVE: "parrot", INVERSION: "inversion"}


def privacy_document(results: Sequence[PrivacyResult], settings: PrivacySettings, *, command: str) -> dict[str, Any]:
    """Returns all numbers with what they depend on, as JSON values.

    Args:
        results: one for each method.
        settings: what they were measured with.
        command: the command line that made them.
    """
    return {
        "command": command,
        "settings": settings.to_dict(),
        "results": [row for result in results for row in result.rows()],
    }


def privacy_table(results: Sequence[PrivacyResult]) -> tuple[list[str], list[list[str]]]:
    """Returns column titles and one line for each method: every protocol and judge, percentages with intervals."""
    columns = ["method", "L1", "SSIM", "face found %"]
    for result in results[:1]:
        for part in result.protocols:
            seen = ", seen" if part.judge_seen else ""
            title = f"{_SHORT[part.protocol]} {part.judge}{seen}"
            if part.accuracy is None:
                columns.append(f"{title}: rank-1 %")
            else:
                columns += [f"{title}: accuracy %", f"{title}: AUC", f"{title}: EER %", f"{title}: rank-1 %"]
    rows = []
    for result in results:
        row = [result.method, _number(result.l1), _number(result.ssim), _percent(result.face_found)]
        for part in result.protocols:
            if part.accuracy is not None:
                row += [_percent(part.accuracy), _number(part.auc), _percent(part.eer)]
            row.append(_percent(part.rank1))
        rows.append(row)
    if any(len(row) != len(columns) for row in rows):
        raise ConfigError("methods measured under different protocols or judges do not fit one table")
    return columns, rows


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns a table in Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def write_privacy_report(
    results: Sequence[PrivacyResult], settings: PrivacySettings, directory: Path, *, command: str
) -> dict[str, Path]:
    """Writes `privacy.json` and `privacy.md`; returns their paths by kind.

    Args:
        results: one for each method, at least one, all on one set.
        settings: what they were measured with.
        directory: where to write.
        command: the command line that made them.
    """
    if not results:
        raise ConfigError("there is no result to report")
    first = results[0]
    verified = [part.n_pairs for part in first.protocols if part.n_pairs]
    head = (
        f"# Identity left after modification: {first.dataset}\n\n"
        f"{first.people} people, {first.pictures} pictures ({first.not_found} more without a face found), "
        f"{verified[0] if verified else 0:,} pairs in {settings.folds} subject-disjoint folds, seed {settings.seed}. "
        "Brackets are 95 % intervals: over folds for the accuracy, bootstrap over people for the rest. Faces are "
        "located on the original picture, which favours the attacker. Parrot: retrained on "
        f"{settings.train_pictures} modified pictures of each person, tested on the others.\n\n"
    )
    files = {"json": directory / "privacy.json", "markdown": directory / "privacy.md"}
    document = privacy_document(results, settings, command=command)
    write_text_atomically(files["json"], json.dumps(document, indent=2, allow_nan=False) + "\n")
    table = markdown_table(*privacy_table(results))
    write_text_atomically(files["markdown"], f"{head}{table}\nMade by `{command}`.\n")
    return files


def _number(estimate: Estimate | None) -> str:
    return "–" if estimate is None else f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def _percent(estimate: Estimate | None) -> str:
    if estimate is None:
        return "–"
    return f"{100 * estimate.value:.1f} [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"
