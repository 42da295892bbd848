"""A broken rule: where, which, what was found and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hw_anon.core.errors import ConfigError

__all__ = ["Violation", "refuse"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Violation:
    """One broken rule of one layer."""

    layer: str
    """Dotted module name, ONNX node or `network`."""
    rule: str
    """Short name of the rule, e.g. `narrow-range`."""
    found: str
    """What was found."""
    remedy: str
    """What to do about it."""

    def __str__(self) -> str:
        return f"{self.layer}: {self.rule}: {self.found}; {self.remedy}"


def refuse(violations: Sequence[Violation]) -> None:
    """Raises if there is any violation.

    Raises:
        ConfigError: listing all of them.
    """
    if violations:
        lines = "\n".join(f"  {violation}" for violation in violations)
        raise ConfigError(f"the network cannot be compiled, {len(violations)} rule(s) broken:\n{lines}")
