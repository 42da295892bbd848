"""Privacy results in a results directory, and what was measured of action detection there (`results.py` reads both)."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hw_anon.core.atomic import write_text_atomically
from hw_anon.core.errors import ConfigError
from hw_anon.evaluate.aggregate import combine
from hw_anon.evaluate.privacy import PrivacyResult, PrivacySettings
from hw_anon.evaluate.result_values import Document, read_document
from hw_anon.evaluate.verification import Estimate

__all__ = ["privacy_file", "with_action", "write_privacy_files"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


def privacy_file(directory: Path, result: PrivacyResult) -> Path:
    """Returns where a result belongs: `privacy/<dataset>/<method>[@seed].json`.

    Raises:
        ConfigError: if data set or method have a name that is no file name.
    """
    for name in (result.dataset, result.method):
        if not _NAME.fullmatch(name):
            raise ConfigError(f"{name!r} cannot name a result: expected letters, digits, '.', '_', '+', '-'")
    return directory / "privacy" / result.dataset / f"{_stem(result)}.json"


def write_privacy_files(
    results: Sequence[PrivacyResult], settings: PrivacySettings, directory: Path, *, command: str
) -> list[Path]:
    """Writes one file for each method; returns their paths.

    Args:
        results: one for each method.
        settings: what they were measured with.
        directory: the results directory; other methods' files in it stay.
        command: the command line that made them.

    Raises:
        ConfigError: if two results have one name, or a name is no file name.
    """
    paths = [privacy_file(directory, result) for result in results]
    if twice := {path.stem for path in paths if paths.count(path) > 1}:
        raise ConfigError(f"two methods are called {sorted(twice)[0]}; name one of them otherwise")
    for path, result in zip(paths, results, strict=True):
        document: dict[str, Any] = {
            "method": result.method,
            "dataset": result.dataset,
            "seed": result.method_seed,
            "learned": result.method_seed is not None,
            "command": command,
            "people": result.people,
            "pictures": result.pictures,
            "pictures_without_face": result.not_found,
            "region_enlargement": result.enlarge,
            "crop_side": result.crop_side,
            "settings": settings.to_dict(),
            "rows": result.rows(),
        }
        if result.foreign is not None:
            document["anonymiser"] = result.foreign.anonymiser
        write_text_atomically(path, json.dumps(document, indent=2, allow_nan=False) + "\n")
    return paths


def with_action(result: PrivacyResult, directory: Path) -> PrivacyResult:
    """Returns the result with the mAP that the directory has for its method.

    Of a trained method, that of the same seed; of others the mean over the seeds of the detector, where there are some.

    Raises:
        ContractError: if a file with the mAP is damaged.
    """
    action = directory / "action"
    exact = action / f"{_stem(result)}.json"
    paths = [exact] if exact.is_file() else []
    if not paths and result.method_seed is None:
        paths = sorted(action.glob(f"{result.method}@*.json"))
    documents = [read_document(path) for path in paths]
    overall, near = (_mean(documents, name) for name in ("map50", "map50_near_face"))
    return replace(result, map50=overall, map50_near_face=near)


def _mean(documents: Sequence[Document], name: str) -> Estimate | None:
    runs = {document.seed: value for document in documents if (value := document.number(name)) is not None}
    return combine(runs).estimate if runs else None


def _stem(result: PrivacyResult) -> str:
    return result.method if result.method_seed is None else f"{result.method}@{result.method_seed}"
