"""A results directory: what measuring left behind, read strictly and averaged over training seeds.

    results/privacy/<dataset>/<method>[@seed].json    {"method", "dataset", "seed", "command", "rows": […]}
    results/action/<method>[@seed].json               {"method", "dataset", "seed", "command", "map50", …}

`rows` are those of `PrivacyResult.rows()`, and rows of the same form for further attackers (protocol `inversion`): a
number `x` stands beside its 95 % interval `x_ci` and perhaps its sample size `x_n`. Action files are
`ActionResult.as_json()`. A seed in the name is that of training: the modifier's, or for a method that is not trained,
the action detector's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import methodcaller
from pathlib import Path
from typing import Any

from hw_anon.core.errors import ContractError
from hw_anon.evaluate.aggregate import Measured, SeedKey, combine
from hw_anon.evaluate.baselines import baseline_order
from hw_anon.evaluate.protocol import ADAPTIVE, MODIFIED_MODIFIED, ORIGINAL_MODIFIED
from hw_anon.evaluate.result_values import Document, read_document, read_estimate
from hw_anon.evaluate.verification import Estimate

__all__ = ["INVERSION", "METRICS", "ActionRow", "PrivacyRow", "Results", "Source", "read_results"]

INVERSION = "inversion"
"""Protocol of the attacker that restores faces and lets a judge compare them with the originals."""

METRICS = (
    "accuracy",
    "auc",
    "eer",
    "tar_at_far_1e-3",
    "rank1",
    "rank1_parrot",
    "face_found",
    "l1",
    "ssim",
    "restored_l1",
    "restored_ssim",
)
"""Numbers of a privacy row."""

_PROTOCOLS = (MODIFIED_MODIFIED, ORIGINAL_MODIFIED, ADAPTIVE, INVERSION)
_SAMPLE = {
    **dict.fromkeys(("rank1", "rank1_parrot"), "n_probes"),
    **dict.fromkeys(("face_found", "l1", "ssim", "restored_l1", "restored_ssim"), "pictures"),
}
"""Field that holds a number's sample size; pairs for the others."""
_RowKey = tuple[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One file of the directory."""

    path: str
    """Path inside the directory."""
    method: str
    """Method measured."""
    dataset: str
    """Data set it was measured on."""
    seed: SeedKey
    """Training seed; `None` if the method is not trained."""
    command: str
    """Command that made the file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PrivacyRow:
    """One method under one protocol by one judge on one identity set, over all training seeds."""

    method: str
    """Name of the method."""
    learned: bool
    """Whether it was trained."""
    dataset: str
    """Name of the identity set."""
    protocol: str
    """`modified-modified`, `original-modified`, `adaptive`, `inversion` …"""
    judge: str
    """Name of the judge."""
    judge_seen: bool
    """Whether training of any run used this judge."""
    people: int
    """People in the set; the fewest if runs differ."""
    pictures: int
    """Pictures of them."""
    metrics: Mapping[str, Measured]
    """Numbers by name (`METRICS`); what was not measured is absent."""

    @property
    def runs(self) -> int:
        """Training seeds behind the numbers; 1 for what is not trained."""
        return max((len(measured.runs) for measured in self.metrics.values()), default=0)

    @property
    def error(self) -> Measured | None:
        """How often the attacker is wrong: 1 - accuracy of verification, else 1 - rank-1 identification."""
        for name in ("accuracy", "rank1_parrot", "rank1"):
            if name in self.metrics:
                return self.metrics[name].mapped(lambda value: 1 - value)
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionRow:
    """Action detection on frames modified by one method, over all training seeds."""

    method: str
    """Name of the method."""
    learned: bool
    """Whether it was trained."""
    dataset: str
    """Name of the action set."""
    map50: Measured
    """mAP at IoU 0.5 of the detector trained on this method's frames."""
    near_face: Measured | None
    """The same over the near-face classes."""
    per_class: Mapping[str, Measured | None]
    """AP by class; `None` for a class without a truth."""
    near_face_classes: tuple[str, ...]
    """Classes that `near_face` averages, if the files say so."""
    clear_detector: Measured | None
    """mAP of the detector trained on clear frames: the gap between the domains."""
    flicker: Measured | None
    """Change from frame to frame beyond the original's, values 0 to 1."""
    face_found: Measured | None
    """Share of faces in the frames that a detector still finds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Results:
    """Everything in a results directory."""

    directory: Path
    """Where it was read."""
    privacy: tuple[PrivacyRow, ...]
    """By data set, method (baselines first), protocol and judge."""
    action: tuple[ActionRow, ...]
    """By method, baselines first."""
    sources: tuple[Source, ...]
    """The files, by path."""

    @property
    def datasets(self) -> tuple[str, ...]:
        """Identity sets, by name."""
        return tuple(dict.fromkeys(row.dataset for row in self.privacy))

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods measured in any way, baselines first."""
        rows: list[PrivacyRow | ActionRow] = [*self.privacy, *self.action]
        return tuple(sorted({row.method for row in rows}, key=baseline_order))

    def views(self, dataset: str) -> tuple[_RowKey, ...]:
        """Returns the pairs (protocol, judge) that a set was judged by, in a fixed order."""
        found = {(row.protocol, row.judge) for row in self.privacy if row.dataset == dataset}
        return tuple(sorted(found, key=lambda view: (_protocol_order(view[0]), view[1])))

    def select(self, dataset: str, protocol: str, judge: str) -> tuple[PrivacyRow, ...]:
        """Returns the rows of one set, protocol and judge by method."""
        wanted = (dataset, protocol, judge)
        return tuple(row for row in self.privacy if (row.dataset, row.protocol, row.judge) == wanted)


def read_results(directory: Path) -> Results:
    """Reads and checks a results directory.

    Args:
        directory: holds `privacy/` or `action/` or both.

    Raises:
        ContractError: if there is no result, or a file is damaged, incomplete or contradicts another; it is named.
    """
    privacy = [read_document(path) for path in sorted(directory.glob("privacy/*/*.json"))]
    action = [read_document(path) for path in sorted(directory.glob("action/*.json"))]
    if not privacy and not action:
        raise ContractError(f"{directory}: no privacy/<dataset>/<method>.json and no action/<method>.json in it")
    for document in privacy:
        if document.path.parent.name != document.dataset:
            raise ContractError(f"{document.path}: says dataset {document.dataset!r}, but lies with another")
    rows = [row for group in _grouped(privacy) for row in _privacy_rows(group)]
    rows.sort(key=lambda r: (r.dataset, baseline_order(r.method), _protocol_order(r.protocol), r.judge))
    actions = sorted((_action_row(group) for group in _grouped(action)), key=lambda row: baseline_order(row.method))
    if len({row.dataset for row in actions}) > 1:
        raise ContractError(f"{directory}: action results of several data sets: {sorted({r.dataset for r in actions})}")
    sources = tuple(_source(document, directory) for document in (*privacy, *action))
    return Results(directory=directory, privacy=tuple(rows), action=tuple(actions), sources=sources)


def _source(document: Document, directory: Path) -> Source:
    return Source(
        path=str(document.path.relative_to(directory)),
        method=document.method,
        dataset=document.dataset,
        seed=document.seed,
        command=document.command,
    )


def _grouped(documents: Iterable[Document]) -> list[list[Document]]:
    """Groups the runs of one method on one set; refuses to mix files with and without a training seed."""
    groups: dict[tuple[str, str], list[Document]] = {}
    for document in documents:
        groups.setdefault((document.dataset, document.method), []).append(document)
    for group in groups.values():
        seeds = [document.seed for document in group]
        if None in seeds and len(seeds) > 1:
            raise ContractError(
                f"{group[0].path}: {group[0].method} has results with and without a training seed: rename one of them"
            )
    return list(groups.values())


def _privacy_rows(group: Sequence[Document]) -> list[PrivacyRow]:
    """Joins the seeds of a method; attackers train for long, so that only some seeds may have them."""
    cells: dict[_RowKey, dict[SeedKey, dict[str, Any]]] = {}
    for document in group:
        for row in document.rows():
            runs = cells.setdefault((row["protocol"], row["judge"]), {})
            if document.seed in runs:
                raise ContractError(f"{document.path}: two rows for {row['protocol']} by {row['judge']}")
            runs[document.seed] = row
    for view, runs in cells.items():
        if len(runs) != len(group) and view[0] not in (ADAPTIVE, INVERSION):
            missing = next(d for d in group if d.seed not in runs)
            raise ContractError(f"{missing.path}: no row for {view[0]} by {view[1]}, which other seeds have")
    return [_privacy_row(group, view, runs) for view, runs in cells.items()]


def _privacy_row(group: Sequence[Document], view: _RowKey, runs: Mapping[SeedKey, dict[str, Any]]) -> PrivacyRow:
    paths = {document.seed: document.path for document in group}
    metrics: dict[str, Measured] = {}
    for name in METRICS:
        measured: dict[SeedKey, Estimate] = {}
        for seed, row in runs.items():
            n = row.get(_SAMPLE.get(name, "n_pairs")) or row["pictures"]
            if (estimate := read_estimate(row, name, n=n, where=paths[seed])) is not None:
                measured[seed] = estimate
        if len(measured) not in (0, len(runs)):
            raise ContractError(f"{group[0].path}: {name} ({' '.join(view)}) is measured for some seeds only")
        if measured:
            metrics[name] = combine(measured)
    return PrivacyRow(
        method=group[0].method,
        learned=any(document.learned for document in group),
        dataset=group[0].dataset,
        protocol=view[0],
        judge=view[1],
        judge_seen=any(row["judge_seen"] for row in runs.values()),
        people=min(row["people"] for row in runs.values()),
        pictures=min(row["pictures"] for row in runs.values()),
        metrics=metrics,
    )


def _action_row(group: Sequence[Document]) -> ActionRow:
    first = group[0]
    for document in group:
        if document.classes() != first.classes():
            raise ContractError(f"{document.path}: other classes than in {first.path.name}")
    map50 = _averaged(group, "map50", methodcaller("number", "map50"))
    if map50 is None:
        raise ContractError(f"{first.path}: map50 is missing")
    return ActionRow(
        method=first.method,
        learned=any(document.learned for document in group),
        dataset=first.dataset,
        map50=map50,
        near_face=_averaged(group, "map50_near_face", methodcaller("number", "map50_near_face")),
        per_class={name: _averaged(group, name, methodcaller("class_number", name)) for name in first.classes()},
        near_face_classes=first.near_face(),
        clear_detector=_averaged(group, "map50_clear_detector", methodcaller("number", "map50_clear_detector")),
        flicker=_averaged(group, "flicker", methodcaller("number", "flicker")),
        face_found=_averaged(group, "face_found", methodcaller("number", "face_found")),
    )


def _averaged(group: Sequence[Document], name: str, number: Callable[[Document], Estimate | None]) -> Measured | None:
    """Returns a number over all runs; refuses one that only some of them have."""
    found = {document.seed: estimate for document in group if (estimate := number(document)) is not None}
    if len(found) not in (0, len(group)):
        raise ContractError(f"{group[0].path}: {name} is measured for some seeds only")
    return combine(found) if found else None


def _protocol_order(protocol: str) -> tuple[int, str]:
    return (_PROTOCOLS.index(protocol) if protocol in _PROTOCOLS else len(_PROTOCOLS), protocol)
