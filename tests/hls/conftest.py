"""Fixtures of the simulator's tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.hls.tiny_networks import TinyNetworks


@pytest.fixture(scope="session")
def simulator_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of built simulators, empty when the tests start and shared by all of them."""
    return tmp_path_factory.mktemp("simulators")


@pytest.fixture(scope="session")
def tiny_networks(tmp_path_factory: pytest.TempPathFactory) -> TinyNetworks:
    """Two stitched networks of a few layers for a camera of 80×48 pixels."""
    from tests.hls.tiny_networks import make_tiny_networks

    return make_tiny_networks(tmp_path_factory.mktemp("tiny"))
