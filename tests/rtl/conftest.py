"""Fixtures of the kernels' test benches."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def sim_cache(request: pytest.FixtureRequest) -> Path:
    """Directory of built simulators, kept between test runs; its entries are found by content hash."""
    return Path(request.config.cache.mkdir("kernels"))
