"""Fixtures of the simulator's tests."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def simulator_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of built simulators, empty when the tests start and shared by all of them."""
    return tmp_path_factory.mktemp("simulators")
