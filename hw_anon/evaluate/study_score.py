"""Scores a user study: accuracies with Wilson's intervals, sensitivity d' of Q1, and the paper's numbers beside them.

d' is z(hits) - z(false alarms) with half an answer added to each count (log-linear correction, Hautus 1995); its
standard error is that of Gourevitch and Galanter (1967). Answers of one participant are taken as independent, which
makes intervals of few participants with many answers too narrow: accuracies by participant are given as well.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.evaluate.study import ANSWERS_FORMAT, KEY_FORMAT
from hw_anon.evaluate.verification import Estimate, wilson

__all__ = ["PAPER", "StudyScore", "read_answers", "read_key", "score_study"]

NO_IDEA = "no idea"
TRUSTING = 4
"""Least mark of Q3 (1 to 5) that counts as trust."""

PAPER = {"pairs": 0.533, "named": 0.1975, "trust": 0.8}
"""Accuracy of Q1, of Q2 among the people that participants knew, and the share of trust in Q3 (8 of 10): section 5.5,
400 answers of 10 participants about celebrities."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StudyScore:
    """What participants got right."""

    participants: int
    """People who answered."""
    pairs: Estimate | None
    """Q1: share of right answers; chance is 0.5. `None` without any answer, as all below."""
    d_prime: Estimate | None
    """Q1: sensitivity; 0 is guessing."""
    hits: tuple[int, int]
    """Q1: `same` said of pairs of one person, and such pairs answered."""
    false_alarms: tuple[int, int]
    """Q1: `same` said of pairs of two people, and such pairs answered."""
    named: Estimate | None
    """Q2: share of people named rightly; `no idea` is not right."""
    named_chance: float
    """Q2: what guessing gives."""
    no_idea: tuple[int, int]
    """Q2: answers `no idea`, and answers."""
    trust: Estimate | None
    """Q3: share of participants whose mark is 4 or 5 of 5."""
    trust_mean: float | None
    """Q3: mean mark."""
    by_participant: Mapping[str, tuple[float | None, float | None]]
    """Accuracies of Q1 and Q2 by answer file."""
    unanswered: int
    """Questions without an answer, over all participants."""

    def as_json(self) -> dict[str, Any]:
        """Returns the score as plain values, with the paper's numbers beside it."""

        def plain(estimate: Estimate | None) -> dict[str, float | int] | None:
            return estimate.as_json() if estimate else None

        return {
            "participants": self.participants,
            "pairs_accuracy": plain(self.pairs),
            "pairs_d_prime": plain(self.d_prime),
            "pairs_hits": list(self.hits),
            "pairs_false_alarms": list(self.false_alarms),
            "named_accuracy": plain(self.named),
            "named_chance": self.named_chance,
            "named_no_idea": list(self.no_idea),
            "trust_share": plain(self.trust),
            "trust_mean": self.trust_mean,
            "by_participant": {name: list(values) for name, values in self.by_participant.items()},
            "unanswered": self.unanswered,
            "paper": PAPER,
        }


def read_key(path: Path) -> dict[str, Any]:
    """Reads a study's key.

    Raises:
        ContractError: if it is missing or no key.
    """
    key = _read(path)
    tables = [key.get("pairs"), key.get("named")]
    if key.get("format") != KEY_FORMAT or not all(isinstance(table, dict) and table for table in tables):
        raise ContractError(f"{path}: not the key of a study ({KEY_FORMAT})")
    if not all(answer in ("same", "different") for answer in key["pairs"].values()):
        raise ContractError(f"{path}: an answer of Q1 is neither same nor different")
    candidates = _candidates(key, str(path))
    if not all(type(answer) is int and 1 <= answer <= candidates for answer in key["named"].values()):
        raise ContractError(f"{path}: an answer of Q2 is none of the candidates")
    return key


