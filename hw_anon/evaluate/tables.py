"""The tables of the evaluation as plain rows: Table 1 of the paper, privacy by protocol, and their CSV and Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from hw_anon.evaluate.aggregate import Measured
from hw_anon.evaluate.protocol import ADAPTIVE, MODIFIED_MODIFIED, ORIGINAL_MODIFIED
from hw_anon.evaluate.results import INVERSION, PrivacyRow, Results

__all__ = [
    "PROTOCOL_NAMES",
    "Cell",
    "Table",
    "action_table",
    "privacy_summary",
    "privacy_tables",
    "table_csv",
    "table_markdown",
    "view_name",
]

PROTOCOL_NAMES = {
    MODIFIED_MODIFIED: "modified–modified",
    ORIGINAL_MODIFIED: "original–modified",
    ADAPTIVE: "parrot (retrained)",
    INVERSION: "inversion (restored)",
}
"""Names of the protocols in tables and figures."""

_SHORT_CLASS = {
    "applying_make_up_on_lips": "Lip",
    "brushing_teeth": "Brush",
    "cleaning_floor": "Floor",
    "cleaning_windows": "Window",
    "drinking": "Drink",
    "folding_textile": "Fold",
    "ironing": "Iron",
    "phoning": "Phone",
    "playing_harmonica": "Harmonica",
    "taking_photos": "Photo",
    "taking_photos_or_videos": "Photo",
}
"""Column titles of the paper's Table 1."""

_VERIFICATION = (
    ("accuracy", "accuracy %", True),
    ("auc", "AUC", False),
    ("eer", "EER %", True),
    ("tar_at_far_1e-3", "TAR at FAR 0.1 %", True),
    ("rank1", "rank-1 %", True),
)
_RESTORED = (("restored_l1", "L1 restored", False), ("restored_ssim", "SSIM restored", False))
_PICTURE = (("l1", "L1", False), ("ssim", "SSIM", False), ("face_found", "face found %", True))


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One number of a table; all texts are empty where nothing was measured."""

    value: str
    """The number."""
    interval: str = ""
    """Its 95 % interval."""
    n: str = ""
    """Sample size and seeds."""
    best: bool = False
    """Whether no other protected method has a better one."""

    @property
    def text(self) -> str:
        """Number and interval."""
        return f"{self.value} {self.interval}".strip() if self.value else "–"


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table of methods."""

    name: str
    """File name without suffix."""
    title: str
    """Title."""
    note: str
    """What it was measured on, and how to read it."""
    columns: tuple[str, ...]
    """Column titles, without that of the methods."""
    rows: tuple[tuple[str, bool, tuple[Cell, ...]], ...]
    """Method, whether it is learnt, and one cell for each column."""


def action_table(results: Results) -> Table | None:
    """Returns Table 1: AP of each class, the near-face mean and mAP, in percent; `None` without action results."""
    if not results.action:
        return None
    classes = list(dict.fromkeys(name for row in results.action for name in row.per_class))
    gap = any(row.clear_detector for row in results.action)
    columns = ["mAP", "near-face mean", *(["mAP, detector of clear frames"] if gap else [])]
    columns += [_SHORT_CLASS.get(name, name) for name in classes]
    measured = []
    for row in results.action:
        means = [row.map50, row.near_face, *([row.clear_detector] if gap else [])]
        measured.append((row.method, row.learned, [*means, *(row.per_class.get(name) for name in classes)]))
    cells = _columns([values for _, _, values in measured], [True] * len(columns), [m for m, _, _ in measured])
    first = results.action[0]
    near = [_SHORT_CLASS.get(name, name) for name in first.near_face_classes]
    note = (
        f"Average precision in percent at IoU 0.5 on {first.dataset}, {first.map50.n:,} frames; each method has its "
        "own detector, trained on frames modified by that method. n is the number of true boxes of a class, of frames "
        "for means."
        + (f" Near-face classes: {', '.join(near)}." if near else "")
        + (" The third column is the detector trained on clear frames: the gap between the domains." if gap else "")
    )
    rows = tuple((m, learned, row) for (m, learned, _), row in zip(measured, cells, strict=True))
    return Table(
        name="table1", title="Table 1: action detection by class", note=note, columns=tuple(columns), rows=rows
    )


def view_name(protocol: str, judge: str) -> str:
    """Returns the name of a protocol with its judge."""
    return f"{PROTOCOL_NAMES.get(protocol, protocol)}, {judge}"


def privacy_summary(results: Results, dataset: str) -> Table:
    """Returns one number for each method, protocol and judge of a set: how often the attacker is right, in percent."""
    views = results.views(dataset)
    cells = {
        (row.method, row.protocol, row.judge): row.error.mapped(lambda value: 1 - value)
        for row in results.privacy
        if row.dataset == dataset and row.error is not None
    }
    rows = [row for row in results.privacy if row.dataset == dataset]
    learned = {row.method: row.learned for row in rows}
    seen = {view: sorted({r.method for r in rows if r.judge_seen and (r.protocol, r.judge) == view}) for view in views}
    note = (
        f"{_people(rows)}. How often the attacker is right, in percent: accuracy of verification (chance: 50), for the "
        "parrot rank-1 identification. Lower is better. * marks a judge that training of a method used."
    )
    return Table(
        name=f"privacy-{dataset}",
        title=f"Identity left after modification: {dataset}",
        note=note,
        columns=tuple(view_name(*view) + (f" * ({', '.join(seen[view])})" if seen[view] else "") for view in views),
        rows=tuple(
            (name, learned[name], tuple(_cell(cells.get((name, *view)), percent=True) for view in views))
            for name in results.methods
            if name in learned
        ),
    )


