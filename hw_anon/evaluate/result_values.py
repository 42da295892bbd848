"""One file of a results directory: its name, its common fields, and numbers with intervals taken out of it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hw_anon.core.errors import ContractError
from hw_anon.evaluate.aggregate import SeedKey
from hw_anon.evaluate.baselines import is_baseline
from hw_anon.evaluate.verification import Estimate

__all__ = ["Document", "read_document", "read_estimate"]

_ROW_FIELDS = {"protocol": str, "judge": str, "judge_seen": bool, "people": int, "pictures": int}
_EXTRA_ROWS = ("inversion", "parrot")
_NEAR_FACE = (
    "applying_make_up_on_lips",
    "brushing_teeth",
    "drinking",
    "phoning",
    "playing_harmonica",
    "taking_photos",
    "taking_photos_or_videos",
)
"""Classes that the paper says involve the face (section 5.3, Table 1)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A file whose common fields were checked."""

    path: Path
    """The file."""
    method: str
    """Method measured."""
    dataset: str
    """Data set it was measured on."""
    seed: SeedKey
    """Training seed, from the file's name."""
    command: str
    """Command that made the file."""
    raw: Mapping[str, Any]
    """All of it."""

    @property
    def learned(self) -> bool:
        """Whether it is a trained method of ours: where the file says so, else all but baselines and others' tools."""
        return bool(self.raw.get("learned")) or not (is_baseline(self.method) or "anonymiser" in self.raw)

    def rows(self) -> list[dict[str, Any]]:
        """Returns the rows of a privacy file, those of further attackers included.

        Raises:
            ContractError: if one lacks what every row has, or has it in another type.
        """
        rows = self.raw.get("rows", self.raw.get("results"))
        if not isinstance(rows, list) or not rows:
            raise ContractError(f"{self.path}: rows is missing or empty")
        for name in _EXTRA_ROWS:
            more = self.raw.get(name) or []
            rows = [*rows, *(more if isinstance(more, list) else [more])]
        for row in rows:
            for field, kind in _ROW_FIELDS.items():
                if not isinstance(row, dict) or type(row.get(field)) is not kind:
                    raise ContractError(f"{self.path}: a row has no {field} of type {kind.__name__}")
        return rows

    def classes(self) -> tuple[str, ...]:
        """Returns the names of the classes of an action file, in its order.

        Raises:
            ContractError: if they are no table.
        """
        return tuple(self._classes())

    def near_face(self) -> tuple[str, ...]:
        """Returns the names of the near-face classes: those that the file names, else those of the paper."""
        return tuple(self.raw.get("near_face_classes") or (name for name in self.classes() if name in _NEAR_FACE))

    def number(self, *names: str) -> Estimate | None:
        """Returns the first of several numbers that is there."""
        n = self.raw.get("n_frames", 0)
        found = (read_estimate(self.raw, name, n=n, where=self.path) for name in names)
        return next((estimate for estimate in found if estimate is not None), None)

    def class_number(self, name: str) -> Estimate | None:
        """Returns the AP of one class, `None` if nothing of it was to be found."""
        return read_estimate(self._classes()[name] or {}, "ap50", n=0, where=self.path)

    def _classes(self) -> Mapping[str, Any]:
        table = self.raw.get("per_class") or {}
        if not isinstance(table, dict) or not all(isinstance(entry, dict | None) for entry in table.values()):
            raise ContractError(f"{self.path}: per_class is no table of tables")
        return table


def read_document(path: Path) -> Document:
    """Reads one file and checks what every file has.

    Args:
        path: `<method>[@seed].json`.

    Raises:
        ContractError: naming the file and what is wrong with it.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
    except (OSError, ValueError) as exc:
        raise ContractError(f"{path}: not a result ({exc})") from exc
    if not isinstance(raw, dict):
        raise ContractError(f"{path}: not a result (expected a table)")
    method, _, suffix = path.stem.partition("@")
    if suffix and not suffix.isdecimal():
        raise ContractError(f"{path}: {suffix!r} after @ in its name is no seed")
    seed = int(suffix) if suffix else None
    for field in ("method", "dataset", "command"):
        if not isinstance(raw.get(field), str) or not raw[field]:
            raise ContractError(f"{path}: {field} is missing")
    if raw["method"] != method:
        raise ContractError(f"{path}: says method {raw['method']!r}, but its name says {method!r}")
    if seed is not None and raw.get("seed") != seed:
        raise ContractError(f"{path}: says seed {raw.get('seed')!r}, but its name says {seed}")
    return Document(path=path, method=method, dataset=raw["dataset"], seed=seed, command=raw["command"], raw=raw)


def read_estimate(table: Mapping[str, Any], name: str, *, n: int, where: Path) -> Estimate | None:
    """Returns a number with its interval, `None` if it was not measured.

    Args:
        table: holds `name`, its interval as `<name>_ci` and perhaps its sample size as `<name>_n`.
        name: the number.
        n: sample size where the table has none.
        where: the file, for messages.

    Raises:
        ContractError: if it is no number, or the interval is missing or does not hold it.
    """
    value, interval = table.get(name), table.get(f"{name}_ci")
    if value is None:
        return None
    if not isinstance(interval, list) or len(interval) != 2:
        raise ContractError(f"{where}: {name} has no interval {name}_ci")
    parts, n = [value, *interval], table.get(f"{name}_n", n)
    if any(isinstance(part, bool) or not isinstance(part, int | float) or not math.isfinite(part) for part in parts):
        raise ContractError(f"{where}: {name} = {value!r} is not a number with an interval")
    if isinstance(n, bool) or not isinstance(n, int) or n < 0:
        raise ContractError(f"{where}: the sample size of {name} is {n!r}")
    point, low, high = (float(part) for part in parts)
    if not low - 1e-5 <= point <= high + 1e-5:
        raise ContractError(f"{where}: {name} = {point} lies outside its interval [{low}, {high}]")
    return Estimate(value=point, low=min(low, point), high=max(high, point), n=n)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")
