"""Committed results that the page shows: privacy and utility, proofs, fuzzing and attacks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hw_anon.core.errors import ContractError

if TYPE_CHECKING:
    from hw_anon.evaluate.assurance import Assurance
    from hw_anon.evaluate.results import Results

__all__ = ["committed_results", "measured_results"]


def committed_results() -> Path:
    """Returns where the repository keeps measured results; a wheel has none."""
    return Path(__file__).resolve().parents[3] / "docs" / "results"


def measured_results(directory: Path) -> tuple[Results | str, dict[str, Assurance]]:
    """Reads a results directory.

    Args:
        directory: as `hw-anon report` takes it; need not exist.

    Returns:
        Privacy and utility, or why there is none, and the results of proving, fuzzing and attacking by name.

    Raises:
        ContractError: if a file is damaged: a page with some of the results would not say which are missing.
    """
    from hw_anon.evaluate.assurance import read_assurance
    from hw_anon.evaluate.results import read_results

    if not any(directory.glob("privacy/*/*.json")) and not any(directory.glob("action/*.json")):
        return f"{directory.name} has no measured result", read_assurance(directory)
    try:
        return read_results(directory), read_assurance(directory)
    except ContractError as exc:
        raise ContractError(f"--results {directory}: {exc}") from exc
