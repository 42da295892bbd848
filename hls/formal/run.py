"""Runs the proofs and the seeded bugs: what `hw-anon prove` prints."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from hls.formal.bugs import BUGS, Bug
from hls.formal.cones import check_cone
from hls.formal.edits import Edit, apply_edits
from hls.formal.engine import Outcome, Verdict, check
from hls.formal.properties import PROPERTIES, Property
from hw_anon.core.errors import ConfigError

__all__ = ["BugOutcome", "BugResult", "PropertyResult", "find_property", "prove", "prove_property", "seed_bug", "stage"]

BugOutcome = Literal["caught", "missed", "open"]
"""Of a seeded bug: refuted by its property; not noticed by it; undecided, because the limit came first."""

_ROOT = Path(__file__).parent
_RTL = _ROOT.parent / "rtl"


@dataclass(frozen=True, kw_only=True, slots=True)
class PropertyResult:
    """What became of a property."""

    name: str
    """Its name."""
    statement: str
    """What it says."""
    method: str
    """`bmc`, up to a depth; `pdr` or `cone`, for ever."""
    verdict: Verdict
    """Whether it is proven, holds to the depth, is refuted, or stayed open."""
    depth: int
    """Cycles covered, or frames of the invariant."""
    seconds: float
    """CPU time."""

    @property
    def ok(self) -> bool:
        """Whether what was promised of it was reached."""
        return self.verdict in ("proven", "holds")


@dataclass(frozen=True, kw_only=True, slots=True)
class BugResult:
    """What became of a seeded bug."""

    name: str
    """The mistake."""
    property_name: str
    """The property that has to catch it."""
    outcome: BugOutcome
    """Whether it did; an open one says nothing about the property."""
    depth: int
    """Cycle in which it shows."""
    seconds: float
    """CPU time."""

    @property
    def caught(self) -> bool:
        """Whether the property noticed the mistake."""
        return self.outcome == "caught"


def find_property(name: str) -> Property:
    """Returns the property of that name.

    Raises:
        ConfigError: if there is none.
    """
    for candidate in PROPERTIES:
        if candidate.name == name:
            return candidate
    raise ConfigError(f"no property {name!r}; there are {', '.join(item.name for item in PROPERTIES)}")


def stage(wanted: Property, edits: Iterable[Edit] = ()) -> dict[str, str]:
    """Returns the sources of a property's check by file name: RTL, stand-ins and harness, with all edits made.

    Stand-ins and edits call the harness' module `$root.harness`.

    Raises:
        ConfigError: if an edit does not fit its source.
    """
    paths = [next(iter(sorted(_RTL.rglob(f"{module}.sv")))) for module in wanted.modules if module not in wanted.stubs]
    paths += [_ROOT / "stubs" / f"{module}.sv" for module in wanted.stubs]
    if wanted.cone is None:
        paths.append(_ROOT / "harness" / f"{wanted.top}.sv")
    sources = apply_edits({path.name: path.read_text() for path in paths}, (*wanted.edits, *edits))
    return {name: text.replace("$root.harness.", f"$root.{wanted.top}.") for name, text in sources.items()}


def _check(wanted: Property, sources: dict[str, str]) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="hw-anon-prove-") as directory:
        if wanted.cone is not None:
            return check_cone(
                sources, wanted.cone.top, Path(directory), source=wanted.cone.source, allowed=wanted.cone.allowed,
                parameters=dict(wanted.cone.parameters), limit_s=wanted.limit_s,
            )  # fmt: skip
        return check(
            sources, wanted.top, Path(directory), method=wanted.method, depth=wanted.depth,
            limit_s=wanted.limit_s, zero_at_power_up=wanted.zero_at_power_up, parameters=dict(wanted.parameters),
        )  # fmt: skip


def prove_property(wanted: Property) -> PropertyResult:
    """Checks one property.

    Raises:
        ToolError: if Yosys is missing or fails.
    """
    outcome = _check(wanted, stage(wanted))
    return PropertyResult(
        name=wanted.name, statement=wanted.statement, method=wanted.method, verdict=outcome.verdict,
        depth=outcome.depth, seconds=outcome.seconds,
    )  # fmt: skip


def seed_bug(bug: Bug) -> BugResult:
    """Puts a bug into a copy of the RTL and checks the property that has to catch it.

    Raises:
        ToolError: if Yosys is missing or fails.
        ConfigError: if the RTL has no place for the bug any more.
    """
    wanted = find_property(bug.property_name)
    if wanted.bug_depth:
        parameters = (*wanted.parameters, ("Lemmas", 0))
        wanted = replace(wanted, method="bmc", depth=wanted.bug_depth, parameters=parameters)
    outcome = _check(wanted, stage(wanted, (bug.edit,)))
    outcomes: dict[Verdict, BugOutcome] = {"refuted": "caught", "open": "open", "proven": "missed", "holds": "missed"}
    return BugResult(
        name=bug.name, property_name=bug.property_name, outcome=outcomes[outcome.verdict], depth=outcome.depth,
        seconds=outcome.seconds,
    )  # fmt: skip


def prove(
    names: Iterable[str] = (), *, jobs: int = 1, on_start: Callable[[str], None] = lambda _: None
) -> tuple[list[PropertyResult], list[BugResult]]:
    """Checks properties and their seeded bugs.

    Args:
        names: properties; all of them if there is none.
        jobs: checks at the same time, at least 1.
        on_start: called before each check, with what it is.

    Raises:
        ConfigError: if there is no such property.
        ToolError: if Yosys is missing or fails.
    """
    chosen = [find_property(name) for name in names] or list(PROPERTIES)
    bugs = [bug for bug in BUGS if bug.property_name in {item.name for item in chosen}]

    def one(wanted: Property) -> PropertyResult:
        on_start(f"{wanted.name}: {wanted.statement}")
        return prove_property(wanted)

    def other(bug: Bug) -> BugResult:
        on_start(f"{bug.property_name}, seeded bug: {bug.name}")
        return seed_bug(bug)

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        results, caught = pool.map(one, chosen), pool.map(other, bugs)
        return list(results), list(caught)
