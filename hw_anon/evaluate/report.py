"""Results for people and programs: the table of methods by protocol, and the paper's Figure 4.

Nothing is measured here, and nothing is shown without its interval and sample size.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hw_anon.core.atomic import write_bytes_atomically, write_text_atomically
from hw_anon.core.errors import ConfigError, ToolError
from hw_anon.evaluate.protocol import ADAPTIVE, MODIFIED_MODIFIED, ORIGINAL_MODIFIED, PrivacyResult, PrivacySettings
from hw_anon.evaluate.verification import Estimate

__all__ = [
    "TradeOffPoint",
    "draw_trade_off",
    "markdown_table",
    "privacy_document",
    "privacy_table",
    "trade_off_points",
    "write_privacy_report",
]

_SHORT = {MODIFIED_MODIFIED: "mod–mod", ORIGINAL_MODIFIED: "orig–mod", ADAPTIVE: "parrot"}


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


@dataclass(frozen=True, kw_only=True, slots=True)
class TradeOffPoint:
    """One method in the paper's Figure 4."""

    name: str
    """Name of the method."""
    error: Estimate
    """Face verification error, 0 to 1: the x-axis."""
    map50: Estimate
    """Action detection mAP at IoU 0.5, 0 to 1: the y-axis."""
    ours: bool = False
    """Whether it is a learnt modifier, drawn as a red square as in the paper."""


def trade_off_points(
    results: Sequence[PrivacyResult],
    map50: Mapping[str, Estimate],
    *,
    judge: str = "dlib",
    protocol: str = MODIFIED_MODIFIED,
    ours: Sequence[str] = (),
) -> list[TradeOffPoint]:
    """Joins privacy and utility of the methods that have both.

    Args:
        results: privacy of each method.
        map50: mAP by method.
        judge: judge whose verification error is the x-axis.
        protocol: protocol of that error.
        ours: names of learnt modifiers.

    Raises:
        ConfigError: if a method was not judged by that judge under that protocol.
    """
    points = []
    for result in results:
        if result.method not in map50:
            continue
        accuracy = next((p.accuracy for p in result.protocols if (p.protocol, p.judge) == (protocol, judge)), None)
        if accuracy is None:
            raise ConfigError(f"{result.method} has no verification by {judge} under {protocol}")
        error = Estimate(value=1 - accuracy.value, low=1 - accuracy.high, high=1 - accuracy.low, n=accuracy.n)
        points.append(
            TradeOffPoint(name=result.method, error=error, map50=map50[result.method], ours=result.method in ours)
        )
    return points


def draw_trade_off(points: Sequence[TradeOffPoint], path: Path, *, title: str) -> None:
    """Writes Figure 4 as a PNG: verification error against mAP, both in percent, with 95 % intervals.

    The closer to the top right corner, the better. The dashed line joins `original` and `mask`, where both are given:
    a method above it gives more privacy for its loss of utility than hiding faces at random would.

    Args:
        points: the methods.
        path: the picture.
        title: what was measured, with the data set's name.

    Raises:
        ConfigError: if there is no point.
        ToolError: if matplotlib is missing.
    """
    if not points:
        raise ConfigError("there is no method with both a verification error and an mAP to draw")
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as exc:
        raise ToolError("figures need matplotlib; install it with: pip install matplotlib") from exc
    figure = Figure(figsize=(7.5, 5.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes: Any = figure.subplots()
    for point in points:
        colour, marker = ("#d62728", "s") if point.ours else ("#1f4e79", "o")
        x, y = 100 * point.error.value, 100 * point.map50.value
        axes.errorbar(
            x, y, xerr=_bars(point.error), yerr=_bars(point.map50), fmt=marker, color=colour, capsize=2, linewidth=0.8
        )
        axes.annotate(point.name, (x, y), xytext=(5, 5), textcoords="offset points", fontsize=8)
    ends = {point.name: point for point in points if point.name in ("original", "mask")}
    if len(ends) == 2:
        line = [[100 * getattr(ends[name], axis).value for name in ("original", "mask")] for axis in ("error", "map50")]
        axes.plot(*line, linestyle="--", color="#888888", linewidth=1)
    axes.set_xlabel("face verification error (%)")
    axes.set_ylabel("action detection mAP@0.5 (%)")
    axes.set_title(title, fontsize=11)
    axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130, metadata={"Software": None})
    write_bytes_atomically(path, buffer.getvalue())


def _bars(estimate: Estimate) -> list[list[float]]:
    return [[100 * (estimate.value - estimate.low)], [100 * (estimate.high - estimate.value)]]


def _number(estimate: Estimate | None) -> str:
    return "–" if estimate is None else f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def _percent(estimate: Estimate | None) -> str:
    if estimate is None:
        return "–"
    return f"{100 * estimate.value:.1f} [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"