def privacy_tables(results: Results, dataset: str) -> list[Table]:
    """Returns one table for each protocol and judge of a set, and one of the pictures themselves."""
    tables = [_view_table(results, dataset, *view) for view in results.views(dataset)]
    first = {row.method: row for row in reversed([r for r in results.privacy if r.dataset == dataset])}
    rows = [first[name] for name in results.methods if name in first]
    names = [name for name, _, _ in _PICTURE]
    note = (
        f"Inside the replaced regions of {_people(rows)}: mean absolute difference to the original (values 0 to 1), "
        "structural similarity, and the share of faces that a detector still finds."
    )
    tables.append(_table(f"pictures-{dataset}", f"Distortion: {dataset}", note, rows, names))
    return tables


def _view_table(results: Results, dataset: str, protocol: str, judge: str) -> Table:
    rows = list(results.select(dataset, protocol, judge))
    seen = [row.method for row in rows if row.judge_seen]
    mark = f" · seen in training of {', '.join(seen)}" if seen else ""
    pairs = [row.metrics["accuracy"].n for row in rows if "accuracy" in row.metrics]
    note = f"{_people(rows)}{f', {min(pairs):,} pairs' if pairs else ''}. Of the attacker's success, lower is better."
    names = [name for name, _, _ in (*_VERIFICATION, *_RESTORED)]
    if protocol == ADAPTIVE:
        names = ["rank1_parrot"]
    title = f"{view_name(protocol, judge)}{mark}"
    return _table(f"privacy-{dataset}-{protocol}-{judge}", title, note, rows, names)


def _table(name: str, title: str, note: str, rows: Sequence[PrivacyRow], metrics: Sequence[str]) -> Table:
    known = {key: (label, percent) for key, label, percent in (*_VERIFICATION, *_RESTORED, *_PICTURE)}
    known["rank1_parrot"] = ("rank-1 %", True)
    there = [key for key in metrics if any(key in row.metrics for row in rows)]
    values = [[row.metrics.get(key) for key in there] for row in rows]
    cells = [[_cell(value, percent=known[key][1]) for key, value in zip(there, line, strict=True)] for line in values]
    return Table(
        name=name,
        title=title,
        note=note,
        columns=tuple(known[key][0] for key in there),
        rows=tuple((row.method, row.learned, tuple(line)) for row, line in zip(rows, cells, strict=True)),
    )


def _columns(
    lines: Sequence[Sequence[Measured | None]], percent: Sequence[bool], methods: Sequence[str]
) -> list[tuple[Cell, ...]]:
    """Makes cells and marks the highest of each column among the methods that protect anything."""
    best = []
    for column in range(len(percent)):
        values = [
            value.value
            for method, line in zip(methods, lines, strict=True)
            if method != "original" and (value := line[column])
        ]
        best.append(max(values, default=float("inf")))
    return [
        tuple(
            _cell(v, percent=percent[c], best=methods[r] != "original" and v is not None and v.value == best[c])
            for c, v in enumerate(line)
        )
        for r, line in enumerate(lines)
    ]


def _cell(measured: Measured | None, *, percent: bool, best: bool = False) -> Cell:
    if measured is None:
        return Cell(value="")
    scale, digits = (100, 1) if percent else (1, 3)
    value, low, high = (f"{scale * number:.{digits}f}" for number in (measured.value, measured.low, measured.high))
    seeds = f", {len(measured.runs)} seeds" if len(measured.runs) > 1 else ""
    return Cell(value=value, interval=f"[{low}, {high}]", n=f"n = {measured.n:,}{seeds}", best=best)


def _people(rows: Sequence[PrivacyRow]) -> str:
    people, pictures = min(row.people for row in rows), min(row.pictures for row in rows)
    return f"{people:,} people, {pictures:,} pictures"


def table_csv(table: Table) -> str:
    """Returns a table as CSV: each number, its interval and its sample size in columns of their own."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["method", *(f"{column}{part}" for column in table.columns for part in ("", " interval", " n"))])
    for method, _, cells in table.rows:
        writer.writerow([method, *(text for cell in cells for text in (cell.value, cell.interval, cell.n))])
    return out.getvalue()


def table_markdown(table: Table) -> str:
    """Returns a table in Markdown under its title, with its note."""
    lines = [("method", *table.columns), ("---",) * (len(table.columns) + 1)]
    lines += [(f"**{name}**" if learned else name, *(c.text for c in cells)) for name, learned, cells in table.rows]
    body = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
    return f"### {table.title}\n\n{table.note}\n\n{body}\n"
