"""What the numbers of a report do not show, said from the numbers themselves."""

from __future__ import annotations

from collections.abc import Iterable

from hw_anon.evaluate.aggregate import Measured
from hw_anon.evaluate.protocol import ADAPTIVE, MODIFIED_MODIFIED, ORIGINAL_MODIFIED
from hw_anon.evaluate.results import INVERSION, Results
from hw_anon.evaluate.tables import PROTOCOL_NAMES
from hw_anon.evaluate.trade_off import JUDGE_OF_RECORD, trade_off_points, verdicts

__all__ = ["find_limits"]

_SEEDS = 3
_FEW_PEOPLE = 100
_PROTOCOLS = (MODIFIED_MODIFIED, ORIGINAL_MODIFIED, ADAPTIVE, INVERSION)


def find_limits(results: Results) -> list[str]:
    """Returns sentences on seen judges, attackers left out, few seeds or people, and where a method falls short.

    Args:
        results: everything measured.
    """
    return [
        *_judges(results),
        *_attackers(results),
        *_samples(results),
        *_partial(results),
        *_gaps(results),
        *_shortfalls(results),
    ]


def _judges(results: Results) -> Iterable[str]:
    seen: dict[str, set[str]] = {}
    for row in results.privacy:
        if row.judge_seen:
            seen.setdefault(row.judge, set()).add(row.method)
    for judge, methods in sorted(seen.items()):
        yield (
            f"Training of {_list(methods)} used {judge}: numbers by this judge say how well training went, not how "
            f"private the pictures are."
        )
    used = {row.judge for row in results.privacy}
    if results.privacy and JUDGE_OF_RECORD not in used:
        yield f"{JUDGE_OF_RECORD}, the judge of record, was not asked."
    elif seen and JUDGE_OF_RECORD not in seen:
        yield f"The judge of record is {JUDGE_OF_RECORD}, which no training saw."


def _attackers(results: Results) -> Iterable[str]:
    for dataset in results.datasets:
        protocols = {protocol for protocol, _ in results.views(dataset)}
        missing = [PROTOCOL_NAMES[protocol] for protocol in _PROTOCOLS if protocol not in protocols]
        if missing:
            yield f"Not measured on {dataset}: {_list(missing)}."
        for name in dict.fromkeys(row.method for row in results.privacy if row.learned and row.dataset == dataset):
            rows = [row for row in results.privacy if (row.method, row.dataset) == (name, dataset)]
            plain, retrained = (
                max((row.metrics[key] for row in rows if row.protocol == protocol and key in row.metrics), key=_value,
                    default=None)
                for protocol, key in ((MODIFIED_MODIFIED, "rank1"), (ADAPTIVE, "rank1_parrot"))
            )  # fmt: skip
            if retrained:
                without = f", against {100 * plain.value:.1f} % without retraining" if plain else ""
                yield (
                    f"An attacker retrained on pictures modified by {name} still names {100 * retrained.value:.1f} % "
                    f"[{100 * retrained.low:.1f}, {100 * retrained.high:.1f}] of known people on {dataset}{without}."
                )


def _value(measured: Measured) -> float:
    return measured.value


def _samples(results: Results) -> Iterable[str]:
    for dataset in results.datasets:
        people = min(row.people for row in results.privacy if row.dataset == dataset)
        if people < _FEW_PEOPLE:
            yield f"{dataset} has {people} people: a small set; rank-1 among more people would be lower."
    detectors = {row.method: len(row.map50.runs) for row in results.action if row.learned}
    runs = detectors | {name: min(count, detectors.get(name, count)) for (name, _), count in _seeds(results).items()}
    few = [f"{name} ({count})" for name, count in sorted(runs.items()) if count < _SEEDS]
    if few:
        yield f"Trained with fewer than {_SEEDS} seeds: {_list(few)}. What another seed would give is not known."


def _seeds(results: Results) -> dict[tuple[str, str], int]:
    """Returns how many training seeds were measured of each learnt method on each set."""
    seeds: dict[tuple[str, str], int] = {}
    for row in results.privacy:
        if row.learned:
            key = row.method, row.dataset
            seeds[key] = max(seeds.get(key, 0), row.runs)
    return seeds


def _partial(results: Results) -> Iterable[str]:
    """Attackers that were measured for some seeds of a method only."""
    seeds = _seeds(results)
    for (name, dataset), count in sorted(seeds.items()):
        few = [
            f"{PROTOCOL_NAMES.get(row.protocol, row.protocol)} by {row.judge} ({row.runs} of {count})"
            for row in results.privacy
            if (row.method, row.dataset) == (name, dataset) and row.runs < count
        ]
        if few:
            yield f"Measured for some seeds of {name} on {dataset} only: {_list(few)}."


def _gaps(results: Results) -> Iterable[str]:
    action = {row.method for row in results.action}
    private = {row.method for row in results.privacy}
    if only := sorted(private - action):
        yield f"Not in Figure 4, for want of an action detector trained on their frames: {_list(only)}."
    if only := sorted(action - private):
        yield f"Not in Figure 4, for want of a verification error: {_list(only)}."


def _shortfalls(results: Results) -> Iterable[str]:
    """Views in which a learnt method is below the line, or not certainly above it."""
    for dataset in results.datasets:
        for protocol, judge in results.views(dataset):
            for verdict in verdicts(trade_off_points(results, dataset, protocol=protocol, judge=judge)):
                where = f"{dataset}, {PROTOCOL_NAMES.get(protocol, protocol)}, {judge}"
                if verdict.above.low <= 0:
                    yield f"{where}: {verdict.text}"


def _list(names: Iterable[str]) -> str:
    ordered = sorted(names)
    return " and ".join([", ".join(ordered[:-1]), ordered[-1]] if len(ordered) > 1 else ordered)