def read_answers(path: Path, key: Mapping[str, Any]) -> dict[str, str]:
    """Reads what a participant answered.

    Args:
        path: the file that the page exports.
        key: the study's key.

    Returns:
        Answers by question; only questions that were answered.

    Raises:
        ContractError: if it is missing, of another study, or answers what was not asked.
    """
    raw = _read(path)
    answers = raw.get("answers")
    if raw.get("format") != ANSWERS_FORMAT or not isinstance(answers, dict):
        raise ContractError(f"{path}: no answers of a study ({ANSWERS_FORMAT})")
    if raw.get("study") != key["study"]:
        raise ContractError(f"{path}: answers of study {raw.get('study')!r}; the key is of {key['study']!r}")
    numbers = {str(number + 1) for number in range(_candidates(key, str(path)))}
    allowed = {question: {"same", "different"} for question in key["pairs"]}
    allowed |= {question: {*numbers, NO_IDEA} for question in key["named"]} | {"trust": set("12345")}
    for question, answer in answers.items():
        if answer not in allowed.get(question, ()):
            raise ContractError(f"{path}: {answer!r} is no answer to {question!r}")
    return dict(answers)


def score_study(key: Mapping[str, Any], answers: Mapping[str, Mapping[str, str]]) -> StudyScore:
    """Scores the answers of all participants.

    Args:
        key: the study's key, from `read_key`.
        answers: answers by participant, from `read_answers`.

    Raises:
        ConfigError: if nobody answered.
    """
    if not answers:
        raise ConfigError("there are no answers to score")
    pairs = [(key["pairs"][q], a) for given in answers.values() for q, a in given.items() if q in key["pairs"]]
    named = [(str(key["named"][q]), a) for given in answers.values() for q, a in given.items() if q in key["named"]]
    marks = [int(given["trust"]) for given in answers.values() if "trust" in given]
    hits, false = (
        (sum(said == "same" for truth, said in pairs if truth == kind), sum(truth == kind for truth, _ in pairs))
        for kind in ("same", "different")
    )
    asked = len(key["pairs"]) + len(key["named"]) + 1
    return StudyScore(
        participants=len(answers),
        pairs=_share(pairs),
        d_prime=_d_prime(hits, false) if hits[1] and false[1] else None,
        hits=hits,
        false_alarms=false,
        named=_share(named),
        named_chance=1 / _candidates(key, "the key"),
        no_idea=(sum(said == NO_IDEA for _, said in named), len(named)),
        trust=wilson(sum(mark >= TRUSTING for mark in marks), len(marks)) if marks else None,
        trust_mean=sum(marks) / len(marks) if marks else None,
        by_participant={
            name: (_accuracy(key["pairs"], given), _accuracy(key["named"], given)) for name, given in answers.items()
        },
        unanswered=asked * len(answers) - sum(len(given) for given in answers.values()),
    )


def _share(pairs: Sequence[tuple[str, str]]) -> Estimate | None:
    return wilson(sum(truth == said for truth, said in pairs), len(pairs)) if pairs else None


def _accuracy(truth: Mapping[str, object], given: Mapping[str, str]) -> float | None:
    right = [str(truth[question]) == answer for question, answer in given.items() if question in truth]
    return sum(right) / len(right) if right else None


def _d_prime(hits: tuple[int, int], false: tuple[int, int]) -> Estimate:
    normal = NormalDist()
    value, variance = 0.0, 0.0
    for (said, shown), sign in ((hits, 1), (false, -1)):
        rate = (said + 0.5) / (shown + 1)
        z = normal.inv_cdf(rate)
        value += sign * z
        variance += rate * (1 - rate) / (shown * normal.pdf(z) ** 2)
    half = 1.96 * math.sqrt(variance)
    return Estimate(value=value, low=value - half, high=value + half, n=hits[1] + false[1])


def _candidates(key: Mapping[str, Any], where: str) -> int:
    candidates = (key.get("settings") or {}).get("candidates")
    if type(candidates) is not int or candidates < 2:
        raise ContractError(f"{where}: does not say how many candidates Q2 had")
    return candidates


def _read(path: Path) -> dict[str, Any]:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise ContractError(f"{path}: cannot be read as JSON ({exc})") from exc
    if not isinstance(raw, dict):
        raise ContractError(f"{path}: expected a table")
    return raw
